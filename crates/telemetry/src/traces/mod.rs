//! Exchanges told to a collector as spans (OpenTelemetry).
//!
//! Nothing is made while an exchange runs: its record is there anyway. When it is over and is to be told of, what its spans
//! will say is copied ([`Told`]) and handed over in batches; spans are made of it where no exchange waits ([`spans`]).

mod spans;
mod told;

use std::{io, sync::Arc};

use otlp::{Client, Counts, Exporter, Queue, Reason, messages::KeyValue};

pub use told::{Names, Told, ToldAttempt, ToldWait};

use crate::{Expose, Exposition, names};
use spans::Teller;

/// How many a worker hands over at a time. Those that are fewer go with its next tick.
const BATCH: usize = 32;

/// The traces of a gateway. Its end, after that of its [`WorkerTraces`], waits until everything is told, but not forever.
#[derive(Debug)]
pub struct Traces {
    exporter: Exporter<Told>,
}

/// What is counted of traces. Outlives collectors, so that a reload resets nothing.
#[derive(Debug, Default, Clone)]
pub struct TraceMetrics(Arc<Counts>);

/// The end of traces that belongs to one worker.
#[derive(Debug)]
pub struct WorkerTraces {
    batch: Vec<Told>,
    queue: Queue<Told>,
}

// === impl Traces ===

impl Traces {
    /// Starts the thread that tells `client`. `resource` says who tells. So many exchanges of each worker may wait; what there is
    /// no room for is dropped and counted.
    ///
    /// # Errors
    /// No thread or no event queue can be had.
    pub fn open(
        client: Client,
        resource: Vec<KeyValue>,
        version: &'static str,
        (workers, queue): (usize, usize),
        metrics: &TraceMetrics,
    ) -> io::Result<Self> {
        let teller = Teller::new(resource, version);
        let room = workers * queue.div_ceil(BATCH);
        let exporter = Exporter::start("traces", client, teller, room, metrics.0.clone())?;
        Ok(Self { exporter })
    }

    /// The end of one worker. To be called once for each.
    pub fn worker(&self) -> WorkerTraces {
        WorkerTraces { batch: Vec::with_capacity(BATCH), queue: self.exporter.queue() }
    }
}

// === impl TraceMetrics ===

impl Expose for TraceMetrics {
    fn expose(&self, out: &mut Exposition) {
        out.family(&names::SPANS_EXPORTED).count(&[], self.0.exported());
        let mut samples = out.family(&names::SPANS_DROPPED);
        for reason in Reason::ALL {
            // Also those that never were: a rate needs a zero to rise from.
            samples.count(&[reason.name()], self.0.dropped(reason));
        }
    }
}

// === impl WorkerTraces ===

impl WorkerTraces {
    /// Takes an exchange, or drops and counts it. Never waits.
    pub fn tell(&mut self, told: Told) {
        self.batch.push(told);
        if self.batch.len() >= BATCH {
            self.hand_over();
        }
    }

    /// Hands over what there is. To be called about once a second, so that nothing is older than that.
    pub fn tick(&mut self) {
        if !self.batch.is_empty() {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let next = Vec::with_capacity(BATCH);
        self.queue.hand_over(std::mem::replace(&mut self.batch, next));
    }
}

impl Drop for WorkerTraces {
    fn drop(&mut self) {
        self.tick();
    }
}
