//! What happened to an exchange. Filled on the way, read once at its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::StatusCode;
use smallvec::SmallVec;

use crate::Cause;

/// Facts for metrics, log and spans. Nothing here is computed for its own sake.
#[derive(Debug)]
pub struct Record {
    pub started: Instant,
    /// Index of the route in the snapshot that the exchange was served with.
    pub route: Option<u32>,
    /// Index of the side of that route; `None` if it has none, or none was chosen.
    pub side: Option<u32>,
    /// One per connection that a request was sent on, or failed to be.
    pub attempts: SmallVec<[Attempt; 1]>,
    /// Of the response that the client got; `None` if it got none.
    pub status: Option<StatusCode>,
    /// `None`: the exchange simply went well.
    pub cause: Option<Cause>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// The routes that came nearest, if none takes the request and somebody looked.
    pub nearest: Option<Box<Nearest>>,
}

/// The routes that came nearest to a request that none takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The nearest first.
    pub routes: Vec<Near>,
    /// Whether the caller may know.
    pub disclosed: bool,
}

/// A route that came near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    pub route: Arc<str>,
    /// What it wants and the request is not; nothing of what the client sent.
    pub miss: String,
}

#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Index of the upstream in the snapshot, and what tells the endpoint from all that were in its sets.
    pub upstream: u32,
    pub endpoint: u32,
    /// When the endpoint was chosen.
    pub began: Instant,
    /// From the choice of the endpoint to the head of its response, or to the failure.
    pub duration: Duration,
    pub outcome: Result<StatusCode, Cause>,
}

// === impl Record ===

impl Record {
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            route: None,
            side: None,
            attempts: SmallVec::new(),
            status: None,
            cause: None,
            request_bytes: 0,
            response_bytes: 0,
            nearest: None,
        }
    }
}
