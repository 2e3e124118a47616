//! Who answers instead of an upstream that failed.

use std::sync::Arc;

use super::{Destination, Failures, Respond};

#[derive(Debug, Clone)]
pub struct Fallback {
    pub name: Arc<str>,
    /// What must have happened.
    pub on: Failures,
    pub to: FallbackTo,
}

#[derive(Debug, Clone)]
pub enum FallbackTo {
    Upstream(Destination),
    Respond(Respond),
}

// === impl Fallback ===

impl Fallback {
    /// What counts if the document does not say: that the upstream, and not the request, is to blame.
    pub fn default_on() -> Failures {
        Failures {
            connect_failure: true,
            refused_stream: true,
            reset: true,
            timeout: true,
            server_error: false,
            statuses: vec![502, 503, 504],
            grpc: 1 << 14,
        }
    }
}
