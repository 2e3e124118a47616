//! Exchanges told to a collector as spans (OpenTelemetry).
//!
//! Nothing is made while an exchange runs: its record is there anyway. When it is over and is to be told of, its spans are
//! written as they go over the wire ([`spans`]), into a buffer of the worker's own that is handed over when it holds enough.

mod spans;

use std::{io, sync::Arc};

use message::{Attempt, Trace};
use otlp::{Client, Counts, Envelope, Exporter, Kind, Queue, Reason, Scope};

use crate::{
    Expose, Exposition, Line,
    buffers::{Batch, Buffers},
    names,
};

/// An exchange that is told of: what the log sees, and more. Borrows everything but what is made for it alone.
pub struct Traced<'a> {
    pub line: &'a Line<'a>,
    pub trace: Trace,
    /// The path of its route, as it is written.
    pub pattern: Option<String>,
    /// The upstream of an attempt.
    pub upstream_of: &'a dyn Fn(&Attempt) -> &'a str,
}

/// So many exchanges a worker hands over at a time, or fewer that need as many bytes as [`FULL`]. Those that are fewer still go
/// with its next tick.
const BATCH: usize = 64;
/// What these need in bytes, if they are of the usual kind: one attempt, and nothing that was waited for.
const ROOM: usize = 64 << 10;
/// The rest of the room is for the exchange that makes it full.
const FULL: usize = 60 << 10;
/// Buffers of a worker that are kept for what comes; while a collector is slow more are under way.
const KEPT: usize = 8;

/// Of the conventions that attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// The traces of a gateway. Its end, after that of its [`WorkerTraces`], waits until everything is told, but not forever.
#[derive(Debug)]
pub struct Traces {
    exporter: Exporter<Batch>,
}

/// What is counted of traces. Outlives collectors, so that a reload resets nothing.
#[derive(Debug, Default, Clone)]
pub struct TraceMetrics(Arc<Counts>);

/// The end of traces that belongs to one worker.
#[derive(Debug)]
pub struct WorkerTraces {
    /// Spans, one after the other.
    buffer: Vec<u8>,
    spans: u64,
    /// That these are of.
    exchanges: usize,
    buffers: Buffers,
    queue: Queue<Batch>,
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
        resource: &[(String, String)],
        version: &'static str,
        (workers, queue): (usize, usize),
        metrics: &TraceMetrics,
    ) -> io::Result<Self> {
        let envelope = Envelope::new(Kind::Traces, resource, Scope { name: "sluice", version, schema_url: SCHEMA });
        let room = workers * queue.div_ceil(BATCH);
        let exporter = Exporter::start("traces", client, envelope, room, metrics.0.clone())?;
        Ok(Self { exporter })
    }

    /// The end of one worker. To be called once for each.
    pub fn worker(&self) -> WorkerTraces {
        WorkerTraces {
            buffer: Vec::with_capacity(ROOM),
            spans: 0,
            exchanges: 0,
            buffers: Buffers::new(KEPT, ROOM),
            queue: self.exporter.queue(),
        }
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
    pub fn tell(&mut self, traced: &Traced<'_>) {
        self.spans += spans::write(traced, &mut self.buffer);
        self.exchanges += 1;
        if self.exchanges >= BATCH || self.buffer.len() >= FULL {
            self.hand_over();
        }
    }

    /// Hands over what there is. To be called about once a second, so that nothing is older than that; unless what was handed over
    /// before still waits.
    pub fn tick(&mut self) {
        if self.exchanges > 0 && self.queue.has_room() {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let next = self.buffers.take().unwrap_or_else(|| Vec::with_capacity(ROOM));
        let (bytes, spans) = (std::mem::replace(&mut self.buffer, next), std::mem::take(&mut self.spans));
        self.exchanges = 0;
        self.queue.hand_over(self.buffers.batch(bytes, spans));
    }
}

impl Drop for WorkerTraces {
    fn drop(&mut self) {
        if self.exchanges > 0 {
            self.hand_over();
        }
    }
}
