//! Who waits for the place where lines go, so that no worker must.

use std::{
    io,
    sync::{Arc, mpsc::SyncSender},
};

use otlp::{Exporter, Queue};

use super::{
    shared::Shared,
    sink::Target,
    writer::{Order, Writer},
};
use crate::buffers::Batch;

/// The thread of a log. Its end waits until everything is written, but not forever.
#[derive(Debug)]
pub(super) enum Courier {
    Writer(Writer),
    /// Tells a collector.
    Exporter(Exporter<Batch>),
}

/// The way of a worker to it.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Writer(SyncSender<Order>),
    Exporter(Queue<Batch>),
}

/// What the threads of logs are called.
const THREAD: &str = "access-log";

// === impl Courier ===

impl Courier {
    /// So many batches may wait.
    pub(super) fn start(target: Target, room: usize, shared: &Arc<Shared>) -> io::Result<Self> {
        Ok(match target {
            Target::Sink(sink) => Self::Writer(Writer::start(THREAD, sink, room, shared)?),
            Target::Collector(client, envelope) => {
                Self::Exporter(Exporter::start(THREAD, *client, envelope, room, shared.counts.told.clone())?)
            }
        })
    }

    pub(super) fn way(&self) -> Way {
        match self {
            Self::Writer(writer) => Way::Writer(writer.orders.clone()),
            Self::Exporter(exporter) => Way::Exporter(exporter.queue()),
        }
    }

    /// Has files opened anew.
    pub(super) fn reopen(&self) {
        if let Self::Writer(writer) = self {
            // If the queue is full of requests to reopen, one more changes nothing.
            let _ = writer.orders.try_send(Order::Reopen);
        }
    }

    /// Nobody waits for it much longer.
    pub(super) fn close(&self) {
        match self {
            Self::Writer(writer) => writer.close(),
            Self::Exporter(exporter) => exporter.close(),
        }
    }
}

// === impl Way ===

impl Way {
    /// Takes a batch, or drops and counts it. Never waits.
    pub(super) fn hand_over(&self, batch: Batch, shared: &Shared) {
        match self {
            Self::Exporter(queue) => queue.hand_over(batch),
            Self::Writer(orders) => {
                let lines = batch.count;
                if orders.try_send(Order::Write(batch)).is_err() {
                    shared.dropped(lines);
                }
            }
        }
    }
}
