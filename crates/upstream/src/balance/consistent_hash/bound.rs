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

use super::Ask;
use crate::Endpoint;

pub(super) struct Bound {
    factor: f64,
    sums: Box<[Sum]>,
}

/// A worker's sum over the endpoints. On cache lines of its own, and written by nobody else.
#[repr(align(128))]
struct Sum {
    last: Total,
    /// Of those before `next`.
    partial: Total,
    next: AtomicUsize,
}

/// Of endpoints that may get new requests: what is left on one that may not is nobody else's business.
#[derive(Default)]
struct Total {
    load: AtomicU64,
    weight: AtomicU64,
}

/// The bound at one moment: so many requests for each unit of weight.
pub(super) struct Limit(f64);

/// Endpoints that are added up with each request.
const STEP: usize = 8;

// === impl Bound ===

impl Bound {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], factor: f64, workers: usize) -> Self {
        let sum = || {
            let sum = Sum { last: Total::default(), partial: Total::default(), next: AtomicUsize::new(0) };
            sum.last.store(sum.last.plus(endpoints, true));
            sum
        };
        Self { factor, sums: (0..workers.max(1)).map(|_| sum()).collect() }
    }

    pub(super) fn limit(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Limit {
        let sum = &self.sums[ask.worker % self.sums.len()];
        let (load, weight) = sum.go_on(endpoints, ask.heeds_health);
        // With the request that is being placed.
        Limit(self.factor * (load + 1) as f64 / weight.max(1) as f64)
    }
}

// === impl Sum ===

impl Sum {
    /// Adds a few more up; load and weight of the last full sum.
    fn go_on(&self, endpoints: &[Arc<Endpoint>], heeds_health: bool) -> (u64, u64) {
        // Only this worker writes, so load and store need not be one step.
        let next = self.next.load(Relaxed);
        let end = endpoints.len().min(next + STEP);
        let partial = self.partial.plus(&endpoints[next..end], heeds_health);
        if end < endpoints.len() {
            self.partial.store(partial);
            self.next.store(end, Relaxed);
        } else {
            self.partial.store((0, 0));
            self.next.store(0, Relaxed);
            self.last.store(partial);
        }
        self.last.plus(&[], heeds_health)
    }
}

// === impl Total ===

impl Total {
    /// With these endpoints.
    fn plus(&self, endpoints: &[Arc<Endpoint>], heeds_health: bool) -> (u64, u64) {
        let counted =
            endpoints.iter().filter(|endpoint| endpoint.weight > 0 && (!heeds_health || endpoint.is_eligible()));
        counted.fold((self.load.load(Relaxed), self.weight.load(Relaxed)), |(load, weight), endpoint| {
            (load + u64::from(endpoint.learned.in_flight()), weight + u64::from(endpoint.weight))
        })
    }

    fn store(&self, (load, weight): (u64, u64)) {
        self.load.store(load, Relaxed);
        self.weight.store(weight, Relaxed);
    }
}

// === impl Limit ===

impl Limit {
    /// How full the endpoint would be with one more request; up to 1 it may have it.
    pub(super) fn fill(&self, endpoint: &Endpoint) -> f64 {
        let allowed = (self.0 * f64::from(endpoint.weight)).ceil();
        (f64::from(endpoint.learned.in_flight()) + 1.0) / allowed
    }
}
