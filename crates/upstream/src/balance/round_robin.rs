//! Smooth weighted round robin.
//!
//! The order of picks depends on nothing but the weights, so it is computed once (the algorithm is nginx's: raise every
//! current weight by the configured one, pick the greatest, lower it by the sum) and then only read. Each worker walks
//! the schedule with a cursor of its own and begins elsewhere, so that workers neither share a cache line nor march in step.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use message::Random;

use super::{Ask, LoadBalancer, ramp::Ramp};
use crate::Endpoint;

/// Longer schedules are scaled down; a weight is then honoured to one part in this many.
const MAX_SCHEDULE: u64 = 20_000;

pub(super) struct RoundRobin {
    /// Indices of endpoints, one full round.
    schedule: Box<[u32]>,
    cursors: Box<[Cursor]>,
    ramp: Ramp,
}

/// Where a worker is in the schedule. Alone in its cache line.
#[repr(align(64))]
struct Cursor {
    next: AtomicUsize,
    /// Where the turns of those who cannot take them are given away. If they fell to whoever is next, that one would get
    /// twice its share.
    given_away: AtomicUsize,
}

// === impl RoundRobin ===

impl RoundRobin {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], ramp: Ramp, workers: usize) -> Self {
        let schedule = schedule(&endpoints.iter().map(|endpoint| endpoint.weight).collect::<Vec<_>>());
        let workers = workers.max(1);
        let cursor = |worker| {
            let begin = worker * schedule.len() / workers;
            Cursor { next: AtomicUsize::new(begin), given_away: AtomicUsize::new(begin) }
        };
        let cursors = (0..workers).map(cursor).collect();
        Self { schedule, cursors, ramp }
    }

    /// Whose turn it is, and where the next one is; `None` if nobody has any.
    fn turn(&self, cursor: &AtomicUsize) -> Option<(usize, usize)> {
        // Only one worker writes a cursor, so load and store need not be one step.
        let at = cursor.load(Ordering::Relaxed);
        let index = *self.schedule.get(at)?;
        let next = if at + 1 == self.schedule.len() { 0 } else { at + 1 };
        cursor.store(next, Ordering::Relaxed);
        Some((index as usize, next))
    }

    /// The one whose turn it is, or, if that is new and gives way, the next other one from `at` on, whose own turn is not
    /// taken from it.
    fn or_another(&self, chosen: usize, at: usize, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> usize {
        if self.ramp.is_done(&endpoints[chosen], ask.now) {
            return chosen;
        }
        let (before, after) = self.schedule.split_at(at);
        let mut turns = after.iter().chain(before).map(|index| *index as usize);
        let other = turns.find(|other| *other != chosen && ask.takes(*other, endpoints));
        let mut random = Random::seeded(ask.random);
        let gives_way =
            |other: &usize| self.ramp.gives_way(&endpoints[chosen], &endpoints[*other], &mut random, ask.now);
        other.filter(gives_way).unwrap_or(chosen)
    }
}

impl LoadBalancer for RoundRobin {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        let Cursor { next, given_away } = &self.cursors[ask.worker % self.cursors.len()];
        let (index, after) = self.turn(next)?;
        if ask.takes(index, endpoints) {
            return Some(self.or_another(index, after, endpoints, ask));
        }
        let mut turns = (0..self.schedule.len()).filter_map(|_| self.turn(given_away));
        let (index, after) = turns.find(|(index, _)| ask.takes(*index, endpoints))?;
        Some(self.or_another(index, after, endpoints, ask))
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

    #[test]
    fn picks_are_smooth() {
        assert_eq!(*schedule(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(*schedule(&[2, 2]), [0, 1]);
        assert_eq!(*schedule(&[0, 3]), [1]);
        assert!(schedule(&[]).is_empty());
        assert!(schedule(&[0, 0]).is_empty());
    }
}
