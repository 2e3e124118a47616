//! What is known of a record, for expressions.

use std::{borrow::Cow, net::IpAddr};

use expression::{
    AddressVariable, DoubleVariable, EntryKey, Failure, IntVariable, MapVariable, RecordText, Subject, TextVariable,
};
use message::field;

use super::{Slot, slot::Tag};

// === impl Slot ===

impl Slot {
    /// Empty for what is not there.
    fn told(&self, tag: Tag) -> Result<&str, Failure> {
        str::from_utf8(self.text(tag).unwrap_or_default()).map_err(|_| Failure::NotText)
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.texts().filter(|(tag, _)| *tag == Tag::Header);
        fields.find_map(|(_, text)| text.strip_prefix(name.as_bytes())?.strip_prefix(b":"))
    }

    fn first(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Option<Cow<'_, str>>, Failure> {
        match map {
            MapVariable::RequestHeaders => {
                let name = key.as_str().to_ascii_lowercase();
                let text = |value| str::from_utf8(value).map(Cow::Borrowed).map_err(|_| Failure::NotText);
                self.header(&name).map(text).transpose()
            }
            MapVariable::RequestQuery => {
                let query = self.told(Tag::Query)?;
                let value = field::parameters(Some(query), key.as_str()).next();
                value.map(|value| value.text().ok_or(Failure::NotText)).transpose()
            }
            MapVariable::RequestCookies | MapVariable::EndpointLabels => Err(Failure::Undeclared),
        }
    }
}

/// Those of [`expression::Environment::record`].
impl Subject for Slot {
    fn text(&self, variable: TextVariable) -> Result<Cow<'_, str>, Failure> {
        let tag = match variable {
            TextVariable::RequestMethod => Tag::Method,
            TextVariable::RequestHost => Tag::Host,
            TextVariable::RequestPath => Tag::Path,
            TextVariable::RequestScheme => Tag::Scheme,
            TextVariable::Record(RecordText::Route) => Tag::Route,
            TextVariable::Record(RecordText::Side) => Tag::Side,
            TextVariable::Record(RecordText::Consumer) => Tag::Consumer,
            TextVariable::Record(RecordText::RequestId) => Tag::RequestId,
            TextVariable::Record(RecordText::Cause) => {
                return Ok(self.head.cause.map_or("", |cause| cause.name()).into());
            }
            TextVariable::Record(RecordText::Upstream) => {
                return Ok(self.attempts().last().map_or("", |attempt| attempt.upstream).into());
            }
            TextVariable::Record(RecordText::Endpoint) => {
                return Ok(self.attempts().last().map_or("", |attempt| attempt.endpoint).into());
            }
            TextVariable::TlsSni => return Err(Failure::Undeclared),
        };
        self.told(tag).map(Cow::Borrowed)
    }

    fn int(&self, variable: IntVariable) -> Result<i64, Failure> {
        match variable {
            IntVariable::RecordStatus => Ok(self.head.status.into()),
            IntVariable::RecordAttempts => Ok(self.head.attempts.into()),
            IntVariable::EndpointWeight | IntVariable::EndpointInFlight => Err(Failure::Undeclared),
        }
    }

    fn double(&self, variable: DoubleVariable) -> Result<f64, Failure> {
        match variable {
            DoubleVariable::RecordDuration => Ok(self.head.total as f64 / 1e6),
            DoubleVariable::EndpointLatency => Err(Failure::Undeclared),
        }
    }

    fn address(&self, AddressVariable::ClientIp: AddressVariable) -> Result<IpAddr, Failure> {
        Ok(self.head.client)
    }

    fn entry(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Cow<'_, str>, Failure> {
        self.first(map, key)?.ok_or(Failure::Missing)
    }

    fn has(&self, map: MapVariable, key: EntryKey<'_>) -> Result<bool, Failure> {
        match self.first(map, key) {
            Err(Failure::NotText) => Ok(true),
            found => Ok(found?.is_some()),
        }
    }
}
