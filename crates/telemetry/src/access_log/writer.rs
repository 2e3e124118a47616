//! The thread that waits for the sink, so that nobody else must.

use std::{
    io,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

use super::{ROOM, sink::Sink};

#[derive(Debug)]
pub(super) enum Order {
    Write(Batch),
    Reopen,
    Close,
}

/// Whole lines, and where their buffer comes from.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
    pub(super) home: SyncSender<Vec<u8>>,
}

/// Follows orders until it is told to close, or nobody is left to give any.
pub(super) fn run(orders: &Receiver<Order>, mut sink: Box<dyn Sink>, dropped: &AtomicU64) {
    let mut condition = Condition::default();
    for order in orders {
        match order {
            Order::Write(batch) => condition.write(&mut *sink, batch, dropped),
            Order::Reopen => {
                if let Err(error) = sink.reopen() {
                    tracing::warn!(%error, "cannot reopen the access log, going on with the old file");
                }
            }
            Order::Close => return,
        }
    }
}

/// What the sink was left in by what came before.
#[derive(Debug, Default)]
struct Condition {
    /// It ends in the midst of a line.
    torn: bool,
    /// The last write failed; said once, not once per batch.
    failed: bool,
}

// === impl Condition ===

impl Condition {
    fn write(&mut self, sink: &mut dyn Sink, mut batch: Batch, dropped: &AtomicU64) {
        match self.write_all(sink, &batch.bytes) {
            Ok(()) if self.failed => {
                self.failed = false;
                tracing::info!("the access log can be written again");
            }
            Ok(()) => {}
            Err((written, error)) => {
                let whole = batch.bytes[..written].iter().filter(|byte| **byte == b'\n').count() as u64;
                dropped.fetch_add(batch.lines.saturating_sub(whole), Relaxed);
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::warn!(%error, "cannot write the access log, dropping its lines until it can be written again");
                }
            }
        }
        batch.bytes.clear();
        // A line of unusual length made it grow; that room is not kept.
        batch.bytes.shrink_to(ROOM);
        // The worker may be gone.
        let _ = batch.home.try_send(batch.bytes);
    }

    /// Fails with the number of bytes that were written before.
    fn write_all(&mut self, sink: &mut dyn Sink, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.torn {
            // What was cut off is lost, but shall not take the next line with it.
            write_some(sink, b"\n").map_err(|error| (0, error))?;
            self.torn = false;
        }
        let mut written = 0;
        while written < bytes.len() {
            match write_some(sink, &bytes[written..]) {
                Ok(more) => written += more,
                Err(error) => {
                    self.torn = written > 0 && bytes[written - 1] != b'\n';
                    return Err((written, error));
                }
            }
        }
        Ok(())
    }
}

/// One write that goes on after interruptions, and waits where somebody made the descriptor non-blocking: stdout is
/// shared with whoever started the process.
fn write_some(sink: &mut dyn Sink, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match sink.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(10)),
            result => return result,
        }
    }
}
