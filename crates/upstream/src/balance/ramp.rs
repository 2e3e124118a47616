//! New endpoints get their share little by little: caches are cold and pools empty, and whoever has nothing to do looks
//! like the best choice.

use std::time::{Duration, Instant};

use message::Random;

use crate::Endpoint;

/// How long an endpoint takes to its whole share; `None`: it has it at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ramp(pub(super) Option<Duration>);

/// The part of its share that an endpoint begins with: with nothing it would never be warm.
const LEAST: f64 = 0.1;

// === impl Ramp ===

impl Ramp {
    /// The part of its weight that an endpoint has by now, up to 1. Where all are as new, none is held back by it.
    pub(super) fn part(self, endpoint: &Endpoint, now: Instant) -> f64 {
        match self.0 {
            Some(window) => (endpoint.learned.warm_for(now).as_secs_f64() / window.as_secs_f64()).clamp(LEAST, 1.0),
            None => 1.0,
        }
    }

    /// Takes from the chances of those who are new what is not theirs yet, and gives it to those who are warmest.
    pub(super) fn apply<'e>(
        self,
        endpoints: impl Iterator<Item = (&'e Endpoint, usize)> + Clone,
        chances: &mut [f64],
        now: Instant,
    ) {
        if endpoints.clone().all(|(endpoint, _)| self.is_done(endpoint, now)) {
            return;
        }
        let part = |endpoint: &Endpoint| self.part(endpoint, now);
        let warmest = endpoints.clone().map(|(endpoint, _)| part(endpoint)).fold(0.0, f64::max);
        let (mut taken, mut warm) = (0.0, 0.0);
        for (endpoint, at) in endpoints.clone() {
            let part = part(endpoint) / warmest;
            taken += chances[at] * (1.0 - part);
            chances[at] *= part;
            warm += if part < 1.0 { 0.0 } else { chances[at] };
        }
        for (_, at) in endpoints.filter(|(endpoint, _)| part(endpoint) >= warmest) {
            chances[at] *= 1.0 + taken / warm;
        }
    }

    pub(super) fn is_done(self, endpoint: &Endpoint, now: Instant) -> bool {
        self.0.is_none_or(|window| endpoint.learned.warm_for(now) >= window)
    }

    /// Whether an endpoint that was chosen leaves the request to another one, which may be as new.
    pub(super) fn gives_way(self, chosen: &Endpoint, other: &Endpoint, random: &mut Random, now: Instant) -> bool {
        !random.hits(self.part(chosen, now) / self.part(other, now))
    }
}
