use super::text_value;
use crate::FromText;

/// An expression in CEL, as it was written. What it may name, and what it must give, depends on where it stands; so it is
/// checked there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(pub String);

text_value!(Expression, {
    "type": "string",
    "description": "An expression in CEL, the Common Expression Language, which gives true or false.",
    "maxLength": 4096,
    "examples": ["request.headers[\"x-plan\"] == \"gold\" && request.path.startsWith(\"/reports\")"],
});

// === impl Expression ===

impl FromText for Expression {
    const EXPECTED: &'static str = "an expression such as `request.method == \"GET\"`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}
