use std::{net::IpAddr, sync::Arc};

use http::{HeaderValue, uri::Authority};

use super::{endpoint_address::is_host, not_expected, text_value};
use crate::FromText;

/// What a `Host` header can hold: a host with an optional port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostValue(pub HeaderValue);

/// The name that a certificate must hold: a host, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerName(pub Arc<str>);

text_value!(HostValue, {
    "type": "string",
    "description": "A host with an optional port, as in `users.internal` or `users.internal:8080`.",
    "pattern": "^[^\\s/@]+$",
});

text_value!(ServerName, {
    "type": "string",
    "description": "A host without port, as in `users.internal`, or an IP address.",
    "pattern": "^[^\\s/@]+$",
});

// === impl HostValue ===

impl FromText for HostValue {
    const EXPECTED: &'static str = "a host with an optional port, such as `users.internal:8080`";

    fn from_text(text: &str) -> Result<Self, String> {
        let is_authority =
            text.parse::<Authority>().is_ok_and(|authority| !text.contains('@') && !authority.host().is_empty());
        match HeaderValue::from_str(text) {
            Ok(value) if is_authority => Ok(Self(value)),
            _ => Err(not_expected::<Self>(text)),
        }
    }
}

// === impl ServerName ===

impl FromText for ServerName {
    const EXPECTED: &'static str = "a host such as `users.internal`, or an IP address";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.parse::<IpAddr>().is_ok() || is_host(text) && !text.ends_with('.') {
            return Ok(Self(Arc::from(text)));
        }
        Err(not_expected::<Self>(text))
    }
}
