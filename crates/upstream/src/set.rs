//! The endpoints of an upstream with the balancers built for them.

use std::{sync::Arc, time::Instant};

use model::{Failover, Selector};

use crate::{
    Endpoint, Guard,
    balance::{Ask, Balance},
    health::{EndpointHealth, Reason, State, Verdict, may_eject},
    tiers::{Picked, Tiers},
};

/// Swapped whole, so that nobody sees endpoints with a balancer that was built for others.
pub struct EndpointSet {
    pub endpoints: Box<[Arc<Endpoint>]>,
    whole: Tiers,
    /// By the index that destinations hold.
    subsets: Box<[Tiers]>,
    /// The breakers of the endpoints, by index; empty if they have none of their own.
    guards: Box<[Arc<Guard>]>,
}

// === impl EndpointSet ===

impl EndpointSet {
    pub fn new(
        endpoints: Box<[Arc<Endpoint>]>,
        balance: &Balance,
        failover: &Failover,
        selectors: &[Selector],
        workers: usize,
    ) -> Self {
        let tiers = |takes: &dyn Fn(&Endpoint) -> bool| {
            let taken = (0..endpoints.len()).filter(|index| takes(&endpoints[*index]));
            Tiers::new(&endpoints, taken, balance, failover, workers)
        };
        let whole = tiers(&|_| true);
        let subsets = selectors.iter().map(|selector| tiers(&|endpoint| selector.takes(&endpoint.labels))).collect();
        Self { endpoints, whole, subsets, guards: Box::default() }
    }

    /// With a breaker for each endpoint.
    #[must_use]
    pub fn with_guards(self, guard: impl FnMut(&Arc<Endpoint>) -> Arc<Guard>) -> Self {
        Self { guards: self.endpoints.iter().map(guard).collect(), ..self }
    }

    /// The breaker of an endpoint, if it has one of its own.
    pub fn guard(&self, endpoint: usize) -> Option<&Arc<Guard>> {
        self.guards.get(endpoint)
    }

    /// All breakers of endpoints.
    pub fn guards(&self) -> &[Arc<Guard>] {
        &self.guards
    }

    fn tiers(&self, subset: Option<u32>) -> Option<&Tiers> {
        match subset {
            None => Some(&self.whole),
            Some(subset) => self.subsets.get(subset as usize),
        }
    }

    /// The endpoint to ask: one of the subset with this index, or of all. `None` if there is nobody left with a weight.
    pub fn pick(&self, subset: Option<u32>, ask: &Ask<'_>) -> Option<Picked> {
        self.tiers(subset)?.pick(ask)
    }

    /// The indices of all that may be asked, of this subset or of all; if health leaves none, of the last resort.
    pub fn eligible(&self, subset: Option<u32>) -> Vec<usize> {
        let that = |is_fit: fn(&Endpoint) -> bool| {
            let all = self.tiers(subset).into_iter().flat_map(Tiers::indexed);
            let fit = all.filter(|(_, endpoint)| endpoint.weight > 0 && is_fit(endpoint));
            fit.map(|(index, _)| index).collect::<Vec<_>>()
        };
        Some(that(Endpoint::is_eligible))
            .filter(|fit| !fit.is_empty())
            .unwrap_or_else(|| that(Endpoint::is_last_resort))
    }

    /// Whether the first probe of some endpoint has not ended yet.
    pub fn is_checking(&self, subset: Option<u32>) -> bool {
        let is_checking = |health: &Arc<EndpointHealth>| health.is_checking();
        let mut endpoints = self.tiers(subset).into_iter().flat_map(Tiers::indexed);
        endpoints.any(|(_, endpoint)| endpoint.health.as_ref().is_some_and(is_checking))
    }

    /// Takes in what came of a request.
    pub fn note(&self, endpoint: usize, verdict: Verdict, worker: usize, now: Instant) {
        if let Some(health) = &self.endpoints[endpoint].health
            && let Some(reason) = health.note(verdict, worker, now)
        {
            self.eject(health, reason, now);
        }
    }

    #[cold]
    fn eject(&self, health: &EndpointHealth, reason: Reason, now: Instant) {
        let Some(rules) = &health.upstream.rules.passive else { return };
        let _one_at_a_time = health.upstream.ejecting();
        let is_ejected = |health: &Arc<EndpointHealth>| health.status().state == State::Ejected;
        let ejected = self.endpoints.iter().filter(|endpoint| endpoint.health.as_ref().is_some_and(is_ejected)).count();
        if may_eject(ejected, self.endpoints.len(), rules.max_ejected) {
            health.eject(reason, now);
        }
    }

    /// The [`Ask::key`] by which a client can come back to this endpoint, also in a subset that has it; `None` unless
    /// clients are bound.
    pub fn token(&self, endpoint: usize) -> Option<u64> {
        self.whole.token(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use model::{EndpointAddress, Place};

    use super::*;
    use crate::balance::Balancers;

    /// One endpoint for each, with this version and weight.
    fn set(endpoints: &[(&str, u32)], versions: &[&str]) -> EndpointSet {
        let endpoint = |(version, weight): &(&str, u32)| {
            Arc::new(Endpoint::new(&model::Endpoint {
                place: Place { file: "".into(), line: 1, column: 1 },
                address: EndpointAddress::Name { host: "e".into(), port: 1 },
                weight: *weight,
                tier: 0,
                labels: vec![("version".into(), (*version).into()), ("zone".into(), "a".into())],
            }))
        };
        let selector = |version: &&str| Selector(vec![("version".into(), (*version).into())]);
        let selectors: Vec<_> = versions.iter().map(selector).collect();
        let balance = Balance::new(&model::Balance::RoundRobin, None, &Balancers::default(), None).unwrap();
        let endpoints = endpoints.iter().map(endpoint).collect();
        EndpointSet::new(endpoints, &balance, &Failover::default(), &selectors, 1)
    }

    fn picks(set: &EndpointSet, subset: Option<u32>, tried: &[usize], number: usize) -> Vec<Option<usize>> {
        let ask = Ask { worker: 0, tried, key: None, random: 0, now: Instant::now(), heeds_health: true };
        (0..number).map(|_| Some(set.pick(subset, &ask)?.endpoint)).collect()
    }

    #[test]
    fn a_subset_has_its_own_turns() {
        let set = set(&[("v1", 1), ("v2", 2), ("v1", 1), ("v2", 1)], &["v1", "v2"]);
        assert_eq!(picks(&set, Some(0), &[], 3), [Some(0), Some(2), Some(0)]);
        assert_eq!(picks(&set, Some(1), &[], 4), [Some(1), Some(3), Some(1), Some(1)]);
        let mut all = picks(&set, None, &[], 5);
        all.sort_unstable();
        assert_eq!(all, [Some(0), Some(1), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn who_was_tried_is_not_asked_again() {
        let set = set(&[("v1", 1), ("v2", 1), ("v1", 1), ("v2", 0)], &["v1", "v2", "v3"]);
        assert_eq!(picks(&set, Some(0), &[0], 2), [Some(2), Some(2)]);
        assert_eq!(picks(&set, Some(0), &[2, 0], 1), [None]);
        assert_eq!(picks(&set, Some(0), &[1, 3], 2).len(), 2, "others than its own count for nothing");
        assert_eq!(picks(&set, Some(1), &[], 2), [Some(1), Some(1)]);
        assert_eq!(picks(&set, Some(1), &[1], 1), [None], "a weight of 0 gets nothing");
        assert_eq!(picks(&set, Some(2), &[], 1), [None], "nobody has these labels");
        assert_eq!(picks(&set, Some(9), &[], 1), [None], "there is no such subset");
    }
}
