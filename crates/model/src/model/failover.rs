//! Which endpoints are asked first, and when others help out.

use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct Failover {
    /// Where the gateway stands, if endpoints there are asked before others of their tier.
    pub zone: Option<Arc<str>>,
    /// How many times its usual load an endpoint can bear.
    pub headroom: f64,
    /// With less than this part of a tier fit to be asked, from 0 to 1, health counts for nothing there.
    pub panic_threshold: f64,
}

// === impl Failover ===

impl Failover {
    /// Whether an endpoint with these labels is asked before others of its tier.
    pub fn is_near(&self, labels: &[(Arc<str>, Arc<str>)]) -> bool {
        let is_here = |zone: &Arc<str>| labels.iter().any(|(key, value)| **key == *"zone" && value == zone);
        self.zone.as_ref().is_none_or(is_here)
    }
}

// === defaults ===

impl Default for Failover {
    fn default() -> Self {
        Self { zone: None, headroom: 1.4, panic_threshold: 0.5 }
    }
}
