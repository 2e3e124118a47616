//! What happened, told to collectors in OpenTelemetry's protocol (OTLP 1.x): over HTTP and over gRPC.
//!
//! ```text
//!   worker            bounded             thread of the exporter
//!   ┌────────┐  batch  ┌───────┐  gather  ┌─────────────────────────────┐
//!   │ Queue  ├────────▶│ queue ├─────────▶│ Signal::encode ─▶ Client    │──▶ collector
//!   └────────┘  full?  └───────┘          │    ▲ again, after a while   │
//!            dropped, counted             └────┴────────────────────────┘
//! ```
//! Which signal it is, and how it is encoded, says whoever starts an [`Exporter`] ([`Signal`]).

/// One request to a collector, over either transport.
mod client;
/// How much was told, and how much was lost.
mod counts;
/// The thread that tells, so that nobody else must wait.
mod exporter;
/// The messages of the protocol, as far as they are told.
pub mod messages;
/// What an answer means.
mod outcome;
/// Messages written field by field, where building them first would cost an allocation for each value.
pub mod wire;

pub use client::{Client, Kind, OpenError};
pub use counts::{Counts, Reason};
pub use exporter::{Exporter, Queue, Signal};
pub use outcome::Outcome;
