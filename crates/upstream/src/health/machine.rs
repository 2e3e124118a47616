//! What becomes of an endpoint.

use std::time::{Duration, Instant};

use message::Random;
use model::{ActiveHealth, Health, PassiveHealth};

/// What an endpoint is at the moment.
///
/// ```text
///             passed             requests failed
/// checking ──────────▶ healthy ──────────────────▶ ejected
///    │                  │   ▲ ◀── time, or probes ──┘ │
///    │ failed           │   │                         │ probes failed
///    └─────▶ unhealthy ◀┘   │ probes passed           │
///             │   ▲ └───────┘                         │
///             │   └───────────────────────────────────┘
/// any of them ┴──▶ draining, once it is no longer an endpoint of the upstream
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// No probe has ended yet. It gets no requests.
    Checking,
    /// It gets requests.
    Healthy,
    /// Its probes fail. It gets requests only if there is nobody better.
    Unhealthy,
    /// It failed too many requests, and is left out for a while. It gets requests only if there is nobody better.
    Ejected,
    /// It is no longer an endpoint of the upstream; requests that it has may end.
    Draining,
}

/// Why it is that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing is known of it.
    New,
    /// It got requests before probes were asked for, or before they were changed.
    Known,
    ProbesPassed,
    ProbesFailed,
    ConsecutiveFailures,
    ConsecutiveGatewayErrors,
    FailureRatio,
    /// It was left out for long enough.
    EjectionOver,
    /// The document, or whoever lists endpoints, names it no more.
    Removed,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub from: State,
    pub to: State,
    pub reason: Reason,
}

/// Brings neither a clock nor chance.
#[derive(Debug, Clone)]
pub struct Machine {
    state: State,
    reason: Reason,
    since: Instant,
    /// Probes in a row.
    passed: u32,
    failed: u32,
    /// Ejections that are not forgotten yet: each makes the next one longer.
    ejections: u32,
    /// When an ejection ends.
    until: Option<Instant>,
}

/// The part of an ejection that chance adds at most, so that those who went together do not come back together.
const JITTER: f64 = 0.1;

// === impl State ===

impl State {
    pub const ALL: [Self; 5] = [Self::Checking, Self::Healthy, Self::Unhealthy, Self::Ejected, Self::Draining];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Ejected => "ejected",
            Self::Draining => "draining",
        }
    }
}

// === impl Reason ===

impl Reason {
    /// Those for which endpoints are ejected.
    pub const EJECTING: [Self; 3] = [Self::ConsecutiveFailures, Self::ConsecutiveGatewayErrors, Self::FailureRatio];

    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
            Self::ProbesPassed => "probes_passed",
            Self::ProbesFailed => "probes_failed",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::ConsecutiveGatewayErrors => "consecutive_gateway_errors",
            Self::FailureRatio => "failure_ratio",
            Self::EjectionOver => "ejection_over",
            Self::Removed => "removed",
        }
    }
}

// === impl Machine ===

impl Machine {
    /// An endpoint that nothing is known of: with probes, it waits for the first.
    pub fn new(rules: &Health, now: Instant) -> Self {
        let state = if rules.active.is_some() { State::Checking } else { State::Healthy };
        Self::begin(state, Reason::New, now)
    }

    /// An endpoint that got requests until now, under other rules: it does so until these find fault with it.
    pub fn known(now: Instant) -> Self {
        Self::begin(State::Healthy, Reason::Known, now)
    }

    fn begin(state: State, reason: Reason, now: Instant) -> Self {
        Self { state, reason, since: now, passed: 0, failed: 0, ejections: 0, until: None }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn reason(&self) -> Reason {
        self.reason
    }

    pub fn since(&self) -> Instant {
        self.since
    }

    /// When [`Machine::tick`] has something to do.
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// A probe has ended.
    pub fn probe(&mut self, rules: &ActiveHealth, has_passed: bool, now: Instant) -> Option<Change> {
        (self.passed, self.failed) =
            if has_passed { (self.passed.saturating_add(1), 0) } else { (0, self.failed.saturating_add(1)) };
        let recovered = rules.healthy_after.saturating_mul(1 << self.ejections.saturating_sub(1).min(16));
        match self.state {
            State::Checking if has_passed => self.become_(State::Healthy, Reason::ProbesPassed, now),
            State::Checking => self.become_(State::Unhealthy, Reason::ProbesFailed, now),
            State::Healthy | State::Ejected if self.failed >= rules.unhealthy_after => {
                self.become_(State::Unhealthy, Reason::ProbesFailed, now)
            }
            State::Unhealthy if self.passed >= rules.healthy_after => {
                self.become_(State::Healthy, Reason::ProbesPassed, now)
            }
            // Who was ejected again and again must show for longer that it is well.
            State::Ejected if self.passed >= recovered => self.become_(State::Healthy, Reason::ProbesPassed, now),
            _ => None,
        }
    }

    /// It failed too many requests. Nothing happens unless it is healthy: a request that was under way before it was left
    /// out tells nothing new.
    pub fn eject(
        &mut self,
        rules: &PassiveHealth,
        reason: Reason,
        random: &mut Random,
        now: Instant,
    ) -> Option<Change> {
        if self.state != State::Healthy {
            return None;
        }
        // For each first ejection's length that it did well, one is forgotten.
        let well = now.saturating_duration_since(self.since).as_nanos() / rules.ejection.as_nanos().max(1);
        self.ejections = self.ejections.saturating_sub(u32::try_from(well).unwrap_or(u32::MAX)).saturating_add(1);
        let change = self.become_(State::Ejected, reason, now);
        self.until = Some(now + length(rules, self.ejections).mul_f64(1.0 + JITTER * random.fraction()));
        self.passed = 0;
        change
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) -> Option<Change> {
        if self.until.is_none_or(|until| now < until) {
            return None;
        }
        match self.failed {
            0 => self.become_(State::Healthy, Reason::EjectionOver, now),
            // Without probes there is none that failed.
            _ => self.become_(State::Unhealthy, Reason::ProbesFailed, now),
        }
    }

    /// It is no longer an endpoint of the upstream. There is no way back.
    pub fn drain(&mut self, now: Instant) -> Option<Change> {
        self.become_(State::Draining, Reason::Removed, now)
    }

    fn become_(&mut self, to: State, reason: Reason, now: Instant) -> Option<Change> {
        let from = self.state;
        if from == to || from == State::Draining {
            return None;
        }
        (self.state, self.reason, self.since, self.until) = (to, reason, now, None);
        Some(Change { from, to, reason })
    }
}

/// Of the so many'th ejection, without what chance adds.
fn length(rules: &PassiveHealth, ejections: u32) -> Duration {
    rules.ejection.saturating_mul(1 << ejections.saturating_sub(1).min(24)).min(rules.max_ejection)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn active() -> ActiveHealth {
        ActiveHealth { healthy_after: 2, unhealthy_after: 3, ..ActiveHealth::default() }
    }

    fn passive() -> PassiveHealth {
        PassiveHealth { ejection: 10 * SECOND, max_ejection: 60 * SECOND, ..PassiveHealth::default() }
    }

    fn rules(active: Option<ActiveHealth>) -> Health {
        Health { active, passive: Some(passive()) }
    }

    fn eject(machine: &mut Machine, now: Instant) -> Option<Duration> {
        machine.eject(&passive(), Reason::ConsecutiveFailures, &mut Random::seeded(0), now)?;
        machine.until().map(|until| until - now)
    }

    #[test]
    fn the_first_probe_decides_alone() {
        let now = Instant::now();
        for (has_passed, expected) in [(true, State::Healthy), (false, State::Unhealthy)] {
            let mut machine = Machine::new(&rules(Some(active())), now);
            assert_eq!(machine.state(), State::Checking);
            assert_eq!(machine.probe(&active(), has_passed, now).map(|change| change.to), Some(expected));
        }
        assert_eq!(Machine::new(&rules(None), now).state(), State::Healthy);
    }

    #[test]
    fn after_that_only_several_in_a_row_do() {
        let (mut machine, now) = (Machine::known(Instant::now()), Instant::now());
        let mut states = |passes: &[bool]| -> Vec<State> {
            let step = |passed: &bool| {
                machine.probe(&active(), *passed, now);
                machine.state()
            };
            passes.iter().map(step).collect()
        };
        use State::{Healthy as H, Unhealthy as U};
        assert_eq!(states(&[false, false, true, false, false, false]), [H, H, H, H, H, U]);
        assert_eq!(states(&[true, false, true, true]), [U, U, U, H]);
    }

    #[test]
    fn each_ejection_is_twice_as_long_up_to_the_longest() {
        let (mut machine, mut now) = (Machine::new(&rules(None), Instant::now()), Instant::now());
        for seconds in [10, 20, 40, 60, 60] {
            let length = eject(&mut machine, now).unwrap();
            let expected = seconds * SECOND;
            assert!((expected..=expected.mul_f64(1.0 + JITTER)).contains(&length), "{length:?} for {expected:?}");
            assert_eq!(eject(&mut machine, now), None, "it is ejected already");
            assert_eq!(machine.tick(now + length - SECOND / 1000), None);
            now += length;
            assert_eq!(machine.tick(now).map(|change| change.reason), Some(Reason::EjectionOver));
        }
        // For three times the first length it did well, so three of five are forgotten.
        let length = eject(&mut machine, now + 35 * SECOND).unwrap();
        assert!((40 * SECOND..45 * SECOND).contains(&length), "{length:?}");
    }

    #[test]
    fn probes_end_ejections_too() {
        let now = Instant::now();
        let mut machine = Machine::known(now);
        machine.probe(&active(), true, now);
        eject(&mut machine, now);
        // What passed before it was ejected proves nothing.
        assert_eq!(machine.probe(&active(), true, now), None);
        assert_eq!(machine.probe(&active(), true, now).map(|change| change.to), Some(State::Healthy));
        eject(&mut machine, now);
        let passes = (1..).find(|_| machine.probe(&active(), true, now).is_some());
        assert_eq!(passes, Some(4), "the second time twice as many");
        eject(&mut machine, now);
        let fails = (1..).find(|_| machine.probe(&active(), false, now).is_some());
        assert_eq!((fails, machine.state()), (Some(3), State::Unhealthy));
    }

    /// An ejection that ends while probes fail ends in no requests.
    #[test]
    fn whose_last_probe_failed_does_not_come_back_by_time() {
        let now = Instant::now();
        let mut machine = Machine::known(now);
        let length = eject(&mut machine, now).unwrap();
        machine.probe(&active(), false, now);
        assert_eq!(machine.tick(now + length).map(|change| change.to), Some(State::Unhealthy));
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Probe(bool),
        Eject,
        Wait(u64),
        Drain,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => any::<bool>().prop_map(Step::Probe),
            3 => Just(Step::Eject),
            3 => (0_u64..30_000).prop_map(Step::Wait),
            1 => Just(Step::Drain),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: who was never seen well gets no requests, ejections end, and nothing but a
        /// removal is for ever.
        #[test]
        fn no_order_leads_astray(steps in prop::collection::vec(step(), 1..200), probed in any::<bool>()) {
            let (mut now, mut random) = (Instant::now(), Random::seeded(1));
            let rules = rules(probed.then(active));
            let mut machine = Machine::new(&rules, now);
            let (mut has_passed, mut is_removed) = (!probed, false);
            for step in steps {
                let before = machine.state();
                let change = match step {
                    Step::Probe(passed) if probed => {
                        has_passed |= passed;
                        machine.probe(&active(), passed, now)
                    }
                    Step::Probe(_) => None,
                    Step::Eject => machine.eject(&passive(), Reason::FailureRatio, &mut random, now),
                    Step::Wait(milliseconds) => {
                        now += Duration::from_millis(milliseconds);
                        machine.tick(now)
                    }
                    Step::Drain => {
                        is_removed = true;
                        machine.drain(now)
                    }
                };
                prop_assert_eq!(change.map(|change| change.from), (machine.state() != before).then_some(before));
                prop_assert_eq!(change.map_or(before, |change| change.to), machine.state());
                prop_assert!(machine.state() != State::Healthy || has_passed);
                prop_assert_eq!(machine.state() == State::Draining, is_removed);
                prop_assert_eq!(machine.until().is_some(), machine.state() == State::Ejected);
                if let Some(until) = machine.until() {
                    prop_assert!(until <= now + passive().max_ejection.mul_f64(1.0 + JITTER));
                }
            }
            // Whatever happened, who does well comes back.
            now += passive().max_ejection * 2;
            machine.tick(now);
            for _ in 0..active().healthy_after {
                machine.probe(&active(), true, now);
            }
            prop_assert_eq!(machine.state(), if is_removed { State::Draining } else { State::Healthy });
        }
    }
}
