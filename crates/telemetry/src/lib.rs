//! What happened, told to those who ask: every metric name, the counters behind it, the exposition, the access log.
//!
//! An exchange is measured once, when it ends ([`Timing`]), and everybody reads that: [`finish()`] counts it,
//! [`WorkerLog::write`] logs it. Neither locks or allocates in the steady state.

/// Every metric name, with its kind, its labels and what it means.
pub mod names;

/// The end of an exchange: how long it took, and the one call that counts it.
mod finish;
/// Traces that show what a bucket is made of.
mod exemplar;
/// Durations in buckets.
mod histogram;
/// The last hour in memory.
pub mod history;
/// What is counted: per route, per side of a route, per upstream, per gateway; and what the operating system counts of the process.
mod metrics;
/// Buffers that go from workers to those who tell, and back.
mod buffers;
/// Counters that belong to one worker each, so that counting shares no cache line.
mod shard;

/// A line per exchange for each log that wants one, written where no exchange waits for it.
mod access_log;
/// The last exchanges, for whoever asks what happened to one.
pub mod flight;
/// Exchanges told to a collector as spans.
mod traces;
/// The counters as text: Prometheus 0.0.4 and OpenMetrics 1.0.
mod exposition;

pub use access_log::{AccessLogs, Line, WorkerLog, is_secret, rfc3339, without_credentials, without_secrets};
pub use exposition::{Expose, Exposition, Format, Samples, render};
pub use finish::{Protocol, Timing, finish};
pub use history::{Counts, History};
pub use metrics::{EndpointMetrics, GatewayMetrics, MirrorMetrics, RouteMetrics, SideMetrics, UpstreamMetrics};
pub use traces::{TraceMetrics, Traced, Traces, WorkerTraces};
