//! What a scrape shows of the health of endpoints.

use snapshot::Snapshot;
use telemetry::{Expose, Exposition, names};
use upstream::health::{State, UpstreamHealth};

/// The health of all endpoints of a snapshot, to be shown.
pub(crate) struct Shown<'a>(pub(crate) &'a Snapshot);

// === impl Shown ===

impl Shown<'_> {
    fn healths(&self) -> impl Iterator<Item = &UpstreamHealth> {
        self.0.upstreams.iter().filter_map(|upstream| upstream.health.as_deref())
    }
}

impl Expose for Shown<'_> {
    /// Nothing of upstreams whose endpoints are taken for good.
    fn expose(&self, out: &mut Exposition) {
        let mut samples = out.family(&names::UPSTREAM_ENDPOINTS);
        for upstream in self.0.upstreams.iter().filter(|upstream| upstream.health.is_some()) {
            let set = upstream.set();
            let states: Vec<State> =
                set.endpoints.iter().filter_map(|endpoint| Some(endpoint.health.as_ref()?.status().state)).collect();
            // Those that drain are none of its endpoints any more.
            for state in State::ALL.into_iter().filter(|state| *state != State::Draining) {
                let count = states.iter().filter(|other| **other == state).count();
                samples.count(&[&upstream.name, state.name()], count as u64);
            }
        }
        let mut samples = out.family(&names::UPSTREAM_PROBES);
        for health in self.healths().filter(|health| health.rules.active.is_some()) {
            for (outcome, count) in health.counts.probes() {
                samples.count(&[&health.name, outcome.name()], count);
            }
        }
        let mut samples = out.family(&names::UPSTREAM_EJECTIONS);
        for health in self.healths().filter(|health| health.rules.passive.is_some()) {
            for (reason, count) in health.counts.ejections() {
                samples.count(&[&health.name, reason.name()], count);
            }
        }
    }
}
