use std::fmt;

use super::{EndpointTarget, address::unix_path, not_expected, text_value};
use crate::{EndpointAddress, FromText};

/// Where a syslog server is reached, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SyslogAddress {
    /// A datagram for each message (RFC 5426).
    Udp(EndpointAddress),
    /// Messages with their length (RFC 6587, 3.4.1).
    Tcp(EndpointAddress),
    /// The socket of the machine's own server.
    Unix(EndpointAddress),
}

text_value!(SyslogAddress, {
    "type": "string",
    "description": "Where a syslog server is reached: `udp://logs.internal:514`, `tcp://10.0.0.9:601` or `unix:/dev/log`. Without a port it is 514, or 601 for TCP.",
    "pattern": "^(udp|tcp)://[^/]+$|^unix:/.+$",
    "examples": ["udp://127.0.0.1:514", "tcp://logs.internal:601", "unix:/dev/log"],
});

// === impl SyslogAddress ===

impl FromText for SyslogAddress {
    const EXPECTED: &'static str =
        "an address such as `udp://127.0.0.1:514`, `tcp://logs.internal:601` or `unix:/dev/log`";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(path) = unix_path(text) {
            return path.map(|path| Self::Unix(EndpointAddress::Unix(path)));
        }
        match text.split_once("://") {
            Some(("udp", rest)) => target(rest, 514).map(Self::Udp),
            Some(("tcp", rest)) => target(rest, 601).map(Self::Tcp),
            Some(("tls", _)) => Err(format!(
                "{}; syslog over TLS is left to a collector on this machine, which takes lines over `unix:` or `tcp://`",
                not_expected::<Self>(text)
            )),
            Some(_) => Err(not_expected::<Self>(text)),
            None => Err(format!("{}; add the scheme: `udp://{text}`", not_expected::<Self>(text))),
        }
    }
}

fn target(text: &str, port: u16) -> Result<EndpointAddress, String> {
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let text = if has_port { text.to_owned() } else { format!("{text}:{port}") };
    EndpointTarget::from_text(&text).map(|EndpointTarget(address)| address)
}

impl fmt::Display for SyslogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "udp://{address}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Unix(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_as_they_are_read() {
        for (text, told) in [
            ("udp://127.0.0.1:5514", "udp://127.0.0.1:5514"),
            ("udp://logs.internal", "udp://logs.internal:514"),
            ("tcp://[::1]", "tcp://[::1]:601"),
            ("unix:/dev/log", "unix:/dev/log"),
        ] {
            assert_eq!(SyslogAddress::from_text(text).map(|it| it.to_string()).as_deref(), Ok(told), "{text}");
        }
        for (text, why) in [
            ("127.0.0.1:514", "add the scheme: `udp://127.0.0.1:514`"),
            ("tls://a:6514", "left to a collector"),
            ("http://a", "expected an address"),
            ("udp://", "expected an address"),
            ("udp://a:0", "0"),
        ] {
            let error = SyslogAddress::from_text(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
