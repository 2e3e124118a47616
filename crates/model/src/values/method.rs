use http::Method;

use super::{not_expected, text_value};
use crate::FromText;

/// A request method: `GET`, `POST`, or any other token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MethodName(pub Method);

text_value!(MethodName, {
    "type": "string",
    "description": "A request method. Methods are case-sensitive.",
    "anyOf": [
        { "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"] },
        { "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
    ],
});

const COMMON: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

// === impl MethodName ===

impl FromText for MethodName {
    const EXPECTED: &'static str = "a method such as `GET`";

    fn from_text(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        if upper != text && COMMON.contains(&&*upper) {
            return Err(format!("methods are case-sensitive, and `{text}` is none that clients send; write `{upper}`"));
        }
        match Method::from_bytes(text.as_bytes()) {
            Ok(method) => Ok(Self(method)),
            Err(_) => Err(not_expected::<Self>(text)),
        }
    }
}
