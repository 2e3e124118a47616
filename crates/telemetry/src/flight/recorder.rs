//! The records of one worker.

use std::sync::Arc;

use super::{Departed, Filter, FlightRules, Look, Slot};

/// Owned and written by one worker.
#[derive(Debug)]
pub struct Recorder {
    worker: u16,
    rules: Arc<FlightRules>,
    last: Ring,
    /// What fell out of `last` and says more than most.
    kept: Ring,
    slowest: Slowest,
}

/// A look through the records of one worker, a slice at a time.
#[derive(Debug)]
pub struct Search {
    filter: Filter,
    limit: usize,
    found: Vec<Slot>,
    /// `None`: it has not begun.
    at: Option<Position>,
}

/// The next one to be looked at, by the count of all that the ring ever took.
#[derive(Debug, Clone, Copy)]
enum Position {
    Last(u64),
    Kept(u64),
    Over,
}

/// The last so many. Room is reserved at once and touched only when it is used.
#[derive(Debug)]
struct Ring {
    slots: Vec<Slot>,
    most: usize,
    /// All that it ever took.
    taken: u64,
}

/// Those of the running minute.
#[derive(Debug, Default)]
struct Slowest {
    minute: u64,
    /// How long, and which; in no order.
    among: [(u64, u64); SLOWEST],
}

/// So many of each minute are kept.
const SLOWEST: usize = 8;

const NANOS_PER_MINUTE: u64 = 60_000_000_000;

// === impl Recorder ===

impl Recorder {
    /// For one of so many workers, which share the records that the rules speak of.
    pub fn new(rules: Arc<FlightRules>, worker: usize, workers: usize) -> Self {
        let share = |all: usize| all.div_ceil(workers.max(1));
        let (last, kept) = (Ring::new(share(rules.records).max(1)), Ring::new(share(rules.keep)));
        Self { worker: worker as u16, rules, last, kept, slowest: Slowest::default() }
    }

    pub fn rules(&self) -> &Arc<FlightRules> {
        &self.rules
    }

    /// All that it ever took.
    pub(super) fn taken(&self) -> u64 {
        self.last.taken
    }

    /// One of the last, if it is still there; counted from 1.
    pub(super) fn last(&self, number: u64) -> Option<&Slot> {
        self.last.get(number)
    }

    /// Takes an exchange in, and returns it as it is kept.
    pub fn record(&mut self, departed: &Departed<'_>) -> &Slot {
        let number = self.last.taken + 1;
        let slot = self.last.next(|falling_out| {
            if falling_out.is_notable() {
                self.kept.push(falling_out);
            }
        });
        slot.fill(number, self.worker, &self.rules, departed);
        let (total, minute) = (slot.head.total, slot.head.time / NANOS_PER_MINUTE);
        if let Some(displaced) = self.slowest.take(minute, total, number) {
            self.mark(number, true);
            self.mark(displaced, false);
        }
        self.last.fetch_next();
        self.last.get_mut(number)
    }

    /// It may have fallen out meanwhile.
    fn mark(&mut self, number: u64, is_slow: bool) {
        let slot = self.last.get_mut(number);
        if slot.head.number == number {
            slot.head.is_slow = is_slow;
        }
    }
}

// === impl Search ===

impl Search {
    /// The newest `limit` that pass.
    pub fn new(filter: Filter, limit: usize) -> Self {
        Self { filter, limit, found: Vec::new(), at: None }
    }
}

impl Look for Search {
    type Found = Vec<Slot>;

    /// From the newest on.
    fn go_on(&mut self, recorder: &Recorder, mut most: usize) -> bool {
        let mut at = self.at.unwrap_or(Position::Last(recorder.last.taken));
        while most > 0 && self.found.len() < self.limit {
            let (ring, number) = match at {
                Position::Last(number) => (&recorder.last, number),
                Position::Kept(number) => (&recorder.kept, number),
                Position::Over => break,
            };
            at = match (ring.get(number), at) {
                (Some(slot), _) => {
                    if self.filter.passes(slot) {
                        self.found.push(slot.clone());
                    }
                    most -= 1;
                    at.before()
                }
                // Older ones were overwritten, or there never were any.
                (None, Position::Last(_)) => Position::Kept(recorder.kept.taken),
                (None, _) => Position::Over,
            };
        }
        self.at = Some(at);
        matches!(at, Position::Over) || self.found.len() >= self.limit
    }

    /// One that fell out of the ring while it was looked through may be there twice.
    fn found(mut self) -> Vec<Slot> {
        self.found.sort_by_key(|slot| std::cmp::Reverse(slot.head.number));
        self.found.dedup_by_key(|slot| slot.head.number);
        self.found
    }
}

// === impl Position ===

impl Position {
    fn before(self) -> Self {
        match self {
            Self::Last(number) => Self::Last(number - 1),
            Self::Kept(number) => Self::Kept(number - 1),
            Self::Over => Self::Over,
        }
    }
}

// === impl Ring ===

impl Ring {
    fn new(most: usize) -> Self {
        Self { slots: Vec::with_capacity(most), most, taken: 0 }
    }

    /// The slot for one more. `falls_out` sees what it held before.
    fn next(&mut self, falls_out: impl FnOnce(&Slot)) -> &mut Slot {
        self.taken += 1;
        let index = self.index(self.taken);
        if index == self.slots.len() {
            self.slots.push(Slot::EMPTY);
        } else {
            falls_out(&self.slots[index]);
        }
        &mut self.slots[index]
    }

    /// Has the processor fetch the slot that is written next, while it does other things: in rings of megabytes it is in no
    /// cache that is near, and whoever wrote to it at once would wait for one line after the other.
    fn fetch_next(&self) {
        if let Some(slot) = self.slots.get(self.index(self.taken + 1)) {
            slot.prefetch();
        }
    }

    fn push(&mut self, slot: &Slot) {
        if self.most > 0 {
            self.next(|_| {}).clone_from(slot);
        }
    }

    /// Of those that are still there; counted from 1.
    fn get(&self, number: u64) -> Option<&Slot> {
        let is_there = number > 0 && number <= self.taken && self.taken - number < self.most as u64;
        is_there.then(|| self.slots.get(self.index(number))).flatten()
    }

    /// Where this one is, or was; of a ring that took one at least.
    fn get_mut(&mut self, number: u64) -> &mut Slot {
        let index = self.index(number.max(1));
        &mut self.slots[index]
    }

    fn index(&self, number: u64) -> usize {
        ((number - 1) % self.most as u64) as usize
    }
}

// === impl Slowest ===

impl Slowest {
    /// Whether it is among the slowest of its minute, and whom it takes the place of; 0 for nobody.
    fn take(&mut self, minute: u64, total: u64, number: u64) -> Option<u64> {
        if minute != self.minute {
            *self = Self { minute, ..Self::default() };
        }
        let least = self.among.iter_mut().min_by_key(|(total, _)| *total)?;
        (total > least.0).then(|| std::mem::replace(least, (total, number)).1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, UNIX_EPOCH};

    use http::{HeaderMap, StatusCode};
    use message::{Cause, Record};

    use super::*;
    use crate::{Line, Timing};

    fn recorder(records: usize, keep: usize) -> Recorder {
        Recorder::new(Arc::new(FlightRules { records, keep, headers: Vec::new() }), 0, 1)
    }

    /// An exchange that took so many milliseconds.
    fn record(recorder: &mut Recorder, millis: u64, cause: Option<Cause>) {
        let mut record = Record::new(Instant::now());
        (record.status, record.cause) = (Some(StatusCode::OK), cause);
        let timing = Timing { total: Duration::from_millis(millis), overhead: None };
        let fields = HeaderMap::new();
        let line = Line {
            time: UNIX_EPOCH,
            method: "GET",
            host: b"a.test",
            path: "/",
            ..Line::unknown(&record, &timing, [192, 0, 2, 1].into(), &fields)
        };
        recorder.record(&Departed {
            line: &line,
            generation: 1,
            upstream_of: &|_| "",
            policies: &|_: &mut dyn FnMut(&str)| {},
        });
    }

    #[track_caller]
    fn check(recorder: &Recorder, filter: Filter, expected: &[u64]) {
        let mut search = Search::new(filter, 100);
        // However small the slices are.
        while !search.go_on(recorder, 2) {}
        let found: Vec<_> = search.found().iter().map(|slot| slot.head.number).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_ones_are_there_and_those_that_failed_or_were_slow_for_longer() {
        let mut recorder = recorder(10, 100);
        check(&recorder, Filter::default(), &[]);
        for _ in 0..SLOWEST {
            record(&mut recorder, 1, None);
        }
        // Slower ones take the places of the first of the minute.
        for _ in 0..SLOWEST {
            record(&mut recorder, 9, None);
        }
        record(&mut recorder, 2, Some(Cause::ConnectRefused));
        for _ in 0..11 {
            record(&mut recorder, 2, None);
        }
        let all: Vec<_> = (19..=28).rev().chain([17]).chain((9..=16).rev()).collect();
        check(&recorder, Filter::default(), &all);
        check(&recorder, Filter { cause: Some("connect_refused".to_owned()), ..Filter::default() }, &[17]);
        check(&recorder, Filter { cause: Some("any".to_owned()), ..Filter::default() }, &[17]);
        check(&recorder, Filter { cause: Some("no_route".to_owned()), ..Filter::default() }, &[]);
        check(&recorder, Filter { id: Some("0-20".to_owned()), ..Filter::default() }, &[20]);
        let slow = Filter { min_duration: Some(Duration::from_millis(9)), ..Filter::default() };
        check(&recorder, slow, &(9..=16).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_ring_that_keeps_nothing_keeps_nothing() {
        let mut recorder = recorder(2, 0);
        for _ in 0..5 {
            record(&mut recorder, 1, Some(Cause::NoRoute));
        }
        check(&recorder, Filter::default(), &[5, 4]);
    }

    #[test]
    fn a_search_ends_with_what_it_was_asked_for() {
        let mut recorder = recorder(10, 0);
        for _ in 0..10 {
            record(&mut recorder, 1, None);
        }
        let mut search = Search::new(Filter::default(), 3);
        assert!(search.go_on(&recorder, 100));
        assert_eq!(search.found().len(), 3);
    }
}
