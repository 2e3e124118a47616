//! One address of an upstream.

use std::{collections::HashMap, sync::Arc, time::Instant};

use http::HeaderValue;
use model::EndpointAddress;

use crate::Learned;

/// Immutable; what is learned about it hangs on it in atomics.
#[derive(Debug)]
pub struct Endpoint {
    pub address: EndpointAddress,
    /// 0: gets nothing.
    pub weight: u32,
    /// The lowest is asked first.
    pub tier: u32,
    /// Sorted by key.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// The address as a `Host`; unix sockets are `localhost`.
    pub authority: HeaderValue,
    pub learned: Arc<Learned>,
}

// === impl Endpoint ===

impl Endpoint {
    pub fn new(endpoint: &model::Endpoint) -> Self {
        let authority = match &endpoint.address {
            EndpointAddress::Unix(_) => None,
            address => HeaderValue::from_str(&address.to_string()).ok(),
        };
        Self {
            address: endpoint.address.clone(),
            weight: endpoint.weight,
            tier: endpoint.tier,
            labels: endpoint.labels.clone(),
            authority: authority.unwrap_or(HeaderValue::from_static("localhost")),
            learned: Arc::new(Learned::new(Instant::now())),
        }
    }

    /// Whether it may be asked, as far as its health goes.
    pub fn is_eligible(&self) -> bool {
        self.learned.is_eligible()
    }

    fn with(&self, learned: Arc<Learned>) -> Self {
        let Self { address, weight, tier, labels, authority, .. } = self;
        Self {
            address: address.clone(),
            weight: *weight,
            tier: *tier,
            labels: labels.clone(),
            authority: authority.clone(),
            learned,
        }
    }
}

/// Two are the same that were configured alike, whatever is known of them.
impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        let Self { address, weight, tier, labels, authority, learned: _ } = self;
        *address == other.address
            && *weight == other.weight
            && *tier == other.tier
            && *labels == other.labels
            && *authority == other.authority
    }
}

/// Has `endpoints` go on with what is known of those among `known` with the same address: requests under way there are
/// still under way, and who was slow is no newcomer.
pub(crate) fn adopt(endpoints: &mut [Arc<Endpoint>], known: &[Arc<Endpoint>]) {
    let known: HashMap<&EndpointAddress, &Arc<Endpoint>> =
        known.iter().map(|endpoint| (&endpoint.address, endpoint)).collect();
    for endpoint in endpoints {
        match known.get(&endpoint.address) {
            Some(known) if *known == endpoint => *endpoint = Arc::clone(known),
            Some(known) => *endpoint = Arc::new(endpoint.with(known.learned.clone())),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Place;

    use super::*;

    fn endpoint(host: &str, weight: u32) -> Arc<Endpoint> {
        Arc::new(Endpoint::new(&model::Endpoint {
            place: Place { file: "".into(), line: 1, column: 1 },
            address: EndpointAddress::Name { host: host.into(), port: 80 },
            weight,
            tier: 0,
            labels: Vec::new(),
        }))
    }

    #[test]
    fn what_is_known_stays_with_the_address() {
        let before = [endpoint("a", 1), endpoint("b", 1), endpoint("c", 1)];
        before[..2].iter().for_each(|endpoint| endpoint.learned.begin());
        let mut after = [endpoint("b", 5), endpoint("d", 1), endpoint("a", 1)];
        adopt(&mut after, &before);
        assert!(Arc::ptr_eq(&after[2], &before[0]), "what is the same is the same");
        assert_eq!((after[0].weight, after[0].learned.in_flight()), (5, 1));
        assert_eq!(after[1].learned.in_flight(), 0);
        // The request that was under way ends, and whoever goes on sees it.
        before[1].learned.end();
        assert_eq!(after[0].learned.in_flight(), 0);
    }

    #[test]
    fn endpoints_are_the_same_whatever_is_known_of_them() {
        let (one, other) = (endpoint("a", 1), endpoint("a", 1));
        one.learned.begin();
        assert_eq!(one, other);
        assert_ne!(one, endpoint("a", 2));
    }
}
