use std::net::IpAddr;

use super::{HostName, not_expected, text_value};
use crate::{FromText, HostPattern};

/// A server name of a TLS handshake (SNI): `api.example.com`, or `*.example.org` for every name below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SniName(pub HostPattern);

text_value!(SniName, {
    "type": "string",
    "description": "A server name of a TLS handshake: `api.example.com`, or `*.example.org` for every name below it.",
    "examples": ["api.example.com", "*.example.org"],
});

// === impl SniName ===

impl FromText for SniName {
    const EXPECTED: &'static str = "a server name such as `api.example.com` or `*.example.org`";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Err("`*` alone stands for nothing; leave `sni` out to match every connection".to_owned());
        }
        let plain = text.trim_start_matches('[').trim_end_matches(']');
        if plain.parse::<IpAddr>().is_ok() {
            // RFC 6066, 3.
            return Err(format!("{}; a handshake names no addresses: match with `hosts`", not_expected::<Self>(text)));
        }
        match HostName::from_text(text) {
            Ok(HostName(pattern)) => Ok(Self(pattern)),
            Err(message) => {
                let hint = message.split_once("; ").map(|(_, hint)| format!("; {hint}")).unwrap_or_default();
                Err(not_expected::<Self>(text) + &hint)
            }
        }
    }
}
