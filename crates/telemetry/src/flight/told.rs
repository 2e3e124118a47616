//! One record as it is told: to tools as JSON, to people by way of [`Flight`]'s other faces.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

use message::Cause;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Slot, redact,
    slot::{AttemptKept, FAILED, INSTEAD, KEPT, NEVER, NEW, OVERFLOWS, PANICS, Tag},
    writer::TURNS,
};
use crate::rfc3339;

/// What happened to one request. Durations are in milliseconds; moments count from the head of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flight {
    /// What the record is known by, also if nobody asked for a request id: the worker, and a number.
    pub id: String,
    pub request_id: Option<String>,
    /// Of the trace that it was part of, if the document asks for traces.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// Of the document that it was served with.
    pub generation: u64,
    /// When the head of the request was there (RFC 3339).
    pub time: String,
    /// Through trusted proxies.
    pub client: IpAddr,
    pub protocol: Cow<'static, str>,
    pub listener: Option<String>,
    pub method: String,
    pub scheme: String,
    pub host: String,
    pub path: String,
    /// Without the values of parameters whose names sound secret.
    pub query: Option<String>,
    /// Those that are recorded.
    pub headers: BTreeMap<String, String>,
    pub route: Option<String>,
    pub side: Option<String>,
    pub consumer: Option<String>,
    /// The kinds of those that saw the request, in their order.
    pub policies: Vec<String>,
    /// What the client got; 499 if it went away before that.
    pub status: Option<u16>,
    /// `None`: it simply went well.
    pub cause: Option<Cow<'static, str>>,
    pub detail: Option<String>,
    /// Who is responsible for the cause: `client`, `gateway` or `upstream`.
    pub side_of_cause: Option<Cow<'static, str>>,
    pub duration_ms: f64,
    /// What of the time up to the head of the response was not spent on waiting for endpoints.
    pub overhead_ms: Option<f64>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// One after the other, from the begin to the end.
    pub phases: Vec<Phase>,
    /// The first ones, and the last.
    pub attempts: Vec<AttemptTold>,
    /// How many there were.
    pub attempts_made: u32,
    /// What most requests do not meet.
    pub turns: Vec<TurnTold>,
    /// The routes that came nearest, if none took it: each with what it misses.
    pub nearest: Vec<(String, String)>,
    /// It was among the slowest of its minute.
    pub slow: bool,
    /// Something was too long for the record.
    pub cut: bool,
    /// The path was, or the query.
    pub target_cut: bool,
}

/// A part of the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    pub name: Cow<'static, str>,
    pub start_ms: f64,
    pub duration_ms: f64,
}

/// An endpoint asked once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptTold {
    pub upstream: String,
    pub endpoint: String,
    pub start_ms: f64,
    /// `kept`, `new`, or `new_instead_of_dead`; `None`: there was none.
    pub connection: Option<Cow<'static, str>>,
    /// Until a new one was ready.
    pub connect_ms: Option<f64>,
    /// Until the head of the response, or the failure.
    pub duration_ms: f64,
    pub status: Option<u16>,
    pub cause: Option<Cow<'static, str>>,
    /// It is of another tier than the first.
    pub overflows: bool,
    /// It was asked whatever its health, since too few are well.
    pub panics: bool,
    /// So many were passed over before it, because their breaker is open.
    pub passed_over: u16,
}

/// Something that most requests do not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnTold {
    /// In microseconds, so that turns compare.
    pub at_us: u64,
    pub kind: Cow<'static, str>,
    pub text: String,
}

// === impl Flight ===

impl Flight {
    /// With what is secret taken out.
    pub fn of(slot: &Slot) -> Self {
        let head = &slot.head;
        let text = |tag| slot.text(tag).map(lossy);
        let all = |wanted| slot.texts().filter(move |(tag, _)| *tag == wanted).map(|(_, text)| text);
        let attempts: Vec<_> = slot.attempts().collect();
        let cause = head.cause;
        Self {
            id: slot.id(),
            request_id: text(Tag::RequestId),
            trace_id: slot.trace().map(|id| id.to_string()),
            generation: head.generation,
            time: rfc3339(head.started()),
            client: head.client,
            protocol: head.protocol.name().into(),
            listener: text(Tag::Listener),
            method: text(Tag::Method).unwrap_or_default(),
            scheme: text(Tag::Scheme).unwrap_or_default(),
            host: text(Tag::Host).unwrap_or_default(),
            path: text(Tag::Path).unwrap_or_default(),
            query: text(Tag::Query).map(|query| redact::query(&query).into_owned()),
            headers: all(Tag::Header).filter_map(field).collect(),
            route: text(Tag::Route),
            side: text(Tag::Side),
            consumer: text(Tag::Consumer),
            policies: all(Tag::Policy).map(lossy).collect(),
            status: (head.status != 0).then_some(head.status),
            cause: cause.map(|cause| cause.name().into()),
            detail: text(Tag::Detail),
            side_of_cause: cause.map(|cause| side(cause).into()),
            duration_ms: millis(head.total),
            overhead_ms: overhead(slot, &attempts).map(millis),
            request_bytes: head.request_bytes,
            response_bytes: head.response_bytes,
            phases: phases(slot, &attempts),
            attempts: attempts.iter().map(AttemptTold::of).collect(),
            attempts_made: head.attempts,
            turns: all(Tag::Turn).filter_map(TurnTold::read).collect(),
            nearest: all(Tag::Near).filter_map(near).collect(),
            slow: head.is_slow,
            cut: head.is_cut,
            target_cut: head.is_target_cut,
        }
    }

    /// What was asked for, as an address bar shows it.
    pub fn url(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}://{}{}{query}", self.scheme, self.host, self.path)
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

fn field(text: &[u8]) -> Option<(String, String)> {
    divide(text, b':')
}

fn near(text: &[u8]) -> Option<(String, String)> {
    divide(text, b'\0')
}

fn divide(text: &[u8], separator: u8) -> Option<(String, String)> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((lossy(&text[..at]), lossy(&text[at + 1..])))
}

fn side(cause: Cause) -> &'static str {
    match cause.side() {
        message::Side::Client => "client",
        message::Side::Gateway => "gateway",
        message::Side::Upstream => "upstream",
    }
}

fn overhead(slot: &Slot, attempts: &[AttemptKept<'_>]) -> Option<u64> {
    let responded = Some(slot.head.responded).filter(|at| *at != NEVER)?;
    Some(responded.saturating_sub(attempts.iter().map(|attempt| attempt.duration).sum()))
}

/// The time from one moment that is known to the next, each under the name of what it went into.
fn phases(slot: &Slot, attempts: &[AttemptKept<'_>]) -> Vec<Phase> {
    let head = &slot.head;
    let mut moments = vec![("route", head.routed), ("policies", head.admitted)];
    for attempt in attempts {
        // Until the endpoint is chosen: retries wait, and whoever has no policies finds a route.
        let before = match (moments.len(), head.admitted) {
            (2, NEVER) => "route",
            (2, _) => "choice",
            _ => "wait",
        };
        moments.push((before, attempt.began));
        if attempt.connected != NEVER {
            moments.push(("connect", attempt.began.saturating_add(attempt.connected)));
        }
        let is_answered = attempt.outcome & FAILED == 0;
        let answered = if is_answered { "answer" } else { "failure" };
        moments.push((answered, attempt.began.saturating_add(attempt.duration)));
    }
    let reply = if attempts.is_empty() { "reply" } else { "policies out" };
    moments.push((reply, head.responded));
    let last = if head.responded == NEVER { "no answer" } else { "body" };
    moments.push((last, head.total));
    let mut since = 0;
    let mut phases = Vec::with_capacity(moments.len());
    for (name, at) in moments.into_iter().filter(|(_, at)| *at != NEVER) {
        let at = at.max(since);
        if at > since || name == last {
            phases.push(Phase { name: name.into(), start_ms: millis(since), duration_ms: millis(at - since) });
        }
        since = at;
    }
    phases
}

/// To the microsecond.
fn millis(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1_000.0
}

// === impl AttemptTold ===

impl AttemptTold {
    fn of(kept: &AttemptKept<'_>) -> Self {
        let has = |flag: u8| kept.flags & flag != 0;
        let is_failure = kept.outcome & FAILED != 0;
        let connection = match () {
            () if has(KEPT) => Some("kept"),
            () if has(INSTEAD) => Some("new_instead_of_dead"),
            () if has(NEW) => Some("new"),
            () => None,
        };
        let cause = Cause::ALL.get(usize::from(kept.outcome & !FAILED)).filter(|_| is_failure);
        Self {
            upstream: kept.upstream.to_owned(),
            endpoint: kept.endpoint.to_owned(),
            start_ms: millis(kept.began),
            connection: connection.map(Into::into),
            connect_ms: (kept.connected != NEVER).then(|| millis(kept.connected)),
            duration_ms: millis(kept.duration),
            status: (!is_failure).then_some(kept.outcome),
            cause: cause.map(|cause| cause.name().into()),
            overflows: has(OVERFLOWS),
            panics: has(PANICS),
            passed_over: kept.passed_over,
        }
    }
}

// === impl TurnTold ===

impl TurnTold {
    fn read(kept: &[u8]) -> Option<Self> {
        let (&[a, b, c, d, e, f, g, h, kind], text) = kept.split_first_chunk::<9>()?;
        let kind = *TURNS.get(usize::from(kind))?;
        let at_us = u64::from_le_bytes([a, b, c, d, e, f, g, h]) / 1_000;
        Some(Self { at_us, kind: kind.into(), text: lossy(text) })
    }
}
