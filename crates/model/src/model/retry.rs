//! When a request is sent once more.

use std::time::Duration;

use http::Method;

use super::Failures;

/// Another attempt for requests that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryRules {
    /// At most, the first one included; at least 2.
    pub attempts: u32,
    /// What calls for another attempt.
    pub on: Failures,
    /// Beside those that are idempotent (RFC 9110, 9.2.2).
    pub methods: Vec<Method>,
    /// From the choice of an endpoint to the head of its response; `None`: as the timeouts say.
    pub per_try_timeout: Option<Duration>,
    /// How much of a body is kept to be sent again.
    pub body_bytes: u32,
    pub backoff: Backoff,
    pub budget: Budget,
}

/// The wait before an attempt: a random part of `base`, then of twice as much, up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
    pub max: Duration,
}

/// What retries may add, over the last ten seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Of the requests; from 0 to 1.
    pub ratio: f64,
    /// Always allowed.
    pub min_per_second: u32,
}

// === defaults ===

impl Default for RetryRules {
    fn default() -> Self {
        Self {
            attempts: 2,
            on: Failures { connect_failure: true, refused_stream: true, reset: true, ..Failures::NONE },
            methods: Vec::new(),
            per_try_timeout: None,
            body_bytes: 64 << 10,
            backoff: Backoff { base: Duration::from_millis(25), max: Duration::from_millis(250) },
            budget: Budget { ratio: 0.2, min_per_second: 3 },
        }
    }
}
