use std::sync::Arc;

use super::{not_expected, text_value};
use crate::FromText;

/// The name of a cookie (RFC 6265, 4.1.1: a token).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CookieName(pub Arc<str>);

text_value!(CookieName, {
    "type": "string",
    "description": "The name of a cookie. Upper and lower case differ.",
    "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
});

// === impl CookieName ===

impl FromText for CookieName {
    const EXPECTED: &'static str = "the name of a cookie: letters, digits, `-`, `_` or `.`";

    fn from_text(text: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        match text {
            "" => Err(not_expected::<Self>(text)),
            _ if text.bytes().all(fits) => Ok(Self(Arc::from(text))),
            _ => Err(not_expected::<Self>(text)),
        }
    }
}
