//! Keeps requests from an endpoint, or an upstream, that fails them anyway.
//!
//! A [`Breaker`] is a state machine without a clock, without chance and without a task of its own: whoever asks it brings
//! the time and the chance along. It is shared by all workers and takes no lock; a request that goes well costs it two
//! loads and an addition. What its words mean: `state`; what it judges by: `window`.
//!
//! ```text
//! admit ─▶ Pass ─▶ (the attempt) ─▶ record ─▶ Event, if that changed the state
//!     └──▶ Refused, with the time of the next probe
//! ```
//! Tests are in `tests/`, not here: the model tests compile these files with the atomics of a model checker.

/// Who may pass, and what follows from how it went.
mod machine;
/// What a breaker does at the moment, in one word.
mod state;
/// What the last seconds were like.
mod window;

use std::time::{Duration, Instant};

use message::Random;

pub use machine::{Breaker, Pass, Ticket};
pub use state::{Mode, Phase, Reason};
pub use window::Totals;

/// When a breaker opens, and how it closes again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// So many failures one after the other open it. `None`: any number may be.
    pub consecutive_failures: Option<u32>,
    /// What ratios look back on. Kept in ten parts, so that they see between nine and ten tenths of it.
    pub window: Duration,
    /// Ratios say nothing before there are so many requests in the window.
    pub min_requests: u32,
    /// This part of the requests failed; above 0, at most 1. `None`: not looked at.
    pub failure_ratio: Option<f64>,
    /// `None`: how long requests take is not looked at.
    pub slow: Option<Slow>,
    /// How long it stays open at first. Twice as long each time that it opens again before it was closed.
    pub open_for: Duration,
    /// But no longer than this, chance aside.
    pub max_open_for: Duration,
    /// Up to this part is added by chance, from 0 to 1, so that those who opened together do not probe together.
    pub jitter: f64,
    /// How many requests are let through to find out, and must all go well; from 1 to 255.
    pub half_open_requests: u8,
    /// How long it takes from the last probe until all requests pass again. Zero: no time.
    pub ramp: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slow {
    /// A request that takes longer is slow.
    pub over: Duration,
    /// This part of the requests was; above 0, at most 1.
    pub ratio: f64,
}

/// How a request went, as far as a breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
}

/// What came of asking.
#[derive(Debug)]
pub struct Admission<'b> {
    pub pass: Result<Pass<'b>, Refused>,
    /// Asking itself may change the state: when a cooldown, or a ramp, is over.
    pub event: Option<Event>,
}

/// Why a request may not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Why the breaker opened; `None` if it was told to.
    pub reason: Option<Reason>,
    /// When the next request may pass as a probe; `None` if that depends on others.
    pub next_probe: Option<Instant>,
}

/// A change of state, for metrics and logs. Told to exactly one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Opened { reason: Reason, until: Instant },
    HalfOpened,
    Ramping,
    Closed,
}

/// What a breaker looks like to people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Status {
    pub mode: Mode,
    pub phase: Phase,
    /// Why it opened the last time; `None` once it is closed.
    pub reason: Option<Reason>,
    /// How often it has opened since it was last closed.
    pub trips: u8,
    /// When the next request may pass as a probe, while it is open by itself.
    pub next_probe: Option<Instant>,
    /// The part of the requests that may pass, from 0 to 1.
    pub share: f64,
    pub totals: Totals,
}

/// Longer than most answers take.
const PROBE_PATIENCE: Duration = Duration::from_secs(60);

// === impl Rules ===

impl Rules {
    fn probes(&self) -> u8 {
        self.half_open_requests.max(1)
    }

    /// How long probes may be out before others are sent in their place: one that hangs must not keep it half open for ever.
    fn probe_patience(&self) -> Duration {
        self.open_for.max(PROBE_PATIENCE)
    }

    /// How long it stays open when it opens for this time, counted from 1, since it was last closed.
    fn cooldown(&self, trips: u8, random: &mut Random) -> Duration {
        let doubled = self.open_for.saturating_mul(1 << trips.saturating_sub(1));
        let bounded = doubled.min(self.max_open_for.max(self.open_for));
        bounded + bounded.mul_f64(self.jitter.clamp(0.0, 1.0) * random.fraction())
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            consecutive_failures: None,
            window: Duration::from_secs(10),
            min_requests: 20,
            failure_ratio: Some(0.5),
            slow: None,
            open_for: Duration::from_secs(5),
            max_open_for: Duration::from_secs(300),
            jitter: 0.1,
            half_open_requests: 3,
            ramp: Duration::from_secs(10),
        }
    }
}
