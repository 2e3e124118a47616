//! Points on a circle (Karger et al. 1997): a key belongs to the next point, and the point to an endpoint.
//!
//! An endpoint's points are the first so many of its numbers. If it goes, its keys fall to the next points, all over the
//! others, and no other key moves. That is exact unless the heaviest one changes or the points have to be shared out, for
//! then the others get more or fewer of them.

use std::sync::Arc;

use super::seed::{Seeded, seeded};
use crate::Endpoint;

pub(super) struct Ring {
    /// In rising order, and whose each is.
    points: Box<[u32]>,
    owners: Box<[u32]>,
    /// Where the points begin whose upper bits are these, so that a look-up is three loads instead of eighteen. As many
    /// as a quarter of the points; one more for the end.
    begins: Box<[u32]>,
    /// What a point is shifted by to have its upper bits.
    shift: u32,
}

/// Points of the heaviest endpoint (72 KiB), the others in proportion: a share is off by 1 / √8192 of itself, or 1.1 %.
const POINTS: u64 = 8192;

/// More points than this (2.3 MiB) no ring has; with more than 32 endpoints of one weight, each has fewer.
const MOST_POINTS: u64 = 1 << 18;

// === impl Ring ===

impl Ring {
    pub(super) fn new(endpoints: &[Arc<Endpoint>]) -> Self {
        let seeded = seeded(endpoints);
        let heaviest = seeded.iter().map(|endpoint| endpoint.weight).max().unwrap_or(1);
        let total: u64 = seeded.iter().map(|endpoint| endpoint.weight).sum::<u64>().max(1);
        let mut points = Vec::new();
        for Seeded { index, weight, mut numbers } in seeded {
            let all = (weight * POINTS).div_ceil(heaviest);
            let shared = u128::from(weight) * u128::from(MOST_POINTS) / u128::from(total);
            let count = all.min(shared as u64).max(1);
            points.extend((0..count).map(|_| ((numbers.bits() >> 32) as u32, index)));
        }
        points.sort_unstable();
        let bits = (points.len() / 4).max(2).ilog2();
        let shift = u32::BITS - bits;
        let begin = |upper: u64| points.partition_point(|(point, _)| u64::from(point >> shift) < upper) as u32;
        Self {
            begins: (0..=1 << bits).map(begin).collect(),
            shift,
            points: points.iter().map(|(point, _)| *point).collect(),
            owners: points.iter().map(|(_, owner)| *owner).collect(),
        }
    }

    pub(super) fn owners(&self) -> &[u32] {
        &self.owners
    }

    /// Where the walk for a key begins.
    pub(super) fn find(&self, key: u64) -> usize {
        let key = (key >> 32) as u32;
        let upper = (key >> self.shift) as usize;
        let (begin, end) = (self.begins[upper] as usize, self.begins[upper + 1] as usize);
        // Beyond the last point is before the first one: that the walk goes round sees to it.
        self.points[begin..end].iter().position(|point| *point >= key).map_or(end, |at| begin + at)
    }
}

#[cfg(test)]
mod tests {
    use message::Random;

    use super::{super::super::contract::endpoints, *};

    #[test]
    fn keys_belong_to_the_next_point() {
        for weights in [&[][..], &[1], &[1, 1], &[7, 0, 1, 30], &[1; 100]] {
            let ring = Ring::new(&endpoints(weights));
            let mut random = Random::seeded(5);
            let edges = [0, u64::MAX].into_iter().chain(ring.points.iter().map(|point| u64::from(*point) << 32));
            for key in edges.chain((0..1000).map(|_| random.bits())) {
                let expected = ring.points.partition_point(|point| u64::from(*point) < key >> 32);
                assert_eq!(ring.find(key), expected, "{key:x} among {weights:?}");
            }
        }
    }
}
