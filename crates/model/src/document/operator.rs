use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    FromText, TextOr,
    values::{DateOrTime, Name, SecretHash},
};

/// Somebody who may ask at `gateway.admin`. `sluice operator new` makes one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// What the audit log calls them. `admin` is whoever has the admin token, and nobody else.
    pub name: Name,
    /// What they may do.
    pub role: OperatorRole,
    /// What they show.
    #[schemars(with = "OperatorToken")]
    pub token: TextOr<OperatorToken>,
    /// From when on it is worth nothing: a moment, or a day that it is worth nothing on any more. Default: it does not expire.
    pub not_after: Option<DateOrTime>,
}

/// What somebody may do: `viewer` reads, `operator` also changes everything but `operators`, `admin` changes those too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperatorRole {
    Viewer,
    Operator,
    Admin,
}

/// What an operator shows. The document holds no token: whoever reads it cannot show one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorToken {
    /// The hash of the token.
    pub hash: SecretHash,
}

// === impl OperatorToken ===

impl FromText for OperatorToken {
    const EXPECTED: &'static str = "a map with the `hash` of a token";

    /// It may be the token itself: it is not to be repeated.
    fn from_text(_: &str) -> Result<Self, String> {
        Err(format!("expected {}, found a text; `sluice operator new` prints both", Self::EXPECTED))
    }
}
