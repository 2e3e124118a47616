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

    pub(super) fn is_done(self, endpoint: &Endpoint, now: Instant) -> bool {
        self.0.is_none_or(|window| endpoint.learned.warm_for(now) >= window)
    }

    /// Whether an endpoint that was chosen leaves the request to another one, which may be as new.
    pub(super) fn gives_way(self, chosen: &Endpoint, other: &Endpoint, random: &mut Random, now: Instant) -> bool {
        !random.hits(self.part(chosen, now) / self.part(other, now))
    }
}
