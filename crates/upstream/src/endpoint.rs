//! One address of an upstream.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Instant,
};

use http::HeaderValue;
use message::Random;
use model::EndpointAddress;
use telemetry::EndpointMetrics;

use crate::{
    Learned,
    health::{EndpointHealth, UpstreamHealth},
};

/// Immutable; what is learned about it hangs on it in atomics.
#[derive(Debug, Clone)]
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
    /// `None`: it is taken for good.
    pub health: Option<Arc<EndpointHealth>>,
    pub metrics: Arc<EndpointMetrics>,
}

// === impl Endpoint ===

impl Endpoint {
    pub fn new(endpoint: &model::Endpoint) -> Self {
        Self {
            address: endpoint.address.clone(),
            weight: endpoint.weight,
            tier: endpoint.tier,
            labels: endpoint.labels.clone(),
            authority: authority(&endpoint.address),
            learned: Arc::new(Learned::new(Instant::now())),
            health: None,
            metrics: Arc::default(),
        }
    }

    /// Whether it may be asked, as far as its health goes.
    pub fn is_eligible(&self) -> bool {
        self.learned.is_eligible()
    }

    /// Whether it may be asked if health is not heeded: it is an endpoint still, and its first probe has ended.
    pub fn is_last_resort(&self) -> bool {
        self.health.as_ref().is_none_or(|health| health.is_last_resort())
    }

    /// The same machine, asked on another port if one is given.
    pub fn to_be_probed(&self, port: Option<u16>) -> Self {
        let mut address = self.address.clone();
        match (&mut address, port) {
            (EndpointAddress::Socket(socket), Some(port)) => socket.set_port(port),
            (EndpointAddress::Name { port, .. }, Some(other)) => *port = other,
            _ => {}
        }
        Self { authority: authority(&address), address, health: None, ..self.clone() }
    }

    fn with(&self, learned: Arc<Learned>, health: Option<Arc<EndpointHealth>>) -> Self {
        Self { learned, health, ..self.clone() }
    }
}

fn authority(address: &EndpointAddress) -> HeaderValue {
    let authority = match address {
        EndpointAddress::Unix(_) => None,
        address => HeaderValue::from_str(&address.to_string()).ok(),
    };
    authority.unwrap_or(HeaderValue::from_static("localhost"))
}

/// Two are the same that were configured alike, whatever is known of them.
impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        let Self { address, weight, tier, labels, authority, learned: _, health: _, metrics: _ } = self;
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
            Some(known) => {
                let metrics = known.metrics.clone();
                *endpoint =
                    Arc::new(Endpoint { metrics, ..endpoint.with(known.learned.clone(), known.health.clone()) });
            }
            None => {}
        }
    }
}

/// Has the health of `endpoints`, which were adopted, looked after by `upstream`, or by nobody.
///
/// Those that were looked after by it already go on. Others begin anew, with nothing known of them, so that whoever judged
/// them before has no say any more; but those among `known` that got requests do so until `upstream` finds fault with them.
pub(crate) fn attend(
    endpoints: &mut [Arc<Endpoint>],
    upstream: Option<&Arc<UpstreamHealth>>,
    known: &[Arc<Endpoint>],
    workers: usize,
) {
    let now = Instant::now();
    let seeds = RandomState::new();
    let known: HashMap<_, _> = known.iter().map(|endpoint| (&endpoint.address, endpoint)).collect();
    // An address that is given twice is one endpoint, as far as its health goes.
    let mut attended: HashMap<EndpointAddress, Arc<EndpointHealth>> = HashMap::new();
    for (index, endpoint) in endpoints.iter_mut().enumerate() {
        let Some(upstream) = upstream else {
            if endpoint.health.is_some() {
                *endpoint = Arc::new(endpoint.with(Arc::new(Learned::new(now)), None));
            }
            continue;
        };
        let is_kept = |health: &&Arc<EndpointHealth>| Arc::ptr_eq(&health.upstream, upstream);
        if let Some(kept) = endpoint.health.as_ref().filter(is_kept) {
            attended.insert(endpoint.address.clone(), kept.clone());
            continue;
        }
        let health = attended.entry(endpoint.address.clone()).or_insert_with_key(|address| {
            let is_known = known.get(address).is_some_and(|known| known.is_eligible());
            let random = Random::seeded(seeds.hash_one(index));
            Arc::new(EndpointHealth::new(upstream.clone(), address.clone(), is_known, workers, random, now))
        });
        *endpoint = Arc::new(endpoint.with(health.learned.clone(), Some(health.clone())));
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
