//! What all lanes share. One thread: plain cells.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::{
    sync::{Barrier, Semaphore},
    time::Instant,
};

use super::{Report, client::Answer};
use crate::Failure;

pub(super) struct Board {
    /// All lanes and whoever drives them.
    gate: Barrier,
    schedule: Cell<Schedule>,
    /// Requests that are due and not yet begun, in an open loop.
    due: Semaphore,
    begun: Cell<u64>,
    routes: u32,
    asked: Cell<u64>,
    tally: RefCell<Tally>,
}

#[derive(Clone, Copy)]
enum Schedule {
    /// As fast as answers come, until then; at least one request, however late it is.
    Closed { until: Instant },
    /// The request `n` is due at `start + n * interval`.
    Open { start: Instant, interval: Duration, total: u64 },
}

struct Tally {
    /// Nanoseconds.
    latencies: Histogram<u64>,
    requests: u64,
    non_2xx: u64,
    errors: u64,
    first_error: Option<String>,
    body_bytes: u64,
}

// === impl Board ===

impl Board {
    pub(super) fn new(lanes: usize, routes: u32) -> Self {
        Self {
            gate: Barrier::new(lanes + 1),
            schedule: Cell::new(Schedule::Closed { until: Instant::now() }),
            due: Semaphore::new(0),
            begun: Cell::new(0),
            routes: routes.max(1),
            asked: Cell::new(0),
            tally: RefCell::new(Tally::new()),
        }
    }

    /// Returns when everybody is here.
    pub(super) async fn line_up(&self) {
        self.gate.wait().await;
    }

    pub(super) fn begin(&self, start: Instant, seconds: Duration, rate: Option<f64>) {
        self.schedule.set(match rate {
            None => Schedule::Closed { until: start + seconds },
            Some(rate) => {
                let total = (rate * seconds.as_secs_f64()) as u64;
                Schedule::Open { start, interval: Duration::from_secs_f64(1.0 / rate), total }
            }
        });
    }

    /// Lets lanes begin `count` more requests of an open loop.
    pub(super) fn release(&self, count: usize) {
        self.due.add_permits(count);
    }

    /// When the next request should have begun, at the earliest then; `None` at the end.
    pub(super) async fn next_due(&self) -> Option<Instant> {
        match self.schedule.get() {
            Schedule::Closed { until } => {
                let first = self.begun.replace(1) == 0;
                Some(Instant::now()).filter(|now| first || *now < until)
            }
            Schedule::Open { start, interval, total } => {
                self.due.acquire().await.ok()?.forget();
                let index = self.begun.get();
                self.begun.set(index + 1);
                (index < total).then(|| start + interval.mul_f64(index as f64))
            }
        }
    }

    /// Strides through all routes: neighbours in time are no neighbours in the document.
    pub(super) fn next_route(&self) -> u32 {
        /// A prime, so that every route is met.
        const STRIDE: u64 = 7919;
        let asked = self.asked.get();
        self.asked.set(asked + 1);
        (asked.wrapping_mul(STRIDE) % u64::from(self.routes)) as u32
    }

    pub(super) fn record(&self, latency: Duration, outcome: Result<Answer, Failure>) {
        let mut tally = self.tally.borrow_mut();
        match outcome {
            Ok(answer) if (200..300).contains(&answer.status) => {
                tally.requests += 1;
                tally.body_bytes += answer.body_bytes;
            }
            Ok(answer) => {
                tally.non_2xx += 1;
                tally.first_error.get_or_insert_with(|| format!("status {}", answer.status));
            }
            Err(failure) => {
                tally.errors += 1;
                tally.first_error.get_or_insert_with(|| failure.to_string());
                return;
            }
        }
        tally.latencies.saturating_record((latency.as_nanos() as u64).max(1));
    }

    /// Drops what the warm-up has seen.
    pub(super) fn forget(&self) {
        *self.tally.borrow_mut() = Tally::new();
    }

    pub(super) fn first_error(&self) -> String {
        self.tally.borrow().first_error.clone().unwrap_or_else(|| "no answer in time".into())
    }

    pub(super) fn report(&self, elapsed: Duration) -> Report {
        let tally = self.tally.borrow();
        let micros = |nanos: u64| nanos as f64 / 1000.0;
        Report {
            requests: tally.requests,
            non_2xx: tally.non_2xx,
            errors: tally.errors,
            first_error: tally.first_error.clone(),
            seconds: elapsed.as_secs_f64(),
            requests_per_second: tally.requests as f64 / elapsed.as_secs_f64(),
            body_bytes: tally.body_bytes,
            p50_us: micros(tally.latencies.value_at_quantile(0.50)),
            p99_us: micros(tally.latencies.value_at_quantile(0.99)),
            max_us: micros(tally.latencies.max()),
        }
    }
}

// === impl Tally ===

impl Tally {
    fn new() -> Self {
        Self { latencies: histogram(), requests: 0, non_2xx: 0, errors: 0, first_error: None, body_bytes: 0 }
    }
}

/// Nanoseconds up to a minute, three digits.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are constant and valid: low ≥ 1, high ≥ 2 × low, digits ≤ 5")]
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("constant bounds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_met() {
        for routes in [1, 1000, 50_000] {
            let board = Board::new(1, routes);
            let mut met: Vec<_> = (0..routes).map(|_| board.next_route()).collect();
            met.sort_unstable();
            assert!(met.into_iter().eq(0..routes));
        }
    }

    #[test]
    fn only_good_answers_are_requests() {
        let board = Board::new(1, 1);
        let answer = |status| Ok(Answer { status, body_bytes: 10 });
        board.record(Duration::from_micros(100), answer(200));
        board.record(Duration::from_micros(300), answer(502));
        board.record(Duration::from_secs(1), Err("gone".into()));
        let report = board.report(Duration::from_secs(2));
        assert_eq!((report.requests, report.non_2xx, report.errors, report.body_bytes), (1, 1, 1, 10));
        assert_eq!(report.first_error.as_deref(), Some("status 502"));
        assert!((report.p50_us - 100.0).abs() < 1.0, "{report:?}");
        assert!((report.max_us - 300.0).abs() < 1.0, "{report:?}");
    }
}
