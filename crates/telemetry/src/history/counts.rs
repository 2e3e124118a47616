use std::time::Duration;

use crate::histogram::{DURATION, Totals};

/// What counters say, or how much they grew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub requests: u64,
    /// Answered with a status of 500 and above; of attempts, those without an answer as well.
    pub failed: u64,
    /// Durations by bucket; the last is beyond all bounds.
    durations: [u64; DURATION.nanos.len() + 1],
}

// === impl Counts ===

impl Counts {
    pub(crate) fn new(requests: u64, failed: u64, totals: &Totals<{ DURATION.nanos.len() }>) -> Self {
        let mut durations = [0; DURATION.nanos.len() + 1];
        durations[..totals.within.len()].copy_from_slice(&totals.within);
        durations[totals.within.len()] = totals.beyond;
        Self { requests, failed, durations }
    }

    /// One more, that took so long.
    pub(crate) fn observe(&mut self, has_failed: bool, nanos: u64) {
        self.requests += 1;
        self.failed += u64::from(has_failed);
        self.durations[DURATION.bucket(nanos)] += 1;
    }

    /// How much they have grown since. Counters of something new of the same name begin anew; then it is all that there is.
    pub(crate) fn since(&self, before: &Self) -> Self {
        if self.requests < before.requests {
            return *self;
        }
        let mut durations = self.durations;
        for (now, before) in durations.iter_mut().zip(before.durations) {
            *now = now.saturating_sub(before);
        }
        Self { requests: self.requests - before.requests, failed: self.failed.saturating_sub(before.failed), durations }
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut durations = self.durations;
        for (sum, other) in durations.iter_mut().zip(other.durations) {
            *sum += other;
        }
        Self { requests: self.requests + other.requests, failed: self.failed + other.failed, durations }
    }

    /// Below which this share of the durations lies, as `histogram_quantile` of Prometheus estimates it: evenly spread within
    /// a bucket, and no longer than the longest bound. Zero if there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        let all: u64 = self.durations.iter().sum();
        let rank = share * all as f64;
        let (mut below, mut reached) = (0.0, 0_u64);
        for (bound, count) in DURATION.nanos.iter().zip(self.durations) {
            if count > 0 && (reached + count) as f64 >= rank {
                let within = (rank - reached as f64) / count as f64;
                return Duration::from_secs_f64((below + (*bound as f64 - below) * within) / 1e9);
            }
            reached += count;
            below = *bound as f64;
        }
        if all == 0 { Duration::ZERO } else { Duration::from_nanos(DURATION.nanos[DURATION.nanos.len() - 1]) }
    }
}
