//! The thread that waits for a sink.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use super::{shared::Shared, sink::Sink};
use crate::buffers::Batch;

/// The thread. Its end waits until everything is written, but not forever.
#[derive(Debug)]
pub(super) struct Writer {
    // Goes first: the thread ends when nobody is left to give orders.
    pub(super) orders: SyncSender<Order>,
    end: End,
}

#[derive(Debug)]
pub(super) enum Order {
    Write(Batch),
    Reopen,
}

/// The end of the thread, which is waited for.
#[derive(Debug)]
struct End {
    shared: Arc<Shared>,
    /// Disconnected when the thread has ended. Asked by the last who holds the log.
    ended: Mutex<Receiver<()>>,
}

/// How long the end of a log waits for a sink that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

// === impl Writer ===

impl Writer {
    /// Starts the thread. So many orders may wait.
    pub(super) fn start(name: &str, sink: Box<dyn Sink>, room: usize, shared: &Arc<Shared>) -> io::Result<Self> {
        let (orders, given) = sync_channel(room);
        let (alive, ended) = sync_channel(0);
        let told = shared.clone();
        scheduling::background(name, move || {
            run(&given, sink, &told);
            // What still comes is lost, and counted by whoever sends it.
            drop((given, alive));
        })?;
        Ok(Self { orders, end: End { shared: shared.clone(), ended: Mutex::new(ended) } })
    }

    pub(super) fn close(&self) {
        self.end.shared.close();
    }
}

/// Follows orders until nobody is left to give any.
fn run(orders: &Receiver<Order>, mut sink: Box<dyn Sink>, shared: &Shared) {
    loop {
        let order = match sink.due() {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => orders.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match order {
            Ok(Order::Write(batch)) => sink.write(&batch.bytes, batch.count, shared),
            Ok(Order::Reopen) => sink.reopen(shared),
            Err(RecvTimeoutError::Timeout) => sink.flush(shared),
            Err(RecvTimeoutError::Disconnected) => return sink.flush(shared),
        }
    }
}

// === impl End ===

impl Drop for End {
    fn drop(&mut self) {
        self.shared.close();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let log = &*self.shared.name;
            tracing::warn!(log, patience = ?PATIENCE, "the access log takes no more lines, the last ones are lost");
        }
    }
}
