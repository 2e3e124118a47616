//! The fewest requests under way, for the weight.
//!
//! One endpoint is drawn by weight. It stays unless another one would have no more to do for its weight **even with this
//! request on top**; then that one is taken. So weights are honoured exactly while nothing is under way, load is even for
//! the weight when much is, and with equal weights it is always one of those with the fewest.
//!
//! In small sets every endpoint is compared; in large ones a second one that is drawn, which does nearly as well
//! (Mitzenmacher 2001, "The power of two choices").

use std::{sync::Arc, time::Instant};

use message::Random;

use super::{Ask, LoadBalancer, Weighted, ramp::Ramp};
use crate::Endpoint;

pub(super) struct LeastRequests {
    weighted: Weighted,
    ramp: Ramp,
}

/// Sets of up to this many are looked through.
pub(super) const SMALL: usize = 8;

// === impl LeastRequests ===

impl LeastRequests {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], ramp: Ramp) -> Self {
        Self { weighted: Weighted::new(endpoints, ramp), ramp }
    }

    /// The one with the least load if it got the request; any of those that are equal.
    fn least(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>, drawn: usize, random: &mut Random) -> Option<usize> {
        let (mut best, mut equals) = (None, 1.0);
        for other in self.weighted.indices().filter(|other| *other != drawn && ask.takes(*other, endpoints)) {
            let load = self.load(&endpoints[other], 1, ask.now);
            match best {
                Some((_, least)) if load > least => continue,
                Some((_, least)) if load == least => {
                    equals += 1.0;
                    if !random.hits(1.0 / equals) {
                        continue;
                    }
                }
                _ => equals = 1.0,
            }
            best = Some((other, load));
        }
        best.map(|(index, _)| index)
    }

    /// What an endpoint would have to do with so many more requests, for its weight.
    fn load(&self, endpoint: &Endpoint, more: u32, now: Instant) -> f64 {
        let weight = f64::from(endpoint.weight) * self.ramp.part(endpoint, now);
        (f64::from(endpoint.learned.in_flight()) + f64::from(more)) / weight
    }
}

impl LoadBalancer for LeastRequests {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        let mut random = Random::seeded(ask.random);
        let drawn = self.weighted.draw(endpoints, ask, &mut random)?;
        let load = self.load(&endpoints[drawn], 0, ask.now);
        if load == 0.0 {
            return Some(drawn);
        }
        let other = if self.weighted.len() <= SMALL {
            self.least(endpoints, ask, drawn, &mut random)
        } else {
            self.weighted.another(endpoints, ask, drawn, &mut random)
        };
        let better = other.filter(|other| self.load(&endpoints[*other], 1, ask.now) <= load);
        Some(better.unwrap_or(drawn))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::contract::{Chance, endpoints},
        *,
    };

    /// Sends `requests` and lets none of them end; what each endpoint has then.
    fn held(weights: &[u32], before: &[u32], requests: u32) -> Vec<u32> {
        let endpoints = endpoints(weights);
        for (endpoint, before) in endpoints.iter().zip(before) {
            (0..*before).for_each(|_| endpoint.learned.begin());
        }
        let balancer = LeastRequests::new(&endpoints, Ramp(None));
        let mut chance = Chance::default();
        for _ in 0..requests {
            let picked = balancer.pick(&endpoints, &chance.ask()).unwrap();
            endpoints[picked].learned.begin();
        }
        endpoints.iter().map(|endpoint| endpoint.learned.in_flight()).collect()
    }

    #[test]
    fn load_is_made_even() {
        assert_eq!(held(&[1, 1, 1], &[100, 0, 50], 150), [100, 100, 100]);
        assert_eq!(held(&[1, 1, 1, 1], &[], 400), [100; 4]);
        // Nobody who is idle is left out for somebody who is not.
        assert_eq!(held(&[1, 1, 1], &[], 3), [1; 3]);
    }

    #[test]
    fn load_is_even_for_the_weight() {
        for (weights, before, requests) in
            [(&[9, 1][..], &[0, 0][..], 1000), (&[100, 100, 1], &[50, 0, 0], 151), (&[10, 20, 30], &[0, 100, 0], 500)]
        {
            let total: u32 = weights.iter().sum();
            let loads = held(weights, before, requests);
            let all: u32 = loads.iter().sum();
            for (load, weight) in loads.iter().zip(weights) {
                let even = f64::from(all * weight) / f64::from(total);
                assert!((f64::from(*load) - even).abs() <= 1.0, "{loads:?} for {weights:?}");
            }
        }
    }

    #[test]
    fn two_choices_keep_large_sets_nearly_even() {
        let loads = held(&[1; 100], &[], 1000);
        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        // By chance alone, some would have twenty.
        assert!(*most <= 13 && *least >= 5, "from {least} to {most}");
    }
}
