//! How far the body of a request has come.

use std::{cell::Cell, time::Instant};

/// Written by whoever relays the body, read by those who wait for an answer to it.
#[derive(Debug)]
pub struct Upload {
    bytes: Cell<u64>,
    complete: Cell<bool>,
    last_piece: Cell<Instant>,
}

// === impl Upload ===

impl Upload {
    pub fn new(now: Instant) -> Self {
        Self { bytes: Cell::new(0), complete: Cell::new(false), last_piece: Cell::new(now) }
    }

    /// A piece of `bytes` bytes came in.
    pub fn advance(&self, bytes: u64, now: Instant) {
        self.bytes.set(self.bytes.get() + bytes);
        self.last_piece.set(now);
    }

    pub fn complete(&self, now: Instant) {
        self.complete.set(true);
        self.last_piece.set(now);
    }

    /// In bytes.
    pub fn received(&self) -> u64 {
        self.bytes.get()
    }

    pub fn is_complete(&self) -> bool {
        self.complete.get()
    }

    pub fn last_piece(&self) -> Instant {
        self.last_piece.get()
    }
}
