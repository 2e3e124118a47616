//! Copies of requests.

use super::Destination;

#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    /// Who gets the copies.
    pub to: Destination,
    /// The part of the requests that is copied; above 0, at most 1.
    pub share: f64,
    /// Requests with a longer body are not copied; in bytes.
    pub body: u32,
    /// Copies under way at a time, per worker.
    pub in_flight: u32,
}

// === impl Mirror ===

impl Mirror {
    /// Of all requests, within the default bounds.
    pub fn to(to: Destination) -> Self {
        Self { to, share: 1.0, body: 64 << 10, in_flight: 100 }
    }
}
