//! What a log's threads know of each other.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use message::Random;
use otlp::Reason;

/// What a log's workers, its writer thread and the control plane share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) counts: Arc<Counts>,
    /// The last write failed; said once, not once per batch.
    failing: AtomicBool,
    closing: Mutex<bool>,
    closes: Condvar,
}

/// Lines by what became of them. Outlive a log whose settings change.
#[derive(Debug, Default)]
pub(super) struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    /// Of those that went to a collector.
    pub(super) told: Arc<otlp::Counts>,
}

/// Tries again at growing intervals, up to a limit.
pub(super) struct Retry {
    until: Instant,
    pause: Duration,
    random: Random,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

// === impl Shared ===

impl Shared {
    pub(super) fn new(name: Arc<str>, counts: Arc<Counts>) -> Self {
        Self { name, counts, failing: AtomicBool::new(false), closing: Mutex::new(false), closes: Condvar::new() }
    }

    pub(super) fn written(&self, lines: u64) {
        self.counts.written.fetch_add(lines, Relaxed);
        if lines > 0 && self.failing.swap(false, Relaxed) {
            tracing::info!(log = &*self.name, "the access log can be written again");
        }
    }

    pub(super) fn dropped(&self, lines: u64) {
        self.counts.dropped.fetch_add(lines, Relaxed);
    }

    /// The lines are not lost yet.
    pub(super) fn failed(&self, error: &io::Error) {
        if !self.failing.swap(true, Relaxed) {
            let error = error.to_string();
            // What a server said may stand in it.
            let error = error.escape_debug();
            tracing::warn!(log = &*self.name, %error, "cannot write the access log; lines beyond what can wait are dropped");
        }
    }

    /// Nobody waits for the log much longer.
    pub(super) fn close(&self) {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.closes.notify_all();
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, unless the log closes.
    fn wait(&self, pause: Duration) {
        let closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        // Whether it was long enough or it closes: whoever waits asks.
        _ = self.closes.wait_timeout_while(closing, pause, |closing| !*closing);
    }
}

// === impl Counts ===

impl Counts {
    pub(super) fn written(&self) -> u64 {
        self.written.load(Relaxed) + self.told.exported()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed) + Reason::ALL.into_iter().map(|reason| self.told.dropped(reason)).sum::<u64>()
    }
}

// === impl Retry ===

impl Retry {
    pub(super) fn new(limit: Duration, random: &mut Random) -> Self {
        Self { until: Instant::now() + limit, pause: FIRST_PAUSE, random: random.split() }
    }

    /// Waits until it is time for another attempt, no shorter than `at_least`; false if there is none any more.
    pub(super) fn again(&mut self, shared: &Shared, at_least: Duration) -> bool {
        let pause = self.pause.mul_f64(0.5 + self.random.fraction() / 2.0).max(at_least);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if Instant::now() + pause > self.until || shared.is_closing() {
            return false;
        }
        shared.wait(pause);
        !shared.is_closing()
    }
}
