//! Two counts of the last seconds, for questions about their ratio.
//!
//! The window moves in parts. Every worker counts on lines of its own, which others read only when somebody asks; so what
//! is asked and counted in the same instant may be missed.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(crate) struct Recent {
    epoch: Instant,
    /// Of a part, in nanoseconds.
    width: u64,
    shards: Box<[Shard]>,
}

/// Alone in its cache lines.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard([Slot; PARTS]);

/// What happened in one part of time. Only its worker writes it.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Counted from the epoch and from 1; 0: none yet.
    part: AtomicU64,
    counts: [AtomicU32; 2],
}

/// In a window, the one under way included: that one is being written while the others are read.
const PARTS: usize = 10;

// === impl Recent ===

impl Recent {
    pub(crate) fn new(window: Duration, workers: usize, now: Instant) -> Self {
        let width = u64::try_from(window.as_nanos() / PARTS as u128).unwrap_or(u64::MAX).max(1);
        Self { epoch: now, width, shards: (0..workers.max(1)).map(|_| Shard::default()).collect() }
    }

    /// The part of time that it is.
    pub(crate) fn part(&self, now: Instant) -> u64 {
        // A process does not run for the 500 years that this can hold.
        let elapsed = now.saturating_duration_since(self.epoch).as_nanos() as u64;
        elapsed / self.width + 1
    }

    /// Where a worker counts in a part of time, emptied if it held another one.
    pub(crate) fn slot(&self, worker: usize, part: u64) -> &Slot {
        let shard = &self.shards[worker % self.shards.len()];
        let slot = &shard.0[(part % PARTS as u64) as usize];
        if slot.part.load(Relaxed) != part {
            slot.counts.iter().for_each(|count| count.store(0, Relaxed));
            slot.part.store(part, Relaxed);
        }
        slot
    }

    /// What all workers counted in the window that ends with this part, and after another one.
    pub(crate) fn totals(&self, part: u64, after: u64) -> [u64; 2] {
        let mut totals = [0; 2];
        for slot in self.shards.iter().flat_map(|shard| &shard.0) {
            let counted = slot.part.load(Relaxed);
            let age = part.wrapping_sub(counted);
            // A clock that another worker read a little later is within the window as well.
            if counted > after && (age < PARTS as u64 || age == u64::MAX) {
                totals.iter_mut().zip(&slot.counts).for_each(|(total, count)| *total += u64::from(count.load(Relaxed)));
            }
        }
        totals
    }
}

// === impl Slot ===

impl Slot {
    /// Counts one. Only one worker writes it, so load and store need not be one step.
    pub(crate) fn bump(&self, which: usize) {
        let count = &self.counts[which];
        count.store(count.load(Relaxed).saturating_add(1), Relaxed);
    }
}
