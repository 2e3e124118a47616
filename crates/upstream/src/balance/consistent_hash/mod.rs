//! The same key, the same endpoint, on every gateway; and when endpoints come or go, few keys move.
//!
//! Where an endpoint stands depends on its address and weight alone, neither on its place in the document nor on the
//! process: see [`seed`].

use std::sync::Arc;

use message::Random;
use model::HashAlgorithm;

use super::{Ask, LoadBalancer, Weighted, ramp::Ramp};
use crate::Endpoint;

/// No endpoint gets more than its part of the load.
mod bound;
/// What of a request decides.
pub(super) mod key;
/// A table of a prime size.
mod maglev;
/// What follows from the address of an endpoint.
mod seed;
/// Points on a circle.
mod ring;
#[cfg(test)]
mod tests;

use bound::Bound;
use maglev::Maglev;
use ring::Ring;

pub(super) struct ConsistentHash {
    layout: Layout,
    bound: Option<Bound>,
    /// For requests without a key.
    weighted: Weighted,
}

enum Layout {
    Ring(Ring),
    Maglev(Maglev),
}

/// How far the layout is walked for somebody who may be picked and is not full. Beyond that, no order is worth the time.
const LONGEST_WALK: usize = 1024;

// === impl ConsistentHash ===

impl ConsistentHash {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], rules: &model::ConsistentHash, workers: usize) -> Self {
        let layout = match rules.algorithm {
            HashAlgorithm::Ring => Layout::Ring(Ring::new(endpoints)),
            HashAlgorithm::Maglev => Layout::Maglev(Maglev::new(endpoints)),
        };
        let bound = rules.bounded_load.map(|factor| Bound::new(endpoints, factor, workers));
        Self { layout, bound, weighted: Weighted::new(endpoints, Ramp(None)) }
    }

    fn by_chance(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        self.weighted.draw(endpoints, ask, &mut Random::seeded(ask.random))
    }
}

impl LoadBalancer for ConsistentHash {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        let Some(key) = ask.key else { return self.by_chance(endpoints, ask) };
        let mut walk = self.layout.walk(key).filter(|index| ask.takes(*index, endpoints));
        let Some(bound) = &self.bound else { return walk.next().or_else(|| self.by_chance(endpoints, ask)) };
        let limit = bound.limit(endpoints, ask);
        // If all are full, the least full one that the walk came by.
        let mut best: Option<(usize, f64)> = None;
        for index in walk {
            let fill = limit.fill(&endpoints[index]);
            if fill <= 1.0 {
                return Some(index);
            }
            if best.is_none_or(|(_, least)| fill < least) {
                best = Some((index, fill));
            }
        }
        best.map(|(index, _)| index).or_else(|| self.by_chance(endpoints, ask))
    }
}

// === impl Layout ===

impl Layout {
    /// The endpoints for a key, the first choice first; the same one may come again and again.
    fn walk(&self, key: u64) -> impl Iterator<Item = usize> {
        let (owners, mut at, step) = match self {
            Self::Ring(ring) => (ring.owners(), ring.find(key), 1),
            Self::Maglev(maglev) => (maglev.owners(), maglev.find(key), maglev.step(key)),
        };
        (0..owners.len().min(LONGEST_WALK)).map(move |_| {
            // A point beyond the last one is the first one.
            at = if at < owners.len() { at } else { at - owners.len() };
            let owner = owners[at];
            at += step;
            owner as usize
        })
    }
}
