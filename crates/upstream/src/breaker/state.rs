//! What a breaker does at the moment, in one word, so that it changes whole or not at all.

use std::time::Duration;

/// What happens to requests.
///
/// ```text
///            failures in a row, or too many
///            failures or slow ones in the window
/// ┌────────┐ ──────────────────────────────────▶ ┌──────┐ ◀──────────────────────────┐
/// │ closed │                                     │ open │ ◀───────────┐              │
/// └────────┘                                     └──────┘             │              │
///      ▲                          cooldown is over,  │                │ a probe      │ as from
///      │                          a request comes    ▼                │ failed       │ closed
///      │    ramp is over  ┌──────┐ all went well ┌───────────┐        │              │
///      └───────────────── │ ramp │ ◀──────────── │ half-open │ ───────┘              │
///                         └──────┘               └───────────┘                       │
///                             └──────────────────────────────────────────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All pass.
    Closed,
    /// None passes until the cooldown is over.
    Open,
    /// As many pass as are needed to find out; nothing is known before all have gone well.
    HalfOpen {
        /// Probes that have passed and not come back.
        out: u8,
        /// Probes that went well.
        won: u8,
    },
    /// A growing part passes.
    Ramp,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The breaker itself.
    Auto,
    /// Somebody at run time: none passes.
    ForcedOpen,
    /// Somebody at run time: all pass, and are counted.
    ForcedClosed,
    /// Somebody at run time: all pass, and nothing is counted.
    Disabled,
}

/// Why a breaker opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// [`Rules::consecutive_failures`](super::Rules::consecutive_failures).
    ConsecutiveFailures,
    /// [`Rules::failure_ratio`](super::Rules::failure_ratio).
    FailureRatio,
    /// [`Rules::slow`](super::Rules::slow).
    SlowCalls,
    /// It was half open, and a probe failed or was slow.
    Probe,
}

/// The word, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) mode: Mode,
    pub(super) phase: Phase,
    pub(super) reason: Option<Reason>,
    /// Since it was last closed; stays at the most that there is room for.
    pub(super) trips: u8,
    /// Until when it is open; since when it is in any other phase.
    pub(super) at: Tick,
}

/// A millisecond of the breaker's life. Begins anew after four years; what is compared is never that far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick(u64);

/// A stay in one phase. Two stays never have the same, so that whoever passed in an earlier one is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period(u64);

/// The fields of the word, from its lowest bit: width each.
const MODE: u32 = 2;
const PHASE: u32 = 2;
const REASON: u32 = 3;
const TRIPS: u32 = 4;
const PROBES: u32 = 8;
const TICK: u32 = 64 - MODE - PHASE - REASON - TRIPS - 2 * PROBES;

pub(super) const MOST_TRIPS: u8 = (1 << TRIPS) - 1;

const REASONS: [Option<Reason>; 5] =
    [None, Some(Reason::ConsecutiveFailures), Some(Reason::FailureRatio), Some(Reason::SlowCalls), Some(Reason::Probe)];

// === impl State ===

impl State {
    /// All pass from now on, as if nothing had been.
    pub(super) const fn closed(at: Tick) -> Self {
        Self { mode: Mode::Auto, phase: Phase::Closed, reason: None, trips: 0, at }
    }

    pub(super) fn pack(self) -> u64 {
        let (phase, out, won) = match self.phase {
            Phase::Closed => (0, 0, 0),
            Phase::Open => (1, 0, 0),
            Phase::HalfOpen { out, won } => (2, out, won),
            Phase::Ramp => (3, 0, 0),
        };
        let reason = match self.reason {
            None => 0,
            Some(Reason::ConsecutiveFailures) => 1,
            Some(Reason::FailureRatio) => 2,
            Some(Reason::SlowCalls) => 3,
            Some(Reason::Probe) => 4,
        };
        let mut word = self.at.0;
        for (value, width) in [
            (won, PROBES),
            (out, PROBES),
            (self.trips, TRIPS),
            (reason, REASON),
            (phase, PHASE),
            (self.mode as u8, MODE),
        ] {
            word = word << width | u64::from(value);
        }
        word
    }

    pub(super) fn unpack(mut word: u64) -> Self {
        let mut field = |width: u32| {
            let value = (word & ((1 << width) - 1)) as u8;
            word >>= width;
            value
        };
        let (mode, phase, reason) = (field(MODE), field(PHASE), field(REASON));
        let (trips, out, won) = (field(TRIPS), field(PROBES), field(PROBES));
        Self {
            mode: Mode::ALL[usize::from(mode)],
            phase: match phase {
                0 => Phase::Closed,
                1 => Phase::Open,
                2 => Phase::HalfOpen { out, won },
                _ => Phase::Ramp,
            },
            reason: REASONS.get(usize::from(reason)).copied().flatten(),
            trips,
            at: Tick(word),
        }
    }

    /// What stays the same for as long as the phase does.
    pub(super) fn period(self) -> Period {
        let phase = match self.phase {
            Phase::HalfOpen { .. } => Phase::HalfOpen { out: 0, won: 0 },
            phase => phase,
        };
        Period(Self { mode: Mode::Auto, phase, ..self }.pack())
    }
}

// === impl Phase, Mode, Reason ===

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen { .. } => "half_open",
            Self::Ramp => "ramp",
        }
    }
}

impl Mode {
    pub const ALL: [Self; 4] = [Self::Auto, Self::ForcedOpen, Self::ForcedClosed, Self::Disabled];

    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
            Self::Disabled => "disabled",
        }
    }
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::FailureRatio => "failure_ratio",
            Self::SlowCalls => "slow_calls",
            Self::Probe => "probe_failed",
        }
    }
}

// === impl Tick ===

impl Tick {
    pub(super) fn of(age: Duration) -> Self {
        let milliseconds = age.as_secs().wrapping_mul(1000).wrapping_add(u64::from(age.subsec_millis()));
        Self(milliseconds & Self::MASK)
    }

    const MASK: u64 = (1 << TICK) - 1;

    pub(super) fn is_before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) & Self::MASK) > Self::MASK / 2
    }

    /// How long `self` is after `earlier`; zero if it is before.
    pub(super) fn since(self, earlier: Self) -> Duration {
        let distance = if self.is_before(earlier) { 0 } else { self.0.wrapping_sub(earlier.0) & Self::MASK };
        Duration::from_millis(distance)
    }

    /// Rounded up, so that a cooldown is never too short, and never nothing.
    pub(super) fn after(self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Self(self.0.wrapping_add(wait.clamp(1, Self::MASK / 2)) & Self::MASK)
    }
}

// === impl Period ===

impl Period {
    pub(super) fn is_half_open(self) -> bool {
        matches!(State::unpack(self.0).phase, Phase::HalfOpen { .. })
    }
}
