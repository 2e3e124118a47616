//! The flight recorder: the last exchanges of each worker, for whoever asks what happened to a request.
//!
//! ```text
//!   worker                                                              whoever asks
//!   ┌───────────────────────────────────────────────────┐
//!   │ exchange ends ─▶ ring: the last ones              │   search    ┌──────────┐
//!   │                   │ falls out: failed, or slow? ──┼────────────▶│ copies   │ ─▶ Flight, redacted
//!   │                   ▼                               │   a slice   └──────────┘
//!   │                  kept: failures and the slowest   │   at a time
//!   └───────────────────────────────────────────────────┘
//! ```
//! A record is a slot of fixed size that owns all it tells, names included, so that it outlives the document that its
//! exchange was served with. Slots are used again: in the steady state nothing is allocated, and memory is bounded by
//! construction. A ring belongs to its worker, who looks through it for others between exchanges; there is no lock.

/// What expressions may name of a record.
mod facts;
/// Which records somebody wants to see.
mod filter;
/// For tools that read HTTP archives, and for shells.
mod replay;
/// What is secret, and does not leave the gateway.
mod redact;
/// The records of one worker.
mod recorder;
/// One record as it is kept.
mod slot;
/// Who is behind the last requests.
mod survey;
/// One record as it is told.
mod told;
/// A record for people.
mod waterfall;
/// Into a slot.
mod writer;

use http::HeaderName;
use message::Attempt;

pub use filter::{Filter, StatusWanted};
pub use recorder::{Recorder, Search};
pub use slot::Slot;
pub use survey::{Caller, Callers, Survey, Surveyed};
pub use told::{AttemptTold, Flight, Phase, TurnTold};

use crate::Line;

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlightRules {
    /// The last so many exchanges of the gateway.
    pub records: usize,
    /// Beyond those, so many that failed or were among the slowest of their minute.
    pub keep: usize,
    /// The fields of requests that are recorded.
    pub headers: Vec<HeaderName>,
}

/// A look through the records of a worker, a slice at a time.
pub trait Look {
    type Found;

    /// Looks at up to so many records; whether that was all.
    fn go_on(&mut self, recorder: &Recorder, most: usize) -> bool;

    fn found(self) -> Self::Found;
}

/// An exchange that has ended, as the recorder sees it: what the log sees, and more. Borrows everything.
#[derive(Clone, Copy)]
pub struct Departed<'a> {
    pub line: &'a Line<'a>,
    /// Of the snapshot that it was served with.
    pub generation: u64,
    /// The upstream of an attempt.
    pub upstream_of: &'a dyn Fn(&Attempt) -> &'a str,
    /// Tells the kinds of the policies that saw the request, in their order.
    pub policies: &'a EachPolicy<'a>,
}

/// Hands over the kind of each policy.
pub type EachPolicy<'a> = dyn Fn(&mut dyn FnMut(&str)) + 'a;
