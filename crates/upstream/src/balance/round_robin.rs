//! Smooth weighted round robin.
//!
//! The order of picks depends on nothing but the weights, so it is computed once (the algorithm is nginx's: raise every
//! current weight by the configured one, pick the greatest, lower it by the sum) and then only read. Each worker walks
//! the schedule with a cursor of its own and begins elsewhere, so that workers neither share a cache line nor march in step.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{Ask, LoadBalancer};
use crate::Endpoint;

/// Longer schedules are scaled down; a weight is then honoured to one part in this many.
const MAX_SCHEDULE: u64 = 20_000;

pub struct RoundRobin {
    /// Indices of endpoints, one full round.
    schedule: Box<[u32]>,
    cursors: Box<[Cursor]>,
}

/// Alone in its cache line.
#[repr(align(64))]
struct Cursor(AtomicUsize);

// === impl RoundRobin ===

impl RoundRobin {
    pub fn new(endpoints: &[Arc<Endpoint>], workers: usize) -> Self {
        let schedule = schedule(&endpoints.iter().map(|endpoint| endpoint.weight).collect::<Vec<_>>());
        let workers = workers.max(1);
        let cursors = (0..workers).map(|worker| Cursor(AtomicUsize::new(worker * schedule.len() / workers))).collect();
        Self { schedule, cursors }
    }
}

impl LoadBalancer for RoundRobin {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        let length = self.schedule.len();
        if length == 0 {
            return None;
        }
        let cursor = &self.cursors[ask.worker % self.cursors.len()].0;
        // Only this worker writes its cursor, so load and store need not be one step.
        let mut at = cursor.load(Ordering::Relaxed);
        for _ in 0..length {
            let index = self.schedule[at] as usize;
            at = if at + 1 == length { 0 } else { at + 1 };
            if ask.takes(index, endpoints) {
                cursor.store(at, Ordering::Relaxed);
                return Some(index);
            }
        }
        None
    }
}

fn schedule(weights: &[u32]) -> Box<[u32]> {
    let divisor = weights.iter().fold(0, |divisor, &weight| gcd(divisor, u64::from(weight))).max(1);
    let mut weights: Vec<u64> = weights.iter().map(|&weight| u64::from(weight) / divisor).collect();
    let total: u64 = weights.iter().sum();
    if total > MAX_SCHEDULE {
        for weight in weights.iter_mut().filter(|weight| **weight > 0) {
            *weight = (*weight * MAX_SCHEDULE / total).max(1);
        }
    }
    let total: u64 = weights.iter().sum();
    if weights.iter().all(|&weight| weight <= 1) {
        return in_order(&weights);
    }
    // Below, every sum stays under MAX_SCHEDULE plus one per endpoint, far from overflow.
    let mut current = vec![0_i64; weights.len()];
    let mut order = Vec::new();
    for _ in 0..total {
        let mut best = 0;
        for index in 0..weights.len() {
            current[index] += weights[index] as i64;
            if current[index] > current[best] {
                best = index;
            }
        }
        current[best] -= total as i64;
        order.push(best as u32);
    }
    order.into()
}

fn in_order(weights: &[u64]) -> Box<[u32]> {
    weights.iter().enumerate().filter(|(_, weight)| **weight > 0).map(|(index, _)| index as u32).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(weights: &[u32]) -> Vec<Arc<Endpoint>> {
        let endpoint = |(index, &weight): (usize, &u32)| {
            let port = u16::try_from(index + 1).unwrap();
            Arc::new(Endpoint {
                address: model::EndpointAddress::Name { host: "e".into(), port },
                weight,
                labels: Vec::new(),
                authority: http::HeaderValue::from_static("e"),
                health: None,
            })
        };
        weights.iter().enumerate().map(endpoint).collect()
    }

    #[test]
    fn picks_are_smooth() {
        assert_eq!(*schedule(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(*schedule(&[2, 2]), [0, 1]);
        assert_eq!(*schedule(&[0, 3]), [1]);
        assert!(schedule(&[]).is_empty());
        assert!(schedule(&[0, 0]).is_empty());
    }

    #[test]
    fn weights_are_honoured_within_one_percent() {
        let weights = [7, 0, 1_000_003, 250_000, 999];
        let endpoints = endpoints(&weights);
        let balancer = RoundRobin::new(&endpoints, 2);
        let mut counts = [0_u32; 5];
        const PICKS: u32 = 100_000;
        for pick in 0..PICKS {
            counts[balancer
                .pick(&endpoints, &Ask { worker: pick as usize % 2, tried: &[], heeds_health: true })
                .unwrap()] += 1;
        }
        let total: u32 = weights.iter().sum();
        for (count, weight) in counts.into_iter().zip(weights) {
            let (share, wanted) = (f64::from(count) / f64::from(PICKS), f64::from(weight) / f64::from(total));
            assert!((share - wanted).abs() < 0.01, "{share} instead of {wanted}");
        }
        assert_eq!(counts[1], 0);
    }

    #[test]
    fn who_was_tried_is_not_asked_again() {
        let endpoints = endpoints(&[3, 1, 0]);
        let balancer = RoundRobin::new(&endpoints, 1);
        for _ in 0..10 {
            assert_eq!(balancer.pick(&endpoints, &Ask { worker: 0, tried: &[0], heeds_health: true }), Some(1));
            assert_eq!(balancer.pick(&endpoints, &Ask { worker: 0, tried: &[0, 1], heeds_health: true }), None);
        }
    }
}
