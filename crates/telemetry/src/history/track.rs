use std::{collections::VecDeque, time::Duration};

use super::Counts;

/// What happened in one interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When the interval ended, in seconds since 1970.
    pub second: u64,
    /// How long it is, in seconds: more than asked for, if nobody looked meanwhile.
    pub seconds: u32,
    pub requests: u64,
    pub failed: u64,
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The last five minutes.
    Second,
    /// The last hour.
    TenSeconds,
}

/// What is kept of one thing.
#[derive(Debug)]
pub(super) struct Track {
    /// What the counters said last, and when.
    last: (u64, Counts),
    /// What they said when the current ten seconds began.
    ten: (u64, Counts),
    seconds: VecDeque<Kept>,
    tens: VecDeque<Kept>,
    /// By how much the counters grew, of the last minute's seconds: a quantile of them all is not made of theirs.
    minute: VecDeque<(u64, Counts)>,
}

/// A [`Point`] as it is kept: a third of its size.
#[derive(Debug, Clone, Copy)]
struct Kept {
    second: u32,
    seconds: u32,
    requests: u32,
    failed: u32,
    p50: f32,
    p95: f32,
    p99: f32,
}

/// Of the minute that is told as one, in seconds.
const MINUTE: u64 = 60;

// === impl Resolution ===

impl Resolution {
    /// How far it reaches back, in seconds.
    pub const fn reach(self) -> u64 {
        match self {
            Self::Second => 300,
            Self::TenSeconds => 3_600,
        }
    }

    /// How many there are at most.
    const fn points(self) -> usize {
        match self {
            Self::Second => 300,
            Self::TenSeconds => 360,
        }
    }
}

// === impl Point ===

impl Point {
    fn new(since: u64, second: u64, grown: &Counts) -> Self {
        Self {
            second,
            seconds: u32::try_from(second.saturating_sub(since)).unwrap_or(u32::MAX).max(1),
            requests: grown.requests,
            failed: grown.failed,
            p50: grown.quantile(0.5),
            p95: grown.quantile(0.95),
            p99: grown.quantile(0.99),
        }
    }
}

// === impl Track ===

impl Track {
    /// Of something that was first looked at when it said this. What came before that second is of no known time.
    pub(super) fn new(second: u64, counts: Counts) -> Self {
        let (last, ten) = ((second, counts), (second, counts));
        Self { last, ten, seconds: VecDeque::new(), tens: VecDeque::new(), minute: VecDeque::new() }
    }

    pub(super) fn tick(&mut self, second: u64, counts: Counts) {
        if second <= self.last.0 {
            return;
        }
        let grown = counts.since(&self.last.1);
        if grown.requests > 0 {
            push(&mut self.seconds, Kept::from(Point::new(self.last.0, second, &grown)), Resolution::Second.points());
            push(&mut self.minute, (second, grown), MINUTE as usize);
        }
        self.last = (second, counts);
        // At whole tens, so that all things have theirs at the same time.
        if second / 10 > self.ten.0 / 10 {
            let grown = counts.since(&self.ten.1);
            if grown.requests > 0 {
                push(&mut self.tens, Point::new(self.ten.0, second, &grown).into(), Resolution::TenSeconds.points());
            }
            self.ten = (second, counts);
        }
        while self.seconds.front().is_some_and(|kept| is_over(kept, second, Resolution::Second)) {
            self.seconds.pop_front();
        }
        while self.tens.front().is_some_and(|kept| is_over(kept, second, Resolution::TenSeconds)) {
            self.tens.pop_front();
        }
        while self.minute.front().is_some_and(|(at, _)| *at + MINUTE <= second) {
            self.minute.pop_front();
        }
    }

    /// Whether the thing was still there lately.
    pub(super) fn is_alive(&self, second: u64) -> bool {
        self.last.0 + Resolution::TenSeconds.reach() > second
    }

    pub(super) fn points(&self, resolution: Resolution) -> Vec<Point> {
        match resolution {
            Resolution::Second => self.seconds.iter().copied().map(Point::from).collect(),
            Resolution::TenSeconds => self.tens.iter().copied().map(Point::from).collect(),
        }
    }

    /// The minute before `second` as one point; `None` without requests.
    pub(super) fn last_minute(&self, second: u64) -> Option<Point> {
        let since = second.saturating_sub(MINUTE);
        let recent = self.minute.iter().rev().take_while(|(at, _)| *at > since);
        let sum = recent.map(|(_, grown)| *grown).reduce(|sum, grown| sum.plus(&grown))?;
        Some(Point::new(since, second, &sum))
    }
}

fn is_over(kept: &Kept, second: u64, resolution: Resolution) -> bool {
    u64::from(kept.second) + resolution.reach() <= second
}

/// Appends to what never holds more than so many, without room for more.
fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() == queue.capacity() {
        let wanted = (2 * queue.len()).clamp(8, most.max(queue.len()) + 1);
        queue.reserve_exact(wanted - queue.len());
    }
    queue.push_back(item);
}

// === impl Kept ===

impl From<Point> for Kept {
    fn from(point: Point) -> Self {
        let whole = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            second: whole(point.second),
            seconds: point.seconds,
            requests: whole(point.requests),
            failed: whole(point.failed),
            p50: point.p50.as_secs_f32(),
            p95: point.p95.as_secs_f32(),
            p99: point.p99.as_secs_f32(),
        }
    }
}

impl From<Kept> for Point {
    fn from(kept: Kept) -> Self {
        Self {
            second: kept.second.into(),
            seconds: kept.seconds,
            requests: kept.requests.into(),
            failed: kept.failed.into(),
            p50: Duration::from_secs_f32(kept.p50),
            p95: Duration::from_secs_f32(kept.p95),
            p99: Duration::from_secs_f32(kept.p99),
        }
    }
}
