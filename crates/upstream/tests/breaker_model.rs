//! The circuit breaker under every order in which two workers can come to it (loom, with two preemptions).
//!
//! These tests compile its files once more, with the atomics of the model checker instead of the processor's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// What `crate::atomic` is in here.
mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}

#[allow(dead_code, unused_imports, unreachable_pub, reason = "a library within a test, which uses a part of it")]
#[path = "../src/breaker/mod.rs"]
mod breaker;

use std::time::{Duration, Instant};

use breaker::{
    Breaker, Event,
    Outcome::{self, Failure, Success},
    Phase, Reason, Rules,
};
use loom::{model::Builder, sync::Arc, thread};
use message::Random;

const MS: Duration = Duration::from_millis(1);

fn rules() -> Rules {
    Rules {
        consecutive_failures: Some(2),
        window: 100 * MS,
        min_requests: 1000,
        failure_ratio: None,
        slow: None,
        open_for: 100 * MS,
        max_open_for: 100 * MS,
        jitter: 0.0,
        half_open_requests: 2,
        ramp: 100 * MS,
    }
}

fn check(test: impl Fn() + Sync + Send + 'static) {
    let mut model = Builder::new();
    model.preemption_bound = Some(2);
    model.check(test);
}

/// Runs this twice at the same time, as 0 and as 1.
fn twice<T: 'static>(breaker: &Arc<Breaker>, run: impl Fn(&Breaker, usize) -> T + Clone + 'static) -> [T; 2] {
    let (other, run_there) = (breaker.clone(), run.clone());
    let there = thread::spawn(move || run_there(&other, 1));
    let here = run(breaker, 0);
    [here, there.join().unwrap()]
}

fn random() -> Random {
    Random::seeded(1)
}

/// Whether it passed, and what came of that.
fn request(breaker: &Breaker, outcome: Outcome, now: Instant) -> (bool, Vec<Event>) {
    let admission = breaker.admit(now, &mut random());
    let mut events: Vec<_> = admission.event.into_iter().collect();
    let Ok(pass) = admission.pass else { return (false, events) };
    events.extend(pass.record(outcome, MS, now, &mut random()));
    (true, events)
}

/// One that has opened for the first time, and when its cooldown is over.
fn cooled(rules: Rules) -> (Arc<Breaker>, Instant) {
    let start = Instant::now();
    let breaker = Arc::new(Breaker::new(rules, start));
    while breaker.status(start).phase != Phase::Open {
        request(&breaker, Failure, start);
    }
    (breaker, start + 100 * MS)
}

#[test]
fn it_opens_once() {
    check(|| {
        let now = Instant::now();
        let breaker = Arc::new(Breaker::new(rules(), now));
        request(&breaker, Failure, now);
        let events = twice(&breaker, move |breaker, _| request(breaker, Failure, now).1).concat();
        assert!(matches!(events[..], [Event::Opened { reason: Reason::ConsecutiveFailures, .. }]), "{events:?}");
        assert_eq!((breaker.status(now).phase, breaker.status(now).trips), (Phase::Open, 1));
    });
}

#[test]
fn the_only_probe_passes_once() {
    check(|| {
        let (breaker, now) = cooled(Rules { half_open_requests: 1, ..rules() });
        let passed = twice(&breaker, move |breaker, _| {
            let admission = breaker.admit(now, &mut random());
            // It stays under way.
            (admission.pass.map(std::mem::forget).is_ok(), admission.event)
        });
        assert_eq!(passed.iter().filter(|(passed, _)| *passed).count(), 1);
        assert_eq!(passed.iter().filter(|(_, event)| *event == Some(Event::HalfOpened)).count(), 1);
        assert_eq!(breaker.status(now).phase, Phase::HalfOpen { out: 1, won: 0 });
    });
}

#[test]
fn two_probes_that_went_well_end_it_once() {
    check(|| {
        let (breaker, now) = cooled(rules());
        let [here, there] = twice(&breaker, move |breaker, _| request(breaker, Success, now));
        assert!(here.0 && there.0);
        let events = [here.1, there.1].concat();
        let count = |wanted| events.iter().filter(|event| **event == wanted).count();
        assert_eq!((count(Event::HalfOpened), count(Event::Ramping), events.len()), (1, 1, 2), "{events:?}");
        assert_eq!((breaker.status(now).phase, breaker.status(now).totals.requests), (Phase::Ramp, 0));
    });
}

#[test]
fn one_probe_that_fails_is_enough() {
    check(|| {
        let (breaker, now) = cooled(rules());
        twice(&breaker, move |breaker, index| request(breaker, if index == 0 { Failure } else { Success }, now));
        // Whichever came first: the other one went well before, was late, or could not pass.
        let status = breaker.status(now);
        assert_eq!((status.phase, status.trips, status.reason), (Phase::Open, 2, Some(Reason::Probe)));
    });
}

#[test]
fn a_probe_that_is_given_up_can_be_sent_by_another() {
    check(|| {
        let (breaker, now) = cooled(Rules { half_open_requests: 1, ..rules() });
        twice(&breaker, move |breaker, _| drop(breaker.admit(now, &mut random()).pass));
        assert_eq!(breaker.status(now).phase, Phase::HalfOpen { out: 0, won: 0 });
        assert_eq!(request(&breaker, Success, now), (true, vec![Event::Ramping]));
    });
}

/// Room is made for a new part of the window while another worker counts: never do counts of the old part show up in it.
#[test]
fn the_window_turns_without_mixing_times() {
    check(|| {
        let start = Instant::now();
        let breaker = Arc::new(Breaker::new(Rules { consecutive_failures: None, ..rules() }, start));
        for _ in 0..5 {
            request(&breaker, Failure, start);
        }
        // The same place in the ring, one round later.
        let now = start + 100 * MS;
        let seen = twice(&breaker, move |breaker, _| {
            request(breaker, Success, now);
            breaker.status(now).totals
        });
        assert!(seen.iter().all(|totals| totals.requests <= 2 && totals.failures == 0), "{seen:?}");
        // Who came while room was made may be missing.
        assert!((1..=2).contains(&breaker.status(now).totals.requests));
    });
}
