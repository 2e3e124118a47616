use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Respond;
use crate::values::{Failure, Name};

/// Who answers instead of an upstream that failed: exactly one of `upstream` and `respond`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// What the field `sluice-fallback` of the response calls it. Default: the name of the upstream, or `respond`.
    pub name: Option<Name>,
    /// The name of another upstream that is asked. It gets what is safe to send twice, as for `retry`: what reached no endpoint,
    /// and what is idempotent; and only if the body is at hand, up to 64 KiB.
    pub upstream: Option<String>,
    /// Labels that an endpoint of it must have, all of them. Default: every endpoint will do.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// An answer without an upstream, in which names that the route's path captures stand in `{}`.
    pub respond: Option<Respond>,
    /// What must have happened, in the words of `retry.on`. That a breaker is open, that there is no endpoint and that the
    /// upstream is saturated always counts. Default: `connect_failure`, `refused_stream`, `reset`, `timeout`, 502, 503, 504 and
    /// `grpc_unavailable`.
    pub on: Option<Vec<Failure>>,
}
