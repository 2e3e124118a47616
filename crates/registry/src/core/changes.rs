//! What changed lately, for clients of Eureka that keep a copy and ask for differences.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{Moment, Registered};

/// The last changes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    queue: VecDeque<Change>,
}

#[derive(Debug, Clone)]
pub(crate) struct Change {
    at: std::time::Instant,
    pub(crate) action: Action,
    /// As it was left by the change.
    pub(crate) instance: Arc<Registered>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Added,
    Modified,
    Deleted,
}

/// How long a change is told; several times as long as clients take between two questions.
const KEPT: Duration = Duration::from_mins(3);

/// More are not kept. Whoever misses one notices it by the hash code, and asks for everything.
const MOST: usize = 20_000;

// === impl Changes ===

impl Changes {
    pub(crate) fn add(&mut self, action: Action, instance: Arc<Registered>, now: Moment) {
        self.forget(now);
        if self.queue.len() == MOST {
            self.queue.pop_front();
        }
        self.queue.push_back(Change { at: now.at, action, instance });
    }

    /// Those of the last three minutes.
    pub(crate) fn recent(&mut self, now: Moment) -> Vec<Change> {
        self.forget(now);
        self.queue.iter().cloned().collect()
    }

    fn forget(&mut self, now: Moment) {
        while self.queue.front().is_some_and(|change| now.at.duration_since(change.at) >= KEPT) {
            self.queue.pop_front();
        }
    }
}

// === impl Action ===

impl Action {
    /// As Eureka calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}
