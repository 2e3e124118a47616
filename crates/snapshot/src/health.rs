//! How the endpoints are, in words.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use schemars::JsonSchema;
use serde::Serialize;
use upstream::health::{EndpointHealth, Probe};

use crate::Snapshot;

/// What is known of an endpoint whose health is looked after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EndpointHealthTold {
    pub upstream: Arc<str>,
    pub endpoint: String,
    pub state: &'static str,
    /// Why it is that.
    pub reason: &'static str,
    /// RFC 3339.
    pub since: String,
    /// When an ejection ends, if nothing ends it before.
    pub until: Option<String>,
    /// `None`: it is not probed, or not yet.
    pub last_probe: Option<ProbeTold>,
    /// In all.
    pub ejections: u64,
}

/// What a probe came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProbeTold {
    pub at: String,
    pub outcome: &'static str,
    pub detail: String,
    pub took_ms: u64,
}

/// Of all upstreams whose endpoints are not just taken for good.
pub fn health(snapshot: &Snapshot) -> Vec<EndpointHealthTold> {
    let mut told = Vec::new();
    for upstream in snapshot.upstreams.iter().filter(|upstream| upstream.health.is_some()) {
        let set = upstream.set();
        let healths = set.endpoints.iter().filter_map(|endpoint| endpoint.health.as_ref());
        told.extend(healths.map(|health| EndpointHealthTold::new(&upstream.name, health)));
    }
    told
}

// === impl EndpointHealthTold ===

impl EndpointHealthTold {
    pub fn new(upstream: &Arc<str>, health: &EndpointHealth) -> Self {
        let status = health.status();
        let now = (Instant::now(), SystemTime::now());
        Self {
            upstream: upstream.clone(),
            endpoint: health.address.to_string(),
            state: status.state.name(),
            reason: status.reason.name(),
            since: time(status.since, now),
            until: status.until.map(|until| time(until, now)),
            last_probe: status.last_probe.map(|probe| ProbeTold::new(&probe, now)),
            ejections: status.ejections,
        }
    }
}

// === impl ProbeTold ===

impl ProbeTold {
    fn new(probe: &Probe, now: (Instant, SystemTime)) -> Self {
        Self {
            at: time(probe.at, now),
            outcome: probe.outcome.name(),
            detail: probe.detail.to_string(),
            took_ms: u64::try_from(probe.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// As the clock on the wall shows it: that of `now`, as far away from it.
fn time(at: Instant, (instant, wall): (Instant, SystemTime)) -> String {
    let (past, future) = (instant.saturating_duration_since(at), at.saturating_duration_since(instant));
    let shifted = |duration: Duration| wall.checked_sub(duration);
    telemetry::rfc3339(shifted(past).and_then(|time| time.checked_add(future)).unwrap_or(wall))
}
