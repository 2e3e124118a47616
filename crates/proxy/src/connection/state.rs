//! What the parts of a connection tell each other, and its deadlines.

use std::{
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    task::Waker,
    time::{Duration, Instant},
};

use http::HeaderValue;
use message::Cause;
use snapshot::Limits;

/// Shared by the socket wrapper, which hyper wants to be `Send`, and the tasks around it. All of them run on one thread,
/// so the atomics are plain loads and stores that nobody contends for.
#[derive(Debug)]
pub(crate) struct State {
    epoch: Instant,
    phase: AtomicU8,
    /// Begin of the phase, in microseconds after `epoch`.
    since: AtomicU64,
    /// The head in progress came in one piece, so that its arrival is the begin of the exchange.
    at_once: AtomicBool,
    /// Number of exchanges so far.
    begun: AtomicU64,
    /// Since when the peer takes nothing, likewise; 0: it does.
    blocked_since: AtomicU64,
    /// From this exchange on, counted from 1, the length of a body may be meant in two ways.
    suspect_from: AtomicU64,
    refused: OnceLock<Box<Refused>>,
    interim: Interim,
    waker: OnceLock<Waker>,
}

/// A request that was refused before it became an exchange.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) cause: Cause,
    /// The id that the client was told.
    pub(crate) id: HeaderValue,
}

/// Where an HTTP/1 connection is. (An HTTP/2 connection is in `Exchange` while it has streams, else in `Idle`.)
///
/// ```text
///   Idle ──first byte──▶ Head ──complete──▶ Exchange ──response relayed──▶ Idle
///     │ idle_timeout      │ header_timeout    │ stall_timeout, while the peer takes nothing
///     ▼                   ▼ 408               ▼
///   closed              Closing             closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Between requests, nothing received.
    Idle,
    /// A head has begun.
    Head,
    /// The gateway is at work.
    Exchange,
    /// Said farewell; waits for the peer to have read it.
    Closing,
}

/// Interim responses (1xx) on their way from the endpoint to the client.
#[derive(Debug, Default)]
struct Interim {
    /// Spares the lock to connections that never see one, which is nearly all.
    waiting: AtomicBool,
    bytes: Mutex<Vec<u8>>,
}

/// An idle connection keeps its buffers for this long: busy ones keep theirs, ten thousand idle ones have none.
const WAKEFUL: Duration = Duration::from_millis(500);

/// How long a peer gets to read a farewell.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

// === impl State ===

impl State {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(0),
            at_once: AtomicBool::new(false),
            begun: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            suspect_from: AtomicU64::new(u64::MAX),
            refused: OnceLock::new(),
            interim: Interim::default(),
            waker: OnceLock::new(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Exchange,
            _ => Phase::Closing,
        }
    }

    pub(crate) fn enter(&self, phase: Phase, now: Instant) {
        self.phase.store(phase as u8, Relaxed);
        self.since.store(self.micros(now), Relaxed);
    }

    /// Bytes of a head arrived.
    pub(crate) fn receive_head(&self) {
        match self.phase() {
            Phase::Idle => {
                self.enter(Phase::Head, Instant::now());
                self.at_once.store(true, Relaxed);
            }
            _ => self.at_once.store(false, Relaxed),
        }
    }

    /// An exchange begins; tells when.
    pub(crate) fn begin(&self) -> Instant {
        let just_arrived = self.phase() == Phase::Head && self.at_once.load(Relaxed);
        let now = if just_arrived { self.since() } else { Instant::now() };
        self.begun.store(self.begun() + 1, Relaxed);
        self.enter(Phase::Exchange, now);
        now
    }

    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    /// When the current phase began, to the microsecond.
    fn since(&self) -> Instant {
        self.epoch + Duration::from_micros(self.since.load(Relaxed))
    }

    pub(crate) fn set_blocked(&self, blocked: bool) {
        let already = self.blocked_since.load(Relaxed) != 0;
        if blocked != already {
            let since = if blocked { self.micros(Instant::now()).max(1) } else { 0 };
            self.blocked_since.store(since, Relaxed);
        }
    }

    /// When the peer must have done something; `None` while it is the gateway's turn.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let allowed = match self.phase() {
            Phase::Closing => FAREWELL,
            _ if self.is_blocked() => {
                let since = Duration::from_micros(self.blocked_since.load(Relaxed));
                return Some(self.epoch + since + limits.stall_timeout);
            }
            Phase::Idle => limits.idle_timeout,
            Phase::Head => limits.header_timeout,
            Phase::Exchange => return None,
        };
        Some(self.since() + allowed)
    }

    /// Between requests, with nothing left to write.
    pub(crate) fn is_resting(&self) -> bool {
        self.phase() == Phase::Idle && !self.is_blocked()
    }

    /// When an idle connection gives its buffers back.
    pub(crate) fn bedtime(&self) -> Instant {
        self.since() + WAKEFUL
    }

    /// Whether the peer takes nothing of what is written.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked_since.load(Relaxed) != 0
    }

    pub(crate) fn set_suspect_from(&self, exchange: u64) {
        self.suspect_from.store(exchange, Relaxed);
    }

    /// Whether the framing of the exchange that began last is not to be believed, if it has chunks.
    pub(crate) fn is_suspect(&self) -> bool {
        self.begun() >= self.suspect_from.load(Relaxed)
    }

    pub(crate) fn set_refused(&self, refused: Refused) {
        // A connection ends with its first refusal.
        _ = self.refused.set(Box::new(refused));
    }

    pub(crate) fn refused(&self) -> Option<&Refused> {
        self.refused.get().map(|refused| &**refused)
    }

    /// Remembers how to wake the connection's task. A task keeps its waker for life, so once is enough.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        if self.waker.get().is_none() {
            _ = self.waker.set(waker.clone());
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Queues an interim response for the client.
    pub(crate) fn push_interim(&self, bytes: &[u8]) {
        self.interim.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        self.interim.waiting.store(true, Relaxed);
        self.wake();
    }

    pub(crate) fn has_interim(&self) -> bool {
        self.interim.waiting.load(Relaxed)
    }

    pub(crate) fn take_interim(&self) -> Vec<u8> {
        self.interim.waiting.store(false, Relaxed);
        std::mem::take(&mut *self.interim.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn micros(&self, now: Instant) -> u64 {
        // Half a million years fit.
        now.saturating_duration_since(self.epoch).as_micros() as u64
    }
}
