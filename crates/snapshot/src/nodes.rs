//! The gateways that share a document, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the gateways that share a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeTold {
    pub name: String,
    /// Of the program.
    pub version: String,
    /// The newest revision that it serves; 0: none.
    pub revision: u64,
    /// Of the document that is live there.
    pub generation: u64,
    /// RFC 3339.
    pub started: String,
    pub uptime_seconds: u64,
    /// It is the one that tells this.
    pub is_self: bool,
    /// How many revisions it is behind the newest one.
    pub skew: u64,
    /// What it needs to hear of changes, or to keep them.
    pub dependencies: Vec<DependencyTold>,
}

/// Something that a gateway needs, and whether that is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DependencyTold {
    pub name: String,
    pub ok: bool,
    /// What is wrong with it, or how it is.
    pub detail: Option<String>,
}
