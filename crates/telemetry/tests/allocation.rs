//! In the steady state, telling what happened allocates nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use message::{
    Attempt, Cause, Random, Record,
    trace::{Format, Ratio, Rules, Whose},
};
use model::{
    FromText as _, LogFormat, LogItem, LogPart, LogSink, Otlp, OtlpProtocol,
    values::{HttpUrl, LogField},
};
use otlp::Client;
use telemetry::{
    AccessLogs, EndpointMetrics, GatewayMetrics, Line, Protocol, RouteMetrics, Timing, TraceMetrics, Traced, Traces,
    UpstreamMetrics, finish,
    flight::{Departed, FlightRules, Recorder},
};

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// Counts what each thread asks for.
struct Counting;

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the trait demands of the caller.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as the trait demands of the caller.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn allocations_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// The same lines twice, and everything that a line can say in each other way.
fn every_format() -> Vec<model::AccessLog> {
    let null = |name: &str| model::AccessLog::to(name, LogSink::File { path: "/dev/null".into(), rotate: None });
    let header = |name| LogItem::RequestHeader(name);
    let fields = LogField::ALL.iter().copied().map(LogItem::Field);
    let items: Vec<_> = fields.chain([header(header::REFERER), header(header::COOKIE)]).collect();
    let parts = items.iter().cloned().map(LogPart::Item).collect();
    vec![
        null("usual"),
        null("same"),
        model::AccessLog { format: LogFormat::Json(items.clone()), ..null("json") },
        model::AccessLog { format: LogFormat::Otlp(items.clone()), ..null("otlp") },
        model::AccessLog { format: LogFormat::Logfmt(items), sample: 0.5, ..null("logfmt") },
        model::AccessLog { format: LogFormat::Template(parts), status: vec![500..=599], ..null("template") },
    ]
}

#[test]
fn counting_and_logging_allocate_nothing_once_they_run() {
    let gateway = GatewayMetrics::new(2, "0", SystemTime::UNIX_EPOCH);
    let (route, upstream, endpoint) = (RouteMetrics::new(2), UpstreamMetrics::new(2), EndpointMetrics::default());
    let logs = AccessLogs::open(&every_format(), 1, &AccessLogs::default()).unwrap();
    let mut worker_log = logs.worker(Random::seeded(1));
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_bytes(b"\xffagent \"x\"").unwrap());
    headers.insert(header::REFERER, HeaderValue::from_static("https://a:b@c.example/?token=1"));
    let rules = FlightRules { records: 100, keep: 10, headers: vec![header::USER_AGENT] };
    let mut recorder = Recorder::new(Arc::new(rules), 0, 1);

    let started = Instant::now();
    let mut record = Record::new(started);
    let outcome = Err(Cause::ConnectRefused);
    record.attempts.push(Attempt {
        duration: Duration::from_micros(9),
        outcome,
        ..Attempt::new(0, "[2001:db8::2]:80".into(), started)
    });
    record.responded = Some(started + Duration::from_micros(50));
    (record.status, record.cause) = (Some(StatusCode::BAD_GATEWAY), Some(Cause::ConnectRefused));

    let mut exchange = || {
        gateway.connection_opened(1);
        gateway.request_began(1);
        upstream.attempt_began(1);
        upstream.attempt_ended(1, &record.attempts[0], &endpoint);
        let timing = Timing::of(&record, started + Duration::from_millis(1));
        for route in [Some(&route), None] {
            finish(&record, &timing, route, &gateway, 1, Protocol::Http2);
        }
        let line = Line {
            time: SystemTime::now(),
            protocol: Protocol::Http2,
            method: "GET",
            host: b"example.com",
            path: "/a path/\"quoted\";sid=1",
            query: Some("a=b&token=c"),
            route: Some("route"),
            side: Some("side"),
            upstream: Some("upstream"),
            endpoint: Some("[2001:db8::2]:80"),
            response_headers: Some(&headers),
            ..Line::unknown(&record, &timing, "2001:db8::1".parse().unwrap(), &headers)
        };
        if worker_log.wants(&record) {
            worker_log.write(&line);
        }
        recorder.record(&Departed {
            line: &line,
            generation: 1,
            upstream_of: &|_| "upstream",
            policies: &|tell: &mut dyn FnMut(&str)| tell("cors"),
        });
    };
    assert!(allocations_of(&mut exchange) > 0, "the first one makes the shards, so the counting works");
    // Enough to fill every buffer several times.
    assert_eq!(allocations_of(|| (0..10_000).for_each(|_| exchange())), 0);
}

#[test]
fn an_exchange_that_is_not_told_of_allocates_nothing() {
    let rules = Rules {
        formats: [Format::W3c].into(),
        continues: Whose::Anybody,
        follows: Whose::TrustedProxies,
        ratio: Ratio::new(0.0),
        errors: true,
        slower_than: Some(Duration::from_secs(1)),
    };
    let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let state = HeaderValue::from_static("vendor=t61rcWkgMzE");
    let mut headers = HeaderMap::new();
    headers.insert("tracestate", state);
    let (mut random, record) = (Random::seeded(1), Record::new(Instant::now()));
    let mut written = Vec::with_capacity(1 << 10);
    let mut exchange = || {
        headers.insert("traceparent", parent.clone());
        let trace = rules.begin(&mut headers, true, false, &mut random.split(), 7);
        written.clear();
        trace.context(trace.attempt(0), &rules.formats).fields(|_, value| written.extend_from_slice(value));
        assert!(!rules.tells(&trace, &record, Duration::from_millis(1)));
    };
    exchange();
    assert_eq!(allocations_of(|| (0..1_000).for_each(|_| exchange())), 0);
}

/// Its spans go into a buffer that is there, until that is handed over.
#[test]
fn an_exchange_that_is_told_of_allocates_nothing() {
    let rules = Rules {
        formats: [Format::W3c].into(),
        continues: Whose::Anybody,
        follows: Whose::Anybody,
        ratio: Ratio::new(1.0),
        errors: true,
        slower_than: None,
    };
    let mut headers = HeaderMap::new();
    let trace = rules.begin(&mut headers, false, false, &mut Random::seeded(1), 7);
    let mut record = Record::new(Instant::now());
    (record.status, record.cause) = (Some(StatusCode::BAD_GATEWAY), Some(Cause::ConnectRefused));
    let attempt = Attempt::new(0, "[2001:db8::2]:80".into(), record.started);
    record.attempts.push(Attempt { outcome: Err(Cause::ConnectRefused), ..attempt });
    let timing = Timing::of(&record, Instant::now());
    let line = Line {
        method: "GET",
        host: b"example.com",
        path: "/a/path",
        route: Some("route"),
        ..Line::unknown(&record, &timing, "2001:db8::1".parse().unwrap(), &headers)
    };
    // Nobody is there who could be told. tidy-allow fixed-port: data, never bound
    let endpoint = HttpUrl::from_text("http://127.0.0.1:1").unwrap();
    let otlp = Otlp { protocol: OtlpProtocol::Http, gzip: true, ..Otlp::to(endpoint) };
    let client = Client::new(&otlp).unwrap();
    let traces = Traces::open(client, &[], "0", (1, 2048), &TraceMetrics::default()).unwrap();
    let mut worker = traces.worker();
    let traced = Traced { line: &line, trace, pattern: None, upstream_of: &|_| "upstream" };
    worker.tell(&traced);
    assert_eq!(allocations_of(|| (0..20).for_each(|_| worker.tell(&traced))), 0);
    assert!(allocations_of(|| worker.tick()) > 0, "the counting works");
}
