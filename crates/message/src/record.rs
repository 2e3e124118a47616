//! What happened to an exchange. Filled on the way, read once at its end.
//!
//! ```text
//! started ─▶ routed ─▶ admitted ─▶ attempt: began ─▶ connected ─▶ answered ─▶ responded ─▶ ended
//!    route, side    policies in       └── one more: retry, fallback ──┘   policies out   bodies
//! ```
//! A moment that nothing took time before is not read off the clock: `routed` and `admitted` are there if policies ran,
//! and `connected` if a connection had to be made.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderValue, StatusCode};
use smallvec::SmallVec;

use crate::{Cause, Error};

/// Facts for metrics, log, spans and the flight recorder. Nothing here is computed for its own sake.
#[derive(Debug)]
pub struct Record {
    /// The head of the request is there.
    pub started: Instant,
    /// The route was found, or it is known that there is none; `None` if no policies were to run then.
    pub routed: Option<Instant>,
    /// The policies that it met have seen the request; `None` if there were none.
    pub admitted: Option<Instant>,
    /// The head of the response was ready for the client; `None` if it got none.
    pub responded: Option<Instant>,
    /// The last byte of the response is out, or nobody is there any more; `None` until then.
    pub ended: Option<Instant>,
    /// Index of the route in the snapshot that the exchange was served with.
    pub route: Option<u32>,
    /// Index of the side of that route; `None` if it has none, or none was chosen.
    pub side: Option<u32>,
    /// One per endpoint that was chosen.
    pub attempts: SmallVec<[Attempt; 1]>,
    /// Of the response that the client got; `None` if it got none.
    pub status: Option<StatusCode>,
    /// `None`: the exchange simply went well.
    pub cause: Option<Cause>,
    /// What was said of the cause, where more is known than that.
    pub failure: Option<Error>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// The routes that came nearest, if none takes the request and somebody looked.
    pub nearest: Option<Box<Nearest>>,
    /// What most exchanges do not meet, in the order in which it came.
    pub turns: SmallVec<[Turn; 1]>,
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

/// One endpoint asked once.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Index of the upstream in the snapshot.
    pub upstream: u32,
    /// As a `Host` says it. Whatever becomes of its upstream meanwhile, it keeps its name.
    pub endpoint: Rc<str>,
    pub pick: Pick,
    /// When the endpoint was chosen.
    pub began: Instant,
    /// `None`: there was no connection.
    pub connection: Option<Connection>,
    /// From the choice of the endpoint to the head of its response, or to the failure.
    pub duration: Duration,
    pub outcome: Result<StatusCode, Cause>,
}

/// How the choice of an endpoint came about, where it was not simply the balancer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pick {
    /// It is of another tier than the first.
    pub overflows: bool,
    /// Whatever its health, since too few are well.
    pub panics: bool,
    /// So many would have been asked before it, had their breaker not been open.
    pub passed_over: u16,
}

/// What a request was sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It was there already.
    Kept,
    /// It was made for this request, or is shared with others that waited for it.
    New {
        /// From the choice of the endpoint until it was ready.
        after: Duration,
        /// A kept one was tried before, and turned out to be dead.
        instead: bool,
    },
}

/// Something that most exchanges do not meet.
#[derive(Debug)]
pub struct Turn {
    /// When it was over, if it took time.
    pub at: Instant,
    pub event: Event,
}

#[derive(Debug)]
pub enum Event {
    /// A policy of this kind answered in place of the endpoint, or changed its answer for another.
    PolicyReplied { policy: &'static str, status: StatusCode },
    /// A policy of this kind put an end to it.
    PolicyFailed { policy: &'static str, cause: Cause },
    /// A policy of this kind was waited for.
    PolicyWaited { policy: &'static str, took: Duration },
    /// There was no place among the requests that the upstream may have at a time, for so long.
    Queued { took: Duration },
    /// No probe of any endpoint had ended yet, for so long.
    Unprobed { took: Duration },
    /// So many mirrors get a copy, if its body turns out to fit.
    Mirrored { copies: usize },
    /// Another attempt follows, after this wait. What the one before failed with, unless it was answered.
    Retried { wait: Duration, after: Option<Error> },
    /// What came of an attempt called for another one, but there was none.
    NotRetried(NotRetried),
    /// The fallback of this name was asked. If it answered, it did so instead of this failure, unless an answer was replaced; if
    /// not, that is what it failed with.
    FellBack { fallback: HeaderValue, instead_of: Option<Error>, failure: Option<Error> },
}

/// Why there was no other attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRetried {
    /// As many were made as the document allows.
    Attempts,
    /// A part of the body was gone.
    Body,
    /// There was no time left.
    Deadline,
    /// A breaker had opened.
    Breaker,
    /// The budget for retries was spent.
    Budget,
}

// === impl Record ===

impl Record {
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            routed: None,
            admitted: None,
            responded: None,
            ended: None,
            route: None,
            side: None,
            attempts: SmallVec::new(),
            status: None,
            cause: None,
            failure: None,
            request_bytes: 0,
            response_bytes: 0,
            nearest: None,
            turns: SmallVec::new(),
        }
    }

    /// Something happened just now that most exchanges do not meet.
    pub fn note(&mut self, event: Event) {
        self.note_at(Instant::now(), event);
    }

    pub fn note_at(&mut self, at: Instant, event: Event) {
        self.turns.push(Turn { at, event });
    }

    /// The time in which endpoints were asked. Attempts that overlap count each.
    pub fn waited(&self) -> Duration {
        self.attempts.iter().map(|attempt| attempt.duration).sum()
    }

    /// The time that policies took, on both ways; what they do to bodies meanwhile is not among it.
    pub fn in_policies(&self) -> Duration {
        let Some((routed, admitted)) = self.routed.zip(self.admitted) else { return Duration::ZERO };
        let answered = self.attempts.last().map(Attempt::ended);
        let out = answered.zip(self.responded).map(|(answered, at)| at.saturating_duration_since(answered));
        admitted.saturating_duration_since(routed) + out.unwrap_or_default()
    }
}

// === impl Attempt ===

impl Attempt {
    /// One that begins now. Until it ends, it is as if the client had left.
    pub fn new(upstream: u32, endpoint: Rc<str>, began: Instant) -> Self {
        let (pick, duration, outcome) = (Pick::default(), Duration::ZERO, Err(Cause::ClientClosed));
        Self { upstream, endpoint, pick, began, connection: None, duration, outcome }
    }

    /// When the head of the response was there, or the failure.
    pub fn ended(&self) -> Instant {
        self.began + self.duration
    }
}

// === impl NotRetried ===

impl NotRetried {
    pub const ALL: [Self; 5] = [Self::Attempts, Self::Body, Self::Deadline, Self::Breaker, Self::Budget];

    /// For people, behind "not sent again:".
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Attempts => "as many attempts were made as `retry.attempts` allows",
            Self::Body => "a part of the body is gone, which is longer than `retry.body_bytes`",
            Self::Deadline => "there is no time left for another attempt",
            Self::Breaker => "a breaker is open",
            Self::Budget => "the budget for retries is spent",
        }
    }
}
