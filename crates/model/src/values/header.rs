use http::{HeaderName, HeaderValue};

use super::{not_expected, text_value};
use crate::FromText;

/// The name of a header field. Upper and lower case are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldName(pub HeaderName);

text_value!(FieldName, {
    "type": "string",
    "description": "The name of a header field. Upper and lower case are the same.",
    "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
});

/// The value of a header field: visible characters, spaces and tabs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldValue(pub HeaderValue);

text_value!(FieldValue, {
    "type": "string",
    "description": "The value of a header field: visible characters, spaces and tabs.",
    "pattern": "^[^\\x00-\\x08\\x0a-\\x1f\\x7f]*$",
});

// === impl FieldName ===

impl FromText for FieldName {
    const EXPECTED: &'static str = "the name of a header field";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            ":authority" => Err("`:authority` cannot be named here; use `hosts`".to_owned()),
            ":path" => Err("`:path` cannot be named here; use `path`".to_owned()),
            ":method" => Err("`:method` cannot be named here; use `methods`".to_owned()),
            _ => HeaderName::from_bytes(text.as_bytes()).map(Self).map_err(|_| not_expected::<Self>(text)),
        }
    }
}

// === impl FieldValue ===

impl FromText for FieldValue {
    const EXPECTED: &'static str = "the value of a header field";

    fn from_text(text: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(text).or_else(|_| HeaderValue::from_bytes(text.as_bytes()));
        match value {
            Ok(value) if text.trim() == text => Ok(Self(value)),
            Ok(_) => Err("the value of a header field cannot begin or end with white space".to_owned()),
            Err(_) => Err("the value of a header field cannot hold control characters".to_owned()),
        }
    }
}
