//! Who is behind the last requests: counted from their records when somebody asks, so that a request does nothing for it.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    Look, Recorder,
    slot::{Slot, Tag, nanos},
};
use crate::Counts;

/// What requests are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Who called, as policies found out; requests of nobody in particular are left out.
    Consumer,
    /// The address of the client, through trusted proxies.
    Client,
}

/// A look through the last records of one worker. It takes no more room than there are records.
#[derive(Debug)]
pub struct Survey {
    by: Caller,
    /// In nanoseconds since 1970.
    since: u64,
    /// When the oldest record that was seen ended.
    oldest: u64,
    /// The next one to be looked at; `None`: it has not begun.
    at: Option<u64>,
    callers: HashMap<Box<[u8]>, Counts>,
    requests: u64,
}

/// What records of one worker say.
#[derive(Debug)]
pub struct Surveyed {
    /// So far they go back.
    pub since: SystemTime,
    callers: HashMap<Box<[u8]>, Counts>,
    requests: u64,
}

/// Who was behind the last requests.
#[derive(Debug)]
pub struct Callers {
    /// In this time.
    pub period: Duration,
    /// All that there were, also those of nobody in particular.
    pub requests: u64,
    /// With the most requests first.
    pub busiest: Vec<(String, Counts)>,
}

// === impl Caller ===

impl Caller {
    /// As the API calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Client => "client",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Consumer, Self::Client].into_iter().find(|caller| caller.name() == name)
    }

    fn of(self, slot: &Slot) -> Option<Box<[u8]>> {
        match self {
            Self::Consumer => slot.text(Tag::Consumer).map(Into::into),
            Self::Client => Some(slot.head.client.to_string().into_bytes().into()),
        }
    }
}

// === impl Survey ===

impl Survey {
    pub fn new(by: Caller, since: SystemTime) -> Self {
        let since = nanos(since.duration_since(UNIX_EPOCH).unwrap_or_default());
        Self { by, since, oldest: since, at: None, callers: HashMap::new(), requests: 0 }
    }

    fn count(&mut self, slot: &Slot) {
        self.requests += 1;
        if let Some(caller) = self.by.of(slot) {
            self.callers.entry(caller).or_default().observe(slot.head.status >= 500, slot.head.total);
        }
    }
}

impl Look for Survey {
    type Found = Surveyed;

    fn go_on(&mut self, recorder: &Recorder, most: usize) -> bool {
        for _ in 0..most {
            let number = self.at.unwrap_or_else(|| recorder.taken());
            let Some(slot) = recorder.last(number) else {
                // Older ones were overwritten, so nobody knows how many there were; or there never were any.
                self.oldest = if number == 0 { self.since } else { self.oldest };
                return true;
            };
            let ended = nanos(slot.ended().duration_since(UNIX_EPOCH).unwrap_or_default());
            if ended < self.since {
                self.oldest = self.since;
                return true;
            }
            self.oldest = ended;
            self.count(slot);
            self.at = Some(number - 1);
        }
        false
    }

    fn found(self) -> Surveyed {
        let since = UNIX_EPOCH + Duration::from_nanos(self.oldest);
        Surveyed { since, callers: self.callers, requests: self.requests }
    }
}

// === impl Callers ===

impl Callers {
    /// What the records of all workers say of the time from `since` to `now`.
    pub fn of(surveyed: &[Surveyed], since: SystemTime, now: SystemTime, most: usize) -> Self {
        let mut all: HashMap<&[u8], Counts> = HashMap::new();
        for (caller, counts) in surveyed.iter().flat_map(|part| &part.callers) {
            let sum = all.entry(caller).or_default();
            *sum = sum.plus(counts);
        }
        let mut busiest: Vec<_> =
            all.into_iter().map(|(caller, counts)| (String::from_utf8_lossy(caller).into_owned(), counts)).collect();
        busiest.sort_by(|(one, of_one), (other, of_other)| {
            of_other.requests.cmp(&of_one.requests).then_with(|| one.cmp(other))
        });
        busiest.truncate(most);
        Self {
            period: now.duration_since(since).unwrap_or_default(),
            requests: surveyed.iter().map(|part| part.requests).sum(),
            busiest,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc, time::Instant};

    use http::{HeaderMap, StatusCode};
    use message::Record;

    use super::*;
    use crate::{
        Line, Timing,
        flight::{Departed, FlightRules},
    };

    const BEGAN: u64 = 1_000_000;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn recorder(records: usize) -> Recorder {
        Recorder::new(Arc::new(FlightRules { records, keep: 0, headers: Vec::new() }), 0, 1)
    }

    fn record(recorder: &mut Recorder, second: u64, client: u8, consumer: Option<&str>, status: u16) {
        let mut record = Record::new(Instant::now());
        record.status = StatusCode::from_u16(status).ok();
        let timing = Timing { total: Duration::from_millis(2), overhead: None };
        let (fields, client) = (HeaderMap::new(), IpAddr::from([192, 0, 2, client]));
        let line = Line { time: at(second), consumer, ..Line::unknown(&record, &timing, client, &fields) };
        recorder.record(&Departed {
            line: &line,
            generation: 1,
            upstream_of: &|_| "",
            policies: &|_: &mut dyn FnMut(&str)| {},
        });
    }

    fn survey(recorder: &Recorder, by: Caller, since: SystemTime) -> Surveyed {
        let mut survey = Survey::new(by, since);
        // However small the slices are.
        while !survey.go_on(recorder, 2) {}
        survey.found()
    }

    fn told(callers: &Callers) -> Vec<(&str, u64, u64)> {
        callers.busiest.iter().map(|(name, counts)| (&**name, counts.requests, counts.failed)).collect()
    }

    #[test]
    fn callers_of_the_last_minute_are_counted() {
        let (mut one, mut other) = (recorder(100), recorder(100));
        record(&mut one, BEGAN - 61, 9, Some("old"), 200);
        for client in [1, 2, 1, 1] {
            record(&mut one, BEGAN - 50, client, None, 200);
        }
        record(&mut other, BEGAN - 1, 2, Some("alice"), 503);
        record(&mut other, BEGAN - 1, 3, Some("bob"), 200);
        record(&mut other, BEGAN - 1, 3, Some("alice"), 200);
        let since = at(BEGAN - 60);
        let both = |by| [survey(&one, by, since), survey(&other, by, since)];
        let clients = Callers::of(&both(Caller::Client), since, at(BEGAN), 2);
        assert_eq!(told(&clients), [("192.0.2.1", 3, 0), ("192.0.2.2", 2, 1)]);
        assert_eq!((clients.requests, clients.period), (7, Duration::from_secs(60)));
        let consumers = Callers::of(&both(Caller::Consumer), since, at(BEGAN), 10);
        assert_eq!(told(&consumers), [("alice", 2, 1), ("bob", 1, 0)]);
        assert_eq!(both(Caller::Client).map(|part| part.since), [since, since]);
    }

    #[test]
    fn records_that_were_overwritten_shorten_the_time() {
        let mut recorder = recorder(3);
        (0..9).for_each(|second| record(&mut recorder, BEGAN + second, 1, None, 200));
        let surveyed = survey(&recorder, Caller::Client, at(BEGAN));
        assert_eq!(surveyed.since, at(BEGAN + 6) + Duration::from_millis(2));
        assert_eq!(surveyed.requests, 3);
    }
}
