//! Buffers in circulation: a worker fills one, another thread empties it, and it goes back.
//!
//! So neither of them allocates while the other keeps up, and little memory that one thread took is given back by another.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The buffers of one worker that nobody needs at the moment.
#[derive(Debug)]
pub(crate) struct Buffers {
    empty: Receiver<Vec<u8>>,
    home: Home,
}

/// What a worker filled. Its buffer goes back when nobody needs it any more.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// So many lines, records or spans.
    pub(crate) count: u64,
    home: Home,
}

/// Where buffers come from.
#[derive(Debug, Clone)]
struct Home {
    sender: SyncSender<Vec<u8>>,
    /// Of a buffer, in bytes.
    room: usize,
}

// === impl Buffers ===

impl Buffers {
    /// None yet. At most so many are kept, with this room each, in bytes; what else comes back is given up.
    pub(crate) fn new(most: usize, room: usize) -> Self {
        let (sender, empty) = sync_channel(most);
        Self { empty, home: Home { sender, room } }
    }

    /// Puts one more in circulation.
    pub(crate) fn give(&self, buffer: Vec<u8>) {
        self.home.take_back(buffer);
    }

    /// `None`: all are under way.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        let mut buffer = self.empty.try_recv().ok()?;
        buffer.reserve(self.home.room);
        Some(buffer)
    }

    /// What is in a buffer, to be handed over.
    pub(crate) fn batch(&self, bytes: Vec<u8>, count: u64) -> Batch {
        Batch { bytes, count, home: self.home.clone() }
    }

    /// One that comes back, sooner or later.
    #[cfg(test)]
    pub(crate) fn wait(&self) -> Vec<u8> {
        self.empty.recv().unwrap()
    }
}

// === impl Batch ===

impl otlp::Batch for Batch {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn count(&self) -> u64 {
        self.count
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.home.take_back(std::mem::take(&mut self.bytes));
    }
}

// === impl Home ===

impl Home {
    fn take_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        // Something of unusual length made it grow; that room is not kept.
        buffer.shrink_to(self.room);
        // The worker may be gone, or have enough.
        _ = self.sender.try_send(buffer);
    }
}
