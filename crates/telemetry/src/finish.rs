//! The end of an exchange.

use std::time::{Duration, Instant};

use message::Record;

use crate::{GatewayMetrics, RouteMetrics};

/// What kind of traffic an exchange was, as metrics and log call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
    /// Over HTTP/2, told by its content type.
    Grpc,
    /// Over either version of HTTP.
    WebSocket,
}

/// How long an exchange took. Computed once, at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the head of the request to the end of the response.
    pub total: Duration,
    /// What of the time up to the head of the response was not spent on waiting for endpoints. `None` if the client
    /// got no response. Bodies do not count: how long they take is up to the client and the endpoint.
    pub overhead: Option<Duration>,
}

/// Counts an exchange that has ended. To be called once for every [`GatewayMetrics::request_began`], whatever became of it.
///
/// `route` is `None` if there was none. Attempts are not counted here but when they end
/// ([`crate::UpstreamMetrics::attempt_ended`]), so that a slow body does not hide what an endpoint did.
pub fn finish(
    record: &Record,
    timing: &Timing,
    route: Option<&RouteMetrics>,
    gateway: &GatewayMetrics,
    worker: usize,
    protocol: Protocol,
) {
    route.unwrap_or(gateway.unrouted()).observe(worker, record, timing, protocol);
    gateway.request_ended(worker, record.cause);
}

// === impl Protocol ===

impl Protocol {
    /// Every protocol, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::Http1, Self::Http2, Self::Grpc, Self::WebSocket];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::WebSocket => "websocket",
        }
    }
}

// === impl Timing ===

impl Timing {
    /// Of a record that ends now.
    pub fn of(record: &Record, now: Instant) -> Self {
        let until_head = record.responded.map(|at| at.saturating_duration_since(record.started));
        Self {
            total: now.saturating_duration_since(record.started),
            overhead: until_head.map(|until| until.saturating_sub(record.waited())),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use message::{Attempt, Cause};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn attempt(millis: u32, outcome: Result<StatusCode, Cause>) -> Attempt {
        Attempt { duration: MS * millis, outcome, ..Attempt::new(0, "10.0.0.3:80".into(), Instant::now()) }
    }

    #[test]
    fn endpoints_and_bodies_are_not_overhead() {
        let start = Instant::now();
        let mut record = Record::new(start);
        record.attempts.extend([attempt(20, Err(Cause::ConnectRefused)), attempt(70, Ok(StatusCode::OK))]);
        record.responded = Some(start + 93 * MS);
        let timing = Timing::of(&record, start + 500 * MS);
        assert_eq!(timing, Timing { total: 500 * MS, overhead: Some(3 * MS) });
    }

    #[test]
    fn without_a_response_there_is_no_overhead() {
        let start = Instant::now();
        assert_eq!(Timing::of(&Record::new(start), start + MS), Timing { total: MS, overhead: None });
    }

    #[test]
    fn hedged_attempts_may_take_longer_together_than_the_exchange() {
        let start = Instant::now();
        let mut record = Record::new(start);
        record.attempts.extend([attempt(8, Ok(StatusCode::OK)), attempt(8, Ok(StatusCode::OK))]);
        record.responded = Some(start + 9 * MS);
        assert_eq!(Timing::of(&record, start + 9 * MS).overhead, Some(Duration::ZERO));
    }
}
