use expression::literal;
use ipnet::IpNet;

use super::text_value;
use crate::FromText;

/// A network of IP addresses, `10.0.0.0/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(pub IpNet);

text_value!(Network, {
    "type": "string",
    "description": "An IP network such as `10.0.0.0/8` or `2001:db8::/32`, or a single address.",
    "examples": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"],
});

// === impl Network ===

impl FromText for Network {
    const EXPECTED: &'static str = "an IP network such as `10.0.0.0/8`, or an address";

    fn from_text(text: &str) -> Result<Self, String> {
        literal::network(text).map(Self)
    }
}
