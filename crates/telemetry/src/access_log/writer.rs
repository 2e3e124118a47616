//! The thread that waits for the sink, so that nobody else must.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender},
    time::Instant,
};

use super::{ROOM, shared::Shared, sink::Sink};

#[derive(Debug)]
pub(super) enum Order {
    Write(Batch),
    Reopen,
}

/// Whole lines, and where their buffer comes from.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
    pub(super) home: SyncSender<Vec<u8>>,
}

/// Follows orders until nobody is left to give any.
pub(super) fn run(orders: &Receiver<Order>, mut sink: Box<dyn Sink>, shared: &Shared) {
    loop {
        let order = match sink.due() {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => orders.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match order {
            Ok(Order::Write(batch)) => {
                sink.write(&batch.bytes, batch.lines, shared);
                batch.go_home();
            }
            Ok(Order::Reopen) => sink.reopen(shared),
            Err(RecvTimeoutError::Timeout) => sink.flush(shared),
            Err(RecvTimeoutError::Disconnected) => return sink.flush(shared),
        }
    }
}

// === impl Batch ===

impl Batch {
    fn go_home(mut self) {
        self.bytes.clear();
        // A line of unusual length made it grow; that room is not kept.
        self.bytes.shrink_to(ROOM);
        // The worker may be gone.
        let _ = self.home.try_send(self.bytes);
    }
}
