//! How it is found out which endpoints do their work.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Uri};

/// At least one of the two.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// `None`: endpoints are not probed.
    pub active: Option<ActiveHealth>,
    /// `None`: nothing is learned from requests.
    pub passive: Option<PassiveHealth>,
}

/// Probes.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveHealth {
    pub check: Check,
    /// From the end of one probe to the begin of the next.
    pub interval: Duration,
    /// The part of it that chance adds or takes; from 0 to 1.
    pub jitter: f64,
    /// Of a probe, the connection included.
    pub timeout: Duration,
    /// In a row.
    pub healthy_after: u32,
    /// In a row.
    pub unhealthy_after: u32,
    /// `None`: that of the endpoint.
    pub port: Option<u16>,
}

/// How an endpoint is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    Http(Box<HttpCheck>),
    Tcp,
    Grpc(GrpcCheck),
}

#[derive(Debug, Clone, PartialEq)]
pub struct HttpCheck {
    pub target: Uri,
    pub method: Method,
    /// `None`: as for requests that do not say.
    pub host: Option<HeaderValue>,
    pub headers: HeaderMap,
    /// Statuses that are good.
    pub expect: Vec<RangeInclusive<u16>>,
    /// Must be in the body.
    pub body_contains: Option<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcCheck {
    /// Empty: the server as a whole.
    pub service: Arc<str>,
    pub host: Option<HeaderValue>,
}

/// What requests tell. At least one of the first three is given.
#[derive(Debug, Clone, PartialEq)]
pub struct PassiveHealth {
    pub consecutive_failures: Option<u32>,
    pub consecutive_gateway_errors: Option<u32>,
    pub failure_ratio: Option<FailureRatio>,
    /// The first time.
    pub ejection: Duration,
    /// At most, chance aside.
    pub max_ejection: Duration,
    /// Of the endpoints; from 0 to 1.
    pub max_ejected: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailureRatio {
    /// Of the requests; above 0, at most 1.
    pub ratio: f64,
    pub min_requests: u32,
    pub window: Duration,
}

// === defaults ===

impl PassiveHealth {
    /// In a row, where nothing else is said.
    pub const CONSECUTIVE_FAILURES: u32 = 5;
}

impl Default for PassiveHealth {
    fn default() -> Self {
        Self {
            consecutive_failures: Some(Self::CONSECUTIVE_FAILURES),
            consecutive_gateway_errors: None,
            failure_ratio: None,
            ejection: Duration::from_secs(30),
            max_ejection: Duration::from_mins(5),
            max_ejected: 0.5,
        }
    }
}

impl Default for ActiveHealth {
    fn default() -> Self {
        Self {
            check: Check::Tcp,
            interval: Duration::from_secs(5),
            jitter: 0.1,
            timeout: Duration::from_secs(1),
            healthy_after: 2,
            unhealthy_after: 3,
            port: None,
        }
    }
}
