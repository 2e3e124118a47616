//! How many connections a listener holds, over all workers.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicU32>);

// === impl Permit ===

impl Permit {
    /// `None` if there are `limit` already.
    pub(super) fn take(held: &Arc<AtomicU32>, limit: u32) -> Option<Self> {
        // Counted first and given back if it was one too many, so that two workers cannot both take the last place.
        let permit = Self(held.clone());
        let before = held.fetch_add(1, Ordering::Relaxed);
        (before < limit).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let held = Arc::new(AtomicU32::new(0));
        let first = Permit::take(&held, 1);
        assert!(first.is_some());
        assert!(Permit::take(&held, 1).is_none());
        drop(first);
        assert!(Permit::take(&held, 1).is_some());
        assert_eq!(held.load(Ordering::Relaxed), 0);
    }
}
