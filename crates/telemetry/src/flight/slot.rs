//! One record as it is kept: numbers at fixed places, then texts, each with a tag and a length, as far as there is room.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use message::{Cause, TraceId};

use super::{Departed, FlightRules, writer::Writer};
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
    /// Of the trace: its bytes.
    Trace,
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
const CACHE_LINE: usize = 64;
/// What most exchanges fill of a slot.
const USUAL_LINES: usize = 8;
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

// === impl Slot ===

impl Slot {
    pub(super) const EMPTY: Self = Self { head: Head::EMPTY, used: 0, data: [0; ROOM] };

    /// Takes in an exchange; whatever it held before is gone.
    pub(super) fn fill(&mut self, number: u64, worker: u16, rules: &FlightRules, departed: &Departed<'_>) {
        self.head = Head::of(number, worker, departed);
        self.used = 0;
        Writer { slot: self }.tell(rules, departed);
    }

    /// Has the processor fetch what most exchanges fill of it.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn prefetch(&self) {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        let begin = (&raw const *self).cast::<i8>();
        for line in 0..USUAL_LINES {
            // SAFETY: a prefetch is a hint that reads and writes nothing and never faults; the address is within `self` anyway.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(begin.wrapping_add(line * CACHE_LINE)) };
        }
    }

    /// There is no stable way to ask for it.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn prefetch(&self) {}

    /// Appends a text, as far as there is room.
    pub(super) fn put(&mut self, tag: Tag, parts: &[&[u8]]) {
        let used = usize::from(self.used);
        let Some(room) = (ROOM - used).checked_sub(3).filter(|room| *room > 0) else {
            self.head.is_cut = true;
            return;
        };
        let (head, data) = self.data[used..].split_at_mut(3);
        let mut length = 0;
        for part in parts {
            let taken = part.len().min(room - length);
            data[length..length + taken].copy_from_slice(&part[..taken]);
            length += taken;
            self.head.is_cut |= taken < part.len();
        }
        let [low, high] = (length as u16).to_le_bytes();
        head.copy_from_slice(&[tag as u8, low, high]);
        self.used = (used + 3 + length) as u16;
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

    /// Of the trace that its exchange was part of; `None` where the document asks for no traces.
    pub(super) fn trace(&self) -> Option<TraceId> {
        TraceId::new(self.text(Tag::Trace)?.try_into().ok()?)
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
    const ALL: [Self; 17] = [
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
        Self::Trace,
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
        slot.put(Tag::Method, &[b"GET"]);
        slot.put(Tag::Path, &[&[b'a'; 2 * ROOM]]);
        slot.put(Tag::Query, &[b"never"]);
        assert!(slot.head.is_cut);
        let lengths: Vec<_> = slot.texts().map(|(tag, text)| (tag, text.len())).collect();
        assert_eq!(lengths, [(Tag::Method, 3), (Tag::Path, ROOM - 9)]);
    }
}
