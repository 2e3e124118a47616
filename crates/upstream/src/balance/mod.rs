//! Which endpoint gets the next request. One file per algorithm.

use std::{sync::Arc, time::Instant};

use crate::Endpoint;

/// The table of all balancers, and what must hold of each.
#[cfg(test)]
pub(crate) mod contract;

/// The document's choice, ready to be used.
mod choice;
/// The same key, the same endpoint.
mod consistent_hash;
/// The lowest score by an expression.
mod custom;
/// Balancers that do not come with the gateway.
mod kind;
/// The fewest requests under way.
mod least_requests;
/// The fastest answers, with the least to do.
mod peak_ewma;
/// New endpoints get their share little by little.
mod ramp;
/// One after the other.
mod round_robin;
/// A cookie binds clients to endpoints.
mod sticky;
/// Chance, by weight.
mod weighted;

pub use choice::Balance;
use choice::Way;
use consistent_hash::ConsistentHash;
use custom::Custom;
pub use kind::{BalancerKind, BalancerRules, Balancers, Kind, erase};
use least_requests::LeastRequests;
use peak_ewma::PeakEwma;
use round_robin::RoundRobin;
use sticky::Sticky;
use weighted::Weighted;

/// Chooses among the endpoints of one set, for which it was built.
///
/// Called on the path of every request by all workers at once: no lock, no allocation.
pub trait LoadBalancer: Send + Sync {
    /// The index of the endpoint to ask, never one that `ask` excludes; `None` if there is nobody left with a weight.
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize>;

    /// The endpoint that a client with this key is bound to, if that may be picked. Not for keys that lead to somebody in any
    /// case.
    fn bound(&self, _endpoints: &[Arc<Endpoint>], _ask: &Ask<'_>) -> Option<usize> {
        None
    }

    /// The [`Ask::key`] by which a client can come back to this endpoint, for balancers that give one out.
    fn token(&self, _endpoint: usize) -> Option<u64> {
        None
    }
}

/// What a choice may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub worker: usize,
    /// Endpoints that this exchange has asked in vain.
    pub tried: &'a [usize],
    /// What [`Balance::key`] made of the request.
    pub key: Option<u64>,
    /// Chance, for those who need it.
    pub random: u64,
    pub now: Instant,
    /// Endpoints that are not fit to be asked are left out; otherwise only those that nobody has seen yet, or that are gone.
    pub heeds_health: bool,
}

// === impl Ask ===

impl Ask<'_> {
    /// Whether the endpoint with this index may be picked; its weight is not looked at.
    pub fn takes(&self, index: usize, endpoints: &[Arc<Endpoint>]) -> bool {
        let endpoint = &endpoints[index];
        let is_fit = if self.heeds_health { endpoint.is_eligible() } else { endpoint.is_last_resort() };
        is_fit && !self.tried.contains(&index)
    }
}

/// Builds the balancer of a set.
pub fn build(balance: &Balance, endpoints: &[Arc<Endpoint>], workers: usize) -> Box<dyn LoadBalancer> {
    let ramp = balance.ramp();
    match balance.way() {
        Way::RoundRobin => Box::new(RoundRobin::new(endpoints, ramp, workers)),
        Way::Random => Box::new(Weighted::new(endpoints, ramp)),
        Way::LeastRequests => Box::new(LeastRequests::new(endpoints, ramp)),
        Way::PeakEwma(rules) => Box::new(PeakEwma::new(endpoints, *rules, ramp)),
        Way::ConsistentHash(rules) => Box::new(ConsistentHash::new(endpoints, rules, workers)),
        Way::Custom(rules) => Box::new(Custom::new(endpoints, rules, ramp)),
        Way::Registered(rules) => rules.build(endpoints, workers),
        Way::Sticky(cookies) => Box::new(Sticky::new(endpoints, cookies, ramp, workers)),
    }
}
