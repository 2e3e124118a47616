use std::net::IpAddr;

use super::{not_expected, text_value};
use crate::FromText;

/// One IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpAddress(pub IpAddr);

text_value!(IpAddress, {
    "type": "string",
    "description": "An IP address such as `192.0.2.7` or `2001:db8::7`.",
    "examples": ["192.0.2.7", "2001:db8::7"],
});

// === impl IpAddress ===

impl FromText for IpAddress {
    const EXPECTED: &'static str = "an IP address such as `192.0.2.7`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(address) => Ok(Self(address)),
            Err(_) if text.contains('/') => {
                Err(format!("{}; it is one address, not a network", not_expected::<Self>(text)))
            }
            Err(_) => Err(not_expected::<Self>(text)),
        }
    }
}
