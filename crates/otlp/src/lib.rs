//! What happened, told to collectors in OpenTelemetry's protocol (OTLP 1.x): over HTTP and over gRPC.
//!
//! ```text
//!   worker            bounded             thread of the exporter
//!   ┌────────┐  batch  ┌───────┐  gather  ┌─────────────────────────────┐
//!   │ Queue  ├────────▶│ queue ├─────────▶│ Envelope ─▶ Client          │──▶ collector
//!   └────────┘  full?  └───────┘          │    ▲ again, after a while   │
//!            dropped, counted             └────┴────────────────────────┘
//! ```
//! What a worker hands over ([`Batch`]) it has written already, as it goes over the wire ([`wire`]); what is the same for all of it
//! is put around it once ([`Envelope`]).

/// What is read of an answer.
mod answers;
/// One request to a collector, over either transport.
mod client;
/// How much was told, and how much was lost.
mod counts;
/// Who tells.
mod envelope;
/// The thread that tells, so that nobody else must wait.
mod exporter;
/// What an answer means.
mod outcome;
/// Messages written field by field, where building them first would cost an allocation for each value.
pub mod wire;

pub use client::{Client, Kind, OpenError};
pub use counts::{Counts, Reason};
pub use envelope::{Envelope, ITEM, Scope};
pub use exporter::{Batch, Exporter, Queue};
use outcome::Outcome;
