//! When something happens by itself.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::Instant,
};

use super::Key;

/// The next deadline of each instance. Those that move away, as leases do with every heartbeat, cost nothing: an instance
/// is looked at when its old deadline comes, and put back.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
    /// By serial number: whose it is, and which entry of the heap counts.
    waiting: HashMap<u64, (Key, Instant)>,
}

/// Entries that count no more are swept out when there are more of them than this and than those that count.
const SPARE: usize = 1024;

// === impl Deadlines ===

impl Deadlines {
    /// Looks at the instance with this serial number at `deadline`, or before.
    pub(crate) fn set(&mut self, serial: u64, key: &Key, deadline: Instant) {
        let sooner = self.waiting.get(&serial).is_none_or(|(_, queued)| deadline < *queued);
        if sooner {
            self.waiting.insert(serial, (key.clone(), deadline));
            self.heap.push(Reverse((deadline, serial)));
        }
        if self.heap.len() > 2 * self.waiting.len() + SPARE {
            self.heap = self.waiting.iter().map(|(serial, (_, deadline))| Reverse((*deadline, *serial))).collect();
        }
    }

    pub(crate) fn forget(&mut self, serial: u64) {
        self.waiting.remove(&serial);
    }

    /// When there is something to look at, or earlier.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        loop {
            let Reverse((deadline, serial)) = *self.heap.peek()?;
            if self.waiting.get(&serial).is_some_and(|(_, queued)| *queued == deadline) {
                return Some(deadline);
            }
            self.heap.pop();
        }
    }

    /// Takes out one whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Key> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, serial)) = self.heap.pop()?;
        self.waiting.remove(&serial).map(|(key, _)| key)
    }
}
