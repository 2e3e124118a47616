//! Chance, by weight.
//!
//! The alias method (Walker 1977, in the form of Vose 1991): as many slots as endpoints, each shared by at most two, so
//! that a draw is one slot and one coin, however many there are.

use std::sync::Arc;

use message::Random;

use super::{Ask, LoadBalancer, ramp::Ramp};
use crate::Endpoint;

/// Endpoints with a weight, drawn in proportion to it.
pub(super) struct Weighted {
    slots: Box<[Slot]>,
    ramp: Ramp,
}

struct Slot {
    /// Indices of endpoints.
    own: u32,
    other: u32,
    /// Of 2³² coins, so many are for `own`, and one more.
    owned: u32,
}

/// Draws for an endpoint that may be picked, before those that are left are weighed one by one; and for another one,
/// before there is none worth the search.
const DRAWS: usize = 4;

// === impl Weighted ===

impl Weighted {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], ramp: Ramp) -> Self {
        let weights = (0..).zip(endpoints.iter().map(|endpoint| endpoint.weight));
        let weights: Vec<(u32, u32)> = weights.filter(|(_, weight)| *weight > 0).collect();
        Self { slots: slots(&weights), ramp }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The indices of all, in rising order.
    pub(super) fn indices(&self) -> impl Iterator<Item = usize> + Clone {
        self.slots.iter().map(|slot| slot.own as usize)
    }

    /// One that may be picked; `None` if there is none.
    pub(super) fn draw(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let drawn = self.untried(endpoints, ask, random)?;
        if self.ramp.is_done(&endpoints[drawn], ask.now) {
            return Some(drawn);
        }
        let other = self.another(endpoints, ask, drawn, random);
        let gives_way = |other: &usize| self.ramp.gives_way(&endpoints[drawn], &endpoints[*other], random, ask.now);
        Some(other.filter(gives_way).unwrap_or(drawn))
    }

    /// Another one than `drawn`, if it is found soon.
    pub(super) fn another(
        &self,
        endpoints: &[Arc<Endpoint>],
        ask: &Ask<'_>,
        drawn: usize,
        random: &mut Random,
    ) -> Option<usize> {
        (0..DRAWS).find_map(|_| self.untried(endpoints, ask, random).filter(|other| *other != drawn))
    }

    fn untried(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        for _ in 0..DRAWS {
            let drawn = self.any(random.bits());
            if ask.takes(drawn, endpoints) {
                return Some(drawn);
            }
        }
        let left = || self.indices().filter(|index| ask.takes(*index, endpoints));
        let weight = |index: usize| u64::from(endpoints[index].weight);
        let mut at = below(random.bits(), left().map(weight).sum());
        left().find(|index| at.checked_sub(weight(*index)).map(|rest| at = rest).is_none())
    }

    /// One of them; there must be one.
    fn any(&self, bits: u64) -> usize {
        let slot = &self.slots[below(bits, self.slots.len() as u64) as usize];
        // `below` goes by the upper half.
        let own = bits as u32 <= slot.owned;
        (if own { slot.own } else { slot.other }) as usize
    }
}

impl LoadBalancer for Weighted {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        self.draw(endpoints, ask, &mut Random::seeded(ask.random))
    }
}

/// A number below `bound`, which is 0 for none (Lemire 2019, without the correction, which is far below any weight).
fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

fn slots(weights: &[(u32, u32)]) -> Box<[Slot]> {
    let total: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    // What each would fill of slots, and those who have more than one to fill, or less.
    let mut parts: Vec<f64> =
        weights.iter().map(|(_, weight)| f64::from(*weight) * weights.len() as f64 / total).collect();
    let (mut rich, mut poor): (Vec<usize>, Vec<usize>) = (0..parts.len()).partition(|at| parts[*at] >= 1.0);
    let mut slots: Box<[Slot]> =
        weights.iter().map(|(own, _)| Slot { own: *own, other: *own, owned: u32::MAX }).collect();
    while let (Some(&giver), Some(taker)) = (rich.last(), poor.pop()) {
        slots[taker].other = weights[giver].0;
        slots[taker].owned = (parts[taker] * f64::from(u32::MAX)) as u32;
        parts[giver] -= 1.0 - parts[taker];
        if parts[giver] < 1.0 {
            rich.pop();
            poor.push(giver);
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::{
        super::contract::{Chance, endpoints},
        *,
    };

    #[test]
    fn what_is_left_is_drawn_by_weight_too() {
        let endpoints = endpoints(&[1_000_000, 3, 1, 0, 4]);
        let weighted = Weighted::new(&endpoints, Ramp(None));
        assert_eq!(weighted.indices().collect::<Vec<_>>(), [0, 1, 2, 4]);
        let mut chance = Chance::default();
        let mut counts = [0_u32; 5];
        for _ in 0..80_000 {
            counts[weighted.pick(&endpoints, &Ask { tried: &[0], ..chance.ask() }).unwrap()] += 1;
        }
        for (index, expected) in [0, 30_000, 10_000, 0, 40_000_u32].into_iter().enumerate() {
            assert!(counts[index].abs_diff(expected) < 800, "{counts:?}");
        }
        assert_eq!(weighted.pick(&endpoints, &Ask { tried: &[0, 1, 2, 4], ..chance.ask() }), None);
    }
}
