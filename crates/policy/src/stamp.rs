//! When something was last used.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A moment, in seconds since 1970; 0: never. Documents that have the same credential share it.
#[derive(Debug, Default)]
pub struct Stamp(AtomicU64);

// === impl Stamp ===

impl Stamp {
    /// How exact it is, in seconds. Workers share it: rare stores leave it in all their caches.
    const STEP: u64 = 60;

    #[inline]
    pub fn note(&self, now: SystemTime) {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let last = self.0.load(Relaxed);
        // Also if the clock was set back.
        if now.abs_diff(last) >= Self::STEP {
            self.0.store(now, Relaxed);
        }
    }

    /// To the minute; `None`: it was not.
    pub fn read(&self) -> Option<SystemTime> {
        let seconds = self.0.load(Relaxed);
        (seconds > 0).then(|| UNIX_EPOCH + Duration::from_secs(seconds))
    }
}
