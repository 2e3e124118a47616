//! Which request goes where.

use std::sync::Arc;

use super::{Action, Breaker, Destination, Fallback, FallbackTo, ListenerId, Match, Mirror, Policy, Rewrite};

#[derive(Debug, Clone)]
pub struct Route {
    pub name: Arc<str>,
    /// Sorted. Empty: all.
    pub listeners: Vec<ListenerId>,
    pub matching: Match,
    /// Higher wins over every other route that matches.
    pub priority: i32,
    pub policies: Vec<Policy>,
    pub action: Action,
    pub rewrite: Option<Rewrite>,
    /// For all that it sends, wherever that goes.
    pub breaker: Option<Breaker>,
    /// In the order in which they are tried.
    pub fallbacks: Vec<Fallback>,
    /// Each to another upstream; none unless the action goes to one.
    pub mirrors: Vec<Mirror>,
}

// === impl Route ===

impl Route {
    /// Whether it takes the same requests as another one, and with the same right.
    pub fn matches_like(&self, other: &Self) -> bool {
        self.listeners == other.listeners && self.priority == other.priority && self.matching == other.matching
    }

    /// Wherever its requests may go, or copies of them.
    pub fn destinations(&self) -> impl Iterator<Item = Destination> {
        let mirrored = self.mirrors.iter().map(|mirror| mirror.to);
        let instead = self.fallbacks.iter().filter_map(|fallback| match fallback.to {
            FallbackTo::Upstream(to) => Some(to),
            FallbackTo::Respond(_) => None,
        });
        self.action.destinations().into_iter().chain(instead).chain(mirrored)
    }
}

impl AsRef<Self> for Route {
    fn as_ref(&self) -> &Self {
        self
    }
}
