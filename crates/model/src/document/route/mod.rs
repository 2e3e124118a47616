mod action;
mod matching;
mod time;

use schemars::JsonSchema;
use serde::Deserialize;

pub use action::{Fields, Redirect, Respond, Rewrite};
pub use matching::{FieldMatch, HeaderMatch, Match, Path};
pub use time::Time;

use super::Policy;
use crate::values::Name;

/// Which request goes where.
///
/// Exactly one of `upstream`, `redirect` and `respond` says what is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What logs and metrics call it.
    pub name: Name,
    /// The names of the listeners that it holds on. Default: all.
    #[serde(default)]
    pub listeners: Vec<String>,
    /// What must hold for a request. Default: every request matches.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// Higher wins over every other route that matches; among equals the more specific one does. Default: 0.
    #[serde(default)]
    pub priority: i32,
    /// Policies for every exchange on this route.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Action: the name of the upstream that gets the request.
    pub upstream: Option<String>,
    /// Action: send the client elsewhere.
    pub redirect: Option<Redirect>,
    /// Action: answer without an upstream.
    pub respond: Option<Respond>,
    /// What is changed in the request before the upstream gets it.
    pub rewrite: Option<Rewrite>,
}
