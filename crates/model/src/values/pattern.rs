use expression::literal;
use regex::Regex;

use super::text_value;
use crate::FromText;

/// A regular expression. It is matched in linear time, and anchored only where the writer did so.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

text_value!(Pattern, {
    "type": "string",
    "description": "A regular expression, in the syntax of the Rust regex crate: no look-around, no back references. Anchored only where `^` or `$` say so.",
    "maxLength": 4096,
});

// === impl Pattern ===

impl FromText for Pattern {
    const EXPECTED: &'static str = "a regular expression";

    fn from_text(text: &str) -> Result<Self, String> {
        literal::pattern(text).map(Self)
    }
}
