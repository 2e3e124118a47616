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
    seconds: VecDeque<(Point, Counts)>,
    tens: VecDeque<Point>,
}

// === impl Resolution ===

impl Resolution {
    /// How far it reaches back, in seconds.
    pub const fn reach(self) -> u64 {
        match self {
            Self::Second => 300,
            Self::TenSeconds => 3_600,
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
        Self { last: (second, counts), ten: (second, counts), seconds: VecDeque::new(), tens: VecDeque::new() }
    }

    pub(super) fn tick(&mut self, second: u64, counts: Counts) {
        if second <= self.last.0 {
            return;
        }
        let grown = counts.since(&self.last.1);
        if grown.requests > 0 {
            self.seconds.push_back((Point::new(self.last.0, second, &grown), grown));
        }
        self.last = (second, counts);
        // At whole tens, so that all things have theirs at the same time.
        if second / 10 > self.ten.0 / 10 {
            let grown = counts.since(&self.ten.1);
            if grown.requests > 0 {
                self.tens.push_back(Point::new(self.ten.0, second, &grown));
            }
            self.ten = (second, counts);
        }
        while self.seconds.front().is_some_and(|(point, _)| is_over(point, second, Resolution::Second)) {
            self.seconds.pop_front();
        }
        while self.tens.front().is_some_and(|point| is_over(point, second, Resolution::TenSeconds)) {
            self.tens.pop_front();
        }
    }

    /// Whether the thing was still there lately.
    pub(super) fn is_alive(&self, second: u64) -> bool {
        self.last.0 + Resolution::TenSeconds.reach() > second
    }

    pub(super) fn points(&self, resolution: Resolution) -> Vec<Point> {
        match resolution {
            Resolution::Second => self.seconds.iter().map(|(point, _)| *point).collect(),
            Resolution::TenSeconds => self.tens.iter().copied().collect(),
        }
    }

    /// The minute before `second` as one point; `None` without requests.
    pub(super) fn last_minute(&self, second: u64) -> Option<Point> {
        let since = second.saturating_sub(60);
        let recent = self.seconds.iter().rev().take_while(|(point, _)| point.second > since);
        let sum = recent.map(|(_, grown)| *grown).reduce(|sum, grown| sum.plus(&grown))?;
        Some(Point::new(since, second, &sum))
    }
}

fn is_over(point: &Point, second: u64, resolution: Resolution) -> bool {
    point.second + resolution.reach() <= second
}
