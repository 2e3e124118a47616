//! The endpoints of an upstream with the balancers built for them.

use std::{sync::Arc, time::Instant};

use model::{Balance, Selector};
use smallvec::SmallVec;

use crate::{
    Endpoint,
    balance::{self, Ask, LoadBalancer},
    health::{EndpointHealth, Reason, State, Verdict, may_eject},
};

/// Swapped whole, so that nobody sees endpoints with a balancer that was built for others.
pub struct EndpointSet {
    pub endpoints: Box<[Arc<Endpoint>]>,
    balancer: Box<dyn LoadBalancer>,
    /// By the index that destinations hold.
    subsets: Box<[Subset]>,
}

/// Some of the endpoints, with a balancer of their own, so that shares within do not depend on what others get.
struct Subset {
    /// Of the set, in its order.
    indices: Box<[usize]>,
    endpoints: Box<[Arc<Endpoint>]>,
    balancer: Box<dyn LoadBalancer>,
}

// === impl EndpointSet ===

impl EndpointSet {
    pub fn new(endpoints: Box<[Arc<Endpoint>]>, balance: &Balance, selectors: &[Selector], workers: usize) -> Self {
        let balancer = balance::build(balance, &endpoints, workers);
        let subset = |selector| Subset::new(&endpoints, balance, selector, workers);
        let subsets = selectors.iter().map(subset).collect();
        Self { endpoints, balancer, subsets }
    }

    /// The index of the endpoint to ask: one of the subset with this index, or of all. `None` if there is nobody left
    /// with a weight.
    ///
    /// If none of them is healthy, health is not heeded: that all are unwell is more likely the fault of the probes, or of the
    /// load, and to ask nobody would help nobody.
    pub fn pick(&self, subset: Option<u32>, ask: &Ask<'_>) -> Option<usize> {
        let picked = self.pick_as_asked(subset, ask);
        if picked.is_some() || !ask.heeds_health || self.has_eligible(subset) {
            return picked;
        }
        self.pick_as_asked(subset, &Ask { heeds_health: false, ..*ask })
    }

    /// Whether the first probe of some endpoint has not ended yet.
    pub fn is_checking(&self, subset: Option<u32>) -> bool {
        let is_checking = |health: &Arc<EndpointHealth>| health.is_checking();
        self.endpoints_of(subset).iter().any(|endpoint| endpoint.health.as_ref().is_some_and(is_checking))
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
        let is_ejected =
            |health: &Arc<EndpointHealth>| !health.is_eligible() && health.status().state == State::Ejected;
        let ejected = self.endpoints.iter().filter(|endpoint| endpoint.health.as_ref().is_some_and(is_ejected)).count();
        if may_eject(ejected, self.endpoints.len(), rules.max_ejected) {
            health.eject(reason, now);
        }
    }

    fn has_eligible(&self, subset: Option<u32>) -> bool {
        self.endpoints_of(subset).iter().any(|endpoint| endpoint.weight > 0 && endpoint.is_eligible())
    }

    fn endpoints_of(&self, subset: Option<u32>) -> &[Arc<Endpoint>] {
        match subset {
            None => &self.endpoints,
            Some(subset) => self.subsets.get(subset as usize).map_or(&[], |subset| &subset.endpoints),
        }
    }

    fn pick_as_asked(&self, subset: Option<u32>, ask: &Ask<'_>) -> Option<usize> {
        match subset {
            None => self.balancer.pick(&self.endpoints, ask),
            Some(subset) => self.subsets.get(subset as usize)?.pick(ask),
        }
    }
}

// === impl Subset ===

impl Subset {
    fn new(all: &[Arc<Endpoint>], balance: &Balance, selector: &Selector, workers: usize) -> Self {
        let taken = all.iter().enumerate().filter(|(_, endpoint)| selector.takes(&endpoint.labels));
        let (indices, endpoints): (Vec<_>, Vec<_>) = taken.map(|(index, endpoint)| (index, endpoint.clone())).unzip();
        let balancer = balance::build(balance, &endpoints, workers);
        Self { indices: indices.into(), endpoints: endpoints.into(), balancer }
    }

    /// Balancers know nothing of the whole: what was tried is told to them, and what they say is read, in indices of the
    /// subset.
    fn pick(&self, ask: &Ask<'_>) -> Option<usize> {
        let place = |index: &usize| self.indices.binary_search(index).ok();
        let tried: SmallVec<[usize; 4]> = ask.tried.iter().filter_map(place).collect();
        let picked = self.balancer.pick(&self.endpoints, &Ask { tried: &tried, ..*ask })?;
        self.indices.get(picked).copied()
    }
}

#[cfg(test)]
mod tests {
    use model::EndpointAddress;

    use super::*;

    /// One endpoint for each, with this version and weight.
    fn set(endpoints: &[(&str, u32)], versions: &[&str]) -> EndpointSet {
        let endpoint = |(version, weight): &(&str, u32)| {
            Arc::new(Endpoint {
                address: EndpointAddress::Name { host: "e".into(), port: 1 },
                weight: *weight,
                labels: vec![("version".into(), (*version).into()), ("zone".into(), "a".into())],
                authority: http::HeaderValue::from_static("e"),
                health: None,
            })
        };
        let selector = |version: &&str| Selector(vec![("version".into(), (*version).into())]);
        let selectors: Vec<_> = versions.iter().map(selector).collect();
        EndpointSet::new(endpoints.iter().map(endpoint).collect(), &Balance::RoundRobin, &selectors, 1)
    }

    fn picks(set: &EndpointSet, subset: Option<u32>, tried: &[usize], number: usize) -> Vec<Option<usize>> {
        (0..number).map(|_| set.pick(subset, &Ask { worker: 0, tried, heeds_health: true })).collect()
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
