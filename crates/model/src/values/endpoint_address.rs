use std::{net::SocketAddr, sync::Arc};

use super::{
    address::{is_port, unix_path},
    not_expected, text_value,
};
use crate::{EndpointAddress, FromText};

/// Where an endpoint is reached: `127.0.0.1:9001`, `users.internal:9001`, `[::1]:9001` or `unix:/run/users.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointTarget(pub EndpointAddress);

text_value!(EndpointTarget, {
    "type": "string",
    "description": "A host with a port, or the path of a Unix socket: `127.0.0.1:9001`, `users.internal:9001`, `[::1]:9001`, `unix:/run/users.sock`.",
    "examples": ["127.0.0.1:9001", "users.internal:9001", "unix:/run/users.sock"],
});

// === impl EndpointTarget ===

impl FromText for EndpointTarget {
    const EXPECTED: &'static str = "an address such as `127.0.0.1:9001`, `users.internal:9001` or `unix:/run/x.sock`";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(path) = unix_path(text) {
            return path.map(|path| Self(EndpointAddress::Unix(path)));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return match address.port() {
                0 => Err("an endpoint cannot have the port 0".to_owned()),
                _ => Ok(Self(EndpointAddress::Socket(address))),
            };
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let tls = if scheme == "https" { ", and add `tls: {}` to the upstream" } else { "" };
            let host = rest.split('/').next().unwrap_or_default();
            return Err(format!("an address has no scheme; write `{host}`{tls}"));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("{}; add the port: `{text}:80`", not_expected::<Self>(text)));
        };
        if !is_port(port) || port == "0" {
            return Err(format!("`{port}` is no port; a port is a number from 1 to 65535"));
        }
        if !is_host(host) {
            return Err(not_expected::<Self>(text));
        }
        let port = port.parse().map_err(|_| not_expected::<Self>(text))?;
        Ok(Self(EndpointAddress::Name { host: Arc::from(host.to_ascii_lowercase()), port }))
    }
}

/// A name that can be resolved (RFC 1123, 2.1; underscores are common in service names).
///
/// What looks like an IPv4 address but is none is refused: resolvers disagree about it.
pub(super) fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let is_numeric = host.split('.').next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(is_label) && !is_numeric
}
