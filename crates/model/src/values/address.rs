use std::{net::SocketAddr, path::PathBuf};

use super::{not_expected, text_value};
use crate::{Address, FromText};

/// Where something listens: `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListenAddress(pub Address);

text_value!(ListenAddress, {
    "type": "string",
    "description": "An IP address with a port, or the path of a Unix socket: `0.0.0.0:8080`, `[::]:80`, `unix:/run/x.sock`.",
    "examples": ["0.0.0.0:8080", "[::]:8443", "unix:/run/sluice.sock"],
});

// === impl ListenAddress ===

impl FromText for ListenAddress {
    const EXPECTED: &'static str = "an address such as `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(path) = unix_path(text) {
            return path.map(|path| Self(Address::Unix(path)));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self(Address::Tcp(address)));
        }
        let hint = match text.rsplit_once(':') {
            Some(("" | "*", port)) if is_port(port) => {
                format!("; write `0.0.0.0:{port}`, or `[::]:{port}` for IPv6 as well")
            }
            Some(("localhost", port)) if is_port(port) => format!("; write `127.0.0.1:{port}`"),
            Some((host, port)) if is_port(port) && host.contains(':') => {
                format!("; an IPv6 address stands in brackets: `[{host}]:{port}`")
            }
            None if is_port(text) => format!("; write `0.0.0.0:{text}`"),
            _ => String::new(),
        };
        Err(not_expected::<Self>(text) + &hint)
    }
}

/// The path of a Unix socket, if that is what `text` means: `unix:/path` or just `/path`.
pub(super) fn unix_path(text: &str) -> Option<Result<PathBuf, String>> {
    /// What the kernel holds, less the final zero (unix(7)).
    const LONGEST: usize = 107;
    let path = match text.strip_prefix("unix:") {
        Some(path) => path,
        None if text.starts_with('/') => text,
        None => return None,
    };
    Some(match path.len() {
        0 => Err("expected the path of a Unix socket after `unix:`; for example `unix:/run/x.sock`".to_owned()),
        1..=LONGEST if !path.contains('\0') => Ok(PathBuf::from(path)),
        1..=LONGEST => Err("the path of a Unix socket cannot hold a zero".to_owned()),
        length => Err(format!("the path of a Unix socket has {length} bytes; at most {LONGEST} are allowed")),
    })
}

pub(super) fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}
