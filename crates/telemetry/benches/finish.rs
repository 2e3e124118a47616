//! What the end of an exchange costs: counting it, and logging it.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use divan::Bencher;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use message::{Attempt, Random, Record, TraceId};
use model::{LogFormat, LogItem, LogSink, values::LogField};
use telemetry::{
    AccessLogs, EndpointMetrics, GatewayMetrics, Line, Protocol, RouteMetrics, Timing, UpstreamMetrics, finish,
    flight::{Departed, FlightRules, Recorder},
};

fn main() {
    divan::main();
}

fn record() -> Record {
    let mut record = Record::new(Instant::now());
    record.status = Some(StatusCode::OK);
    record.response_bytes = 150;
    record.attempts.push(Attempt {
        duration: Duration::from_micros(300),
        outcome: Ok(StatusCode::OK),
        ..Attempt::new(0, "10.0.0.3:8080".into(), record.started)
    });
    record.responded = Some(record.started + Duration::from_micros(380));
    record
}

/// Everything that is counted for one exchange with one attempt.
#[divan::bench]
fn count(bencher: Bencher) {
    let gateway = GatewayMetrics::new(2, "0", SystemTime::now());
    let (route, upstream, endpoint) = (RouteMetrics::new(2), UpstreamMetrics::new(2), EndpointMetrics::default());
    let record = record();
    let now = record.started + Duration::from_micros(380);
    bencher.bench_local(|| {
        gateway.request_began(black_box(1));
        upstream.attempt_began(black_box(1));
        upstream.attempt_ended(black_box(1), &record.attempts[0], &endpoint);
        let timing = Timing::of(black_box(&record), now);
        finish(&record, &timing, Some(&route), &gateway, black_box(1), Protocol::Http1);
    });
}

/// The same without the attempt: the one call at the end.
#[divan::bench]
fn finish_alone(bencher: Bencher) {
    let gateway = GatewayMetrics::new(2, "0", SystemTime::now());
    let route = RouteMetrics::new(2);
    let record = record();
    let now = record.started + Duration::from_micros(380);
    bencher.bench_local(|| {
        let timing = Timing::of(black_box(&record), now);
        finish(&record, &timing, Some(&route), &gateway, black_box(1), Protocol::Http1);
    });
}

/// What the worker does for a line, in each way of writing it; writer threads are as fast as `/dev/null`, or drop.
#[divan::bench(args = ["json", "logfmt", "otlp", "everything", "json-twice", "two-ways", "sampled-out"])]
fn log_line(bencher: Bencher, way: &str) {
    let usual = || LogField::USUAL.iter().copied().map(LogItem::Field).collect();
    let everything = || LogField::ALL.iter().copied().map(LogItem::Field).collect();
    let named = |name: &str, format: LogFormat| {
        let sink = LogSink::File { path: "/dev/null".into(), rotate: None };
        model::AccessLog { format, ..model::AccessLog::to(name, sink) }
    };
    let json = |name| named(name, LogFormat::Json(usual()));
    let settings = match way {
        "json" => vec![json("a")],
        "logfmt" => vec![named("a", LogFormat::Logfmt(usual()))],
        "otlp" => vec![named("a", LogFormat::Otlp(usual()))],
        "everything" => vec![named("a", LogFormat::Json(everything()))],
        "json-twice" => vec![json("a"), json("b")],
        "two-ways" => vec![json("a"), named("b", LogFormat::Logfmt(usual()))],
        _ => vec![model::AccessLog { sample: 0.0, ..json("a") }],
    };
    let logs = AccessLogs::open(&settings, 1, &AccessLogs::default()).expect("opens anywhere on unix");
    let mut worker = logs.worker(Random::seeded(1));
    let record = record();
    let timing = Timing::of(&record, record.started);
    let time = SystemTime::now();
    let mut headers = HeaderMap::new();
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    bencher.bench_local(|| {
        if worker.wants(black_box(&record)) {
            worker.write(&Line {
                time: black_box(time),
                method: "GET",
                host: b"api.example.com",
                path: black_box("/users/4711/orders"),
                query: Some("page=2&token=abc"),
                route: Some("orders-of-user"),
                upstream: Some("orders"),
                endpoint: Some("10.0.0.3:8080"),
                request_id: Some(b"01920ae7-54d3-7c2a-8f00-2f3b9c1d7e55"),
                trace_id: TraceId::new([0xab; 16]),
                ..Line::unknown(&record, &timing, [192, 0, 2, 17].into(), &headers)
            });
        }
    });
}

/// What the worker does for the flight recorder, whose ring is full.
#[divan::bench]
fn record_flight(bencher: Bencher) {
    let headers = [header::CONTENT_TYPE, header::USER_AGENT];
    let rules = FlightRules { records: 10_000, keep: 1_000, headers: headers.to_vec() };
    let mut recorder = Recorder::new(Arc::new(rules), 0, 1);
    let mut fields = HeaderMap::new();
    fields.insert(header::HOST, HeaderValue::from_static("api.example.com"));
    fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    fields.insert(header::USER_AGENT, HeaderValue::from_static("curl/8.5.0"));
    let record = record();
    let timing = Timing::of(&record, record.started + Duration::from_micros(400));
    let time = SystemTime::now();
    let mut fly = || {
        let line = Line {
            time: black_box(time),
            method: "GET",
            host: b"api.example.com",
            path: black_box("/users/4711/orders"),
            listener: Some("web"),
            route: Some("orders-of-user"),
            upstream: Some("orders"),
            endpoint: Some("10.0.0.3:8080"),
            request_id: Some(b"01920ae7-54d3-7c2a-8f00-2f3b9c1d7e55"),
            ..Line::unknown(&record, &timing, [192, 0, 2, 17].into(), &fields)
        };
        recorder.record(&Departed {
            line: &line,
            generation: 1,
            upstream_of: &|_| "orders",
            policies: &|_: &mut dyn FnMut(&str)| {},
        });
    };
    (0..10_000).for_each(|_| fly());
    bencher.bench_local(fly);
}
