use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{Count, Duration, Failure, Ratio, Timeout};

/// Keeps requests from what fails them anyway: they are refused with 503 at once, until a few that are let through to find out go
/// well again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// What shares one state: `upstream`, each `endpoint` alone, or each `route` that goes there. Default: `upstream`; the breaker
    /// of a route is the route's own.
    pub scope: Option<BreakerScope>,
    /// What counts as a failure: `connect_failure` (no connection), `reset` (the connection ended before an answer, or the answer
    /// is no HTTP), `refused_stream` (HTTP/2 says that the request was not looked at), `timeout` (no answer within
    /// `timeouts.first_byte` or `timeouts.total`), a status from 400 to 599, `5xx` for all from 500, or a gRPC status such as
    /// `grpc_unavailable`. What clients do wrong, such as to leave, counts for nothing. Default: `connect_failure`, `reset`,
    /// `timeout`, `5xx`, `grpc_unknown`, `grpc_deadline_exceeded`, `grpc_internal`, `grpc_unavailable` and `grpc_data_loss`.
    pub failures: Option<Vec<Failure>>,
    /// So many failures one after the other open it. Default: any number may be.
    pub consecutive_failures: Option<Count<1, 1_000_000>>,
    /// What `failure_ratio` and `slow` look back on. Default: `10s`.
    pub window: Option<Timeout>,
    /// How many requests must be in the window before they say anything. Default: 20.
    pub min_requests: Option<Count<1, 1_000_000>>,
    /// It opens when this part of the requests failed. Default: `50%`, unless `consecutive_failures` or `slow` says when it opens.
    pub failure_ratio: Option<Ratio>,
    /// It opens when too many answers are slow. Default: slow ones are not looked at.
    pub slow: Option<Slow>,
    /// How long it stays open; twice as long each time that it opens again before it was closed. Default: `5s`.
    pub open_for: Option<Timeout>,
    /// How long it stays open at most. Default: `5m`, or `open_for` if that is longer.
    pub max_open_for: Option<Timeout>,
    /// Up to this part is added to the time that it stays open, by chance, so that those that opened together do not try together.
    /// Default: `10%`.
    pub jitter: Option<Ratio>,
    /// How many requests are let through to find out, after it was open; all of them must go well. Default: 3.
    pub half_open_requests: Option<Count<1, 255>>,
    /// How long it takes from then until all requests pass again; a growing part of them does meanwhile. With `0s` all pass at once.
    /// Default: `10s`.
    pub ramp: Option<Duration>,
}

/// What shares the state of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerScope {
    /// All that goes to the upstream.
    Upstream,
    /// What one route sends there.
    Route,
    /// What goes to one endpoint. Others are asked while it is open.
    Endpoint,
}

/// When answers are slow, and how many of them are too many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// An answer whose head takes longer is slow.
    pub over: Timeout,
    /// This part of the requests in the window is too much. Default: `80%`.
    pub ratio: Option<Ratio>,
}
