//! What was told, as spans: names and attributes by OpenTelemetry's semantic conventions for HTTP (1.x), and `sluice.*`.

use std::time::{Duration, UNIX_EPOCH};

use http::{Method, Uri};
use message::{Cause, SpanId, trace::is_failure};
use otlp::{
    Kind, Signal,
    messages::{
        ExportTraces, KeyValue, PARENT_IS_KNOWN, PARENT_IS_REMOTE, Resource, ResourceSpans, Scope, ScopeSpans, Span,
        SpanKind, Status, StatusCode as Ending,
    },
};
use prost::Message;

use super::{Told, ToldAttempt, ToldWait};
use crate::Protocol;

/// Makes spans.
pub(super) struct Teller {
    resource: Vec<KeyValue>,
    version: &'static str,
}

/// Of the conventions that attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

// === impl Teller ===

impl Teller {
    pub(super) fn new(resource: Vec<KeyValue>, version: &'static str) -> Self {
        Self { resource, version }
    }
}

impl Signal for Teller {
    type Item = Told;

    const KIND: Kind = Kind::Traces;

    fn count(item: &Told) -> u64 {
        item.spans()
    }

    fn encode(&self, items: &[Told]) -> Vec<u8> {
        let spans = items.iter().flat_map(spans).collect();
        let scope = Scope { name: "sluice".to_owned(), version: self.version.to_owned() };
        let request = ExportTraces {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource { attributes: self.resource.clone() }),
                scope_spans: vec![ScopeSpans { scope: Some(scope), spans }],
                schema_url: SCHEMA.to_owned(),
            }],
        };
        request.encode_to_vec()
    }
}

/// The exchange, what was waited for, the attempts.
fn spans(told: &Told) -> impl Iterator<Item = Span> {
    let waits = told.waits.iter().enumerate().map(|(index, wait)| internal(told, index, wait));
    let attempts = told.attempts.iter().enumerate().map(|(index, attempt)| client(told, index, attempt));
    std::iter::once(server(told)).chain(waits).chain(attempts)
}

fn server(told: &Told) -> Span {
    let mut span = span(told, told.trace.span, Duration::ZERO, told.took, SpanKind::Server);
    let method = known_method(&told.method);
    let name = method.unwrap_or("HTTP");
    span.name = told.pattern.as_ref().map_or_else(|| name.to_owned(), |pattern| format!("{name} {pattern}"));
    if let Some(parent) = told.trace.parent {
        span.parent_span_id = parent.bytes().to_vec();
        span.flags |= PARENT_IS_REMOTE;
    }
    let attributes = &mut span.attributes;
    put_method(attributes, &told.method);
    put(attributes, "url.scheme", told.scheme);
    put(attributes, "url.path", &*told.path);
    put_server(attributes, told.authority.to_str().unwrap_or_default(), Some(told.scheme));
    put(attributes, "client.address", told.client.to_string());
    let version = if matches!(told.protocol, Protocol::Http1 | Protocol::WebSocket) { "1.1" } else { "2" };
    put(attributes, "network.protocol.version", version);
    if let Some(status) = told.status {
        put(attributes, "http.response.status_code", i64::from(status.as_u16()));
    }
    put(attributes, "http.request.body.size", size(told.request_bytes));
    put(attributes, "http.response.body.size", size(told.response_bytes));
    for (key, value) in [
        ("http.route", told.pattern.as_deref()),
        ("sluice.route", told.route.as_deref()),
        ("sluice.side", told.side.as_deref()),
        ("sluice.upstream", told.attempts.last().map(|attempt| &*attempt.upstream)),
        ("sluice.request_id", told.request_id.as_ref().and_then(|id| id.to_str().ok())),
        ("sluice.cause", told.cause.map(Cause::name)),
    ] {
        if let Some(value) = value {
            put(attributes, key, value);
        }
    }
    if let Some(error) = server_error(told) {
        put(attributes, "error.type", &*error);
        span.status = Some(failed(told.cause));
    }
    span
}

/// One endpoint asked. It ends with the head of the answer.
fn client(told: &Told, index: usize, attempt: &ToldAttempt) -> Span {
    let mut span = span(told, told.trace.attempt(index), attempt.began, attempt.took, SpanKind::Client);
    span.name = known_method(&told.method).unwrap_or("HTTP").to_owned();
    span.parent_span_id = told.trace.span.bytes().to_vec();
    let attributes = &mut span.attributes;
    put_method(attributes, &told.method);
    put_server(attributes, &attempt.endpoint, None);
    put(attributes, "sluice.upstream", &*attempt.upstream);
    if index > 0 {
        put(attributes, "http.request.resend_count", index as i64);
    }
    match attempt.outcome {
        Ok(status) => {
            put(attributes, "http.response.status_code", i64::from(status.as_u16()));
            if status.is_client_error() || status.is_server_error() {
                put(attributes, "error.type", status.as_str());
                span.status = Some(failed(None));
            }
        }
        Err(cause) => {
            put(attributes, "error.type", cause.name());
            put(attributes, "sluice.cause", cause.name());
            span.status = Some(failed(Some(cause)));
        }
    }
    span
}

fn internal(told: &Told, index: usize, wait: &ToldWait) -> Span {
    let mut span = span(told, told.trace.wait(index), wait.began, wait.took, SpanKind::Internal);
    span.name = wait.policy.map_or_else(|| wait.what.to_owned(), |policy| format!("{} {policy}", wait.what));
    span.parent_span_id = told.trace.span.bytes().to_vec();
    if let Some(policy) = wait.policy {
        put(&mut span.attributes, "sluice.policy", policy);
    }
    span
}

/// What all spans have; its parent is of this process.
fn span(told: &Told, id: SpanId, began: Duration, took: Duration, kind: SpanKind) -> Span {
    let since_1970 = told.began.duration_since(UNIX_EPOCH).unwrap_or_default() + began;
    let flags = u32::from(told.trace.is_sampled) | u32::from(told.trace.is_random) << 1;
    Span {
        trace_id: told.trace.id.bytes().to_vec(),
        span_id: id.bytes().to_vec(),
        trace_state: told.state.as_ref().and_then(|state| state.to_str().ok()).unwrap_or_default().to_owned(),
        kind: kind as i32,
        start_time_unix_nano: since_1970.as_nanos() as u64,
        end_time_unix_nano: (since_1970 + took).as_nanos() as u64,
        flags: flags | PARENT_IS_KNOWN,
        ..Span::default()
    }
}

/// Why the exchange counts as failed, if it does. What clients do wrong is no error of a server.
fn server_error(told: &Told) -> Option<String> {
    match (told.cause.filter(|cause| is_failure(*cause)), told.status) {
        (Some(cause), _) => Some(cause.name().to_owned()),
        (None, Some(status)) if status.is_server_error() => Some(status.as_str().to_owned()),
        _ => None,
    }
}

fn failed(cause: Option<Cause>) -> Status {
    let message = cause.map(Cause::title).unwrap_or_default().to_owned();
    Status { message, code: Ending::Error as i32 }
}

fn put(attributes: &mut Vec<KeyValue>, key: &str, value: impl Into<otlp::messages::Value>) {
    attributes.push(KeyValue::new(key, value));
}

/// Methods that nobody knows would make as many series as there are words.
fn put_method(attributes: &mut Vec<KeyValue>, method: &Method) {
    match known_method(method) {
        Some(known) => put(attributes, "http.request.method", known),
        None => {
            put(attributes, "http.request.method", "_OTHER");
            put(attributes, "http.request.method_original", method.as_str());
        }
    }
}

fn known_method(method: &Method) -> Option<&str> {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    KNOWN.contains(method).then(|| method.as_str())
}

/// `scheme` tells the port that goes without saying.
fn put_server(attributes: &mut Vec<KeyValue>, authority: &str, scheme: Option<&str>) {
    let parsed = authority.parse::<Uri>().ok();
    let host = parsed.as_ref().and_then(Uri::host).unwrap_or(authority);
    let usual = scheme.map(|scheme| if scheme == "https" { 443 } else { 80 });
    if !host.is_empty() {
        put(attributes, "server.address", host.trim_matches(['[', ']']));
    }
    if let Some(port) = parsed.as_ref().and_then(Uri::port_u16).or(usual) {
        put(attributes, "server.port", i64::from(port));
    }
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc};

    use http::{HeaderMap, HeaderValue, StatusCode};
    use message::{
        Random,
        trace::{Format, Ratio, Rules, Whose},
    };
    use otlp::messages::Value;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn told() -> Told {
        let rules = Rules {
            formats: [Format::W3c].into(),
            continues: Whose::Anybody,
            follows: Whose::Anybody,
            ratio: Ratio::new(1.0),
            errors: true,
            slower_than: None,
        };
        let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let mut headers = HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), parent)]);
        let trace = rules.begin(&mut headers, true, true, &mut Random::seeded(1), 0);
        let attempt = |began: u32, outcome| ToldAttempt {
            upstream: Arc::from("users"),
            endpoint: "10.0.0.1:8080".into(),
            began: MS * began,
            took: 4 * MS,
            outcome,
        };
        Told {
            trace,
            state: Some(HeaderValue::from_static("a=1")),
            began: UNIX_EPOCH + Duration::from_secs(100),
            took: 20 * MS,
            protocol: Protocol::Http2,
            client: IpAddr::from([192, 0, 2, 1]),
            method: Method::GET,
            scheme: "https",
            authority: HeaderValue::from_static("api.example.com"),
            path: "/users/7".into(),
            route: Some("user".into()),
            pattern: Some("/users/{id}".into()),
            side: None,
            status: Some(StatusCode::OK),
            cause: None,
            request_id: None,
            request_bytes: 0,
            response_bytes: 5,
            attempts: [attempt(5, Err(Cause::ConnectRefused)), attempt(11, Ok(StatusCode::OK))].into(),
            waits: [ToldWait { what: "policy", policy: Some("ext_authz"), began: MS, took: 3 * MS }].into(),
        }
    }

    fn text(span: &Span, key: &str) -> String {
        let value = span.attributes.iter().find(|attribute| attribute.key == key);
        match value.and_then(|value| value.value.as_ref()).and_then(|value| value.value.as_ref()) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Integer(number)) => number.to_string(),
            _ => "-".to_owned(),
        }
    }

    #[test]
    fn an_exchange_is_a_tree_of_spans() {
        let told = told();
        let spans: Vec<Span> = spans(&told).collect();
        let said: Vec<_> = spans.iter().map(|span| (&*span.name, span.kind, span.flags)).collect();
        assert_eq!(
            said,
            [("GET /users/{id}", 2, 0x301), ("policy ext_authz", 1, 0x101), ("GET", 3, 0x101), ("GET", 3, 0x101)],
        );
        assert_eq!(spans[0].parent_span_id, told.trace.parent.unwrap().bytes());
        for below in &spans[1..] {
            assert_eq!(below.parent_span_id, spans[0].span_id);
            assert_eq!(below.trace_id, spans[0].trace_id);
            assert!(below.start_time_unix_nano >= spans[0].start_time_unix_nano);
            assert!(below.end_time_unix_nano <= spans[0].end_time_unix_nano);
        }
        assert_eq!(spans[2].start_time_unix_nano, 100_005_000_000);
        assert_eq!(told.spans(), 4);
    }

    #[test]
    fn attributes_are_those_of_the_conventions() {
        let told = told();
        let spans: Vec<Span> = spans(&told).collect();
        for (key, value) in [
            ("http.request.method", "GET"),
            ("url.scheme", "https"),
            ("url.path", "/users/7"),
            ("http.route", "/users/{id}"),
            ("http.response.status_code", "200"),
            ("server.address", "api.example.com"),
            ("server.port", "443"),
            ("client.address", "192.0.2.1"),
            ("network.protocol.version", "2"),
            ("sluice.route", "user"),
            ("sluice.upstream", "users"),
            ("error.type", "-"),
        ] {
            assert_eq!(text(&spans[0], key), value, "{key}");
        }
        let refused = &spans[2];
        assert_eq!(text(refused, "error.type"), "connect_refused");
        assert_eq!((text(refused, "server.address"), text(refused, "server.port")), ("10.0.0.1".into(), "8080".into()));
        assert_eq!(refused.status.as_ref().unwrap().code, Ending::Error as i32);
        assert_eq!(text(&spans[3], "http.request.resend_count"), "1");
        assert_eq!(spans[3].status, None);
    }

    #[test]
    fn what_counts_as_an_error_depends_on_who_made_it() {
        let check = |status: u16, cause, error: Option<&str>| {
            let told = Told { status: StatusCode::from_u16(status).ok(), cause, ..told() };
            assert_eq!(server_error(&told).as_deref(), error, "{status} {cause:?}");
        };
        check(200, None, None);
        check(404, Some(Cause::NoRoute), None);
        check(503, None, Some("503"));
        check(503, Some(Cause::NoEndpoint), Some("no_endpoint"));
        check(200, Some(Cause::ResponseIncomplete), Some("response_incomplete"));
        check(0, Some(Cause::ClientClosed), None);
    }

    #[test]
    fn strange_methods_have_one_name() {
        let told = Told { method: Method::from_bytes(b"BREW").unwrap(), pattern: None, ..told() };
        let span = server(&told);
        assert_eq!(span.name, "HTTP");
        assert_eq!(text(&span, "http.request.method"), "_OTHER");
        assert_eq!(text(&span, "http.request.method_original"), "BREW");
    }
}
