use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderValue, Method, StatusCode};
use message::{Cause, Event, Exchange, Record, Trace};

use crate::{Protocol, Timing};

/// An exchange that is told of: what its spans say, and nothing that the exchange still holds.
#[derive(Debug, Clone)]
pub struct Told {
    pub trace: Trace,
    /// What vendors said beside the context.
    pub state: Option<HeaderValue>,
    pub began: SystemTime,
    pub took: Duration,
    pub protocol: Protocol,
    /// Through trusted proxies.
    pub client: IpAddr,
    pub method: Method,
    pub scheme: &'static str,
    /// Whom the client asked for, with port.
    pub authority: HeaderValue,
    /// Without its query, and not longer than [`Self::LONGEST_PATH`].
    pub path: Box<str>,
    pub route: Option<Arc<str>>,
    /// The path of that route, as it is written.
    pub pattern: Option<Box<str>>,
    pub side: Option<Arc<str>>,
    pub status: Option<StatusCode>,
    pub cause: Option<Cause>,
    pub request_id: Option<HeaderValue>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub attempts: Box<[ToldAttempt]>,
    pub waits: Box<[ToldWait]>,
}

/// An attempt. Times are from the begin of the exchange.
#[derive(Debug, Clone)]
pub struct ToldAttempt {
    pub upstream: Arc<str>,
    pub endpoint: Box<str>,
    pub began: Duration,
    pub took: Duration,
    pub outcome: Result<StatusCode, Cause>,
}

/// Something that was waited for. Times are from the begin of the exchange.
#[derive(Debug, Clone)]
pub struct ToldWait {
    pub what: &'static str,
    /// The kind of the policy, if it is one that was waited for.
    pub policy: Option<&'static str>,
    pub began: Duration,
    pub took: Duration,
}

/// The names of an exchange that only its snapshot knows.
pub struct Names<'s> {
    pub route: Option<&'s Arc<str>>,
    pub pattern: Option<String>,
    pub side: Option<&'s Arc<str>>,
    /// Of the upstream with this index.
    pub upstream: &'s dyn Fn(u32) -> Arc<str>,
}

// === impl Told ===

impl Told {
    /// In bytes; what is longer is cut.
    pub const LONGEST_PATH: usize = 1024;

    /// Copies what the spans of an exchange that is over will say.
    pub fn of(exchange: &Exchange, trace: Trace, names: Names<'_>, timing: &Timing, protocol: Protocol) -> Self {
        let record = &exchange.record;
        let began = record.started;
        Self {
            trace,
            state: trace.parent.and_then(|_| exchange.head.headers.get("tracestate").cloned()),
            began: SystemTime::now() - timing.total,
            took: timing.total,
            protocol,
            client: exchange.client_ip,
            method: exchange.asked_method().clone(),
            scheme: exchange.peer.scheme(),
            authority: exchange.asked_authority().clone(),
            path: shortened(exchange.asked_uri().path(), Self::LONGEST_PATH).into(),
            route: names.route.cloned(),
            pattern: names.pattern.map(Into::into),
            side: names.side.cloned(),
            status: record.status,
            cause: record.cause,
            request_id: exchange.known_request_id().cloned(),
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
            attempts: attempts(record, began, names.upstream),
            waits: waits(record, began),
        }
    }

    /// How many spans it makes.
    pub(super) fn spans(&self) -> u64 {
        1 + self.attempts.len() as u64 + self.waits.len() as u64
    }
}

fn attempts(record: &Record, began: Instant, upstream: &dyn Fn(u32) -> Arc<str>) -> Box<[ToldAttempt]> {
    let told = |attempt: &message::Attempt| ToldAttempt {
        upstream: upstream(attempt.upstream),
        endpoint: (&*attempt.endpoint).into(),
        began: attempt.began.saturating_duration_since(began),
        took: attempt.duration,
        outcome: attempt.outcome,
    };
    record.attempts.iter().map(told).collect()
}

fn waits(record: &Record, began: Instant) -> Box<[ToldWait]> {
    let told = |turn: &message::Turn| {
        let (what, policy, took) = match turn.event {
            Event::PolicyWaited { policy, took } => ("policy", Some(policy), took),
            Event::Queued { took } => ("queue", None, took),
            Event::Unprobed { took } => ("first probe", None, took),
            Event::Retried { wait, .. } => {
                // The wait follows what is noted.
                let began = turn.at.saturating_duration_since(began);
                return Some(ToldWait { what: "backoff", policy: None, began, took: wait });
            }
            _ => return None,
        };
        let began = turn.at.saturating_duration_since(began).saturating_sub(took);
        Some(ToldWait { what, policy, began, took })
    };
    record.turns.iter().filter_map(told).collect()
}

/// Not more than so many bytes of it.
fn shortened(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
