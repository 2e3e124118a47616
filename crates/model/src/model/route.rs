//! Which request goes where.

use std::sync::Arc;

use super::{Action, ListenerId, Match, Mirror, Policy, Rewrite};
use crate::Place;

#[derive(Debug, Clone)]
pub struct Route {
    pub name: Arc<str>,
    pub place: Place,
    /// Sorted. Empty: all.
    pub listeners: Vec<ListenerId>,
    pub matching: Match,
    /// Higher wins over every other route that matches.
    pub priority: i32,
    pub policies: Vec<Policy>,
    pub action: Action,
    pub rewrite: Option<Rewrite>,
    /// Each to another upstream; none unless the action goes to one.
    pub mirrors: Vec<Mirror>,
}
