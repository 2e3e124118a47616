//! A breaker with what makes it of use: what it keeps requests from, what it takes for a failure, and who hears of what it
//! does.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use message::Random;
use model::Failures;

use crate::breaker::{Breaker, Event, Mode, Outcome, Pass, Reason, Refused, Rules, Slow, Status, Ticket};

/// A circuit breaker at its place in a gateway. Outlives documents, as long as they say the same about it.
pub struct Guard {
    pub guarded: Guarded,
    breaker: Breaker,
    written: model::Breaker,
    counters: Arc<Counters>,
}

/// What a breaker keeps requests from: what a route sends, what goes to an upstream or to one of its endpoints, or what the
/// one sends to the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Guarded {
    pub route: Option<Arc<str>>,
    pub upstream: Option<Arc<str>>,
    /// Its address.
    pub endpoint: Option<Arc<str>>,
}

/// A change of state, for metrics and log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    Opened(Reason),
    HalfOpened,
    Ramping,
    Closed,
    /// By somebody at run time.
    Ordered(Mode),
}

/// What a breaker did. Goes on counting when its rules change.
#[derive(Default)]
struct Counters {
    refused: AtomicU64,
    transitions: [AtomicU64; Transition::ALL.len()],
}

// === impl Guard ===

impl Guard {
    /// Goes on with what `previous` knows if its rules are the same. If they are not, it begins anew, but for its counters
    /// and for what somebody ordered.
    pub fn new(written: &model::Breaker, guarded: Guarded, previous: Option<&Arc<Self>>) -> Arc<Self> {
        if let Some(previous) = previous.filter(|previous| previous.written == *written && previous.guarded == guarded)
        {
            return previous.clone();
        }
        let now = Instant::now();
        let breaker = Breaker::new(written.into(), now);
        let mode = previous.map_or(Mode::Auto, |previous| previous.breaker.status(now).mode);
        if mode != Mode::Auto {
            breaker.set_mode(mode, now);
        }
        let counters = previous.map(|previous| previous.counters.clone()).unwrap_or_default();
        Arc::new(Self { guarded, breaker, written: written.clone(), counters })
    }

    /// Leave to send one request.
    ///
    /// # Errors
    /// It is open.
    pub fn admit(&self, now: Instant, random: &mut Random) -> Result<Pass<'_>, Refused> {
        let admission = self.breaker.admit(now, random);
        if let Some(event) = admission.event {
            self.tell(event, now);
        }
        if admission.pass.is_err() {
            self.counters.refused.fetch_add(1, Relaxed);
        }
        admission.pass
    }

    /// Tells how the request went for which `pass` was given, and how long that took.
    pub fn record(&self, pass: Pass<'_>, outcome: Outcome, took: Duration, now: Instant, random: &mut Random) {
        if let Some(event) = pass.record(outcome, took, now, random) {
            self.tell(event, now);
        }
    }

    /// The pass that was put aside.
    pub fn take_up(&self, ticket: Ticket) -> Pass<'_> {
        ticket.take_up(&self.breaker)
    }

    /// Whether nothing passes now. Changes nothing, and so is no leave.
    pub fn refuses(&self, now: Instant) -> Option<Refused> {
        let Status { mode, next_probe, reason, .. } = self.breaker.status(now);
        let is_open = mode == Mode::ForcedOpen || next_probe.is_some_and(|probe| probe > now);
        is_open.then_some(Refused { reason, next_probe })
    }

    /// Whether these are its rules.
    pub fn is_of(&self, written: &model::Breaker) -> bool {
        self.written == *written
    }

    /// What counts as a failure.
    pub fn failures(&self) -> &Failures {
        &self.written.failures
    }

    /// How long to wait before another try is worth it.
    pub fn retry_after(&self, refused: &Refused, now: Instant) -> Duration {
        refused.next_probe.map_or(self.written.open_for, |probe| probe.saturating_duration_since(now))
    }

    /// Takes the decision away from the breaker, or gives it back.
    pub fn set_mode(&self, mode: Mode, now: Instant) {
        if self.breaker.status(now).mode == mode {
            return;
        }
        self.breaker.set_mode(mode, now);
        self.note(Transition::Ordered(mode));
        let [route, upstream, endpoint] = self.guarded.names();
        tracing::warn!(route, upstream, endpoint, mode = mode.name(), "breaker was given an order");
    }

    pub fn status(&self, now: Instant) -> Status {
        self.breaker.status(now)
    }

    /// Requests that were refused.
    pub fn refused(&self) -> u64 {
        self.counters.refused.load(Relaxed)
    }

    /// How often each kind of change happened.
    pub fn transitions(&self) -> impl Iterator<Item = (Transition, u64)> {
        Transition::ALL.into_iter().zip(self.counters.transitions.iter().map(|counter| counter.load(Relaxed)))
    }

    fn tell(&self, event: Event, now: Instant) {
        let transition = Transition::from(event);
        self.note(transition);
        let [route, upstream, endpoint] = self.guarded.names();
        let reason = transition.reason();
        match event {
            Event::Opened { until, .. } => {
                let next_probe_in = until.saturating_duration_since(now);
                tracing::warn!(route, upstream, endpoint, reason, ?next_probe_in, "breaker opened");
            }
            Event::HalfOpened => tracing::info!(route, upstream, endpoint, reason, "breaker lets probes pass"),
            Event::Ramping => tracing::info!(route, upstream, endpoint, reason, "breaker lets a growing share pass"),
            Event::Closed => tracing::info!(route, upstream, endpoint, reason, "breaker closed"),
        }
    }

    fn note(&self, transition: Transition) {
        if let Some(index) = Transition::ALL.iter().position(|other| *other == transition) {
            self.counters.transitions[index].fetch_add(1, Relaxed);
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("guarded", &self.guarded).finish_non_exhaustive()
    }
}

// === impl Guarded ===

impl Guarded {
    /// Of the route, the upstream and the endpoint.
    pub fn names(&self) -> [Option<&str>; 3] {
        [self.route.as_deref(), self.upstream.as_deref(), self.endpoint.as_deref()]
    }
}

// === impl Transition ===

impl Transition {
    pub const ALL: [Self; 11] = [
        Self::Opened(Reason::ConsecutiveFailures),
        Self::Opened(Reason::FailureRatio),
        Self::Opened(Reason::SlowCalls),
        Self::Opened(Reason::Probe),
        Self::HalfOpened,
        Self::Ramping,
        Self::Closed,
        Self::Ordered(Mode::Auto),
        Self::Ordered(Mode::ForcedOpen),
        Self::Ordered(Mode::ForcedClosed),
        Self::Ordered(Mode::Disabled),
    ];

    /// The state that follows.
    pub fn to(self) -> &'static str {
        match self {
            Self::Opened(_) => "open",
            Self::HalfOpened => "half_open",
            Self::Ramping => "ramp",
            Self::Closed => "closed",
            Self::Ordered(mode) => mode.name(),
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            Self::Opened(reason) => reason.name(),
            Self::HalfOpened => "cooldown_over",
            Self::Ramping => "probes_succeeded",
            Self::Closed => "recovered",
            Self::Ordered(_) => "ordered",
        }
    }
}

impl From<Event> for Transition {
    fn from(event: Event) -> Self {
        match event {
            Event::Opened { reason, .. } => Self::Opened(reason),
            Event::HalfOpened => Self::HalfOpened,
            Event::Ramping => Self::Ramping,
            Event::Closed => Self::Closed,
        }
    }
}

impl From<&model::Breaker> for Rules {
    fn from(written: &model::Breaker) -> Self {
        Self {
            consecutive_failures: written.consecutive_failures,
            window: written.window,
            min_requests: written.min_requests,
            failure_ratio: written.failure_ratio,
            slow: written.slow.map(|model::Slow { over, ratio }| Slow { over, ratio }),
            open_for: written.open_for,
            max_open_for: written.max_open_for,
            jitter: written.jitter,
            half_open_requests: written.half_open_requests,
            ramp: written.ramp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Phase;

    fn written() -> model::Breaker {
        model::Breaker { consecutive_failures: Some(2), ..model::Breaker::default() }
    }

    fn guarded(upstream: &str) -> Guarded {
        Guarded { upstream: Some(upstream.into()), ..Guarded::default() }
    }

    fn fail(guard: &Guard, now: Instant) {
        let mut random = Random::seeded(1);
        let pass = guard.admit(now, &mut random).unwrap();
        guard.record(pass, Outcome::Failure, Duration::ZERO, now, &mut random);
    }

    fn counted(guard: &Guard, transition: Transition) -> u64 {
        guard.transitions().find(|(other, _)| *other == transition).unwrap().1
    }

    #[test]
    fn what_is_written_the_same_goes_on() {
        let now = Instant::now();
        let first = Guard::new(&written(), guarded("a"), None);
        fail(&first, now);
        fail(&first, now);
        assert_eq!(counted(&first, Transition::Opened(Reason::ConsecutiveFailures)), 1);
        let same = Guard::new(&written(), guarded("a"), Some(&first));
        assert!(Arc::ptr_eq(&first, &same));
        assert!(first.refuses(now).is_some());

        let changed = model::Breaker { open_for: Duration::from_secs(1), ..written() };
        let other = Guard::new(&changed, guarded("a"), Some(&first));
        assert_eq!((other.status(now).phase, other.refuses(now)), (Phase::Closed, None));
        assert_eq!(counted(&other, Transition::Opened(Reason::ConsecutiveFailures)), 1, "counters go on");
    }

    #[test]
    fn orders_hold_when_rules_change() {
        let now = Instant::now();
        let first = Guard::new(&written(), guarded("a"), None);
        first.set_mode(Mode::ForcedOpen, now);
        first.set_mode(Mode::ForcedOpen, now);
        assert_eq!(counted(&first, Transition::Ordered(Mode::ForcedOpen)), 1);
        let changed = model::Breaker { open_for: Duration::from_secs(1), ..written() };
        let other = Guard::new(&changed, guarded("a"), Some(&first));
        assert_eq!(other.status(now).mode, Mode::ForcedOpen);
        let refused = other.admit(now, &mut Random::seeded(1)).unwrap_err();
        assert_eq!((other.retry_after(&refused, now), other.refused()), (Duration::from_secs(1), 1));
    }

    #[test]
    fn rules_are_by_default_those_of_documents() {
        assert_eq!(Rules::from(&model::Breaker::default()), Rules::default());
    }
}
