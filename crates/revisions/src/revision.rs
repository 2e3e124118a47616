use std::{sync::Arc, time::SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Document;

/// A state of a document that was, or is, the one in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    pub meta: Meta,
    pub document: Arc<Document>,
}

/// What is known of a revision beside its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    /// From 1; each is one more than the one before.
    pub number: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// Whose token, or which part of the program.
    pub author: String,
    /// Why, in their words; may be empty.
    pub message: String,
}

/// A revision before it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub time: SystemTime,
    pub author: String,
    pub message: String,
    pub document: Arc<Document>,
}

// === impl Draft ===

impl Draft {
    /// The revision of this number.
    pub fn numbered(self, number: u64) -> Revision {
        let Self { time, author, message, document } = self;
        let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        Revision { meta: Meta { number, time, author, message }, document }
    }
}
