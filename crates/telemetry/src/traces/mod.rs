//! Exchanges told to a collector as spans (OpenTelemetry).
//!
//! Nothing is made while an exchange runs: its record is there anyway. When it is over and is to be told of, its spans are
//! written as they go over the wire ([`spans`]), into a buffer of the worker's own that is handed over when it holds enough.

mod spans;

use std::{io, sync::Arc};

use message::{Attempt, Trace};
use otlp::{Batch, Client, Counts, Envelope, Exporter, Kind, Queue, Reason, Scope};

use crate::{Expose, Exposition, Line, names};

/// An exchange that is told of: what the log sees, and more. Borrows everything but what is made for it alone.
pub struct Traced<'a> {
    pub line: &'a Line<'a>,
    pub trace: Trace,
    /// The path of its route, as it is written.
    pub pattern: Option<String>,
    /// The upstream of an attempt.
    pub upstream_of: &'a dyn Fn(&Attempt) -> &'a str,
}

/// So many exchanges a worker hands over at a time. Those that are fewer go with its next tick.
const BATCH: usize = 32;
/// What these need in bytes, if they are of the usual kind: one attempt, and nothing that was waited for.
const ROOM: usize = 32 << 10;

/// Of the conventions that attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// The traces of a gateway. Its end, after that of its [`WorkerTraces`], waits until everything is told, but not forever.
#[derive(Debug)]
pub struct Traces {
    exporter: Exporter<Spans>,
}

/// What is counted of traces. Outlives collectors, so that a reload resets nothing.
#[derive(Debug, Default, Clone)]
pub struct TraceMetrics(Arc<Counts>);

/// The end of traces that belongs to one worker.
#[derive(Debug)]
pub struct WorkerTraces {
    spans: Spans,
    /// That these are of.
    exchanges: usize,
    queue: Queue<Spans>,
}

/// Spans, one after the other.
#[derive(Debug)]
struct Spans {
    bytes: Vec<u8>,
    count: u64,
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
        WorkerTraces { spans: Spans::new(), exchanges: 0, queue: self.exporter.queue() }
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
        self.spans.count += spans::write(traced, &mut self.spans.bytes);
        self.exchanges += 1;
        if self.exchanges >= BATCH {
            self.hand_over();
        }
    }

    /// Hands over what there is. To be called about once a second, so that nothing is older than that.
    pub fn tick(&mut self) {
        if self.exchanges > 0 {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.exchanges = 0;
        self.queue.hand_over(std::mem::replace(&mut self.spans, Spans::new()));
    }
}

impl Drop for WorkerTraces {
    fn drop(&mut self) {
        self.tick();
    }
}

// === impl Spans ===

impl Spans {
    fn new() -> Self {
        Self { bytes: Vec::with_capacity(ROOM), count: 0 }
    }
}

impl Batch for Spans {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn count(&self) -> u64 {
        self.count
    }
}
