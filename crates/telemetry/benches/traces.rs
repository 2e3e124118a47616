//! What tracing costs an exchange: the context that all of them have, and the copy of those that are told of.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::{
    hint::black_box,
    net::IpAddr,
    time::{Duration, Instant},
};

use divan::Bencher;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use message::{
    Attempt, Random, Record,
    trace::{Format, Ratio, Rules, Whose},
};
use model::{FromText as _, Otlp, values::HttpUrl};
use otlp::Client;
use telemetry::{Line, Timing, TraceMetrics, Traced, Traces};

fn main() {
    divan::main();
}

fn rules() -> Rules {
    Rules {
        formats: [Format::W3c].into(),
        continues: Whose::Anybody,
        follows: Whose::TrustedProxies,
        ratio: Ratio::new(0.01),
        errors: true,
        slower_than: Some(Duration::from_secs(1)),
    }
}

fn headers(parent: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [("host", "api.example.com"), ("user-agent", "curl/8"), ("accept", "*/*")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if parent {
        let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        headers.insert(HeaderName::from_static("traceparent"), parent);
    }
    headers
}

/// All that a request pays that is not told of: its context, that of its one attempt, and the choice at its end.
#[divan::bench(args = [false, true])]
fn not_told(bencher: Bencher, parent: bool) {
    let (rules, mut headers, mut random) = (rules(), headers(parent), Random::seeded(1));
    let mut record = Record::new(Instant::now());
    record.status = Some(StatusCode::OK);
    let mut written = Vec::with_capacity(1 << 10);
    bencher.bench_local(|| {
        let trace = rules.begin(&mut headers, black_box(parent), false, &mut random.split(), 7);
        written.clear();
        trace.context(trace.attempt(0), &rules.formats).fields(|name, value| {
            written.extend_from_slice(name.as_bytes());
            written.extend_from_slice(value);
        });
        black_box(&written);
        rules.tells(black_box(&trace), &record, Duration::from_millis(1))
    });
}

/// What one pays beside that if it is told of: two spans.
#[divan::bench]
fn told(bencher: Bencher) {
    let (rules, mut headers, mut random) = (rules(), headers(true), Random::seeded(1));
    let trace = rules.begin(&mut headers, true, true, &mut random, 7);
    let mut record = Record::new(Instant::now());
    record.status = Some(StatusCode::OK);
    let attempt = Attempt::new(0, "10.0.0.1:8080".into(), record.started);
    record.attempts.push(Attempt { outcome: Ok(StatusCode::OK), duration: Duration::from_micros(300), ..attempt });
    let timing = Timing::of(&record, Instant::now());
    let line = Line {
        method: "GET",
        host: b"api.example.com",
        path: "/users/7",
        route: Some("user"),
        ..Line::unknown(&record, &timing, IpAddr::from([192, 0, 2, 1]), &headers)
    };
    let traces = traces();
    let mut worker = traces.worker();
    bencher.bench_local(|| {
        let pattern = Some("/users/{id}".to_owned());
        worker.tell(black_box(&Traced { line: &line, trace, pattern, upstream_of: &|_| "users" }));
    });
}

/// Nobody is there who could be told, and what there is no room for is dropped.
fn traces() -> Traces {
    // tidy-allow fixed-port: data, never bound
    let endpoint = HttpUrl::from_text("http://127.0.0.1:9").expect("an address");
    let client = Client::new(&Otlp::to(endpoint)).expect("a client");
    Traces::open(client, &[], "0", (1, 2048), &TraceMetrics::default()).expect("a thread")
}
