//! An exchange as spans, each written as a field of `ScopeSpans`: names and attributes by OpenTelemetry's semantic conventions for
//! HTTP (1.x), and `sluice.*`.

use std::time::{Duration, Instant};

use http::StatusCode;
use message::{Attempt, Cause, Event, SpanId, Turn, trace::is_failure};
use otlp::{ITEM, wire};

use super::Traced;
use crate::Protocol;

/// What a span says beside its attributes.
struct Span<'a> {
    id: SpanId,
    parent: Option<SpanId>,
    kind: u64,
    /// The method, where there is one that is known, and what comes after it.
    name: [&'a str; 2],
    /// From the begin of the exchange.
    began: Duration,
    took: Duration,
    failure: Option<Failure>,
}

/// Why a span counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Cause(Cause),
    Status(StatusCode),
}

/// Something that was waited for.
struct Wait {
    what: &'static str,
    /// The kind of the policy, if it is one that was waited for.
    policy: Option<&'static str>,
    began: Duration,
    took: Duration,
}

/// Numbers of fields: of `Span`,
const TRACE_ID: u32 = 1;
const SPAN_ID: u32 = 2;
const TRACE_STATE: u32 = 3;
const PARENT_SPAN_ID: u32 = 4;
const NAME: u32 = 5;
const KIND: u32 = 6;
const START: u32 = 7;
const END: u32 = 8;
const ATTRIBUTES: u32 = 9;
const STATUS: u32 = 15;
const FLAGS: u32 = 16;
/// and of its `Status`.
const MESSAGE: u32 = 2;
const CODE: u32 = 3;

/// `SpanKind`.
const INTERNAL: u64 = 1;
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;

/// `SpanFlags`, beside those of the context: whether it is known that the parent is of another process, and that it is.
const PARENT_IS_KNOWN: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;

/// In bytes; what is longer is cut.
const LONGEST_PATH: usize = 1024;
const LONGEST_METHOD: usize = 64;
/// In bytes; what is longer is nothing that had to be passed on (W3C Trace Context, 3.3.1.5).
const LONGEST_STATE: usize = 512;

/// Methods that nobody knows would make as many series as there are words.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Writes the exchange, what was waited for, the attempts; so many spans.
pub(super) fn write(traced: &Traced<'_>, out: &mut Vec<u8>) -> u64 {
    server(traced, out);
    let record = traced.line.record;
    let began = |at: Instant| at.saturating_duration_since(record.started);
    let mut spans = 1;
    for (index, wait) in record.turns.iter().filter_map(|turn| Wait::of(turn, began(turn.at))).enumerate() {
        internal(traced, index, &wait, out);
        spans += 1;
    }
    for (index, attempt) in record.attempts.iter().enumerate() {
        client(traced, index, attempt, began(attempt.began), out);
        spans += 1;
    }
    spans
}

fn server(traced: &Traced<'_>, out: &mut Vec<u8>) {
    let Traced { line, trace, pattern, upstream_of } = traced;
    let record = line.record;
    let pattern = pattern.as_deref();
    let failure = Failure::of_server(record.cause, record.status);
    let span = Span {
        id: trace.span,
        parent: trace.parent,
        kind: SERVER,
        name: [known_method(line.method).unwrap_or("HTTP"), pattern.unwrap_or_default()],
        began: Duration::ZERO,
        took: line.timing.total,
        failure,
    };
    span.write(traced, out, |out| {
        method(out, line.method);
        text(out, "url.scheme", line.scheme);
        text(out, "url.path", cut(line.path, LONGEST_PATH));
        server_of(out, str::from_utf8(line.host).unwrap_or_default(), Some(line.scheme));
        wire::attribute(out, ATTRIBUTES, "client.address", |out| wire::display(out, line.client));
        let version = if matches!(line.protocol, Protocol::Http1 | Protocol::WebSocket) { "1.1" } else { "2" };
        text(out, "network.protocol.version", version);
        if let Some(status) = record.status {
            number(out, "http.response.status_code", status.as_u16().into());
        }
        number(out, "http.request.body.size", record.request_bytes);
        number(out, "http.response.body.size", record.response_bytes);
        for (key, value) in [
            ("http.route", pattern),
            ("sluice.route", line.route),
            ("sluice.side", line.side),
            ("sluice.upstream", record.attempts.last().map(upstream_of)),
            ("sluice.request_id", line.request_id.and_then(|id| str::from_utf8(id).ok())),
            ("sluice.cause", record.cause.map(Cause::name)),
        ] {
            if let Some(value) = value {
                text(out, key, value);
            }
        }
    });
}

/// One endpoint asked. It ends with the head of the answer.
fn client(traced: &Traced<'_>, index: usize, attempt: &Attempt, began: Duration, out: &mut Vec<u8>) {
    let Traced { line, trace, upstream_of, .. } = traced;
    let span = Span {
        id: trace.attempt(index),
        parent: Some(trace.span),
        kind: CLIENT,
        name: [known_method(line.method).unwrap_or("HTTP"), ""],
        began,
        took: attempt.duration,
        failure: Failure::of_client(attempt.outcome),
    };
    span.write(traced, out, |out| {
        method(out, line.method);
        server_of(out, &attempt.endpoint, None);
        text(out, "sluice.upstream", upstream_of(attempt));
        if index > 0 {
            number(out, "http.request.resend_count", index as u64);
        }
        match attempt.outcome {
            Ok(status) => number(out, "http.response.status_code", status.as_u16().into()),
            Err(cause) => text(out, "sluice.cause", cause.name()),
        }
    });
}

fn internal(traced: &Traced<'_>, index: usize, wait: &Wait, out: &mut Vec<u8>) {
    let Wait { what, policy, began, took } = *wait;
    let trace = &traced.trace;
    let span = Span {
        id: trace.wait(index),
        parent: Some(trace.span),
        kind: INTERNAL,
        name: [what, policy.unwrap_or_default()],
        began,
        took,
        failure: None,
    };
    span.write(traced, out, |out| {
        if let Some(policy) = policy {
            text(out, "sluice.policy", policy);
        }
    });
}

// === impl Span ===

impl Span<'_> {
    fn write(&self, traced: &Traced<'_>, out: &mut Vec<u8>, attributes: impl FnOnce(&mut Vec<u8>)) {
        let Traced { line, trace, .. } = traced;
        wire::nested(out, ITEM, |out| {
            wire::bytes(out, TRACE_ID, trace.id.bytes());
            wire::bytes(out, SPAN_ID, self.id.bytes());
            // What vendors said beside the context belongs to the caller's trace.
            let state = line.request_headers.get("tracestate").filter(|_| trace.parent.is_some());
            let state = state.and_then(|state| state.to_str().ok());
            if let Some(state) = state.filter(|state| state.len() <= LONGEST_STATE) {
                wire::bytes(out, TRACE_STATE, state.as_bytes());
            }
            if let Some(parent) = self.parent {
                wire::bytes(out, PARENT_SPAN_ID, parent.bytes());
            }
            wire::nested(out, NAME, |out| {
                let [first, second] = self.name.map(str::as_bytes);
                out.extend_from_slice(first);
                if !second.is_empty() {
                    out.push(b' ');
                    out.extend_from_slice(second);
                }
            });
            wire::integer(out, KIND, self.kind);
            let began = line.nanos().saturating_add(nanos(self.began));
            wire::fixed64(out, START, began);
            wire::fixed64(out, END, began.saturating_add(nanos(self.took)));
            attributes(out);
            if let Some(failure) = self.failure {
                text(out, "error.type", failure.name());
                wire::nested(out, STATUS, |out| {
                    wire::bytes(out, MESSAGE, failure.title().as_bytes());
                    wire::integer(out, CODE, ERROR);
                });
            }
            let context = u32::from(trace.is_sampled) | u32::from(trace.is_random) << 1;
            // Who came from outside has its parent there; all others have it here.
            let is_remote = self.kind == SERVER && self.parent.is_some();
            let remote = if is_remote { PARENT_IS_REMOTE } else { 0 };
            wire::fixed32(out, FLAGS, context | PARENT_IS_KNOWN | remote);
        });
    }
}

// === impl Failure ===

impl Failure {
    /// What clients do wrong is no error of a server.
    fn of_server(cause: Option<Cause>, status: Option<StatusCode>) -> Option<Self> {
        let cause = cause.filter(|cause| is_failure(*cause)).map(Self::Cause);
        cause.or_else(|| status.filter(StatusCode::is_server_error).map(Self::Status))
    }

    /// Whoever asks and gets no answer to it has failed, whoever is to blame.
    fn of_client(outcome: Result<StatusCode, Cause>) -> Option<Self> {
        match outcome {
            Ok(status) if status.is_client_error() || status.is_server_error() => Some(Self::Status(status)),
            Ok(_) => None,
            Err(cause) => Some(Self::Cause(cause)),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Cause(cause) => cause.name(),
            Self::Status(status) => status.as_str(),
        }
    }

    /// Of a status, its number says it all.
    fn title(&self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.title(),
            Self::Status(_) => "",
        }
    }
}

// === impl Wait ===

impl Wait {
    /// `at`: when it was noted, from the begin of the exchange.
    fn of(turn: &Turn, at: Duration) -> Option<Self> {
        let over = |what, policy, took| Some(Self { what, policy, began: at.saturating_sub(took), took });
        match turn.event {
            Event::PolicyWaited { policy, took } => over("policy", Some(policy), took),
            Event::Queued { took } => over("queue", None, took),
            Event::Unprobed { took } => over("first probe", None, took),
            // The wait follows what is noted.
            Event::Retried { wait, .. } => Some(Self { what: "backoff", policy: None, began: at, took: wait }),
            _ => None,
        }
    }
}

fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    wire::attribute(out, ATTRIBUTES, key, |out| wire::text(out, value));
}

fn number(out: &mut Vec<u8>, key: &str, value: u64) {
    wire::attribute(out, ATTRIBUTES, key, |out| wire::number(out, value));
}

fn method(out: &mut Vec<u8>, method: &str) {
    match known_method(method) {
        Some(known) => text(out, "http.request.method", known),
        None => {
            text(out, "http.request.method", "_OTHER");
            text(out, "http.request.method_original", cut(method, LONGEST_METHOD));
        }
    }
}

fn known_method(method: &str) -> Option<&str> {
    METHODS.contains(&method).then_some(method)
}

/// `scheme` tells the port that goes without saying.
fn server_of(out: &mut Vec<u8>, authority: &str, scheme: Option<&str>) {
    let (host, port) = host_and_port(authority);
    let usual = scheme.map(|scheme| if scheme == "https" { 443 } else { 80 });
    if !host.is_empty() {
        text(out, "server.address", host);
    }
    if let Some(port) = port.or(usual) {
        number(out, "server.port", port.into());
    }
}

/// Of an address of IPv6, without brackets. Whatever it is, all of it is told.
fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    let split = authority.rsplit_once(':').and_then(|(host, port)| Some((host, Some(port.parse().ok()?))));
    let (host, port) = split.unwrap_or((authority, None));
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => (address, port),
        // What has no brackets is an address and no port.
        None if host.contains(':') => (authority, None),
        None => (host, port),
    }
}

/// Not more than so many bytes of it.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::UNIX_EPOCH};

    use http::{HeaderMap, HeaderName, HeaderValue};
    use message::{
        Random, Record, Trace,
        trace::{Format, Ratio, Rules, Whose},
    };
    use opentelemetry_proto::tonic::{
        common::v1::any_value::Value,
        trace::v1::{ScopeSpans, Span},
    };
    use prost::Message as _;

    use super::*;
    use crate::{Line, Timing};

    const MS: Duration = Duration::from_millis(1);

    const TIMING: Timing = Timing { total: Duration::from_millis(20), overhead: None };

    /// An exchange whose first attempt failed.
    struct Told {
        trace: Trace,
        record: Record,
        headers: HeaderMap,
        method: &'static str,
        pattern: Option<&'static str>,
    }

    impl Told {
        fn new() -> Self {
            let rules = Rules {
                formats: [Format::W3c].into(),
                continues: Whose::Anybody,
                follows: Whose::Anybody,
                ratio: Ratio::new(1.0),
                errors: true,
                slower_than: None,
            };
            let fields =
                [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "a=1")];
            let field = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
            let mut headers = fields.map(field).into_iter().collect();
            let trace = rules.begin(&mut headers, true, true, &mut Random::seeded(1), 0);
            let mut record = Record::new(Instant::now());
            let attempt = |began: u32, outcome| Attempt {
                duration: 4 * MS,
                outcome,
                ..Attempt::new(0, "10.0.0.1:8080".into(), record.started + MS * began)
            };
            let attempts = [attempt(5, Err(Cause::ConnectRefused)), attempt(11, Ok(StatusCode::OK))];
            record.attempts.extend(attempts);
            let waited = Event::PolicyWaited { policy: "ext_authz", took: 3 * MS };
            record.turns.push(Turn { at: record.started + 4 * MS, event: waited });
            record.status = Some(StatusCode::OK);
            record.response_bytes = 5;
            Self { trace, record, headers, method: "GET", pattern: Some("/users/{id}") }
        }

        /// By the official messages.
        fn spans(&self) -> Vec<Span> {
            let line = Line {
                time: UNIX_EPOCH + Duration::from_secs(100),
                protocol: Protocol::Http2,
                method: self.method,
                scheme: "https",
                host: b"api.example.com",
                path: "/users/7",
                route: Some("user"),
                ..Line::unknown(&self.record, &TIMING, IpAddr::from([192, 0, 2, 1]), &self.headers)
            };
            let traced = Traced {
                line: &line,
                trace: self.trace,
                pattern: self.pattern.map(str::to_owned),
                upstream_of: &|_| "users",
            };
            let mut out = Vec::new();
            let count = write(&traced, &mut out);
            let spans = ScopeSpans::decode(&*out).unwrap().spans;
            assert_eq!(spans.len() as u64, count);
            spans
        }
    }

    fn told(span: &Span, key: &str) -> String {
        let value = span.attributes.iter().find(|attribute| attribute.key == key);
        match value.and_then(|value| value.value.as_ref()).and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            _ => "-".to_owned(),
        }
    }

    #[test]
    fn an_exchange_is_a_tree_of_spans() {
        let told = Told::new();
        let spans = told.spans();
        let said: Vec<_> = spans.iter().map(|span| (&*span.name, span.kind, span.flags)).collect();
        assert_eq!(
            said,
            [("GET /users/{id}", 2, 0x301), ("policy ext_authz", 1, 0x101), ("GET", 3, 0x101), ("GET", 3, 0x101)],
        );
        assert_eq!(spans[0].parent_span_id, told.trace.parent.unwrap().bytes());
        assert_eq!(spans[0].end_time_unix_nano, 100_020_000_000);
        for below in &spans[1..] {
            assert_eq!(below.parent_span_id, spans[0].span_id);
            assert_eq!(below.trace_id, spans[0].trace_id);
            assert!(below.start_time_unix_nano >= spans[0].start_time_unix_nano);
            assert!(below.end_time_unix_nano <= spans[0].end_time_unix_nano);
        }
        let times = |span: &Span| [span.start_time_unix_nano, span.end_time_unix_nano];
        assert_eq!(times(&spans[1]), [100_001_000_000, 100_004_000_000], "it ended when it was noted");
        assert_eq!(times(&spans[2]), [100_005_000_000, 100_009_000_000]);
        assert_eq!((&*spans[0].trace_state, &*spans[0].trace_id), ("a=1", &told.trace.id.bytes()[..]));
    }

    #[test]
    fn attributes_are_those_of_the_conventions() {
        let spans = Told::new().spans();
        for (key, value) in [
            ("http.request.method", "GET"),
            ("url.scheme", "https"),
            ("url.path", "/users/7"),
            ("http.route", "/users/{id}"),
            ("http.response.status_code", "200"),
            ("http.response.body.size", "5"),
            ("server.address", "api.example.com"),
            ("server.port", "443"),
            ("client.address", "192.0.2.1"),
            ("network.protocol.version", "2"),
            ("sluice.route", "user"),
            ("sluice.upstream", "users"),
            ("error.type", "-"),
        ] {
            assert_eq!(told(&spans[0], key), value, "{key}");
        }
        let refused = &spans[2];
        assert_eq!(told(refused, "error.type"), "connect_refused");
        assert_eq!((told(refused, "server.address"), told(refused, "server.port")), ("10.0.0.1".into(), "8080".into()));
        assert_eq!(refused.status.as_ref().map(|status| status.code), Some(2));
        assert_eq!(told(&spans[3], "http.request.resend_count"), "1");
        assert_eq!(spans[3].status, None);
    }

    #[test]
    fn what_counts_as_an_error_depends_on_who_made_it() {
        let check = |status: u16, cause, error: Option<&str>| {
            let failure = Failure::of_server(cause, StatusCode::from_u16(status).ok());
            assert_eq!(failure.as_ref().map(Failure::name), error, "{status} {cause:?}");
        };
        check(200, None, None);
        check(404, Some(Cause::NoRoute), None);
        check(503, None, Some("503"));
        check(503, Some(Cause::NoEndpoint), Some("no_endpoint"));
        check(200, Some(Cause::ResponseIncomplete), Some("response_incomplete"));
        check(0, Some(Cause::ClientClosed), None);
        assert_eq!(Failure::of_client(Ok(StatusCode::NOT_FOUND)), Some(Failure::Status(StatusCode::NOT_FOUND)));
    }

    #[test]
    fn strange_methods_have_one_name() {
        let brew = Told { method: "BREW", pattern: None, ..Told::new() };
        let span = &brew.spans()[0];
        assert_eq!(span.name, "HTTP");
        assert_eq!(told(span, "http.request.method"), "_OTHER");
        assert_eq!(told(span, "http.request.method_original"), "BREW");
        let long = Told { method: "X".repeat(1000).leak(), ..Told::new() };
        assert_eq!(told(&long.spans()[2], "http.request.method_original"), "X".repeat(64));
    }

    #[test]
    fn authorities_are_told_in_parts() {
        for (authority, expected) in [
            ("api.example.com", ("api.example.com", None)),
            ("api.example.com:8443", ("api.example.com", Some(8443))),
            ("[2001:db8::1]", ("2001:db8::1", None)),
            ("[2001:db8::1]:80", ("2001:db8::1", Some(80))),
            ("2001:db8::1", ("2001:db8::1", None)),
            ("localhost:", ("localhost:", None)),
            ("a:99999", ("a:99999", None)),
            ("", ("", None)),
        ] {
            assert_eq!(host_and_port(authority), expected, "{authority}");
        }
    }
}
