//! Names and values of header fields as operators write them.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::text_schema;

/// The name of a header field (RFC 9110, 5.1), in any spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(pub(crate) HeaderName);

/// The name of a field that a policy may change: not those that the gateway itself must get right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct EditableName(pub(crate) HeaderName);

/// The value of a header field (RFC 9110, 5.5).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Value(pub(crate) HeaderValue);

text_schema!(Name, { "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "examples": ["x-tenant"] });
text_schema!(EditableName, { "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "examples": ["x-tenant"] });
text_schema!(Value, { "pattern": "^([^\\s].*[^\\s]|[^\\s]?)$" });

// === impl Name ===

impl TryFrom<String> for Name {
    type Error = Cow<'static, str>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        HeaderName::from_bytes(text.as_bytes()).map(Self).map_err(|_| match &*text {
            "" => "the name of a header field is empty".into(),
            _ => format!("`{text}` is no name of a header field; letters, digits and `-` are, as in `x-tenant`").into(),
        })
    }
}

// === impl EditableName ===

impl EditableName {
    /// Why a field of this name is not a policy's to change.
    fn refusal(name: &HeaderName) -> Option<&'static str> {
        match name.as_str() {
            "connection" | "http2-settings" | "keep-alive" | "proxy-connection" | "te" | "trailer"
            | "transfer-encoding" | "upgrade" => Some("it concerns one hop only; the gateway writes it for each side"),
            "content-length" => Some("it follows from the body; the gateway writes it"),
            "host" => {
                Some("it says where the request goes; set `rewrite.host` of the route, or `host` of the upstream")
            }
            _ => None,
        }
    }
}

impl TryFrom<String> for EditableName {
    type Error = Cow<'static, str>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let Name(name) = text.try_into()?;
        match Self::refusal(&name) {
            Some(why) => Err(format!("`{name}` cannot be changed by a policy: {why}").into()),
            None => Ok(Self(name)),
        }
    }
}

// === impl Value ===

impl TryFrom<String> for Value {
    type Error = Cow<'static, str>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // HTTP/2 calls such a message malformed (RFC 9113, 8.2.1).
        if text.trim_matches([' ', '\t']).len() < text.len() {
            return Err("the value of a header field begins or ends with white space; leave it out".into());
        }
        HeaderValue::try_from(text)
            .map(Self)
            .map_err(|_| "the value of a header field holds a control character".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, expected) in [
            ("X-Tenant", Ok("x-tenant")),
            ("a_b", Ok("a_b")),
            ("", Err("empty")),
            ("x tenant", Err("is no name")),
            ("x:", Err("is no name")),
            ("ü", Err("is no name")),
            ("Host", Err("says where the request goes")),
            ("Content-Length", Err("follows from the body")),
            ("TE", Err("one hop only")),
            ("Transfer-Encoding", Err("one hop only")),
            ("connection", Err("one hop only")),
        ] {
            match (EditableName::try_from(text.to_owned()), expected) {
                (Ok(EditableName(name)), Ok(expected)) => assert_eq!(name, expected),
                (Err(message), Err(expected)) => assert!(message.contains(expected), "{text}: {message}"),
                (result, _) => panic!("{text}: {result:?}"),
            }
        }
    }

    #[test]
    fn values() {
        for (text, fits) in [
            ("a, b", true),
            ("", true),
            ("tab\tinside", true),
            ("grüß", true),
            (" a", false),
            ("a\t", false),
            ("a\r\nset-cookie: b", false),
            ("a\0", false),
        ] {
            assert_eq!(Value::try_from(text.to_owned()).is_ok(), fits, "{text:?}");
        }
    }
}
