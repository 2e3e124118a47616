//! Something that expressions can be about.

#![allow(dead_code, reason = "no test uses everything")]

use std::{
    borrow::Cow,
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use expression::{
    AddressVariable, DoubleVariable, EntryKey, Environment, Failure, IntVariable, MapVariable, Subject, TextVariable,
    TimeVariable,
};

/// A request and an endpoint that it may go to.
pub(crate) struct Case {
    pub(crate) path: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) client: IpAddr,
    pub(crate) weight: i64,
    pub(crate) latency: f64,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

pub(crate) const ENVIRONMENT: Environment = Environment::request_and_endpoint();

/// `GET https://a.example/users/7?a=1&b=x y`, on a Wednesday at 12:34:56.789.
pub(crate) const CASE: Case = Case {
    path: "/users/7",
    headers: &[("host", "a.example"), ("x-a", "b"), ("x-number", "7"), ("x-empty", ""), ("x-name", "Zoë")],
    client: IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3)),
    weight: 3,
    latency: 1.5,
    now: 1_785_933_296,
};

pub(crate) const QUERY: &[(&str, &str)] = &[("a", "1"), ("b", "x y")];
pub(crate) const LABELS: &[(&str, &str)] = &[("zone", "a"), ("version", "v2")];

impl Subject for Case {
    fn text(&self, variable: TextVariable) -> Result<Cow<'_, str>, Failure> {
        Ok(Cow::Borrowed(match variable {
            TextVariable::RequestMethod => "GET",
            TextVariable::RequestHost => "a.example",
            TextVariable::RequestPath => self.path,
            TextVariable::RequestScheme => "https",
            TextVariable::TlsSni | TextVariable::Record(_) => "",
        }))
    }

    fn int(&self, variable: IntVariable) -> Result<i64, Failure> {
        Ok(match variable {
            IntVariable::EndpointWeight => self.weight,
            IntVariable::EndpointInFlight => 12,
            IntVariable::RecordStatus | IntVariable::RecordAttempts => return Err(Failure::Undeclared),
        })
    }

    fn double(&self, variable: DoubleVariable) -> Result<f64, Failure> {
        match variable {
            DoubleVariable::EndpointLatency => Ok(self.latency),
            DoubleVariable::RecordDuration => Err(Failure::Undeclared),
        }
    }

    fn address(&self, variable: AddressVariable) -> Result<IpAddr, Failure> {
        match variable {
            AddressVariable::ClientIp => Ok(self.client),
        }
    }

    fn time(&self, variable: TimeVariable) -> Result<SystemTime, Failure> {
        match variable {
            TimeVariable::Now => Ok(UNIX_EPOCH + Duration::from_secs(self.now) + Duration::from_millis(789)),
        }
    }

    fn entry(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Cow<'_, str>, Failure> {
        self.look_up(map, key).map(Cow::Borrowed).ok_or(Failure::Missing)
    }

    fn has(&self, map: MapVariable, key: EntryKey<'_>) -> Result<bool, Failure> {
        Ok(self.look_up(map, key).is_some())
    }
}

// === impl Case ===

impl Case {
    fn look_up(&self, map: MapVariable, key: EntryKey<'_>) -> Option<&str> {
        let entries = match map {
            MapVariable::RequestHeaders => self.headers,
            MapVariable::RequestQuery => QUERY,
            MapVariable::RequestCookies => &[],
            MapVariable::EndpointLabels => LABELS,
        };
        entries.iter().find(|(name, _)| *name == key.as_str()).map(|(_, value)| *value)
    }
}
