//! What a line says.

use std::{net::IpAddr, time::SystemTime};

use message::{Cause, Nearest, Record, TraceId};

use super::{json, timestamp::Timestamp};
use crate::{Protocol, Timing};

/// An exchange, as the log tells it. Borrows everything: nothing is made for the log alone.
#[derive(Debug)]
pub struct Line<'a> {
    /// When the request began.
    pub time: SystemTime,
    pub record: &'a Record,
    pub timing: &'a Timing,
    pub protocol: Protocol,
    /// Through trusted proxies.
    pub client: IpAddr,
    pub method: &'a str,
    pub host: &'a [u8],
    /// Only what stands before `?` is written: queries carry tokens and names of people.
    pub path: &'a str,
    pub route: Option<&'a str>,
    /// Of the route, if it has several.
    pub side: Option<&'a str>,
    /// Of the last attempt, as is `endpoint`.
    pub upstream: Option<&'a str>,
    pub endpoint: Option<&'a str>,
    pub user_agent: Option<&'a [u8]>,
    pub request_id: Option<&'a [u8]>,
    /// `None` where the document asks for no traces.
    pub trace_id: Option<TraceId>,
}

// === impl Line ===

impl Line<'_> {
    /// Appends the line, with its end. Every line has every key; what is not there is `null`.
    pub(super) fn format(&self, timestamp: &mut Timestamp, out: &mut Vec<u8>) {
        let path = self.path.split_once('?').map_or(self.path, |(path, _)| path);

        out.extend_from_slice(b"{\"time\":\"");
        timestamp.format(self.time, out);
        out.extend_from_slice(b"\",\"client\":");
        json::display(out, self.client);
        out.extend_from_slice(b",\"method\":");
        json::string(out, self.method.as_bytes());
        out.extend_from_slice(b",\"host\":");
        json::string(out, self.host);
        out.extend_from_slice(b",\"path\":");
        json::string(out, path.as_bytes());
        out.extend_from_slice(b",\"protocol\":");
        json::string(out, self.protocol.name().as_bytes());
        out.extend_from_slice(b",\"status\":");
        json::optional(out, self.status(), json::integer);
        out.extend_from_slice(b",\"cause\":");
        json::optional(out, self.record.cause, |out, cause| json::string(out, cause.name().as_bytes()));
        out.extend_from_slice(b",\"nearest\":");
        json::optional(out, self.record.nearest.as_deref(), nearest);
        out.extend_from_slice(b",\"route\":");
        json::optional(out, self.route, |out, name| json::string(out, name.as_bytes()));
        out.extend_from_slice(b",\"side\":");
        json::optional(out, self.side, |out, name| json::string(out, name.as_bytes()));
        out.extend_from_slice(b",\"upstream\":");
        json::optional(out, self.upstream, |out, name| json::string(out, name.as_bytes()));
        out.extend_from_slice(b",\"endpoint\":");
        json::optional(out, self.endpoint, |out, name| json::string(out, name.as_bytes()));
        out.extend_from_slice(b",\"attempts\":");
        json::integer(out, self.record.attempts.len() as u64);
        out.extend_from_slice(b",\"duration_ms\":");
        json::millis(out, self.timing.total);
        out.extend_from_slice(b",\"overhead_ms\":");
        json::optional(out, self.timing.overhead, json::millis);
        out.extend_from_slice(b",\"request_bytes\":");
        json::integer(out, self.record.request_bytes);
        out.extend_from_slice(b",\"response_bytes\":");
        json::integer(out, self.record.response_bytes);
        out.extend_from_slice(b",\"user_agent\":");
        json::optional(out, self.user_agent, json::string);
        out.extend_from_slice(b",\"request_id\":");
        json::optional(out, self.request_id, json::string);
        out.extend_from_slice(b",\"trace_id\":");
        json::optional(out, self.trace_id, json::display);
        out.extend_from_slice(b"}\n");
    }

    /// What the client got. If it went away before that, the 499 that operators look for.
    pub(crate) fn status(&self) -> Option<u64> {
        let gone = self.record.cause.filter(|cause| matches!(cause, Cause::ClientClosed | Cause::ClientStalled));
        let status = self.record.status.or_else(|| Some(gone?.status()))?;
        Some(u64::from(status.as_u16()))
    }
}

/// The routes that came nearest, as the answer tells them.
fn nearest(out: &mut Vec<u8>, nearest: &Nearest) {
    for (index, near) in nearest.routes.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[{\"route\":" } else { b",{\"route\":" });
        json::string(out, near.route.as_bytes());
        out.extend_from_slice(b",\"miss\":");
        json::string(out, near.miss.as_bytes());
        out.push(b'}');
    }
    out.extend_from_slice(if nearest.routes.is_empty() { b"[]" } else { b"]" });
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, UNIX_EPOCH};

    use http::StatusCode;
    use message::{Attempt, Near};
    use serde_json::{Value, json};

    use super::*;

    const TIMING: Timing = Timing { total: Duration::from_micros(12_345), overhead: Some(Duration::from_micros(83)) };

    fn line<'a>(record: &'a Record, timing: &'a Timing) -> Line<'a> {
        Line {
            time: UNIX_EPOCH,
            record,
            timing,
            protocol: Protocol::Http1,
            client: "2001:db8::1".parse().unwrap(),
            method: "GET",
            host: b"api.example.com:8443",
            path: "/users/7",
            route: None,
            side: None,
            upstream: None,
            endpoint: None,
            user_agent: None,
            request_id: None,
            trace_id: None,
        }
    }

    fn read(line: &Line<'_>) -> Value {
        let mut out = Vec::new();
        line.format(&mut Timestamp::default(), &mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_line_tells_the_exchange() {
        let mut record = Record::new(Instant::now());
        let attempt =
            Attempt { outcome: Err(Cause::ResponseTimeout), ..Attempt::new(0, "10.0.0.3:80".into(), record.started) };
        record.attempts.extend([attempt.clone(), attempt]);
        (record.status, record.cause) = (Some(StatusCode::GATEWAY_TIMEOUT), Some(Cause::ResponseTimeout));
        (record.request_bytes, record.response_bytes) = (0, 300);
        let line = Line {
            path: "/users/7?token=secret",
            route: Some("user"),
            side: Some("canary"),
            upstream: Some("users"),
            endpoint: Some("10.0.0.3:80"),
            user_agent: Some(b"curl/8 \"\xff\n"),
            request_id: Some(b"01J"),
            trace_id: TraceId::new([0xab; 16]),
            ..line(&record, &TIMING)
        };
        let expected = json!({
            "time": "1970-01-01T00:00:00.000Z", "client": "2001:db8::1", "method": "GET", "host": "api.example.com:8443",
            "path": "/users/7", "protocol": "http1", "status": 504, "cause": "response_timeout", "nearest": null, "route": "user",
            "side": "canary", "upstream": "users", "endpoint": "10.0.0.3:80", "attempts": 2, "duration_ms": 12.345, "overhead_ms": 0.083,
            "request_bytes": 0, "response_bytes": 300, "user_agent": "curl/8 \"\u{fffd}\n", "request_id": "01J",
            "trace_id": "abababababababababababababababab",
        });
        assert_eq!(read(&line), expected);
    }

    #[test]
    fn what_is_not_there_is_null() {
        let record = Record::new(Instant::now());
        let read = read(&line(&record, &Timing { overhead: None, ..TIMING }));
        for key in [
            "status",
            "cause",
            "nearest",
            "route",
            "side",
            "upstream",
            "endpoint",
            "overhead_ms",
            "user_agent",
            "request_id",
            "trace_id",
        ] {
            assert_eq!(read.get(key), Some(&Value::Null), "{key}");
        }
    }

    #[test]
    fn routes_that_came_near_are_told() {
        let mut record = Record::new(Instant::now());
        let near = |route: &str, miss: &str| Near { route: route.into(), miss: miss.to_owned() };
        for routes in [vec![], vec![near("a", "method is not GET"), near("b", "header x is not \"1\"")]] {
            let told: Vec<_> = routes.iter().map(|near| json!({ "route": &*near.route, "miss": near.miss })).collect();
            record.nearest = Some(Box::new(Nearest { routes, disclosed: false }));
            assert_eq!(read(&line(&record, &TIMING))["nearest"], json!(told));
        }
    }

    #[test]
    fn a_client_that_went_away_got_a_499() {
        let mut record = Record::new(Instant::now());
        record.cause = Some(Cause::ClientClosed);
        assert_eq!(read(&line(&record, &TIMING))["status"], 499);
        record.status = Some(StatusCode::OK);
        assert_eq!(read(&line(&record, &TIMING))["status"], 200, "it got the head of this one");
    }
}
