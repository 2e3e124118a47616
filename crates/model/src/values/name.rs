use std::sync::Arc;

use super::{not_expected, text_value};
use crate::FromText;

/// The name of a listener, upstream or route: what other parts of the document, logs and metrics call it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(pub Arc<str>);

text_value!(Name, {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": "^[^\\s\"\\\\]+$",
});

const LONGEST: usize = 128;

// === impl Name ===

impl FromText for Name {
    const EXPECTED: &'static str = "a name";

    fn from_text(text: &str) -> Result<Self, String> {
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\');
        if text.is_empty() {
            Err(not_expected::<Self>(text))
        } else if let Some(odd) = text.chars().find(|c| is_odd(*c)) {
            Err(format!("a name cannot hold {odd:?}; use letters, digits, `-`, `_`, `.` or `/`"))
        } else if text.len() > LONGEST {
            Err(format!("a name of {} bytes is too long; at most {LONGEST} are allowed", text.len()))
        } else {
            Ok(Self(Arc::from(text)))
        }
    }
}
