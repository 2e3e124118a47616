use std::time::{Duration, Instant};

use http::StatusCode;
use message::Record;

use super::*;
use crate::{Protocol, RouteMetrics, Timing};

const BEGAN: u64 = 1_000_000;

/// A route whose requests are made here.
struct Traffic(RouteMetrics);

impl Traffic {
    fn new() -> Self {
        Self(RouteMetrics::new(1))
    }

    fn answer(&self, times: usize, status: u16, took: Duration) {
        let mut record = Record::new(Instant::now());
        record.status = StatusCode::from_u16(status).ok();
        for _ in 0..times {
            self.0.observe(0, &record, &Timing { total: took, overhead: None }, Protocol::Http1);
        }
    }

    fn tick(&self, history: &mut History, second: u64) {
        history.tick(second, [(Subject::Route, "r", self.0.counts())].into_iter());
    }
}

#[test]
fn seconds_and_tens_tell_what_came() {
    let (mut history, traffic) = (History::default(), Traffic::new());
    traffic.tick(&mut history, BEGAN);
    for second in 1..=20 {
        traffic.answer(3, 200, Duration::from_millis(2));
        traffic.answer(usize::from(second == 4), 503, Duration::from_secs(20));
        traffic.tick(&mut history, BEGAN + second);
    }
    let points = history.points(Subject::Route, "r", Resolution::Second).unwrap();
    assert_eq!(points.len(), 20);
    assert_eq!((points[0].second, points[0].seconds, points[0].requests, points[0].failed), (BEGAN + 1, 1, 3, 0));
    assert_eq!((points[3].requests, points[3].failed), (4, 1));
    assert_eq!(points[3].p99, Duration::from_secs(10), "nothing is known beyond the longest bound");
    // Between 1 and 2.5 ms, as is all that a histogram knows.
    assert_eq!(points[0].p50, Duration::from_micros(1_750));
    let tens = history.points(Subject::Route, "r", Resolution::TenSeconds).unwrap();
    let told: Vec<_> =
        tens.iter().map(|point| (point.second - BEGAN, point.seconds, point.requests, point.failed)).collect();
    assert_eq!(told, [(10, 10, 31, 1), (20, 10, 30, 0)]);
}

#[test]
fn silence_takes_no_room_and_late_looks_are_told() {
    let (mut history, traffic) = (History::default(), Traffic::new());
    traffic.tick(&mut history, BEGAN);
    traffic.tick(&mut history, BEGAN + 5);
    traffic.answer(8, 200, Duration::ZERO);
    traffic.tick(&mut history, BEGAN + 9);
    traffic.tick(&mut history, BEGAN + 9);
    let points = history.points(Subject::Route, "r", Resolution::Second).unwrap();
    let told: Vec<_> = points.iter().map(|point| (point.second - BEGAN, point.seconds, point.requests)).collect();
    assert_eq!(told, [(9, 4, 8)]);
}

#[test]
fn what_is_old_goes() {
    let (mut history, traffic) = (History::default(), Traffic::new());
    traffic.tick(&mut history, BEGAN);
    for second in 1..=4_000 {
        traffic.answer(1, 200, Duration::ZERO);
        traffic.tick(&mut history, BEGAN + second);
    }
    let count = |resolution| history.points(Subject::Route, "r", resolution).unwrap().len();
    assert_eq!((count(Resolution::Second), count(Resolution::TenSeconds)), (300, 360));
    // The route is gone, and nobody feeds it any more.
    history.tick(BEGAN + 7_600, std::iter::empty());
    assert_eq!(history.points(Subject::Route, "r", Resolution::Second), None);
}

#[test]
fn what_is_new_had_nothing_before() {
    let (mut history, traffic) = (History::default(), Traffic::new());
    history.tick(BEGAN, std::iter::empty());
    traffic.answer(3, 200, Duration::ZERO);
    traffic.tick(&mut history, BEGAN + 1);
    let requests: Vec<_> = history.points(Subject::Route, "r", Resolution::Second).unwrap();
    assert_eq!(requests.iter().map(|point| (point.second, point.requests)).collect::<Vec<_>>(), [(BEGAN + 1, 3)]);
}

#[test]
fn counters_that_begin_anew_are_no_flood() {
    let (mut history, old, new) = (History::default(), Traffic::new(), Traffic::new());
    old.answer(9, 200, Duration::ZERO);
    old.tick(&mut history, BEGAN);
    new.answer(2, 200, Duration::ZERO);
    new.tick(&mut history, BEGAN + 1);
    assert_eq!(history.points(Subject::Route, "r", Resolution::Second).unwrap()[0].requests, 2);
}

#[test]
fn the_busiest_come_first() {
    let mut history = History::default();
    let traffic = [("a", 1), ("b", 5), ("c", 3)].map(|(name, each)| (name, each, Traffic::new()));
    for second in 0..100 {
        for (_, each, traffic) in &traffic {
            traffic.answer(*each, 200, Duration::ZERO);
        }
        let all = traffic.iter().map(|(name, _, traffic)| (Subject::Route, *name, traffic.0.counts()));
        history.tick(BEGAN + second, all);
    }
    let busiest = history.busiest(Subject::Route, BEGAN + 99, 2);
    let told: Vec<_> = busiest.iter().map(|busy| (&*busy.name, busy.point.requests)).collect();
    assert_eq!(told, [("b", 300), ("c", 180)]);
    assert_eq!(history.busiest(Subject::Upstream, BEGAN + 99, 2), []);
}

#[test]
fn of_too_many_things_some_are_left_out() {
    let (mut history, names) = (History::default(), (0..MOST + 7).map(|n| n.to_string()).collect::<Vec<_>>());
    let all = |subject| names.iter().map(move |name| (subject, name.as_str(), Counts::default()));
    history.tick(BEGAN, all(Subject::Endpoint).chain(all(Subject::Route)));
    assert_eq!(history.omitted(), 7 + MOST + 7 - MOST_ENDPOINTS);
    history.tick(BEGAN + 1, all(Subject::Route));
    assert_eq!(history.omitted(), 7);
}
