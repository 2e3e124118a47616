use std::net::{IpAddr, SocketAddr};

use super::{not_expected, text_value};
use crate::FromText;

/// The port of name servers.
const USUAL_PORT: u16 = 53;

/// A name server: an IP address, with a port unless it is 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameServer(pub SocketAddr);

text_value!(NameServer, {
    "type": "string",
    "description": "A name server: an IP address, with a port unless it is 53, such as `10.0.0.53` or `[2001:db8::53]:5353`.",
    "examples": ["10.0.0.53", "127.0.0.1:8600"],
});

// === impl NameServer ===

impl FromText for NameServer {
    const EXPECTED: &'static str = "an IP address such as `10.0.0.53`, or one with a port such as `127.0.0.1:8600`";

    fn from_text(text: &str) -> Result<Self, String> {
        match (text.parse::<SocketAddr>(), text.parse::<IpAddr>()) {
            (Ok(address), _) if address.port() == 0 => Err("a name server cannot have the port 0".to_owned()),
            (Ok(address), _) => Ok(Self(address)),
            (_, Ok(address)) => Ok(Self(SocketAddr::new(address, USUAL_PORT))),
            _ => Err(not_expected::<Self>(text)),
        }
    }
}
