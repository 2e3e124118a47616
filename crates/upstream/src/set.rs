//! The endpoints of an upstream with the balancers built for them.

use std::sync::Arc;

use model::{Balance, Selector};
use smallvec::SmallVec;

use crate::{
    Endpoint, Guard,
    balance::{self, Ask, LoadBalancer},
};

/// Swapped whole, so that nobody sees endpoints with a balancer that was built for others.
pub struct EndpointSet {
    pub endpoints: Box<[Arc<Endpoint>]>,
    balancer: Box<dyn LoadBalancer>,
    /// By the index that destinations hold.
    subsets: Box<[Subset]>,
    /// The breakers of the endpoints, by index; empty if they have none of their own.
    guards: Box<[Arc<Guard>]>,
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
        Self { endpoints, balancer, subsets, guards: Box::default() }
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

    /// The indices of all that may be asked: of this subset, or of all.
    pub fn eligible(&self, subset: Option<u32>) -> impl Iterator<Item = usize> {
        let all = 0..if subset.is_none() { self.endpoints.len() } else { 0 };
        let subset = subset.and_then(|subset| self.subsets.get(subset as usize));
        let indices = subset.map(|subset| &*subset.indices).unwrap_or_default();
        all.chain(indices.iter().copied()).filter(|index| self.endpoints[*index].weight > 0)
    }

    /// The index of the endpoint to ask: one of the subset with this index, or of all. `None` if there is nobody left
    /// with a weight.
    pub fn pick(&self, subset: Option<u32>, ask: &Ask<'_>) -> Option<usize> {
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
            })
        };
        let selector = |version: &&str| Selector(vec![("version".into(), (*version).into())]);
        let selectors: Vec<_> = versions.iter().map(selector).collect();
        EndpointSet::new(endpoints.iter().map(endpoint).collect(), &Balance::RoundRobin, &selectors, 1)
    }

    fn picks(set: &EndpointSet, subset: Option<u32>, tried: &[usize], number: usize) -> Vec<Option<usize>> {
        (0..number).map(|_| set.pick(subset, &Ask { worker: 0, tried })).collect()
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
