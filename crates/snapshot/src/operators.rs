//! Who may do what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody may do. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Change everything but who may do what.
    Operator,
    /// Change that too.
    Admin,
}

// === impl Role ===

impl Role {
    /// As documents call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}
