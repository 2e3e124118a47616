use std::sync::Arc;

use super::{not_expected, text_value};
use crate::FromText;

/// The address of a page, as it can stand in a `Link` header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link(pub Arc<str>);

text_value!(Link, {
    "type": "string",
    "description": "The address of a page: `https://…`, `http://…`, or a path on the same host.",
    "pattern": "^(https?://|/)[^\\s<>\"]*$",
    "examples": ["https://developer.example.com/v1"],
});

// === impl Link ===

impl FromText for Link {
    const EXPECTED: &'static str = "an address such as `https://developer.example.com/v1`, or a path";

    fn from_text(text: &str) -> Result<Self, String> {
        // Between `<` and `>`, every other visible character stands for itself (RFC 8288, 3.1).
        let fits = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"'));
        let begins = ["https://", "http://", "/"].iter().any(|start| text.starts_with(start));
        if fits && begins { Ok(Self(Arc::from(text))) } else { Err(not_expected::<Self>(text)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths() {
        for (text, fits) in [
            ("https://developer.example.com/v1?a=b#c", true),
            ("/docs/v1", true),
            ("docs", false),
            ("javascript:alert(1)", false),
            ("https://a.example>; rel=\"next\"", false),
            ("https://a.example/\r\nset-cookie: b", false),
            ("https://ä.example", false),
            ("", false),
        ] {
            assert_eq!(Link::from_text(text).is_ok(), fits, "{text:?}");
        }
    }
}
