//! Into a slot: what an exchange has to tell, as far as there is room.

use std::{fmt::Write as _, time::Instant};

use message::{Attempt, Connection, Error, Event, Record, Turn};

use super::{
    Departed, FlightRules, Slot,
    slot::{FAILED, INSTEAD, KEPT, NEVER, NEW, OVERFLOWS, PANICS, Tag, nanos},
};

/// Writes texts into a slot, as far as there is room.
pub(super) struct Writer<'s> {
    pub(super) slot: &'s mut Slot,
}

/// The kinds of turns, by the index that a slot holds.
pub(super) const TURNS: [&str; 9] = [
    "policy_replied",
    "policy_failed",
    "policy_waited",
    "queued",
    "unprobed",
    "mirrored",
    "retried",
    "not_retried",
    "fell_back",
];

/// The first attempts, and the last; those between are counted only.
const ATTEMPTS: usize = 4;
/// Longer texts of errors say no more.
const DETAIL: usize = 160;
/// Longer paths and queries leave too little room for the rest.
const PATH: usize = 192;
const QUERY: usize = 128;

// === impl Writer ===

impl Writer<'_> {
    /// The most telling first: what comes last may find no room.
    pub(super) fn tell(mut self, rules: &FlightRules, departed: &Departed<'_>) {
        let line = departed.line;
        let record = line.record;
        self.optional(Tag::RequestId, line.request_id);
        self.optional(Tag::Trace, line.trace_id.as_ref().map(|id| &id.bytes()[..]));
        self.put(Tag::Method, line.method.as_bytes());
        self.put(Tag::Scheme, line.scheme.as_bytes());
        self.put(Tag::Host, line.host);
        self.target(line.path, line.query);
        self.optional(Tag::Route, line.route.map(str::as_bytes));
        self.optional(Tag::Side, line.side.map(str::as_bytes));
        self.optional(Tag::Listener, line.listener.map(str::as_bytes));
        self.optional(Tag::Consumer, line.consumer.map(str::as_bytes));
        self.attempts(record, departed.upstream_of);
        if let Some(failure) = &record.failure {
            self.put(Tag::Detail, cut(&told(failure), DETAIL).as_bytes());
        }
        record.turns.iter().for_each(|turn| self.turn(turn, record.started));
        (departed.policies)(&mut |kind| self.put(Tag::Policy, kind.as_bytes()));
        for near in record.nearest.iter().flat_map(|nearest| &nearest.routes) {
            self.slot.put(Tag::Near, &[near.route.as_bytes(), b"\0", near.miss.as_bytes()]);
        }
        for name in &rules.headers {
            if let Some(value) = line.request_headers.get(name).filter(|value| !value.is_sensitive()) {
                self.slot.put(Tag::Header, &[name.as_str().as_bytes(), b":", value.as_bytes()]);
            }
        }
    }

    fn put(&mut self, tag: Tag, text: &[u8]) {
        self.slot.put(tag, &[text]);
    }

    fn optional(&mut self, tag: Tag, text: Option<&[u8]>) {
        if let Some(text) = text {
            self.put(tag, text);
        }
    }

    fn target(&mut self, path: &str, query: Option<&str>) {
        let is_cut = path.len() > PATH || query.is_some_and(|query| query.len() > QUERY);
        self.slot.head.is_target_cut = is_cut;
        self.slot.head.is_cut |= is_cut;
        self.put(Tag::Path, cut(path, PATH).as_bytes());
        self.optional(Tag::Query, query.map(|query| cut(query, QUERY).as_bytes()));
    }

    fn attempts<'d>(&mut self, record: &Record, upstream_of: &dyn Fn(&Attempt) -> &'d str) {
        let last = record.attempts.len().saturating_sub(1);
        for (index, attempt) in record.attempts.iter().enumerate() {
            if index + 1 < ATTEMPTS || index == last {
                self.attempt(attempt, record.started, upstream_of(attempt));
            } else {
                self.slot.head.is_cut = true;
            }
        }
    }

    fn attempt(&mut self, attempt: &Attempt, started: Instant, upstream: &str) {
        let upstream = cut(upstream, usize::from(u8::MAX));
        let (connection, connected) = match attempt.connection {
            None => (0, NEVER),
            Some(Connection::Kept) => (KEPT, NEVER),
            Some(Connection::New { after, instead }) => (NEW | if instead { INSTEAD } else { 0 }, nanos(after)),
        };
        let outcome = match attempt.outcome {
            Ok(status) => status.as_u16(),
            Err(cause) => FAILED | cause as u16,
        };
        let flags = connection
            | if attempt.pick.overflows { OVERFLOWS } else { 0 }
            | if attempt.pick.panics { PANICS } else { 0 };
        let parts: [&[u8]; 9] = [
            &nanos(attempt.began.saturating_duration_since(started)).to_le_bytes(),
            &connected.to_le_bytes(),
            &nanos(attempt.duration).to_le_bytes(),
            &outcome.to_le_bytes(),
            &attempt.pick.passed_over.to_le_bytes(),
            &[flags],
            &[upstream.len() as u8],
            upstream.as_bytes(),
            attempt.endpoint.as_bytes(),
        ];
        self.slot.put(Tag::Attempt, &parts);
    }

    #[cold]
    fn turn(&mut self, turn: &Turn, started: Instant) {
        let (kind, text) = tell(&turn.event);
        let at = nanos(turn.at.saturating_duration_since(started)).to_le_bytes();
        self.slot.put(Tag::Turn, &[&at, &[kind], cut(&text, DETAIL).as_bytes()]);
    }
}

/// The index of the kind in [`TURNS`], and what happened, for people.
fn tell(event: &Event) -> (u8, String) {
    match event {
        Event::PolicyReplied { policy, status } => (0, format!("`{policy}` answered with {}", status.as_u16())),
        Event::PolicyFailed { policy, cause } => (1, format!("`{policy}` put an end to it: {cause}")),
        Event::PolicyWaited { policy, took } => (2, format!("`{policy}` took {took:.3?}")),
        Event::Queued { took } => (3, format!("waited {took:.3?} for a place among the requests under way")),
        Event::Unprobed { took } => (4, format!("waited {took:.3?} for the first probe of an endpoint")),
        Event::Mirrored { copies: 1 } => (5, "a mirror gets a copy".to_owned()),
        Event::Mirrored { copies } => (5, format!("{copies} mirrors get copies")),
        Event::Retried { wait, after } => {
            let mut text = format!("sent again after {wait:.3?}");
            if let Some(error) = after {
                _ = write!(text, "; it had failed: {}", told(error));
            }
            (6, text)
        }
        Event::NotRetried(why) => (7, format!("not sent again: {}", why.reason())),
        Event::FellBack { fallback, instead_of, failure } => {
            let name = fallback.to_str().unwrap_or_default();
            let text = match (instead_of, failure) {
                (_, Some(error)) => format!("fallback `{name}` failed: {}", told(error)),
                (Some(error), None) => format!("fallback `{name}` answered instead of: {}", told(error)),
                (None, None) => format!("fallback `{name}` answered"),
            };
            (8, text)
        }
    }
}

/// An error with all that is known of it. Many say in their detail what their source says.
fn told(error: &Error) -> String {
    let source = error.source_text();
    match error.detail().contains(&source) {
        true => error.to_string(),
        false => format!("{error}: {source}"),
    }
}

/// At most so many bytes of a text, in whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
