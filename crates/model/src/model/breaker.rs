//! When requests are kept from what fails them anyway.

use std::time::Duration;

use super::Failures;

#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    pub scope: BreakerScope,
    pub failures: Failures,
    /// `None`: any number may be.
    pub consecutive_failures: Option<u32>,
    /// What ratios look back on.
    pub window: Duration,
    /// Fewer requests in the window say nothing.
    pub min_requests: u32,
    /// Above 0, at most 1; `None`: not looked at.
    pub failure_ratio: Option<f64>,
    /// `None`: not looked at.
    pub slow: Option<Slow>,
    /// At first; twice as long each time that it opens again before it was closed.
    pub open_for: Duration,
    /// At least `open_for`.
    pub max_open_for: Duration,
    /// Up to this part is added by chance, from 0 to 1.
    pub jitter: f64,
    /// From 1 to 255.
    pub half_open_requests: u8,
    /// Zero: all requests pass after the last probe.
    pub ramp: Duration,
}

/// What shares one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BreakerScope {
    /// All that goes to the upstream.
    #[default]
    Upstream,
    /// What one route sends there.
    Route,
    /// What goes to one endpoint.
    Endpoint,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slow {
    pub over: Duration,
    /// Above 0, at most 1.
    pub ratio: f64,
}

// === impl BreakerScope ===

impl BreakerScope {
    /// As documents write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Route => "route",
            Self::Endpoint => "endpoint",
        }
    }
}

// === defaults ===

impl Default for Breaker {
    fn default() -> Self {
        // Unknown, deadline exceeded, internal, unavailable, data loss: what a server answers that is in trouble.
        let grpc = [2, 4, 13, 14, 15].into_iter().fold(0, |bits, status| bits | 1 << status);
        Self {
            scope: BreakerScope::Upstream,
            failures: Failures {
                connect_failure: true,
                reset: true,
                timeout: true,
                server_error: true,
                grpc,
                ..Failures::NONE
            },
            consecutive_failures: None,
            window: Duration::from_secs(10),
            min_requests: 20,
            failure_ratio: Some(0.5),
            slow: None,
            open_for: Duration::from_secs(5),
            max_open_for: Duration::from_mins(5),
            jitter: 0.1,
            half_open_requests: 3,
            ramp: Duration::from_secs(10),
        }
    }
}
