use std::{
    net::IpAddr,
    time::{Duration, Instant, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use message::{Attempt, Cause, Near, Record, TraceId};
use model::{
    AccessLog, Batch, HttpLog, LogFormat, LogItem, LogPart, LogShape, LogSink, Syslog, UpstreamTls,
    values::{HttpUrl, SyslogAddress},
};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value::Value as Any},
    logs::v1::ScopeLogs,
};
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::{Protocol, Timing};

const TIMING: Timing = Timing { total: Duration::from_micros(12_345), overhead: Some(Duration::from_micros(83)) };

/// An exchange that went wrong in the worst way for whoever writes it down.
struct Told {
    record: Record,
    headers: HeaderMap,
}

impl Told {
    fn new() -> Self {
        let mut record = Record::new(Instant::now());
        let attempt = Attempt {
            duration: Duration::from_micros(1_500),
            outcome: Err(Cause::ResponseTimeout),
            ..Attempt::new(0, "10.0.0.3:80".into(), record.started)
        };
        record.attempts.extend([attempt.clone(), attempt]);
        (record.status, record.cause) = (Some(StatusCode::GATEWAY_TIMEOUT), Some(Cause::ResponseTimeout));
        record.response_bytes = 300;
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(b"curl/8 \"\xff\t}").unwrap());
        headers.insert(header::REFERER, HeaderValue::from_static("https://a.example/?token=s3cret&a=b"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"));
        headers.insert("x-tenant", HeaderValue::from_static("acme inc"));
        Self { record, headers }
    }

    fn line(&self) -> Line<'_> {
        Line {
            method: "GET",
            host: b"api.example.com:8443",
            path: "/users/7\n\"",
            query: Some("a=b&token=s3cret"),
            route: Some("user"),
            side: Some("canary"),
            upstream: Some("users"),
            endpoint: Some("10.0.0.3:80"),
            request_id: Some(b"01J"),
            trace_id: TraceId::new([0xab; 16]),
            response_headers: Some(&self.headers),
            ..Line::unknown(&self.record, &TIMING, "2001:db8::1".parse::<IpAddr>().unwrap(), &self.headers)
        }
    }
}

fn log(format: LogFormat, sink: LogSink) -> AccessLog {
    AccessLog { format, ..AccessLog::to("test", sink) }
}

fn usual() -> Vec<LogItem> {
    LogField::USUAL.iter().copied().map(LogItem::Field).collect()
}

fn http(shape: LogShape) -> LogSink {
    let url = HttpUrl { is_tls: false, host: "logs".into(), port: 80, path: "/".into() };
    let tls = UpstreamTls { server_name: None, ca: None, client_certificate: None };
    LogSink::Http(HttpLog { url, shape, headers: Vec::new(), tls, batch: Batch::default() })
}

fn written(log: &AccessLog, line: &Line<'_>) -> String {
    let mut out = Vec::new();
    Format::of(log).write(line, &mut Timestamp::default(), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text:?}");
    assert!(!text.trim_end_matches('\n').chars().any(char::is_control), "{text:?}");
    assert!(!text.contains("s3cret"), "{text}");
    text.trim_end_matches('\n').to_owned()
}

fn read(line: &Line<'_>) -> Value {
    serde_json::from_str(&written(&log(LogFormat::Json(usual()), LogSink::Stdout), line)).unwrap()
}

#[test]
fn a_line_of_json_tells_the_exchange() {
    let told = Told::new();
    let text = written(&log(LogFormat::Json(usual()), LogSink::Stdout), &told.line());
    assert!(text.starts_with(r#"{"time":"1970-01-01T00:00:00.000Z","client":"2001:db8::1","method":"GET","#), "{text}");
    let expected = json!({
        "time": "1970-01-01T00:00:00.000Z", "client": "2001:db8::1", "method": "GET", "host": "api.example.com:8443",
        "path": "/users/7\n\"", "protocol": "http1", "status": 504, "cause": "response_timeout", "nearest": null,
        "route": "user", "side": "canary", "upstream": "users", "endpoint": "10.0.0.3:80", "attempts": 2,
        "duration_ms": 12.345, "overhead_ms": 0.083, "request_bytes": 0, "response_bytes": 300,
        "user_agent": "curl/8 \"\u{fffd}\t}", "request_id": "01J",
        "trace_id": "abababababababababababababababab",
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[test]
fn fields_are_those_that_are_asked_for() {
    let told = Told::new();
    let items = vec![
        LogItem::Field(LogField::UpstreamMs),
        LogItem::Field(LogField::Query),
        LogItem::Field(LogField::Referer),
        LogItem::RequestHeader("x-tenant".parse().unwrap()),
        LogItem::RequestHeader(header::AUTHORIZATION),
        LogItem::RequestHeader(header::COOKIE),
        LogItem::ResponseHeader(header::ETAG),
    ];
    let text = written(&log(LogFormat::Json(items), LogSink::Stdout), &told.line());
    let expected = json!({
        "upstream_ms": 3.0, "query": "a=b&token=[redacted]", "referer": "https://a.example/?token=[redacted]&a=b",
        "request_headers": { "x-tenant": "acme inc", "authorization": "[redacted]", "cookie": null },
        "response_headers": { "etag": null },
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[test]
fn logfmt_leaves_out_what_is_not_there() {
    let told = Told::new();
    let items = vec![
        LogItem::Field(LogField::Sni),
        LogItem::Field(LogField::Status),
        LogItem::Field(LogField::Path),
        LogItem::Field(LogField::DurationMs),
        LogItem::Field(LogField::Query),
        LogItem::Field(LogField::Nearest),
        LogItem::RequestHeader("x-tenant".parse().unwrap()),
        LogItem::RequestHeader(header::AUTHORIZATION),
        LogItem::Field(LogField::Consumer),
    ];
    let log = log(LogFormat::Logfmt(items), LogSink::Stdout);
    let expected = r#"status=504 path="/users/7\n\"" duration_ms=12.345 query="a=b&token=[redacted]" request_headers.x-tenant="acme inc" request_headers.authorization=[redacted]"#;
    assert_eq!(written(&log, &told.line()), expected);
    let mut line = told.line();
    (line.path, line.query) = ("/plain", None);
    assert!(written(&log, &line).starts_with("status=504 path=/plain duration_ms=12.345 request_headers"));
}

#[test]
fn templates_are_filled_in() {
    let told = Told::new();
    let part = |field| LogPart::Item(LogItem::Field(field));
    let parts = vec![
        LogPart::Literal("[".into()),
        part(LogField::Client),
        LogPart::Literal("] \"".into()),
        part(LogField::Method),
        LogPart::Literal(" ".into()),
        part(LogField::Path),
        LogPart::Literal("\" ".into()),
        part(LogField::Consumer),
        LogPart::Literal(" \"".into()),
        part(LogField::UserAgent),
        LogPart::Literal("\"".into()),
    ];
    let expected = "[2001:db8::1] \"GET /users/7\\n\\\"\" - \"curl/8 \\\"\u{fffd}\\t}\"";
    assert_eq!(written(&log(LogFormat::Template(parts), LogSink::Stdout), &told.line()), expected);
}

#[test]
fn messages_of_syslog_have_their_header() {
    let mut told = Told::new();
    let items = vec![LogItem::Field(LogField::Status), LogItem::Field(LogField::Method)];
    let address = SyslogAddress::Unix(model::EndpointAddress::Unix("/dev/log".into()));
    let syslog = Syslog { address, facility: 16, app_name: "gw".into() };
    let log = log(LogFormat::Logfmt(items), LogSink::Syslog(syslog));
    let host = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    let rest = format!("1970-01-01T00:00:00.000Z {host} gw {} access - ", std::process::id());
    assert_eq!(written(&log, &told.line()), format!("<131>1 {rest}status=504 method=GET"));
    (told.record.status, told.record.cause) = (Some(StatusCode::NOT_FOUND), None);
    assert_eq!(written(&log, &told.line()), format!("<132>1 {rest}status=404 method=GET"));
    told.record.status = Some(StatusCode::OK);
    assert_eq!(written(&log, &told.line()), format!("<134>1 {rest}status=200 method=GET"));
}

#[test]
fn log_records_of_otlp_have_types() {
    let told = Told::new();
    let headers = [HeaderName::from_static("x-tenant"), header::AUTHORIZATION].map(LogItem::RequestHeader);
    let items = [usual(), headers.to_vec()].concat();
    let mut out = Vec::new();
    let format = Format::of(&log(LogFormat::Otlp(items), LogSink::Stdout));
    format.write(&told.line(), &mut Timestamp::default(), &mut out);
    format.write(&told.line(), &mut Timestamp::default(), &mut out);
    // What is written one after the other is a list of them.
    let records = ScopeLogs::decode(&*out).unwrap().log_records;
    let [record, same] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record, same);
    assert_eq!((record.time_unix_nano, record.severity_number, &*record.severity_text), (0, 17, "ERROR"));
    assert_eq!(record.trace_id, [0xab; 16]);
    let value = |value: &Option<AnyValue>| value.clone().and_then(|value| value.value);
    let text = |text: &str| Any::StringValue(text.to_owned());
    assert_eq!(value(&record.body), Some(text("GET /users/7\n\" 504")));
    let attribute = |key: &str| {
        let found = record.attributes.iter().find(|attribute| attribute.key == key);
        found.and_then(|attribute| value(&attribute.value))
    };
    for (key, expected) in [
        ("http.request.method", text("GET")),
        ("http.response.status_code", Any::IntValue(504)),
        ("sluice.duration_ms", Any::DoubleValue(12.345)),
        ("user_agent.original", text("curl/8 \"\u{fffd}\t}")),
        ("client.address", text("2001:db8::1")),
        ("http.request.header.x-tenant", text("acme inc")),
        ("http.request.header.authorization", text("[redacted]")),
    ] {
        assert_eq!(attribute(key), Some(expected), "{key} in {record:?}");
    }
    assert_eq!((attribute("sluice.nearest"), attribute("time"), attribute("trace_id")), (None, None, None));
    assert!(!String::from_utf8_lossy(&out).contains("s3cret"));
}

#[test]
fn lines_for_servers_are_as_those_want_them() {
    let told = Told::new();
    let items = vec![LogItem::Field(LogField::Time), LogItem::Field(LogField::Status)];
    let mut line = told.line();
    line.time = UNIX_EPOCH + Duration::new(1_786_019_696, 789_000_001);
    let json = r#""2026-08-06T12:34:56.789Z","status":504}"#;
    let loki = log(LogFormat::Json(items.clone()), http(LogShape::Loki { labels: Vec::new() }));
    assert_eq!(written(&loki, &line), format!("1786019696789000001 {{\"time\":{json}"));
    let elasticsearch = log(LogFormat::Json(items), http(LogShape::Elasticsearch { index: None }));
    assert_eq!(written(&elasticsearch, &line), format!("{{\"@timestamp\":{json}"));
}

#[test]
fn what_is_not_there_is_null() {
    let (record, headers) = (Record::new(Instant::now()), HeaderMap::new());
    let timing = Timing { overhead: None, ..TIMING };
    let read = read(&Line::unknown(&record, &timing, [127, 0, 0, 1].into(), &headers));
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

/// Quotes are written before it is known whether there is something between them.
#[test]
fn each_field_alone_and_between_others_is_json() {
    let told = Told::new();
    let (record, headers) = (Record::new(Instant::now()), HeaderMap::new());
    let timing = Timing { overhead: None, ..TIMING };
    let lines = [told.line(), Line::unknown(&record, &timing, [127, 0, 0, 1].into(), &headers)];
    let all = LogField::ALL.iter().copied();
    let formats = all.clone().map(|field| vec![field]).chain([all.clone().collect(), all.rev().collect()]);
    for fields in formats {
        let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
        let log = log(LogFormat::Json(fields.into_iter().map(LogItem::Field).collect()), LogSink::Stdout);
        for line in &lines {
            let text = written(&log, line);
            let read: serde_json::Map<String, Value> = serde_json::from_str(&text).expect(&text);
            assert!(names.iter().all(|name| read.contains_key(*name)) && read.len() == names.len(), "{text}");
        }
    }
}

#[test]
fn routes_that_came_near_are_told() {
    let mut told = Told::new();
    let near = |route: &str, miss: &str| Near { route: route.into(), miss: miss.to_owned() };
    for routes in [vec![], vec![near("a", "method is not GET"), near("b", "header x is not \"1\"")]] {
        let expected: Vec<_> = routes.iter().map(|near| json!({ "route": &*near.route, "miss": near.miss })).collect();
        told.record.nearest = Some(Box::new(Nearest { routes, disclosed: false }));
        assert_eq!(read(&told.line())["nearest"], json!(expected));
    }
    let logfmt = log(LogFormat::Logfmt(vec![LogItem::Field(LogField::Nearest)]), LogSink::Stdout);
    let expected = r#"nearest="a: method is not GET; b: header x is not \"1\"""#;
    assert_eq!(written(&logfmt, &told.line()), expected);
}

#[test]
fn a_client_that_went_away_got_a_499() {
    let mut told = Told::new();
    (told.record.status, told.record.cause) = (None, Some(Cause::ClientClosed));
    assert_eq!(read(&told.line())["status"], 499);
    told.record.status = Some(StatusCode::OK);
    assert_eq!(read(&told.line())["status"], 200, "it got the head of this one");
}

#[test]
fn a_protocol_has_one_name() {
    let told = Told::new();
    let line = Line { protocol: Protocol::WebSocket, ..told.line() };
    assert_eq!(read(&line)["protocol"], "websocket");
}
