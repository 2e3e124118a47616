//! The health of one endpoint, shared by all who ask it or probe it.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use message::Random;
use model::EndpointAddress;

use super::{Change, Machine, Passive, Reason, State, UpstreamHealth, Verdict};
use crate::Learned;

/// Lives as long as the upstream has the endpoint, under the same rules.
#[derive(Debug)]
pub struct EndpointHealth {
    pub upstream: Arc<UpstreamHealth>,
    pub address: EndpointAddress,
    /// Whether it may be asked: all that the choice of an endpoint looks at.
    pub(crate) learned: Arc<Learned>,
    /// Whether it may be asked if health is not heeded.
    is_last_resort: AtomicBool,
    passive: Option<Passive>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    machine: Machine,
    random: Random,
    last_probe: Option<Probe>,
    /// In all.
    ejections: u64,
}

/// What a probe came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub outcome: ProbeOutcome,
    /// In words.
    pub detail: Cow<'static, str>,
    pub at: Instant,
    pub took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeOutcome {
    Passed,
    Failed,
    TimedOut,
}

/// What is known of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    pub reason: Reason,
    pub since: Instant,
    /// When an ejection ends.
    pub until: Option<Instant>,
    pub last_probe: Option<Probe>,
    pub ejections: u64,
}

// === impl EndpointHealth ===

impl EndpointHealth {
    /// Of an endpoint that is `known` if it got requests until now.
    pub(crate) fn new(
        upstream: Arc<UpstreamHealth>,
        address: EndpointAddress,
        is_known: bool,
        workers: usize,
        random: Random,
        now: Instant,
    ) -> Self {
        let rules = &upstream.rules;
        let machine = if is_known { Machine::known(now) } else { Machine::new(rules, now) };
        let passive = rules.passive.as_ref().map(|rules| Passive::new(rules, workers, now));
        let learned = Learned::new(now);
        learned.set_eligible(machine.state() == State::Healthy, now);
        let is_last_resort = AtomicBool::new(is_last_resort(machine.state()));
        let inner = Mutex::new(Inner { machine, random, last_probe: None, ejections: 0 });
        Self { upstream, address, learned: Arc::new(learned), is_last_resort, passive, inner }
    }

    /// Whether it may be asked if health is not heeded.
    pub fn is_last_resort(&self) -> bool {
        self.is_last_resort.load(Relaxed)
    }

    /// Whether its first probe has not ended yet.
    pub fn is_checking(&self) -> bool {
        self.inner().machine.state() == State::Checking
    }

    /// Counts what a request tells; why the endpoint should be ejected, if it should.
    pub fn note(&self, verdict: Verdict, worker: usize, now: Instant) -> Option<Reason> {
        let (passive, rules) = self.passive.as_ref().zip(self.upstream.rules.passive.as_ref())?;
        passive.note(rules, verdict, worker, now)
    }

    /// Whether anybody wants to know how requests go.
    pub fn learns(&self) -> bool {
        self.passive.is_some()
    }

    pub(crate) fn eject(&self, reason: Reason, now: Instant) {
        let Some(rules) = &self.upstream.rules.passive else { return };
        let mut inner = self.inner();
        let Inner { machine, random, ejections, .. } = &mut *inner;
        if let Some(change) = machine.eject(rules, reason, random, now) {
            *ejections += 1;
            self.tell(change, &inner.machine, now);
        }
    }

    /// A probe has ended.
    pub fn probed(&self, probe: Probe, now: Instant) {
        let Some(rules) = &self.upstream.rules.active else { return };
        let has_passed = probe.outcome == ProbeOutcome::Passed;
        self.upstream.note_probe(probe.outcome);
        let mut inner = self.inner();
        inner.last_probe = Some(probe);
        if let Some(change) = inner.machine.probe(rules, has_passed, now) {
            self.tell(change, &inner.machine, now);
        }
    }

    /// Ends an ejection whose time is over; when the one that is under way ends.
    pub fn tick(&self, now: Instant) -> Option<Instant> {
        let mut inner = self.inner();
        if let Some(change) = inner.machine.tick(now) {
            self.tell(change, &inner.machine, now);
        }
        inner.machine.until()
    }

    /// It is no longer an endpoint of the upstream.
    pub fn drain(&self, now: Instant) {
        let mut inner = self.inner();
        if let Some(change) = inner.machine.drain(now) {
            self.tell(change, &inner.machine, now);
        }
    }

    pub fn status(&self) -> Status {
        let inner = self.inner();
        let Inner { machine, last_probe, ejections, .. } = &*inner;
        Status {
            state: machine.state(),
            reason: machine.reason(),
            since: machine.since(),
            until: machine.until(),
            last_probe: last_probe.clone(),
            ejections: *ejections,
        }
    }

    /// Makes a change known, with the machine still held, so that changes are told in their order.
    fn tell(&self, change: Change, machine: &Machine, now: Instant) {
        let is_last_resort = is_last_resort(change.to);
        let was_last_resort = self.is_last_resort.swap(is_last_resort, Relaxed);
        self.learned.set_eligible(change.to == State::Healthy, now);
        if is_last_resort != was_last_resort {
            Learned::note_change();
        }
        let Change { from, to, reason } = change;
        let (upstream, endpoint) = (&*self.upstream.name, &self.address);
        let (from_name, to_name, reason_name) = (from.name(), to.name(), reason.name());
        match to {
            State::Healthy | State::Draining | State::Checking => tracing::info!(
                upstream,
                %endpoint,
                from = from_name,
                to = to_name,
                reason = reason_name,
                "the health of an endpoint changed"
            ),
            State::Unhealthy | State::Ejected => tracing::warn!(
                upstream,
                %endpoint,
                from = from_name,
                to = to_name,
                reason = reason_name,
                ms = machine.until().map(|until| until.saturating_duration_since(now).as_millis()),
                "the health of an endpoint changed"
            ),
        }
        if from == State::Checking {
            self.upstream.note_first_verdict();
        }
        match to {
            State::Ejected => self.upstream.note_ejection(reason),
            // Whoever comes back begins anew.
            State::Healthy => self.passive.iter().for_each(|passive| passive.forget(now)),
            _ => {}
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn is_last_resort(state: State) -> bool {
    matches!(state, State::Healthy | State::Unhealthy | State::Ejected)
}

// === impl ProbeOutcome ===

impl ProbeOutcome {
    pub const ALL: [Self; 3] = [Self::Passed, Self::Failed, Self::TimedOut];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}
