//! The circuit breaker: what it does, and what it never does, whatever happens to it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use message::Random;
use proptest::prelude::*;
use upstream::breaker::{
    Breaker, Event, Mode,
    Outcome::{self, Failure, Success},
    Pass, Phase, Reason, Refused, Rules, Slow, Status, Totals,
};

const MS: Duration = Duration::from_millis(1);

/// A breaker with the time and the chance that it is asked with.
struct Setup {
    breaker: Breaker,
    start: Instant,
    now: Instant,
    random: Random,
    events: Vec<Event>,
}

/// Trips at ten failures of twenty, or three in a row; no chance in it.
fn rules() -> Rules {
    Rules {
        consecutive_failures: Some(3),
        window: 1000 * MS,
        min_requests: 20,
        failure_ratio: Some(0.5),
        slow: Some(Slow { over: 100 * MS, ratio: 0.8 }),
        open_for: 500 * MS,
        max_open_for: 3000 * MS,
        jitter: 0.0,
        half_open_requests: 2,
        ramp: 1000 * MS,
    }
}

// === impl Setup ===

impl Setup {
    fn new(rules: Rules) -> Self {
        let start = Instant::now();
        let (breaker, random) = (Breaker::new(rules, start), Random::seeded(3));
        Self { breaker, start, now: start, random, events: Vec::new() }
    }

    /// One request that takes no time; false if it may not pass.
    fn request(&mut self, outcome: Outcome) -> bool {
        self.request_of(outcome, Duration::ZERO).is_ok()
    }

    fn request_of(&mut self, outcome: Outcome, took: Duration) -> Result<(), Refused> {
        let admission = self.breaker.admit(self.now, &mut self.random);
        self.events.extend(admission.event);
        let event = admission.pass?.record(outcome, took, self.now, &mut self.random);
        self.events.extend(event);
        Ok(())
    }

    fn wait(&mut self, wait: Duration) {
        self.now += wait;
    }

    fn status(&self) -> Status {
        self.breaker.status(self.now)
    }

    fn phase(&self) -> Phase {
        self.status().phase
    }

    /// How long it stays open from now on.
    fn cooldown(&self) -> Duration {
        self.status().next_probe.unwrap() - self.now
    }

    /// Opens it, however many requests that takes.
    fn trip(&mut self) {
        while self.phase() != Phase::Open {
            self.request(Failure);
        }
    }
}

// === closed ===

#[test]
fn failures_in_a_row_open_it() {
    let mut setup = Setup::new(rules());
    for outcome in [Failure, Failure, Success, Failure, Failure] {
        assert!(setup.request(outcome));
    }
    assert_eq!((setup.phase(), &*setup.events), (Phase::Closed, &[][..]));
    assert!(setup.request(Failure));
    let until = setup.now + 500 * MS;
    assert_eq!(setup.events, [Event::Opened { reason: Reason::ConsecutiveFailures, until }]);
    let refused = Refused { reason: Some(Reason::ConsecutiveFailures), next_probe: Some(until) };
    assert_eq!(setup.request_of(Success, MS), Err(refused));
    let Status { phase, reason, trips, next_probe, share, .. } = setup.status();
    assert_eq!((phase, reason, trips, next_probe), (Phase::Open, refused.reason, 1, refused.next_probe));
    assert_eq!(share, 0.0);
}

#[test]
fn too_many_failures_open_it_once_there_are_enough_requests() {
    let mut setup = Setup::new(Rules { consecutive_failures: None, ..rules() });
    for _ in 0..9 {
        assert!(setup.request(Success) && setup.request(Failure));
    }
    assert!(setup.request(Failure));
    assert_eq!((setup.phase(), setup.status().totals.requests), (Phase::Closed, 19));
    assert!(setup.request(Success), "a success opens nothing");
    assert_eq!((setup.phase(), setup.status().totals.failures), (Phase::Closed, 10));
    assert!(setup.request(Failure));
    assert_eq!((setup.phase(), setup.status().reason), (Phase::Open, Some(Reason::FailureRatio)));
}

#[test]
fn too_many_slow_calls_open_it() {
    let mut setup = Setup::new(rules());
    for _ in 0..4 {
        setup.request_of(Success, 100 * MS).unwrap();
    }
    for _ in 0..15 {
        setup.request_of(Success, 101 * MS).unwrap();
    }
    assert_eq!((setup.phase(), setup.status().totals.slow), (Phase::Closed, 15));
    setup.request_of(Success, 101 * MS).unwrap();
    assert_eq!((setup.phase(), setup.status().reason), (Phase::Open, Some(Reason::SlowCalls)));
}

#[test]
fn what_is_older_than_the_window_is_forgotten() {
    let mut setup = Setup::new(Rules { consecutive_failures: None, ..rules() });
    for _ in 0..19 {
        assert!(setup.request(Failure));
    }
    setup.wait(1000 * MS);
    assert_eq!(setup.status().totals.requests, 0);
    for _ in 0..10 {
        assert!(setup.request(Success) && setup.request(Success) && setup.request(Failure));
    }
    assert_eq!(setup.phase(), Phase::Closed);
}

// === open, half open, ramp ===

#[test]
fn probes_find_out_and_a_ramp_leads_back() {
    let mut setup = Setup::new(rules());
    setup.trip();
    setup.wait(499 * MS);
    assert!(!setup.request(Success));
    setup.wait(MS);
    assert!(setup.request(Success));
    assert_eq!(setup.phase(), Phase::HalfOpen { out: 0, won: 1 });
    assert!(setup.request(Success));
    assert_eq!(setup.phase(), Phase::Ramp);
    setup.wait(1000 * MS);
    assert_eq!(setup.status().share, 1.0);
    assert!(setup.request(Success));
    assert_eq!((setup.phase(), setup.status().reason, setup.status().trips), (Phase::Closed, None, 0));
    assert_eq!(setup.events[1..], [Event::HalfOpened, Event::Ramping, Event::Closed]);
}

#[test]
fn a_ramp_lets_a_growing_share_pass() {
    let mut setup = Setup::new(rules());
    setup.trip();
    setup.wait(500 * MS);
    assert!(setup.request(Success) && setup.request(Success));
    assert_eq!(
        (setup.phase(), setup.status().totals),
        (Phase::Ramp, Totals::default()),
        "what was before is forgotten"
    );
    for (wait, share) in [(0, 0.05), (200, 0.2), (300, 0.5), (400, 0.9)] {
        setup.wait(wait * MS);
        let passed = (0..10_000).filter(|_| setup.request(Success)).count();
        assert!((passed as f64 / 10_000.0 - share).abs() < 0.02, "{passed} for {share}");
        assert_eq!(setup.status().share, share);
    }
    // It may open again on the way.
    setup.trip();
    assert_eq!((setup.status().trips, setup.cooldown()), (2, 1000 * MS));
}

#[test]
fn without_a_ramp_the_last_probe_closes_it() {
    let mut setup = Setup::new(Rules { ramp: Duration::ZERO, ..rules() });
    setup.trip();
    setup.wait(500 * MS);
    assert!(setup.request(Success) && setup.request(Success));
    assert_eq!((setup.phase(), setup.events.last()), (Phase::Closed, Some(&Event::Closed)));
}

#[test]
fn so_many_probes_pass_and_no_more() {
    let mut setup = Setup::new(rules());
    setup.trip();
    setup.wait(500 * MS);
    let Setup { breaker, now, random, .. } = &mut setup;
    let first = breaker.admit(*now, random).pass.unwrap();
    let second = breaker.admit(*now, random).pass.unwrap();
    assert!(first.is_probe() && second.is_probe());
    let refused = Refused { reason: Some(Reason::ConsecutiveFailures), next_probe: None };
    assert_eq!(breaker.admit(*now, random).pass.unwrap_err(), refused);
    // One that comes to nothing can be sent by somebody else; one that went well needs no other.
    drop(first);
    let third = breaker.admit(*now, random).pass.unwrap();
    assert_eq!(second.record(Success, MS, *now, random), None);
    assert!(breaker.admit(*now, random).pass.is_err());
    assert_eq!(third.record(Success, MS, *now, random), Some(Event::Ramping));
}

/// A stream that goes on for hours, say.
#[test]
fn probes_that_never_come_back_are_replaced() {
    let mut setup = Setup::new(rules());
    setup.trip();
    setup.wait(500 * MS);
    let Setup { breaker, now, random, .. } = &mut setup;
    let lost = breaker.admit(*now, random).pass.unwrap().put_aside();
    assert_eq!(breaker.admit(*now, random).pass.unwrap().record(Success, MS, *now, random), None);
    *now += Duration::from_secs(59);
    assert!(breaker.admit(*now, random).pass.is_err());
    *now += Duration::from_secs(1);
    let other = breaker.admit(*now, random).pass.unwrap();
    assert!(breaker.admit(*now, random).pass.is_err());
    assert_eq!(lost.take_up(breaker).record(Failure, MS, *now, random), None, "nobody waits for it any more");
    assert_eq!(other.record(Success, MS, *now, random), Some(Event::Ramping));
}

#[test]
fn a_pass_that_was_put_aside_is_as_good() {
    let mut setup = Setup::new(rules());
    setup.trip();
    setup.wait(500 * MS);
    let Setup { breaker, now, random, .. } = &mut setup;
    let (first, second) = (breaker.admit(*now, random).pass.unwrap(), breaker.admit(*now, random).pass.unwrap());
    drop(first.put_aside().take_up(breaker));
    let third = breaker.admit(*now, random).pass.unwrap();
    assert_eq!(second.put_aside().take_up(breaker).record(Success, MS, *now, random), None);
    assert_eq!(third.record(Success, MS, *now, random), Some(Event::Ramping));
}

#[test]
fn a_probe_that_fails_or_is_slow_opens_it_for_longer() {
    for (outcome, took) in [(Failure, MS), (Success, 101 * MS)] {
        let mut setup = Setup::new(rules());
        setup.trip();
        for (trips, cooldown) in [(2, 1000), (3, 2000), (4, 3000), (5, 3000)] {
            setup.wait(setup.cooldown());
            setup.request_of(outcome, took).unwrap();
            let Status { phase, reason, trips: counted, .. } = setup.status();
            assert_eq!((phase, reason, counted), (Phase::Open, Some(Reason::Probe), trips));
            assert_eq!(setup.cooldown(), cooldown * MS);
        }
        for _ in 0..100 {
            setup.wait(setup.cooldown());
            setup.request_of(outcome, took).unwrap();
        }
        assert_eq!(setup.cooldown(), 3000 * MS, "it does not grow beyond all bounds");
    }
}

#[test]
fn chance_adds_to_a_cooldown() {
    let mut cooldowns = Vec::new();
    for seed in 0..100 {
        let mut setup = Setup::new(Rules { jitter: 0.2, ..rules() });
        setup.random = Random::seeded(seed);
        setup.trip();
        cooldowns.push(setup.cooldown());
    }
    assert!(cooldowns.iter().all(|cooldown| (500 * MS..=601 * MS).contains(cooldown)), "{cooldowns:?}");
    let (least, most) = (cooldowns.iter().min().unwrap(), cooldowns.iter().max().unwrap());
    assert!(*most - *least > 80 * MS, "{least:?} to {most:?}");
}

/// Many requests are under way when it opens; how they end is no news.
#[test]
fn what_passed_before_is_not_counted_later() {
    let mut setup = Setup::new(rules());
    let Setup { breaker, now, random, .. } = &mut setup;
    let mut early: Vec<_> = (0..20).map(|_| breaker.admit(*now, random).pass.unwrap()).collect();
    let opened = (0..3).filter_map(|_| early.pop().unwrap().record(Failure, MS, *now, random)).count();
    assert_eq!(opened, 1);
    assert_eq!(early.pop().unwrap().record(Failure, MS, *now, random), None);
    *now += 500 * MS;
    let probe = breaker.admit(*now, random).pass.unwrap();
    for pass in early.drain(..8) {
        assert_eq!(pass.record(Success, MS, *now, random), None, "these are no probes");
    }
    assert_eq!(breaker.status(*now).phase, Phase::HalfOpen { out: 1, won: 0 });
    for pass in early.drain(..4) {
        assert_eq!(pass.record(Failure, MS, *now, random), None);
    }
    assert_eq!(probe.record(Success, MS, *now, random), None);
    assert_eq!(breaker.status(*now).phase, Phase::HalfOpen { out: 0, won: 1 });
    assert_eq!(breaker.admit(*now, random).pass.unwrap().record(Success, MS, *now, random), Some(Event::Ramping));
    for pass in early {
        assert_eq!(pass.record(Failure, MS, *now, random), None);
    }
    assert_eq!((breaker.status(*now).phase, breaker.status(*now).totals), (Phase::Ramp, Totals::default()));
}

// === by order ===

#[test]
fn what_somebody_says_at_run_time_holds() {
    let mut setup = Setup::new(rules());
    setup.breaker.set_mode(Mode::ForcedOpen, setup.now);
    assert_eq!(setup.request_of(Success, MS), Err(Refused { reason: None, next_probe: None }));
    setup.wait(9000 * MS);
    assert!(!setup.request(Success));
    setup.breaker.set_mode(Mode::Auto, setup.now);
    assert!(setup.request(Success));
    assert_eq!(setup.phase(), Phase::HalfOpen { out: 0, won: 1 }, "it begins with probes");

    setup.breaker.set_mode(Mode::ForcedClosed, setup.now);
    for _ in 0..100 {
        assert!(setup.request(Failure));
    }
    assert_eq!((setup.phase(), setup.status().totals.failures), (Phase::Closed, 100));
    setup.breaker.set_mode(Mode::Auto, setup.now);
    assert!(setup.request(Failure));
    assert_eq!(setup.phase(), Phase::Open);

    setup.breaker.set_mode(Mode::Disabled, setup.now);
    for _ in 0..100 {
        assert!(setup.request(Failure));
    }
    assert_eq!((setup.status().mode, setup.status().totals.requests), (Mode::Disabled, 0));
    setup.breaker.set_mode(Mode::Auto, setup.now);
    assert!(setup.request(Failure));
    assert_eq!((setup.phase(), setup.status().trips), (Phase::Closed, 0));
}

/// The word of the state has room for four years of milliseconds, and then they begin anew.
#[test]
fn time_may_begin_anew() {
    let mut setup = Setup::new(rules());
    let round = MS * (1 << 18) * (1 << 19);
    setup.wait(round - 100 * MS);
    setup.trip();
    assert_eq!(setup.cooldown(), 500 * MS);
    setup.wait(499 * MS);
    assert!(!setup.request(Success));
    setup.wait(MS);
    assert!(setup.request(Success) && setup.request(Success));
    setup.wait(500 * MS);
    assert_eq!((setup.phase(), setup.status().share), (Phase::Ramp, 0.5));
}

// === whatever happens ===

#[derive(Debug, Clone)]
enum Action {
    /// In milliseconds.
    Wait(u32),
    /// A request begins.
    Begin,
    /// One of those under way ends so, after so many milliseconds.
    End(prop::sample::Index, Outcome, u32),
    /// One of those under way is given up.
    GiveUp(prop::sample::Index),
    Order(Mode),
}

fn action() -> impl Strategy<Value = Action> {
    let outcome = prop_oneof![Just(Success), Just(Failure)];
    let end = (any::<prop::sample::Index>(), outcome, 0..200_u32);
    let mode = prop_oneof![
        3 => Just(Mode::Auto),
        1 => Just(Mode::ForcedOpen),
        1 => Just(Mode::ForcedClosed),
        1 => Just(Mode::Disabled),
    ];
    prop_oneof![
        6 => (0..800_u32).prop_map(Action::Wait),
        16 => Just(Action::Begin),
        12 => end.prop_map(|(which, outcome, took)| Action::End(which, outcome, took)),
        2 => any::<prop::sample::Index>().prop_map(Action::GiveUp),
        1 => mode.prop_map(Action::Order),
    ]
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let limits = (prop::option::of(1..5_u32), 0..8_u32, prop::option::of(0.1..1.0), prop::option::of(0.1..1.0));
    let times = (1..3000_u32, 0..1000_u32, 0..5000_u32, 0.0..1.0, 0..2000_u32);
    (limits, times, 0..4_u8).prop_map(|(limits, times, half_open_requests)| Rules {
        consecutive_failures: limits.0,
        min_requests: limits.1,
        failure_ratio: limits.2,
        slow: limits.3.map(|ratio| Slow { over: 100 * MS, ratio }),
        window: times.0 * MS,
        open_for: times.1 * MS,
        max_open_for: times.2 * MS,
        jitter: times.3,
        ramp: times.4 * MS,
        half_open_requests,
    })
}

/// What must hold of an answer, by what could be seen before it was asked for.
fn check_admission(before: &Status, is_ok: bool, now: Instant) -> Result<(), TestCaseError> {
    match (before.mode, before.phase) {
        (Mode::Disabled | Mode::ForcedClosed, _) | (Mode::Auto, Phase::Closed) => prop_assert!(is_ok),
        (Mode::ForcedOpen, _) => prop_assert!(!is_ok),
        (Mode::Auto, Phase::Open) => {
            prop_assert_eq!(is_ok, before.next_probe.is_some_and(|at| at <= now), "{:?}", before);
        }
        (Mode::Auto, Phase::HalfOpen { .. } | Phase::Ramp) => {}
    }
    Ok(())
}

proptest! {
    /// Never more probes than allowed, nothing passes while it is open, and there is always a way back.
    #[test]
    fn it_keeps_its_promises(rules in any_rules(), actions in prop::collection::vec(action(), 0..200)) {
        let allowed = usize::from(rules.half_open_requests.max(1));
        let longest = (rules.max_open_for.max(rules.open_for) + MS) * 2;
        let Setup { breaker, mut now, mut random, .. } = Setup::new(rules);
        let mut under_way: Vec<Pass<'_>> = Vec::new();
        for action in actions {
            match action {
                Action::Wait(millis) => now += millis * MS,
                Action::Begin => {
                    let before = breaker.status(now);
                    let pass = breaker.admit(now, &mut random).pass;
                    check_admission(&before, pass.is_ok(), now)?;
                    under_way.extend(pass);
                    if let Phase::HalfOpen { out, won } = breaker.status(now).phase {
                        let probes = under_way.iter().filter(|pass| pass.is_probe()).count();
                        prop_assert!(usize::from(out) + usize::from(won) <= allowed);
                        prop_assert!(usize::from(out) <= probes, "{} of {}", out, probes);
                    }
                }
                Action::End(which, outcome, took) if !under_way.is_empty() => {
                    let before = breaker.status(now);
                    let pass = under_way.swap_remove(which.index(under_way.len()));
                    if pass.record(outcome, took * MS, now, &mut random).is_some() {
                        prop_assert!(before.mode == Mode::Auto && before.phase != breaker.status(now).phase);
                    }
                }
                Action::GiveUp(which) if !under_way.is_empty() => {
                    drop(under_way.swap_remove(which.index(under_way.len())));
                }
                Action::End(..) | Action::GiveUp(_) => {}
                Action::Order(mode) => breaker.set_mode(mode, now),
            }
        }
        // Whoever is still under way gives up, and from now on all goes well.
        drop(under_way);
        breaker.set_mode(Mode::Auto, now);
        now += longest;
        for _ in 0..allowed {
            let Ok(pass) = breaker.admit(now, &mut random).pass else { continue };
            pass.record(Success, MS, now, &mut random);
        }
        now += Duration::from_secs(3600);
        prop_assert!(breaker.admit(now, &mut random).pass.is_ok(), "{:?}", breaker.status(now));
        prop_assert_eq!(breaker.status(now).phase, Phase::Closed);
    }

    /// The window holds what a list of all requests would, in parts of a tenth.
    #[test]
    fn the_window_is_as_a_list_would_be(
        width in 1..50_u32,
        requests in prop::collection::vec((0..300_u32, any::<bool>(), any::<bool>()), 0..300),
    ) {
        let never = Rules {
            consecutive_failures: None,
            failure_ratio: None,
            slow: Some(Slow { over: Duration::ZERO, ratio: 2.0 }),
            window: width * 10 * MS,
            ..rules()
        };
        let mut setup = Setup::new(never);
        let mut list = VecDeque::new();
        for (wait, failed, slow) in requests {
            setup.wait(wait * MS);
            let outcome = if failed { Failure } else { Success };
            let took = if slow { MS } else { Duration::ZERO };
            prop_assert!(setup.request_of(outcome, took).is_ok());
            let part = (setup.now - setup.start).as_millis() / u128::from(width);
            list.push_back((part, failed, slow));
            list.retain(|(at, ..)| at + 10 > part);
            let totals = setup.status().totals;
            let count = |which: fn(&(u128, bool, bool)) -> bool| list.iter().filter(|item| which(item)).count() as u64;
            prop_assert_eq!(
                (totals.requests, totals.failures, totals.slow),
                (list.len() as u64, count(|item| item.1), count(|item| item.2))
            );
        }
    }
}
