use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Deserializer, de};

use super::described;

/// The status of a response that is not provisional: 200 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub StatusCode);

/// The status of a redirect: 301, 302, 303, 307 or 308.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RedirectStatus(pub StatusCode);

described!(Status, { "type": "integer", "minimum": 200, "maximum": 599 });

described!(RedirectStatus, { "enum": [301, 302, 303, 307, 308] });

struct Visitor {
    expected: &'static str,
    is_good: fn(u16) -> bool,
}

// === impl Status, RedirectStatus ===

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_good = |status| (200..=599).contains(&status);
        deserializer.deserialize_any(Visitor { expected: "a status from 200 to 599", is_good }).map(Self)
    }
}

impl<'de> Deserialize<'de> for RedirectStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_good = |status| matches!(status, 301 | 302 | 303 | 307 | 308);
        deserializer.deserialize_any(Visitor { expected: "301, 302, 303, 307 or 308", is_good }).map(Self)
    }
}

impl de::Visitor<'_> for Visitor {
    type Value = StatusCode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<StatusCode, E> {
        let status = u16::try_from(number).ok().filter(|status| (self.is_good)(*status));
        match status.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) => Ok(status),
            None => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }
}
