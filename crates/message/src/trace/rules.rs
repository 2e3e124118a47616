use std::time::Duration;

use http::HeaderMap;

use super::{Said, SpanId, Trace, TraceId, b3, id::RANDOM_BITS, w3c};
use crate::{Cause, Random, Record, Side};

/// What an exchange does about traces.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// What contexts look like: read in this order, the first that is there counts; all are written.
    pub formats: Box<[Format]>,
    /// Whose traces go on here.
    pub continues: Whose,
    /// Whose choice of what is sampled is followed.
    pub follows: Whose,
    /// So large a part of all traces is sampled.
    pub ratio: Ratio,
    /// What failed is told of, whatever was chosen at its begin.
    pub errors: bool,
    /// So is what took this long.
    pub slower_than: Option<Duration>,
}

/// What a context looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    W3c,
    /// In one field; read in either form.
    B3,
    /// In several; read in either form.
    B3Multi,
}

/// A part of all traces, chosen by the end of their ids.
///
/// It is taken from the top of all numbers, as W3C Trace Context, Level 2, and OpenTelemetry have it, so that who samples
/// less takes a part of what others take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// The first number that is taken.
    from: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Nobody,
    TrustedProxies,
    Anybody,
}

// === impl Rules ===

impl Rules {
    /// The part of an exchange that begins. Readies `headers` for those who will be asked: what contradicts us goes. What the
    /// caller says in fields that a [`Context`](super::Context) has may stay, for whoever writes a head writes that instead.
    ///
    /// `is_said`: some field of a context is there at all; `key`: see [`TraceId::made`].
    pub fn begin(
        &self,
        headers: &mut HeaderMap,
        is_said: bool,
        is_trusted: bool,
        random: &mut Random,
        key: u64,
    ) -> Trace {
        let said = if is_said { self.hear(headers, is_trusted) } else { Said::default() };
        let span = SpanId::made(random);
        let (id, parent, is_random) = match said.ids {
            Some((id, parent)) => (id, Some(parent), said.is_random),
            None => (TraceId::made(random, key), None, true),
        };
        let is_sampled = match said.is_sampled {
            Some(decision) if self.follows.is(is_trusted) => decision,
            // Whoever sees the id comes to the same choice; unless it was chosen for that, as a stranger's may be.
            _ if parent.is_none() || is_trusted => self.ratio.takes(id.randomness()),
            _ => self.ratio.takes(random.bits() >> (u64::BITS - RANDOM_BITS)),
        };
        Trace { id, parent, span, is_sampled, is_random }
    }

    fn hear(&self, headers: &mut HeaderMap, is_trusted: bool) -> Said {
        let read = |format: &Format| match format {
            Format::W3c => w3c::read(headers),
            Format::B3 | Format::B3Multi => b3::read(headers),
        };
        let said = if self.continues.is(is_trusted) { self.formats.iter().find_map(read) } else { None };
        let said = said.unwrap_or_default();
        let is_w3c = |format: &Format| *format == Format::W3c;
        if self.formats.iter().any(is_w3c) {
            // What vendors said belongs to a `traceparent` that goes on.
            w3c::tidy(headers, said.ids.is_some() && w3c::read(headers) == Some(said));
        }
        if !self.formats.iter().all(is_w3c) {
            b3::clear(headers);
        }
        said
    }

    /// Whether the exchange is told of, now that it is over.
    pub fn tells(&self, trace: &Trace, record: &Record, took: Duration) -> bool {
        trace.is_sampled || self.slower_than.is_some_and(|bound| took >= bound) || self.errors && has_failed(record)
    }
}

/// Whether it is an error of this side of the exchange, rather than of the client.
fn has_failed(record: &Record) -> bool {
    record.status.is_some_and(|status| status.is_server_error()) || record.cause.is_some_and(is_failure)
}

/// Whether an exchange that this happened to has failed, whatever its status: that went out before, or is that of a gRPC call.
///
/// A fault that was injected may have been a delay and nothing else, so it depends on the status.
pub fn is_failure(cause: Cause) -> bool {
    let is_error = cause.side() != Side::Client && cause.status().is_server_error();
    is_error && cause != Cause::FaultInjected
}

// === impl Ratio ===

impl Ratio {
    /// From 0 to 1.
    pub fn new(part: f64) -> Self {
        let all = 1_u64 << RANDOM_BITS;
        Self { from: ((1.0 - part) * all as f64) as u64 }
    }

    fn takes(self, randomness: u64) -> bool {
        randomness >= self.from
    }
}

// === impl Whose ===

impl Whose {
    fn is(self, is_trusted: bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::TrustedProxies => is_trusted,
            Self::Anybody => true,
        }
    }
}
