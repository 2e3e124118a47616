//! What the endpoints of one upstream have in common.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use model::Health;
use tokio::sync::{Notify, futures::Notified};

use super::{ProbeOutcome, Reason};

/// The rules, the counters, and who waits for news. Adopted by its successor of the same name with the same rules.
#[derive(Debug)]
pub struct UpstreamHealth {
    pub name: Arc<str>,
    pub rules: Health,
    pub counts: Arc<Counts>,
    /// A first probe has ended.
    first_verdict: Notify,
    /// An endpoint was ejected, so that there is a time to wait for; or endpoints came or went.
    news: Notify,
    /// Ejections are made one after the other, so that together they keep to the bound.
    ejecting: Mutex<()>,
}

/// What happened. Adopted by its successor of the same name, whatever the rules.
#[derive(Debug, Default)]
pub struct Counts {
    probes: [AtomicU64; ProbeOutcome::ALL.len()],
    ejections: [AtomicU64; Reason::EJECTING.len()],
}

// === impl UpstreamHealth ===

impl UpstreamHealth {
    /// What is the same in `previous` is adopted.
    pub(crate) fn new(name: &Arc<str>, rules: &Health, previous: Option<&Arc<Self>>) -> Arc<Self> {
        if let Some(previous) = previous.filter(|previous| previous.rules == *rules) {
            return previous.clone();
        }
        Arc::new(Self {
            name: name.clone(),
            rules: rules.clone(),
            counts: previous.map(|previous| previous.counts.clone()).unwrap_or_default(),
            first_verdict: Notify::new(),
            news: Notify::new(),
            ejecting: Mutex::new(()),
        })
    }

    /// Waits for the end of a first probe. Whoever has the future misses none that ends from now on.
    pub fn first_verdict(&self) -> Notified<'_> {
        self.first_verdict.notified()
    }

    /// Waits until an endpoint is ejected, or endpoints come or go. To be awaited by one task.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Endpoints came or went.
    pub(crate) fn note_replaced(&self) {
        self.news.notify_one();
    }

    pub(super) fn note_first_verdict(&self) {
        self.first_verdict.notify_waiters();
    }

    pub(super) fn note_ejection(&self, reason: Reason) {
        if let Some(index) = Reason::EJECTING.iter().position(|known| *known == reason) {
            self.counts.ejections[index].fetch_add(1, Relaxed);
        }
        self.news.notify_one();
    }

    pub(super) fn note_probe(&self, outcome: ProbeOutcome) {
        self.counts.probes[outcome as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn ejecting(&self) -> MutexGuard<'_, ()> {
        self.ejecting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one more of `total` endpoints may be ejected, if `ejected` are.
///
/// Of several, one may always be, so that a small share means something in a small upstream; the only one never is.
pub fn may_eject(ejected: usize, total: usize, share: f64) -> bool {
    let most = (total as f64 * share) as usize;
    total > 1 && ejected < most.max(1)
}

// === impl Counts ===

impl Counts {
    pub fn probes(&self) -> impl Iterator<Item = (ProbeOutcome, u64)> {
        ProbeOutcome::ALL.into_iter().zip(self.probes.iter().map(|count| count.load(Relaxed)))
    }

    pub fn ejections(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::EJECTING.into_iter().zip(self.ejections.iter().map(|count| count.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_ejected_than_the_share() {
        let most = |total, share| (0..=total).find(|ejected| !may_eject(*ejected, total, share)).unwrap();
        assert_eq!([1, 2, 3, 4, 5].map(|total| most(total, 0.5)), [0, 1, 1, 2, 2]);
        assert_eq!([1, 3, 10, 20].map(|total| most(total, 0.1)), [0, 1, 1, 2]);
        assert_eq!([0, 1, 3].map(|total| most(total, 1.0)), [0, 0, 3]);
    }
}
