//! Counters that belong to one worker each.
//!
//! **Each worker writes its own shard and no other.** So an increment is a relaxed load and a relaxed store, without the
//! bus lock of a read-modify-write: nobody else can write in between. A scrape reads from another thread and sees each
//! counter at some recent value, whole, since it is one machine word, and never going down. Were the rule broken, counts
//! would be lost; nothing worse, since everything is still an atomic.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// Grows; written by one thread, read by any.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// One `T` per worker, made when the worker first counts: of fifty thousand routes most are idle, and cost 40 bytes.
#[derive(Debug)]
pub(crate) struct Sharded<T> {
    shards: OnceLock<Box<[Shard<T>]>>,
    workers: u32,
    /// Whether a scrape has shown it under its own name; from then on it always does. See `exposition::series`.
    pub(crate) named: AtomicBool,
}

/// Empty until its worker counts.
type Shard<T> = OnceLock<Box<Padded<T>>>;

/// On cache lines of its own: two, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded<T>(T);

// === impl Counter ===

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// To be called by the one writer only; see the head of this file.
    pub(crate) fn add(&self, amount: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(amount), Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

// === impl Sharded ===

impl<T: Default> Sharded<T> {
    pub(crate) const fn new(workers: usize) -> Self {
        Self { shards: OnceLock::new(), workers: workers as u32, named: AtomicBool::new(false) }
    }

    /// The shard that `worker`, and nobody else, writes.
    ///
    /// # Panics
    /// If `worker` is not below the number of workers that this was made for.
    pub(crate) fn of(&self, worker: usize) -> &T {
        let shards = self.shards.get_or_init(|| (0..self.workers).map(|_| OnceLock::new()).collect());
        &shards[worker].get_or_init(Box::default).0
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers as usize
    }

    /// The shards in use, with the worker of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let shards = self.shards.get().map_or(&[][..], |shards| shards);
        shards.iter().enumerate().filter_map(|(worker, shard)| Some((worker, &shard.get()?.0)))
    }

    pub(crate) fn is_used(&self) -> bool {
        self.iter().next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_count_beside_each_other_and_lose_nothing() {
        const EACH: u64 = 100_000;
        let sharded = Sharded::<Counter>::new(4);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let sharded = &sharded;
                scope.spawn(move || (0..EACH).for_each(|_| sharded.of(worker).add(1)));
            }
        });
        assert_eq!(sharded.iter().map(|(_, counter)| counter.get()).sum::<u64>(), 4 * EACH);
    }

    #[test]
    fn an_idle_object_holds_no_shards() {
        let sharded = Sharded::<Counter>::new(64);
        assert!(!sharded.is_used());
        sharded.of(3).add(1);
        assert_eq!(sharded.iter().map(|(worker, _)| worker).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn shards_share_no_cache_line() {
        assert_eq!((align_of::<Padded<Counter>>(), size_of::<Padded<Counter>>()), (128, 128));
    }
}
