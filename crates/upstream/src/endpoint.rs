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

use crate::health::{EndpointHealth, UpstreamHealth};

/// Immutable; what is learned about it hangs on it in atomics.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub address: EndpointAddress,
    /// 0: gets nothing.
    pub weight: u32,
    /// Sorted by key.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// The address as a `Host`; unix sockets are `localhost`.
    pub authority: HeaderValue,
    /// `None`: it is taken for good.
    pub health: Option<Arc<EndpointHealth>>,
}

// === impl Endpoint ===

impl Endpoint {
    pub fn new(endpoint: &model::Endpoint) -> Self {
        Self {
            address: endpoint.address.clone(),
            weight: endpoint.weight,
            labels: endpoint.labels.clone(),
            authority: authority(&endpoint.address),
            health: None,
        }
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

    /// Whether it may be asked, as far as its health goes.
    pub fn is_eligible(&self) -> bool {
        self.health.as_ref().is_none_or(|health| health.is_eligible())
    }

    /// Whether it may be asked if there is nobody better.
    pub fn is_last_resort(&self) -> bool {
        self.health.as_ref().is_none_or(|health| health.is_last_resort())
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
        let Self { address, weight, labels, authority, health: _ } = self;
        *address == other.address && *weight == other.weight && *labels == other.labels && *authority == other.authority
    }
}

/// Has the health of `endpoints` looked after. Those among `known` with the same address keep theirs, if the rules are the
/// same; if not, those that got requests do so until the new rules find fault with them.
pub(crate) fn attend(
    endpoints: &mut [Arc<Endpoint>],
    upstream: &Arc<UpstreamHealth>,
    known: &[Arc<Endpoint>],
    workers: usize,
) {
    let now = Instant::now();
    let seeds = RandomState::new();
    let known: HashMap<_, _> = known.iter().map(|endpoint| (&endpoint.address, endpoint)).collect();
    let mut made: HashMap<EndpointAddress, Arc<EndpointHealth>> = HashMap::new();
    for (index, endpoint) in endpoints.iter_mut().enumerate() {
        let known = known.get(&endpoint.address);
        let kept = known.and_then(|known| known.health.as_ref());
        let health = match kept.filter(|kept| Arc::ptr_eq(&kept.upstream, upstream)) {
            Some(kept) => kept.clone(),
            // An address that is given twice is one endpoint, as far as its health goes.
            None => made
                .entry(endpoint.address.clone())
                .or_insert_with_key(|address| {
                    let is_known = known.is_some_and(|known| known.is_eligible());
                    let random = Random::seeded(seeds.hash_one(index));
                    Arc::new(EndpointHealth::new(upstream.clone(), address.clone(), is_known, workers, random, now))
                })
                .clone(),
        };
        *endpoint = Arc::new(Endpoint { health: Some(health), ..Endpoint::clone(endpoint) });
    }
}
