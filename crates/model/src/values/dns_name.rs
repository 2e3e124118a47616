use std::{net::IpAddr, sync::Arc};

use super::{endpoint_address::is_host, not_expected, text_value};
use crate::FromText;

/// A name that the DNS is asked for, in lower case: `orders.internal`, `_http._tcp.orders.internal`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsName(pub Arc<str>);

text_value!(DnsName, {
    "type": "string",
    "description": "A name in the DNS, as in `orders.internal` or `_http._tcp.orders.internal`.",
    "pattern": "^[A-Za-z0-9._-]+$",
});

// === impl DnsName ===

impl FromText for DnsName {
    const EXPECTED: &'static str = "a name such as `orders.internal`";

    fn from_text(text: &str) -> Result<Self, String> {
        if is_host(text) {
            return Ok(Self(text.to_ascii_lowercase().into()));
        }
        let hint = if text.parse::<IpAddr>().is_ok() {
            "; an address needs no discovery: list it under `endpoints`"
        } else if text.contains(':') {
            "; the port has a key of its own, `port`"
        } else {
            ""
        };
        Err(not_expected::<Self>(text) + hint)
    }
}
