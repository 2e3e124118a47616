//! Which origins may call.

use std::borrow::Cow;

use serde::Deserialize;

use crate::common::text_schema;

/// An origin as operators write it: `https://a.example`, `https://*.example.org`, `http://localhost:*`, `null` or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Pattern {
    /// `*`
    Any,
    /// What sandboxed frames and local files call themselves: anybody.
    Null,
    Tuple(Tuple),
}

/// In the form in which browsers send an origin: lower case, without the scheme's own port (Fetch, 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tuple {
    scheme: String,
    host: Host,
    port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Exact(String),
    /// `*.example.org` is held as `.example.org`; stands for one or more labels in front.
    Suffix(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Port {
    /// The scheme's own, which is never written.
    Default,
    Exact(String),
    Any,
}

text_schema!(Pattern, {
    "pattern": "^([*]|null|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+)$",
    "examples": ["https://app.example", "https://*.example.org", "http://localhost:*", "*"],
});

// === impl Pattern ===

impl Pattern {
    /// Whether the `Origin` of a request is meant. Browsers send lower case; another spelling is another origin.
    pub(super) fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Null => origin == "null",
            Self::Tuple(tuple) => tuple.matches(origin),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = Cow<'static, str>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match &*text {
            "*" => Ok(Self::Any),
            "null" => Ok(Self::Null),
            text => Tuple::parse(text).map(Self::Tuple),
        }
    }
}

// === impl Tuple ===

impl Tuple {
    fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let lower = text.to_ascii_lowercase();
        let Some((scheme, rest)) = lower.split_once("://") else {
            return Err(
                format!("`{text}` is no origin: it has no scheme; write `https://{lower}`, or `*` for all").into()
            );
        };
        if let Some((authority, _)) = rest.split_once(['/', '?', '#']) {
            let hint = format!("write `{scheme}://{authority}`");
            return Err(format!("`{text}` is no origin: an origin has no path, not even a slash; {hint}").into());
        }
        if !is_scheme(scheme) {
            return Err(format!("`{text}` is no origin: `{scheme}` is no scheme; write `https://…`").into());
        }
        let (host, port) = split_port(rest);
        let host = Host::parse(host).map_err(|why| format!("`{text}` is no origin: {why}"))?;
        let port = Port::parse(scheme, port).map_err(|why| format!("`{text}` is no origin: {why}"))?;
        Ok(Self { scheme: scheme.to_owned(), host, port })
    }

    fn matches(&self, origin: &str) -> bool {
        let Some((scheme, rest)) = origin.split_once("://") else { return false };
        let (host, port) = split_port(rest);
        scheme == self.scheme && self.host.matches(host) && self.port.matches(port)
    }
}

/// The host, and what stands behind its colon. A colon inside of brackets belongs to an IPv6 address.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
}

fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    text.split('.').all(is_label)
}

// === impl Host ===

impl Host {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        match text.strip_prefix("*.") {
            _ if address.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok()) => {
                Ok(Self::Exact(text.to_owned()))
            }
            Some(domain) if is_name(domain) => Ok(Self::Suffix(format!(".{domain}"))),
            None if is_name(text) => Ok(Self::Exact(text.to_owned())),
            _ if text == "*" => Err("`*` alone as host would be all of a scheme; write `*` for every origin"),
            _ if text.contains('*') => Err("`*` stands for whole labels at the front; write `https://*.example.org`"),
            _ if !text.is_ascii() => Err("the host is not in ASCII; write the form that begins with `xn--`"),
            _ if text.contains('@') => Err("an origin has no user; leave out all up to the `@`"),
            _ => Err("the host is neither a name nor an address; write `https://app.example.org`"),
        }
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => host == exact,
            Self::Suffix(suffix) => host.strip_suffix(&**suffix).is_some_and(is_name),
        }
    }
}

// === impl Port ===

impl Port {
    fn parse(scheme: &str, text: Option<&str>) -> Result<Self, &'static str> {
        match (scheme, text) {
            (_, None) | ("http", Some("80")) | ("https", Some("443")) => Ok(Self::Default),
            (_, Some("*")) => Ok(Self::Any),
            (_, Some(text)) => match text.parse::<u16>() {
                Ok(port) if port.to_string() == text => Ok(Self::Exact(text.to_owned())),
                _ => Err("the port is no number from 0 to 65535; leave it out, or write `:*` for all"),
            },
        }
    }

    fn matches(&self, port: Option<&str>) -> bool {
        match self {
            Self::Default => port.is_none(),
            Self::Exact(exact) => port == Some(exact),
            Self::Any => port.is_none_or(|port| port.parse::<u16>().is_ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        for (pattern, origins, others) in [
            ("*", &["https://a.example", "null"][..], &[][..]),
            ("null", &["null"], &["https://null", ""]),
            (
                "https://a.example",
                &["https://a.example"],
                &[
                    "http://a.example",
                    "https://a.example:8443",
                    "https://a.example.evil.example",
                    "https://xa.example",
                    "https://A.example",
                    "https://a.example/",
                    "null",
                    "",
                ],
            ),
            ("https://a.example:443", &["https://a.example"], &["https://a.example:8443"]),
            ("HTTPS://A.Example", &["https://a.example"], &[]),
            ("https://a.example:8443", &["https://a.example:8443"], &["https://a.example", "https://a.example:443"]),
            (
                "https://*.example.org",
                &["https://a.example.org", "https://a.b.example.org"],
                &[
                    "https://example.org",
                    "https://.example.org",
                    "https://xexample.org",
                    "https://a.example.org.evil.example",
                    "https://evil.example/.example.org",
                    "https://evil.example#.example.org",
                    "https://user@a.example.org",
                    "https://a..example.org",
                    "http://a.example.org",
                    "https://a.example.org:8443",
                ],
            ),
            (
                "http://localhost:*",
                &["http://localhost", "http://localhost:3000"],
                &["http://localhost:", "http://localhost:x", "https://localhost:3000", "http://a.localhost:3000"],
            ),
            ("http://[::1]:3000", &["http://[::1]:3000"], &["http://[::1]"]),
            ("capacitor://localhost", &["capacitor://localhost"], &["http://localhost"]),
        ] {
            let pattern = Pattern::try_from(pattern.to_owned()).unwrap();
            for origin in origins {
                assert!(pattern.matches(origin), "{pattern:?} {origin}");
            }
            for origin in others {
                assert!(!pattern.matches(origin), "{pattern:?} {origin}");
            }
        }
    }

    #[test]
    fn what_is_no_origin() {
        for (text, expected) in [
            ("", "has no scheme"),
            ("A.example", "write `https://a.example`"),
            ("https://a.example/", "no path, not even a slash; write `https://a.example`"),
            ("https://a.example/x?y", "write `https://a.example`"),
            ("https://*", "write `*` for every origin"),
            ("https://a.*.example", "whole labels at the front"),
            ("https://*a.example", "whole labels at the front"),
            ("https://a.example:x", "the port"),
            ("https://a.example:080", "the port"),
            ("https://a.example:", "the port"),
            ("https://u@a.example", "no user"),
            ("https://bücher.example", "xn--"),
            ("https://", "neither a name nor an address"),
            ("https://a b", "neither a name nor an address"),
            ("https://[::g]", "neither a name nor an address"),
            ("1://a", "no scheme"),
        ] {
            let message = Pattern::try_from(text.to_owned()).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
            assert!(message.contains("; "), "{text}: no way out in {message}");
        }
    }
}
