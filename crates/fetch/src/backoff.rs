//! How long to wait before the next try.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use message::Random;

/// Waits that double with every failure, up to a bound, each spread between its half and its whole: gateways that lost a
/// registry together do not come back to it together.
pub struct Backoff {
    random: Random,
    next: Duration,
}

/// After the first failure.
const FIRST: Duration = Duration::from_millis(200);
/// However many failed: a registry that is back should be noticed soon.
const LONGEST: Duration = Duration::from_secs(10);

// === impl Backoff ===

impl Backoff {
    pub fn new(random: Random) -> Self {
        Self { random, next: FIRST }
    }

    /// One that differs from those of other watches and gateways.
    pub fn by_chance() -> Self {
        Self::new(Random::seeded(RandomState::new().hash_one(0)))
    }

    /// How long to wait after one more failure.
    pub fn failed(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(LONGEST);
        whole.mul_f64(0.5 + self.random.fraction() / 2.0)
    }

    /// It works again.
    pub fn succeeded(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::new(Random::seeded(7));
        let waits: Vec<_> = (0..12).map(|_| backoff.failed()).collect();
        assert!((FIRST / 2..=FIRST).contains(&waits[0]), "{waits:?}");
        assert!(waits[6..].iter().all(|wait| (LONGEST / 2..=LONGEST).contains(wait)), "{waits:?}");
        backoff.succeeded();
        assert!(backoff.failed() <= FIRST);
    }
}
