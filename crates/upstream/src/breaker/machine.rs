//! Who may pass, and what follows from how it went.

use std::{
    fmt,
    time::{Duration, Instant},
};

use message::Random;

use super::{
    Admission, Event, Mode, Outcome, Phase, Reason, Refused, Rules, Status,
    state::{MOST_TRIPS, Period, State, Tick},
    window::Window,
};
use crate::atomic::{AtomicU32, AtomicU64, Ordering};

/// A circuit breaker. Everything changes by one swap of one word; counters beside it may be off by those who are adding.
pub struct Breaker {
    rules: Rules,
    born: Instant,
    state: AtomicU64,
    failures_in_a_row: AtomicU32,
    window: Window,
}

/// Leave to send one request. To be recorded when it is known how that went; dropped instead, it counts for nothing, and
/// a probe can be sent by somebody else.
#[must_use = "what is not recorded counts for nothing"]
pub struct Pass<'b> {
    breaker: &'b Breaker,
    /// In which it was given.
    period: Period,
    is_recorded: bool,
}

/// A [`Pass`] that is put aside, to be recorded by somebody who does not hold the breaker all the time.
#[derive(Debug)]
#[must_use = "a probe that is not taken up again is out until the breaker's patience ends"]
pub struct Ticket(Period);

/// The part of the requests that passes at the begin of a ramp: with none, nothing would be learned.
const FIRST_SHARE: f64 = 0.05;

// === impl Breaker ===

impl Breaker {
    /// Closed; `now` is when its life begins.
    pub fn new(rules: Rules, now: Instant) -> Self {
        Self {
            state: AtomicU64::new(State::closed(Tick::of(Duration::ZERO)).pack()),
            failures_in_a_row: AtomicU32::new(0),
            window: Window::new(rules.window),
            born: now,
            rules,
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether a request may be sent. `random` is drawn from in a ramp only.
    pub fn admit(&self, now: Instant, random: &mut Random) -> Admission<'_> {
        loop {
            let word = self.state.load(Ordering::Acquire);
            let state = State::unpack(word);
            let (next, event) = match (state.mode, state.phase) {
                (Mode::Disabled | Mode::ForcedClosed, _) | (Mode::Auto, Phase::Closed) => {
                    return self.pass(state, None);
                }
                (Mode::ForcedOpen, _) => return Admission { pass: Err(Refused::BY_ORDER), event: None },
                (Mode::Auto, Phase::Open) => {
                    if self.tick(now).is_before(state.at) {
                        return self.refuse(state, now);
                    }
                    (
                        State { phase: Phase::HalfOpen { out: 1, won: 0 }, at: self.tick(now), ..state },
                        Some(Event::HalfOpened),
                    )
                }
                (Mode::Auto, Phase::HalfOpen { out, won }) => {
                    if u16::from(out) + u16::from(won) < u16::from(self.rules.probes()) {
                        (State { phase: Phase::HalfOpen { out: out + 1, won }, ..state }, None)
                    } else if self.tick(now).since(state.at) < self.rules.probe_patience() {
                        return self.refuse(state, now);
                    } else {
                        // Another stay in the same phase, in which those that are still out count for nothing.
                        (State { phase: Phase::HalfOpen { out: 1, won }, at: self.tick(now), ..state }, None)
                    }
                }
                (Mode::Auto, Phase::Ramp) => {
                    let share = self.share(state, now);
                    if share < 1.0 {
                        return if random.hits(share) { self.pass(state, None) } else { self.refuse(state, now) };
                    }
                    (State::closed(self.tick(now)), Some(Event::Closed))
                }
            };
            if self.swap(word, next) {
                return self.pass(next, event);
            }
        }
    }

    /// Takes the decision away from the breaker, or gives it back.
    ///
    /// Given back after [`Mode::ForcedOpen`], it begins with probes; after the others it is closed.
    pub fn set_mode(&self, mode: Mode, now: Instant) {
        loop {
            let word = self.state.load(Ordering::Acquire);
            let state = State::unpack(word);
            let next = match mode {
                Mode::Auto => State { mode, ..state },
                Mode::ForcedOpen => State { mode, phase: Phase::Open, ..State::closed(self.tick(now)) },
                Mode::ForcedClosed | Mode::Disabled => {
                    self.forget();
                    State { mode, ..State::closed(self.tick(now)) }
                }
            };
            if self.swap(word, next) {
                return;
            }
        }
    }

    pub fn status(&self, now: Instant) -> Status {
        let state = State::unpack(self.state.load(Ordering::Acquire));
        let share = match (state.mode, state.phase) {
            (Mode::ForcedOpen, _) | (Mode::Auto, Phase::Open | Phase::HalfOpen { .. }) => 0.0,
            (Mode::Auto, Phase::Ramp) => self.share(state, now),
            _ => 1.0,
        };
        Status {
            mode: state.mode,
            phase: state.phase,
            reason: state.reason,
            trips: state.trips,
            next_probe: self.next_probe(state, now),
            share,
            totals: self.window.totals(self.age(now)),
        }
    }

    fn record(&self, pass: &Pass<'_>, failed: bool, slow: bool, now: Instant, random: &mut Random) -> Option<Event> {
        let word = self.state.load(Ordering::Acquire);
        let state = State::unpack(word);
        // What passed in an earlier period says nothing about this one.
        if state.period() != pass.period || state.mode == Mode::Disabled {
            return None;
        }
        match state.phase {
            Phase::Open => None,
            Phase::HalfOpen { .. } => self.record_probe(pass.period, failed || slow, now, random),
            Phase::Closed | Phase::Ramp => {
                self.window.add(self.age(now), failed, slow);
                let reason = self.judge(failed, slow, now)?;
                if state.mode != Mode::Auto {
                    return None;
                }
                let (next, event) = self.open(state, reason, now, random);
                // If it fails, somebody else has opened it.
                self.swap(word, next).then_some(event)
            }
        }
    }

    fn record_probe(&self, period: Period, failed: bool, now: Instant, random: &mut Random) -> Option<Event> {
        loop {
            let word = self.state.load(Ordering::Acquire);
            let state = State::unpack(word);
            let Phase::HalfOpen { out, won } = state.phase else { return None };
            if state.period() != period {
                return None;
            }
            let (next, event) = if failed {
                let (next, event) = self.open(state, Reason::Probe, now, random);
                (next, Some(event))
            } else if won + 1 < self.rules.probes() {
                (State { phase: Phase::HalfOpen { out: out.saturating_sub(1), won: won + 1 }, ..state }, None)
            } else {
                // Before anybody can see the next phase, in which the window counts again.
                self.forget();
                self.recover(state, now)
            };
            if self.swap(word, next) {
                return event;
            }
        }
    }

    /// Whether what was just counted is too much.
    fn judge(&self, failed: bool, slow: bool, now: Instant) -> Option<Reason> {
        if failed {
            let in_a_row = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            if self.rules.consecutive_failures.is_some_and(|limit| in_a_row >= limit) {
                return Some(Reason::ConsecutiveFailures);
            }
        } else if self.failures_in_a_row.load(Ordering::Relaxed) != 0 {
            self.failures_in_a_row.store(0, Ordering::Relaxed);
        }
        if !failed && !slow {
            return None;
        }
        let totals = self.window.totals(self.age(now));
        if totals.requests < u64::from(self.rules.min_requests.max(1)) {
            return None;
        }
        let reaches = |count: u64, ratio: f64| count as f64 >= ratio * totals.requests as f64;
        if failed && self.rules.failure_ratio.is_some_and(|ratio| reaches(totals.failures, ratio)) {
            return Some(Reason::FailureRatio);
        }
        let is_slow = slow && self.rules.slow.is_some_and(|slow| reaches(totals.slow, slow.ratio));
        is_slow.then_some(Reason::SlowCalls)
    }

    fn open(&self, state: State, reason: Reason, now: Instant, random: &mut Random) -> (State, Event) {
        let trips = state.trips.saturating_add(1).min(MOST_TRIPS);
        let at = self.tick(now).after(self.rules.cooldown(trips, random));
        let next = State { phase: Phase::Open, reason: Some(reason), trips, at, ..state };
        (next, Event::Opened { reason, until: now + at.since(self.tick(now)) })
    }

    /// After the last probe.
    fn recover(&self, state: State, now: Instant) -> (State, Option<Event>) {
        if self.rules.ramp.is_zero() {
            return (State::closed(self.tick(now)), Some(Event::Closed));
        }
        (State { phase: Phase::Ramp, at: self.tick(now), ..state }, Some(Event::Ramping))
    }

    /// A probe that nobody will hear of: another one may be sent.
    fn give_back(&self, period: Period) {
        loop {
            let word = self.state.load(Ordering::Acquire);
            let state = State::unpack(word);
            let Phase::HalfOpen { out, won } = state.phase else { return };
            if state.period() != period {
                return;
            }
            let phase = Phase::HalfOpen { out: out.saturating_sub(1), won };
            if self.swap(word, State { phase, ..state }) {
                return;
            }
        }
    }

    fn forget(&self) {
        self.window.clear();
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    fn swap(&self, word: u64, next: State) -> bool {
        self.state.compare_exchange(word, next.pack(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn pass(&self, state: State, event: Option<Event>) -> Admission<'_> {
        let pass = Pass { breaker: self, period: state.period(), is_recorded: false };
        Admission { pass: Ok(pass), event }
    }

    fn refuse(&self, state: State, now: Instant) -> Admission<'_> {
        let refused = Refused { reason: state.reason, next_probe: self.next_probe(state, now) };
        Admission { pass: Err(refused), event: None }
    }

    fn next_probe(&self, state: State, now: Instant) -> Option<Instant> {
        let is_open = state.mode == Mode::Auto && state.phase == Phase::Open;
        is_open.then(|| now + state.at.since(self.tick(now)))
    }

    /// The part of the requests that passes in a ramp.
    fn share(&self, state: State, now: Instant) -> f64 {
        let gone = self.tick(now).since(state.at).as_secs_f64() / self.rules.ramp.as_secs_f64();
        gone.clamp(FIRST_SHARE, 1.0)
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.born)
    }

    fn tick(&self, now: Instant) -> Tick {
        Tick::of(self.age(now))
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("rules", &self.rules).finish_non_exhaustive()
    }
}

// === impl Pass ===

impl Pass<'_> {
    /// Tells how the request went, and how long that took.
    pub fn record(mut self, outcome: Outcome, took: Duration, now: Instant, random: &mut Random) -> Option<Event> {
        self.is_recorded = true;
        let slow = self.breaker.rules.slow.is_some_and(|slow| took > slow.over);
        self.breaker.record(&self, outcome == Outcome::Failure, slow, now, random)
    }

    pub fn put_aside(mut self) -> Ticket {
        // Nothing is given back.
        self.is_recorded = true;
        Ticket(self.period)
    }

    /// Whether it was given to find out if requests go well again.
    pub fn is_probe(&self) -> bool {
        self.period.is_half_open()
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.is_recorded && self.is_probe() {
            self.breaker.give_back(self.period);
        }
    }
}

impl fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("is_probe", &self.is_probe()).finish_non_exhaustive()
    }
}

// === impl Ticket ===

impl Ticket {
    /// Of the breaker that gave the pass.
    pub fn take_up(self, breaker: &Breaker) -> Pass<'_> {
        Pass { breaker, period: self.0, is_recorded: false }
    }
}

// === impl Refused ===

impl Refused {
    const BY_ORDER: Self = Self { reason: None, next_probe: None };
}
