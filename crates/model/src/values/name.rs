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

/// The name of a group of consumers. Endpoints are told several of them in one field, with commas between.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupName(pub Arc<str>);

text_value!(GroupName, {
    "type": "string",
    "description": "The name of a group.",
    "minLength": 1,
    "maxLength": 128,
    "pattern": "^[^\\s\"\\\\,]+$",
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

// === impl GroupName ===

impl FromText for GroupName {
    const EXPECTED: &'static str = "the name of a group";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "" => Err(not_expected::<Self>(text)),
            _ if text.contains(',') => {
                Err("the name of a group cannot hold a comma; make each an item of its own: `[gold, beta]`".to_owned())
            }
            _ => Name::from_text(text).map(|Name(name)| Self(name)),
        }
    }
}
