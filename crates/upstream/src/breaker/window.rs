//! What the last seconds were like: counters in a ring, each for a part of the window.
//!
//! Adding is one addition to a word. Whoever comes first in a new part of the window makes room for it, with the counter
//! of the oldest; who comes in that very moment is not counted rather than made to wait.

use std::time::Duration;

use crate::atomic::{AtomicU64, Ordering};

/// On cache lines of its own: all workers write here, while the state beside it is mostly read.
#[repr(align(128))]
pub(super) struct Window {
    /// Of a bucket, in milliseconds.
    width: u64,
    buckets: [Bucket; BUCKETS],
}

/// What was counted, at one moment or other of the last window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    pub requests: u64,
    pub failures: u64,
    pub slow: u64,
}

struct Bucket {
    /// Which part of time it holds, from 1; or [`EMPTY`], or [`BUSY`] while that changes.
    part: AtomicU64,
    /// Requests, failures and slow ones, [`FIELD`] bits each.
    counts: AtomicU64,
}

const BUCKETS: usize = 10;
/// Before all parts of time.
const EMPTY: u64 = 0;
/// After all parts of time.
const BUSY: u64 = u64::MAX;
const FIELD: u32 = 21;
/// A bucket counts no further: what it says of ratios would not change any more. Far enough below the end of the field
/// for all who are adding at the same time.
const FULL: u64 = 1 << (FIELD - 1);

// === impl Window ===

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let width = (length.as_millis() / BUCKETS as u128).clamp(1, u128::from(u64::MAX)) as u64;
        Self {
            width,
            buckets: std::array::from_fn(|_| Bucket { part: AtomicU64::new(EMPTY), counts: AtomicU64::new(0) }),
        }
    }

    /// Counts a request that ended at this age of the breaker.
    pub(super) fn add(&self, age: Duration, failed: bool, slow: bool) {
        let part = self.part(age);
        let bucket = &self.buckets[part as usize % BUCKETS];
        if !bucket.holds(part) {
            return;
        }
        if bucket.counts.load(Ordering::Relaxed) & ((1 << FIELD) - 1) < FULL {
            let counts = 1 | u64::from(failed) << FIELD | u64::from(slow) << (2 * FIELD);
            bucket.counts.fetch_add(counts, Ordering::Relaxed);
        }
    }

    pub(super) fn totals(&self, age: Duration) -> Totals {
        let now = self.part(age);
        let mut totals = Totals::default();
        for bucket in &self.buckets {
            let part = bucket.part.load(Ordering::Acquire);
            if part <= now && part + BUCKETS as u64 > now && part != EMPTY {
                let counts = bucket.counts.load(Ordering::Relaxed);
                let field = |index: u32| counts >> (index * FIELD) & ((1 << FIELD) - 1);
                totals.requests += field(0);
                totals.failures += field(1);
                totals.slow += field(2);
            }
        }
        totals
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for bucket in &self.buckets {
            bucket.part.store(EMPTY, Ordering::Release);
        }
    }

    fn part(&self, age: Duration) -> u64 {
        (age.as_secs() * 1000 + u64::from(age.subsec_millis())) / self.width + 1
    }
}

// === impl Bucket ===

impl Bucket {
    /// Makes it hold this part of time, if it holds an earlier one. False if it does not: another thread is about to, or
    /// the part is over already.
    fn holds(&self, part: u64) -> bool {
        let held = self.part.load(Ordering::Acquire);
        if held == part {
            return true;
        }
        if held > part || self.part.compare_exchange(held, BUSY, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        self.counts.store(0, Ordering::Relaxed);
        self.part.store(part, Ordering::Release);
        true
    }
}
