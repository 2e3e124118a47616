//! No endpoint gets more than its part of the load (Mirrokni, Thorup, Zadimoghaddam 2018, "Consistent hashing with bounded
//! loads"): a factor times the average, rounded up.
//!
//! To add all loads up for every request would cost more than the rest. So each worker adds up a few at a time, round and
//! round, and goes by the last full sum. Of N endpoints it is at most N / 8 requests old, an eighth of a request for each
//! of them. Two workers may also take the last free place at the same time. Both make a bound that holds up to one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use crate::Endpoint;

pub(super) struct Bound {
    /// The factor times the share of each endpoint by its weight.
    parts: Box<[f64]>,
    sums: Box<[Sum]>,
}

/// A worker's sum of the loads. On cache lines of its own, and written by nobody else.
#[repr(align(128))]
struct Sum {
    last: AtomicU64,
    /// Of those before `next`.
    partial: AtomicU64,
    next: AtomicUsize,
}

/// The bound at one moment.
pub(super) struct Limit<'a> {
    parts: &'a [f64],
    /// With the request that is being placed.
    total: f64,
}

/// Endpoints that are added up with each request.
const STEP: usize = 8;

// === impl Bound ===

impl Bound {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], factor: f64, workers: usize) -> Self {
        let total: f64 = endpoints.iter().map(|endpoint| f64::from(endpoint.weight)).sum();
        let parts = endpoints.iter().map(|endpoint| factor * f64::from(endpoint.weight) / total).collect();
        let load = endpoints.iter().map(|endpoint| load(endpoint)).sum();
        let sum = || Sum { last: AtomicU64::new(load), partial: AtomicU64::new(0), next: AtomicUsize::new(0) };
        Self { parts, sums: (0..workers.max(1)).map(|_| sum()).collect() }
    }

    pub(super) fn limit(&self, endpoints: &[Arc<Endpoint>], worker: usize) -> Limit<'_> {
        let sum = &self.sums[worker % self.sums.len()];
        Limit { parts: &self.parts, total: (sum.go_on(endpoints) + 1) as f64 }
    }
}

// === impl Sum ===

impl Sum {
    /// Adds a few more up; the last full sum.
    fn go_on(&self, endpoints: &[Arc<Endpoint>]) -> u64 {
        // Only this worker writes, so load and store need not be one step.
        let next = self.next.load(Relaxed);
        let end = endpoints.len().min(next + STEP);
        let partial =
            self.partial.load(Relaxed) + endpoints[next..end].iter().map(|endpoint| load(endpoint)).sum::<u64>();
        if end < endpoints.len() {
            self.partial.store(partial, Relaxed);
            self.next.store(end, Relaxed);
            return self.last.load(Relaxed);
        }
        self.partial.store(0, Relaxed);
        self.next.store(0, Relaxed);
        self.last.store(partial, Relaxed);
        partial
    }
}

/// Of those who get new requests: what is left on an endpoint that lost its weight is nobody else's business.
fn load(endpoint: &Endpoint) -> u64 {
    if endpoint.weight > 0 { endpoint.learned.in_flight().into() } else { 0 }
}

// === impl Limit ===

impl Limit<'_> {
    /// How full the endpoint with this index would be with one more request; up to 1 it may have it.
    pub(super) fn fill(&self, index: usize, endpoint: &Endpoint) -> f64 {
        let allowed = (self.parts[index] * self.total).ceil();
        (f64::from(endpoint.learned.in_flight()) + 1.0) / allowed
    }
}
