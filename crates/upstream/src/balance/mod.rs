//! Which endpoint gets the next request. One file per algorithm.

use std::sync::Arc;

use model::Balance;

use crate::Endpoint;

mod round_robin;

pub use round_robin::RoundRobin;

/// Chooses among the endpoints of one set, for which it was built.
///
/// Called on the path of every request by all workers at once: no lock, no allocation.
pub trait LoadBalancer: Send + Sync {
    /// The index of the endpoint to ask, never one of `ask.tried`; `None` if there is nobody left with a weight.
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize>;
}

/// What a choice may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub worker: usize,
    /// Endpoints that this exchange has asked in vain.
    pub tried: &'a [usize],
    /// Endpoints that are not fit to be asked are left out; otherwise only those that are no last resort either.
    pub heeds_health: bool,
}

// === impl Ask ===

impl Ask<'_> {
    /// Whether the endpoint with this index may be picked.
    fn takes(&self, index: usize, endpoints: &[Arc<Endpoint>]) -> bool {
        let endpoint = &endpoints[index];
        let is_fit = if self.heeds_health { endpoint.is_eligible() } else { endpoint.is_last_resort() };
        is_fit && !self.tried.contains(&index)
    }
}

/// Builds the balancer of a set.
pub fn build(balance: &Balance, endpoints: &[Arc<Endpoint>], workers: usize) -> Box<dyn LoadBalancer> {
    match balance {
        Balance::RoundRobin => Box::new(RoundRobin::new(endpoints, workers)),
    }
}
