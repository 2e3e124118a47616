//! One JSON line per exchange.
//!
//! ```text
//!   worker                                            writer thread
//!   ┌─────────────┐   full, or a second old (tick)    ┌─────────────┐
//!   │ WorkerLog   │ ───────────── Batch ────────────▶ │ writer::run │ ──▶ file or stdout
//!   │  one buffer │ ◀──────── empty buffer ────────── │             │
//!   └─────────────┘                                   └─────────────┘
//! ```
//! Each worker has a fixed number of buffers in circulation. While all of them wait for a slow or dead sink, its lines
//! are dropped and counted. So a sink never delays a request, and memory is bounded by construction.

mod json;
mod line;
mod sink;
mod timestamp;
mod writer;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

pub use line::Line;
pub use timestamp::rfc3339;

use crate::{Expose, Exposition, names};
use sink::Sink;
use timestamp::Timestamp;
use writer::{Batch, Order};

/// Buffers of a worker: one that it fills, the others with the writer thread or on their way.
const BUFFERS: usize = 4;
/// A buffer that holds this many bytes goes to the writer; the rest of its room is for the line that makes it full.
const FULL: usize = 48 * 1024;
const ROOM: usize = 64 * 1024;
/// How long the end of the log waits for a sink that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Stdout,
    /// Appended to; made if missing, readable by owner and group.
    File(PathBuf),
}

/// The access log of a gateway. Its end, after that of its [`WorkerLog`]s, waits until everything is written, but not
/// forever.
#[derive(Debug)]
pub struct AccessLog {
    writer: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
    /// Disconnected when the writer thread has ended.
    ended: Receiver<()>,
}

/// The end of the log that belongs to one worker.
#[derive(Debug)]
pub struct WorkerLog {
    buffer: Vec<u8>,
    lines: u64,
    timestamp: Timestamp,
    empty: Receiver<Vec<u8>>,
    home: SyncSender<Vec<u8>>,
    writer: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
}

// === impl AccessLog ===

impl AccessLog {
    /// Opens the target and starts the writer thread.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be started.
    pub fn open(target: Target, workers: usize) -> io::Result<Self> {
        Self::start(sink::open(target)?, workers)
    }

    fn start(sink: Box<dyn Sink>, workers: usize) -> io::Result<Self> {
        // Room for every buffer there is, so that a worker never finds the queue full; and for a few more orders.
        let (writer, orders) = sync_channel(workers * BUFFERS + 4);
        let (alive, ended) = sync_channel(0);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = dropped.clone();
        thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            writer::run(&orders, sink, &lost);
            drop(alive);
        })?;
        Ok(Self { writer, dropped, ended })
    }

    /// The log of one worker. To be called once for each.
    pub fn worker(&self) -> WorkerLog {
        let (home, empty) = sync_channel(BUFFERS);
        for _ in 1..BUFFERS {
            // Cannot fail: the channel has room for all of them.
            let _ = home.try_send(Vec::with_capacity(ROOM));
        }
        WorkerLog {
            buffer: Vec::with_capacity(ROOM),
            lines: 0,
            timestamp: Timestamp::default(),
            empty,
            home,
            writer: self.writer.clone(),
            dropped: self.dropped.clone(),
        }
    }

    /// Has the file opened anew, after somebody renamed it (logrotate). What was written before goes to the old one.
    pub fn reopen(&self) {
        // If the queue is full of requests to reopen, one more changes nothing.
        let _ = self.writer.try_send(Order::Reopen);
    }

    /// Lines that were lost so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

impl Expose for AccessLog {
    fn expose(&self, out: &mut Exposition) {
        out.family(&names::ACCESS_LOG_DROPPED).count(&[], self.dropped());
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if self.writer.try_send(Order::Close).is_err() {
            return;
        }
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(patience = ?PATIENCE, "the access log takes no more lines, the last ones are lost");
        }
    }
}

// === impl WorkerLog ===

impl WorkerLog {
    /// Takes a line, or drops and counts it. Neither blocks, nor allocates once buffers have grown to their size.
    pub fn write(&mut self, line: &Line<'_>) {
        if self.buffer.len() >= FULL && !self.hand_over() {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        line.format(&mut self.timestamp, &mut self.buffer);
        self.lines += 1;
    }

    /// Hands over what there is. To be called about once a second, so that no line is older than that.
    pub fn tick(&mut self) {
        if self.lines > 0 {
            self.hand_over();
        }
    }

    /// Whether the buffer is empty now. If not, the writer holds all others.
    fn hand_over(&mut self) -> bool {
        let Ok(empty) = self.empty.try_recv() else { return false };
        self.send(empty);
        true
    }

    /// Sends the buffer to the writer and goes on with `next`.
    fn send(&mut self, next: Vec<u8>) {
        let bytes = std::mem::replace(&mut self.buffer, next);
        let lines = std::mem::take(&mut self.lines);
        let batch = Batch { bytes, lines, home: self.home.clone() };
        if self.writer.try_send(Order::Write(batch)).is_err() {
            self.dropped.fetch_add(lines, Relaxed);
        }
    }
}

impl Drop for WorkerLog {
    fn drop(&mut self) {
        // The last buffer need not wait for another to take its place.
        self.send(Vec::new());
    }
}

#[cfg(test)]
mod tests;
