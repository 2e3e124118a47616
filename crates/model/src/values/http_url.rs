use std::{fmt, sync::Arc};

use super::{address::is_port, endpoint_address::is_host, not_expected, text_value};
use crate::FromText;

/// Where a service of the estate is asked over HTTP: `https://consul.internal:8501`, `http://127.0.0.1:8761/eureka`.
///
/// Credentials have keys of their own, so that nothing that is a secret stands in an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpUrl {
    pub is_tls: bool,
    /// A name in lower case, or an address without brackets.
    pub host: Arc<str>,
    pub port: u16,
    /// Empty, or with a slash at its begin.
    pub path: Arc<str>,
}

text_value!(HttpUrl, {
    "type": "string",
    "description": "An address with its scheme: `https://consul.internal:8501`, `http://127.0.0.1:8761/eureka`.",
    "pattern": "^https?://[^\\s/?#@]+(/[^\\s?#]*)?$",
    "examples": ["http://127.0.0.1:8500"],
});

// === impl HttpUrl ===

impl HttpUrl {
    /// The same without a path.
    #[must_use]
    pub fn origin(&self) -> Self {
        Self { path: "".into(), ..self.clone() }
    }

    /// As `Host` has it: with brackets where they are needed, without the port that goes without saying.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        if self.port == usual_port(self.is_tls) { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromText for HttpUrl {
    const EXPECTED: &'static str = "an address such as `https://consul.internal:8501`";

    fn from_text(text: &str) -> Result<Self, String> {
        let (is_tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ if text.contains("://") || text.is_empty() => return Err(not_expected::<Self>(text)),
            _ => return Err(format!("{}; add the scheme: `http://{text}`", not_expected::<Self>(text))),
        };
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        if authority.contains('@') {
            return Err("an address holds no credentials; they have keys of their own".to_owned());
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#')) {
            return Err(format!("`{path}` is no path: no `?`, no `#`, and everything that is not ASCII encoded"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            None => usual_port(is_tls),
            Some(port) if is_port(port) && port != "0" => port.parse().map_err(|_| not_expected::<Self>(text))?,
            Some(port) => return Err(format!("`{port}` is no port; a port is a number from 1 to 65535")),
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) if address.parse::<std::net::Ipv6Addr>().is_ok() => address,
            None if host.parse::<std::net::Ipv4Addr>().is_ok() || is_host(host) => host,
            _ => return Err(not_expected::<Self>(text)),
        };
        Ok(Self { is_tls, host: host.to_ascii_lowercase().into(), port, path: path.trim_end_matches('/').into() })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

fn usual_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_as_they_are_read() {
        for (text, told) in [
            ("http://127.0.0.1:8500", "http://127.0.0.1:8500"),
            ("https://Consul.internal", "https://consul.internal"),
            ("https://consul.internal:443/", "https://consul.internal"),
            ("http://[::1]:8761/eureka/", "http://[::1]:8761/eureka"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(HttpUrl::from_text(text).map(|url| url.to_string()).as_deref(), Ok(told), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("127.0.0.1:8500", "add the scheme: `http://127.0.0.1:8500`"),
            ("ftp://a", "expected an address"),
            ("http://", "expected an address"),
            ("http://u:p@a", "keys of their own"),
            ("http://a:0", "is no port"),
            ("http://a:99999", "is no port"),
            ("http://a/b?c=d", "is no path"),
            ("http://a b", "expected an address"),
            ("http://[::1", "expected an address"),
        ] {
            let error = HttpUrl::from_text(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
