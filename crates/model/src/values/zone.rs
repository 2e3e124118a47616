use std::sync::Arc;

use super::{not_expected, text_value};
use crate::FromText;

/// Where something stands: a text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Zone(pub Arc<str>);

text_value!(Zone, {
    "type": "string",
    "description": "Where something stands, as the label `zone` of endpoints says it.",
    "minLength": 1,
    "examples": ["eu-1a"],
});

// === impl Zone ===

impl FromText for Zone {
    const EXPECTED: &'static str = "the name of a zone such as `eu-1a`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "" => Err(not_expected::<Self>(text)),
            text => Ok(Self(Arc::from(text))),
        }
    }
}
