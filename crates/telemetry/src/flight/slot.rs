//! One record as it is kept: numbers at fixed places, then texts, each with a tag and a length, as far as there is room.

use std::{
    fmt::{self, Write as _},
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use message::{Attempt, Cause, Connection, Error, Event, Record, Turn};

use super::{Departed, FlightRules};
use crate::Protocol;

/// A record of fixed size.
#[derive(Clone)]
pub struct Slot {
    pub(super) head: Head,
    used: u16,
    data: [u8; ROOM],
}

/// What every record has. Moments are nanoseconds since the start, [`NEVER`] for those that did not come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// Counted by each worker from 1; 0 is no record.
    pub(super) number: u64,
    pub(super) generation: u64,
    /// When it started, in nanoseconds since 1970.
    pub(super) time: u64,
    pub(super) routed: u64,
    pub(super) admitted: u64,
    pub(super) responded: u64,
    pub(super) total: u64,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
    pub(super) client: IpAddr,
    /// How many there were; the data may hold fewer.
    pub(super) attempts: u32,
    pub(super) worker: u16,
    /// 0: none.
    pub(super) status: u16,
    pub(super) cause: Option<Cause>,
    pub(super) protocol: Protocol,
    /// It was among the slowest of its minute.
    pub(super) is_slow: bool,
    /// Something found no room.
    pub(super) is_cut: bool,
    /// The path did not, or the query.
    pub(super) is_target_cut: bool,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    RequestId,
    Method,
    Scheme,
    Host,
    Path,
    Query,
    /// Name, colon, value.
    Header,
    Listener,
    Route,
    Side,
    Consumer,
    Policy,
    /// See [`AttemptKept`].
    Attempt,
    Detail,
    /// Name of a route, NUL, what it misses.
    Near,
    /// Moment, index of the kind, text.
    Turn,
}

/// An attempt as it is kept: numbers, then the length of the upstream's name, the name, and the endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttemptKept<'s> {
    pub(super) began: u64,
    /// From the choice of the endpoint; [`NEVER`] without a new connection.
    pub(super) connected: u64,
    pub(super) duration: u64,
    /// A status, or [`FAILED`] with the index of a cause.
    pub(super) outcome: u16,
    pub(super) passed_over: u16,
    /// Of `KEPT`, `NEW`, `INSTEAD`, `OVERFLOWS`, `PANICS`.
    pub(super) flags: u8,
    pub(super) upstream: &'s str,
    pub(super) endpoint: &'s str,
}

/// So many bytes of texts: what most requests have is half as much.
const ROOM: usize = 656;
/// A moment that did not come.
pub(super) const NEVER: u64 = u64::MAX;
/// Beside the index of a cause, in [`AttemptKept::outcome`].
pub(super) const FAILED: u16 = 1 << 15;

pub(super) const KEPT: u8 = 1;
pub(super) const NEW: u8 = 1 << 1;
pub(super) const INSTEAD: u8 = 1 << 2;
pub(super) const OVERFLOWS: u8 = 1 << 3;
pub(super) const PANICS: u8 = 1 << 4;

/// The bytes of an attempt before its names.
const ATTEMPT_NUMBERS: usize = 30;
/// The first attempts, and the last; those between are counted only.
const ATTEMPTS: usize = 4;
/// Longer texts of errors say no more.
const DETAIL: usize = 160;
/// Longer paths and queries leave too little room for the rest.
const PATH: usize = 192;
const QUERY: usize = 128;

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

/// Writes texts into a slot, as far as there is room.
struct Writer<'s> {
    slot: &'s mut Slot,
}

// === impl Slot ===

impl Slot {
    pub(super) const EMPTY: Self = Self { head: Head::EMPTY, used: 0, data: [0; ROOM] };

    /// Takes in an exchange; whatever it held before is gone.
    pub(super) fn fill(&mut self, number: u64, worker: u16, rules: &FlightRules, departed: &Departed<'_>) {
        let line = departed.line;
        self.head = Head::of(number, worker, departed);
        self.used = 0;
        let record = line.record;
        let mut writer = Writer { slot: self };
        // The most telling first: what comes last may find no room.
        writer.optional(Tag::RequestId, line.request_id);
        writer.put(Tag::Method, &[line.method.as_bytes()]);
        writer.put(Tag::Scheme, &[departed.scheme.as_bytes()]);
        writer.put(Tag::Host, &[line.host]);
        writer.target(line.path, departed.query);
        writer.optional(Tag::Route, line.route.map(str::as_bytes));
        writer.optional(Tag::Side, line.side.map(str::as_bytes));
        writer.optional(Tag::Listener, departed.listener.map(str::as_bytes));
        writer.optional(Tag::Consumer, departed.consumer.map(str::as_bytes));
        writer.attempts(record, departed.upstream_of);
        if let Some(failure) = &record.failure {
            writer.put(Tag::Detail, &[cut(&told(failure), DETAIL).as_bytes()]);
        }
        record.turns.iter().for_each(|turn| writer.turn(turn, record.started));
        (departed.policies)(&mut |kind| writer.put(Tag::Policy, &[kind.as_bytes()]));
        for near in record.nearest.iter().flat_map(|nearest| &nearest.routes) {
            writer.put(Tag::Near, &[near.route.as_bytes(), b"\0", near.miss.as_bytes()]);
        }
        for name in &rules.headers {
            if let Some(value) = departed.headers.get(name) {
                writer.put(Tag::Header, &[name.as_str().as_bytes(), b":", value.as_bytes()]);
            }
        }
    }

    /// The texts, in the order in which they were written. One that was cut may end within a character.
    pub(super) fn texts(&self) -> impl Iterator<Item = (Tag, &[u8])> {
        let mut rest = &self.data[..usize::from(self.used)];
        std::iter::from_fn(move || {
            let (&[tag, low, high], behind) = rest.split_first_chunk::<3>()?;
            let (text, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
            rest = behind;
            Some((Tag::of(tag)?, text))
        })
    }

    pub(super) fn text(&self, wanted: Tag) -> Option<&[u8]> {
        self.texts().find(|(tag, _)| *tag == wanted).map(|(_, text)| text)
    }

    /// Those that are told one by one.
    pub(super) fn attempts(&self) -> impl Iterator<Item = AttemptKept<'_>> {
        let attempts = self.texts().filter(|(tag, _)| *tag == Tag::Attempt);
        attempts.filter_map(|(_, kept)| AttemptKept::read(kept))
    }

    /// What the record is known by, also if nobody asked for a request id.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.head.worker, self.head.number)
    }

    /// When its exchange ended.
    pub fn ended(&self) -> SystemTime {
        self.head.started() + Duration::from_nanos(self.head.total)
    }

    /// Whether it says more than most, and is kept for longer.
    pub(super) fn is_notable(&self) -> bool {
        self.head.cause.is_some() || self.head.is_slow
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

// === impl Head ===

impl Head {
    const EMPTY: Self = Self {
        number: 0,
        generation: 0,
        time: 0,
        routed: NEVER,
        admitted: NEVER,
        responded: NEVER,
        total: 0,
        request_bytes: 0,
        response_bytes: 0,
        client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        attempts: 0,
        worker: 0,
        status: 0,
        cause: None,
        protocol: Protocol::Http1,
        is_slow: false,
        is_cut: false,
        is_target_cut: false,
    };

    fn of(number: u64, worker: u16, departed: &Departed<'_>) -> Self {
        let line = departed.line;
        let record = line.record;
        let since = |at: Option<Instant>| at.map_or(NEVER, |at| nanos(at.saturating_duration_since(record.started)));
        Self {
            number,
            generation: departed.generation,
            time: nanos(line.time.duration_since(UNIX_EPOCH).unwrap_or_default()),
            routed: since(record.routed),
            admitted: since(record.admitted),
            responded: since(record.responded),
            total: nanos(line.timing.total),
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
            client: line.client,
            attempts: record.attempts.len() as u32,
            worker,
            status: line.status().unwrap_or_default() as u16,
            cause: record.cause,
            protocol: line.protocol,
            is_slow: false,
            is_cut: false,
            is_target_cut: false,
        }
    }

    pub(super) fn started(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.time)
    }
}

// === impl Tag ===

impl Tag {
    const ALL: [Self; 16] = [
        Self::RequestId,
        Self::Method,
        Self::Scheme,
        Self::Host,
        Self::Path,
        Self::Query,
        Self::Header,
        Self::Listener,
        Self::Route,
        Self::Side,
        Self::Consumer,
        Self::Policy,
        Self::Attempt,
        Self::Detail,
        Self::Near,
        Self::Turn,
    ];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

// === impl AttemptKept ===

impl<'s> AttemptKept<'s> {
    pub(super) fn read(kept: &'s [u8]) -> Option<Self> {
        let (numbers, names) = kept.split_first_chunk::<ATTEMPT_NUMBERS>()?;
        let long = |at: usize| Some(u64::from_le_bytes(*numbers.get(at..)?.first_chunk()?));
        let short = |at: usize| Some(u16::from_le_bytes(*numbers.get(at..)?.first_chunk()?));
        let (upstream, endpoint) = names.split_at_checked(usize::from(numbers[29]))?;
        Some(Self {
            began: long(0)?,
            connected: long(8)?,
            duration: long(16)?,
            outcome: short(24)?,
            passed_over: short(26)?,
            flags: numbers[28],
            upstream: str::from_utf8(upstream).unwrap_or_default(),
            endpoint: str::from_utf8(endpoint).unwrap_or_default(),
        })
    }
}

// === impl Writer ===

impl Writer<'_> {
    fn put(&mut self, tag: Tag, parts: &[&[u8]]) {
        let used = usize::from(self.slot.used);
        let Some(room) = (ROOM - used).checked_sub(3).filter(|room| *room > 0) else {
            self.slot.head.is_cut = true;
            return;
        };
        let (head, data) = self.slot.data[used..].split_at_mut(3);
        let mut length = 0;
        for part in parts {
            let taken = part.len().min(room - length);
            data[length..length + taken].copy_from_slice(&part[..taken]);
            length += taken;
            self.slot.head.is_cut |= taken < part.len();
        }
        let [low, high] = (length as u16).to_le_bytes();
        head.copy_from_slice(&[tag as u8, low, high]);
        self.slot.used = (used + 3 + length) as u16;
    }

    fn optional(&mut self, tag: Tag, text: Option<&[u8]>) {
        if let Some(text) = text {
            self.put(tag, &[text]);
        }
    }

    fn target(&mut self, path: &str, query: Option<&str>) {
        let is_cut = path.len() > PATH || query.is_some_and(|query| query.len() > QUERY);
        self.slot.head.is_target_cut = is_cut;
        self.slot.head.is_cut |= is_cut;
        self.put(Tag::Path, &[cut(path, PATH).as_bytes()]);
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
        self.put(Tag::Attempt, &parts);
    }

    #[cold]
    fn turn(&mut self, turn: &Turn, started: Instant) {
        let (kind, text) = tell(&turn.event);
        let at = nanos(turn.at.saturating_duration_since(started)).to_le_bytes();
        self.put(Tag::Turn, &[&at, &[kind], cut(&text, DETAIL).as_bytes()]);
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

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_by_their_number() {
        for tag in Tag::ALL {
            assert_eq!(Tag::of(tag as u8), Some(tag));
        }
        assert_eq!(Tag::of(Tag::ALL.len() as u8), None);
    }

    #[test]
    fn a_slot_is_twelve_cache_lines() {
        assert!(size_of::<Slot>() <= 768, "{} bytes", size_of::<Slot>());
    }

    #[test]
    fn what_finds_no_room_is_cut_and_said_to_be() {
        let mut slot = Slot::EMPTY;
        let mut writer = Writer { slot: &mut slot };
        writer.put(Tag::Method, &[b"GET"]);
        writer.put(Tag::Path, &[&[b'a'; 2 * ROOM]]);
        writer.put(Tag::Query, &[b"never"]);
        assert!(slot.head.is_cut);
        let lengths: Vec<_> = slot.texts().map(|(tag, text)| (tag, text.len())).collect();
        assert_eq!(lengths, [(Tag::Method, 3), (Tag::Path, ROOM - 9)]);
    }
}
