//! Exchanges told as traces, and contexts handed on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use testkit::{
    certs::Authority,
    client::{Client, Load, request},
    collector::{Collector, Reply, Span},
    demo, eventually,
    gateway::{Process, Signal},
    origin::{Origin, RawOrigin, Settings},
    tls,
};
use tokio::net::TcpSocket;

use crate::{failing::nobody, witness};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// An echo behind a gateway whose `tracing` is given, as text in braces.
struct Estate {
    echo: demo::Service,
    /// Nobody is there.
    dead: (TcpSocket, SocketAddr),
}

// === impl Estate ===

impl Estate {
    async fn start() -> Self {
        Self { echo: demo::echo().await.unwrap(), dead: nobody() }
    }

    /// Nobody is at `refused`; `retried` has one endpoint where nobody is, and one that answers.
    fn document(&self, tracing: &str) -> String {
        let (echo, dead) = (self.echo.address, self.dead.1);
        format!(
            r#"
gateway:
  workers: 2
  admin: {{ address: "127.0.0.1:0" }}
  access_log: {{ path: stdout }}
  trusted_proxies: [127.0.0.2]
  {tracing}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: echo, endpoints: ["{echo}"] }}
  - {{ name: refused, endpoints: ["{dead}"] }}
  - {{ name: retried, endpoints: ["{dead}", "{echo}"],
      retry: {{ attempts: 3, on: [connect_failure], backoff: {{ base: 10ms, max: 10ms }},
        budget: {{ ratio: 100%, min_per_second: 1000 }} }} }}
routes:
  - {{ name: user, match: {{ path: "/users/{{id}}" }}, upstream: echo }}
  - {{ name: slow, match: {{ path: {{ prefix: /slow }} }}, policies: [{{ fault: {{ delay: {{ for: 2500ms }} }} }}], upstream: echo }}
  - {{ name: refused, match: {{ path: /refused }}, upstream: refused }}
  - {{ name: retried, match: {{ path: /retried }}, upstream: retried }}
  - {{ name: ping, match: {{ path: /ping }}, respond: {{ body: pong }} }}
"#
        )
    }
}

/// `gateway.tracing` of a document.
fn told_to(collector: &Collector, rest: &str) -> String {
    format!("tracing: {{ otlp: {{ endpoint: \"http://{}\" }}, {rest} }}", collector.address)
}

/// Asks with these fields, and gives what the endpoint saw.
async fn ask(client: &mut Client, path: &str, fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut request = request(Method::GET, path);
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let answer = client.fetch(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let pair = |pair: &Value| -> (HeaderName, HeaderValue) {
        (pair[0].as_str().unwrap().parse().unwrap(), pair[1].as_str().unwrap().parse().unwrap())
    };
    answer.json()["headers"].as_array().unwrap().iter().map(pair).collect()
}

fn text<'h>(seen: &'h HeaderMap, name: &str) -> &'h str {
    seen.get(name).map_or("", |value| value.to_str().unwrap())
}

fn nests(inner: &Span, outer: &Span) -> bool {
    outer.began <= inner.began && inner.began <= inner.ended && inner.ended <= outer.ended
}

#[tokio::test]
async fn an_exchange_is_told_as_a_tree_and_the_endpoint_is_below_its_attempt() {
    for protocol in ["grpc", "http"] {
        let (estate, collector) = (Estate::start().await, Collector::start().await);
        let otlp = format!(
            "tracing: {{ otlp: {{ endpoint: \"http://{}\", protocol: {protocol}, headers: {{ x-key: geheim }}, compression: gzip }}, \
             sample: {{ ratio: 100% }}, service_name: edge, resource: {{ zone: a }} }}",
            collector.address
        );
        let gateway = Process::start(&estate.document(&otlp)).await;
        let mut client = Client::http1(gateway.address("web")).await;
        let parent = format!("{PARENT}-00");
        let fields = [("traceparent", &*parent), ("tracestate", "a=1, b=2"), ("authorization", "secret-token")];
        let seen = ask(&mut client, "/users/7?key=secret-query", &fields).await;

        let (server, others) = collector.exchange("/users/7").await;
        let [attempt] = &others[..] else { panic!("{others:#?}") };
        assert_eq!((&*server.trace, &*server.parent, &*server.name), (TRACE, "00f067aa0ba902b7", "GET /users/{id}"));
        assert_eq!((server.kind, attempt.kind, &*server.state), (2, 3, "a=1, b=2"));
        assert_eq!(attempt.parent, server.id);
        assert!(nests(attempt, &server), "{server:#?}\n{attempt:#?}");
        assert_eq!(text(&seen, "traceparent"), format!("00-{TRACE}-{}-01", attempt.id));
        assert_eq!(text(&seen, "tracestate"), "a=1, b=2");
        for (key, value) in [
            ("http.request.method", "GET"),
            ("url.scheme", "http"),
            ("http.route", "/users/{id}"),
            ("http.response.status_code", "200"),
            ("server.address", "127.0.0.1"),
            ("client.address", "127.0.0.1"),
            ("network.protocol.version", "1.1"),
            ("sluice.route", "user"),
            ("sluice.upstream", "echo"),
        ] {
            assert_eq!(server.text(key), value, "{key}");
        }
        assert_eq!(attempt.text("server.port"), estate.echo.address.port().to_string());
        assert_eq!((server.resource["service.name"].as_str(), server.resource["zone"].as_str()), ("edge", "a"));
        let all = format!("{:?}", collector.spans());
        assert!(!all.contains("secret"), "{all}");
        let (path, head) = collector.requests().remove(0);
        let expected = if protocol == "grpc" {
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        } else {
            "/v1/traces"
        };
        assert_eq!((&*path, text(&head, "x-key")), (expected, "geheim"));
        let line =
            eventually("its line", async || witness::log(&gateway).into_iter().find(|line| line["path"] == "/users/7"));
        assert_eq!(line.await["trace_id"], TRACE);
        gateway
            .metrics_until("spans are counted", |metrics| {
                metrics.value("sluice_spans_exported_total", &[]).filter(|count| *count == 2.0)
            })
            .await;
    }
}

#[tokio::test]
async fn each_attempt_and_each_wait_is_a_span() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let gateway = Process::start(&estate.document(&told_to(&collector, "sample: { ratio: 100% }"))).await;
    let mut client = Client::http1(gateway.address("web")).await;
    assert_eq!(client.get("/slow").await.status, StatusCode::OK);
    let (server, others) = collector.exchange("/slow").await;
    let wait = others.iter().find(|span| span.kind == 1).unwrap();
    assert_eq!((&*wait.name, &*wait.parent, wait.text("sluice.policy")), ("policy fault", &*server.id, "fault"));
    assert!(nests(wait, &server) && wait.ended - wait.began >= 250_000_000, "{wait:#?}");

    assert_eq!(client.get("/refused").await.status, StatusCode::BAD_GATEWAY);
    let (server, others) = collector.exchange("/refused").await;
    assert!(server.failed && others.iter().all(|span| span.failed));
    assert_eq!((server.text("error.type"), server.text("sluice.cause")), ("connect_refused", "connect_refused"));
    assert_eq!(others.len(), 1);

    // It may go to the good endpoint at once; sooner or later it does not.
    let retried = eventually("an exchange of two attempts", async || {
        assert_eq!(client.get("/retried").await.status, StatusCode::OK);
        let spans = collector.spans();
        let server = spans.iter().find(|span| {
            let below = |other: &&Span| other.kind == 3 && other.parent == span.id;
            span.text("sluice.route") == "retried" && spans.iter().filter(below).count() > 1
        })?;
        Some((server.clone(), spans.iter().filter(|span| span.parent == server.id).cloned().collect::<Vec<_>>()))
    });
    let (server, below) = retried.await;
    let attempts: Vec<_> = below.iter().filter(|span| span.kind == 3).collect();
    let ids: BTreeSet<_> = below.iter().map(|span| &*span.id).collect();
    assert_eq!(ids.len(), below.len(), "each has its own id");
    assert!(!server.failed && attempts[0].failed && !attempts.last().unwrap().failed, "{attempts:#?}");
    assert_eq!(attempts.last().unwrap().text("http.request.resend_count"), (attempts.len() - 1).to_string());
    assert!(below.iter().all(|span| nests(span, &server)), "{below:#?}");
}

#[tokio::test]
async fn contexts_of_zipkin_are_read_and_written() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let rest = "sample: { ratio: 0%, parent: anybody }, propagate: [w3c, b3]";
    let gateway = Process::start(&estate.document(&told_to(&collector, rest))).await;
    let mut client = Client::http1(gateway.address("web")).await;

    let one = format!("{TRACE}-00f067aa0ba902b7-1");
    let seen = ask(&mut client, "/users/one", &[("b3", &one)]).await;
    let (server, others) = collector.exchange("/users/one").await;
    assert_eq!((&*server.trace, &*server.parent), (TRACE, "00f067aa0ba902b7"));
    assert_eq!(text(&seen, "b3"), format!("{TRACE}-{}-1-{}", others[0].id, server.id));
    assert_eq!(text(&seen, "traceparent"), format!("00-{TRACE}-{}-01", others[0].id));

    let several = [("x-b3-traceid", TRACE), ("x-b3-spanid", "00f067aa0ba902b7"), ("x-b3-sampled", "1")];
    let seen = ask(&mut client, "/users/several", &several).await;
    let (server, others) = collector.exchange("/users/several").await;
    assert_eq!((&*server.trace, &*server.parent), (TRACE, "00f067aa0ba902b7"));
    assert_eq!(
        text(&seen, "b3"),
        format!("{TRACE}-{}-1-{}", others.iter().find(|span| span.parent == server.id).unwrap().id, server.id)
    );
    assert!(!seen.contains_key("x-b3-traceid") && !seen.contains_key("x-b3-spanid"), "{seen:?}");

    gateway.reload_and_wait(&estate.document(&told_to(&collector, "propagate: [b3_multi]"))).await;
    let seen = ask(&mut client, "/users/multi", &[("traceparent", &format!("{PARENT}-01"))]).await;
    assert_eq!(text(&seen, "x-b3-traceid").len(), 32);
    assert_ne!(text(&seen, "x-b3-traceid"), TRACE, "what is not listed is not read");
    assert_eq!(text(&seen, "traceparent"), format!("{PARENT}-01"), "nor touched");
}

#[tokio::test]
async fn without_tracing_contexts_pass_untouched() {
    let estate = Estate::start().await;
    let gateway = Process::start(&estate.document("")).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let fields = [("traceparent", "00-whatever"), ("tracestate", "=bad"), ("b3", "0"), ("x-b3-sampled", "1")];
    let seen = ask(&mut client, "/users/7", &fields).await;
    for (name, value) in fields {
        assert_eq!(text(&seen, name), value);
    }
    assert!(gateway.metrics().await.value("sluice_spans_exported_total", &[]).is_none());
}

#[tokio::test]
async fn what_cannot_be_read_begins_anew() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let gateway = Process::start(&estate.document(&told_to(&collector, "sample: { ratio: 100% }"))).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let seen = ask(&mut client, "/users/bad", &[("traceparent", "00-x"), ("tracestate", "a=1")]).await;
    let (server, others) = collector.exchange("/users/bad").await;
    assert_eq!((&*server.parent, server.flags & 0x300), ("", 0x100));
    // Random by its flag, since we made it.
    assert_eq!(text(&seen, "traceparent"), format!("00-{}-{}-03", server.trace, others[0].id));
    assert!(!seen.contains_key("tracestate"));
}

#[tokio::test]
async fn a_share_is_told_and_strangers_do_not_choose() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let none = told_to(&collector, "sample: { ratio: 0% }");
    let gateway = Process::start(&estate.document(&none)).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let sampled = format!("{PARENT}-01");
    let seen = ask(&mut client, "/users/0", &[("traceparent", &sampled)]).await;
    assert!(text(&seen, "traceparent").starts_with(PARENT.split_at(35).0), "the trace goes on");
    assert!(text(&seen, "traceparent").ends_with("-00"), "a stranger's flag is not followed");

    // The ratio is a matter of the document alone: no connection is lost.
    gateway.reload_and_wait(&estate.document(&told_to(&collector, "sample: { ratio: 100% }"))).await;
    for path in ["/users/1", "/users/2"] {
        let seen = ask(&mut client, path, &[("traceparent", &format!("{PARENT}-00"))]).await;
        assert!(text(&seen, "traceparent").ends_with("-01"));
        collector.exchange(path).await;
    }
    let paths: BTreeSet<_> = collector.spans().iter().map(|span| span.text("url.path").to_owned()).collect();
    assert!(!paths.contains("/users/0"), "{paths:?}");
}

#[tokio::test]
async fn whom_to_believe_is_a_setting() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let mine = estate.document(&told_to(&collector, "sample: { ratio: 0% }")).replace("127.0.0.2", "127.0.0.1");
    let gateway = Process::start(&mine).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let sampled = format!("{PARENT}-01");
    let seen = ask(&mut client, "/users/proxy", &[("traceparent", &sampled)]).await;
    assert!(text(&seen, "traceparent").ends_with("-01"), "a trusted proxy's flag is followed");
    collector.exchange("/users/proxy").await;

    let own = estate.document(&told_to(&collector, "continue: trusted_proxies, sample: { ratio: 100% }"));
    gateway.reload_and_wait(&own).await;
    // Who is trusted is settled once per connection.
    let mut client = Client::http1(gateway.address("web")).await;
    let seen = ask(&mut client, "/users/own", &[("traceparent", &sampled), ("tracestate", "a=1")]).await;
    let (server, _) = collector.exchange("/users/own").await;
    assert_ne!(server.trace, TRACE);
    assert_eq!(server.parent, "");
    assert!(!seen.contains_key("tracestate"));
}

#[tokio::test]
async fn failures_and_what_is_slow_are_told_whatever_was_chosen() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let tail = told_to(&collector, "sample: { ratio: 0%, slower_than: 2s }");
    let gateway = Process::start(&estate.document(&tail)).await;
    let mut client = Client::http1(gateway.address("web")).await;
    assert_eq!(client.get("/ping").await.status, StatusCode::OK);
    assert_eq!(client.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    let refused = client.get("/refused").await;
    assert_eq!(client.get("/slow").await.status, StatusCode::OK);
    let (server, _) = collector.exchange("/refused").await;
    assert_eq!(refused.json()["trace_id"], *server.trace, "the answer tells which trace it is");
    collector.exchange("/slow").await;
    let told: BTreeSet<_> = collector.spans().iter().map(|span| span.text("sluice.route").to_owned()).collect();
    assert!(!told.contains("ping"), "{told:?}");
    assert!(!collector.spans().iter().any(|span| span.text("url.path") == "/nowhere"), "no error of ours");

    let quiet = told_to(&collector, "sample: { ratio: 0%, errors: false }");
    gateway.reload_and_wait(&estate.document(&quiet)).await;
    let before = collector.spans().len();
    assert_eq!(client.get("/refused").await.status, StatusCode::BAD_GATEWAY);
    gateway.reload_and_wait(&estate.document(&told_to(&collector, "sample: { ratio: 100% }"))).await;
    assert_eq!(client.get("/ping").await.status, StatusCode::OK);
    collector.exchange("/ping").await;
    let told = collector.spans().split_off(before);
    assert!(told.iter().all(|span| span.text("sluice.cause").is_empty()), "{told:#?}");
}

#[tokio::test]
async fn a_collector_that_does_not_answer_delays_nobody() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    collector.answer_always(Some(Reply::Silence));
    let otlp = format!(
        "tracing: {{ otlp: {{ endpoint: \"http://{}\", timeout: 60s }}, queue: 64, sample: {{ ratio: 100% }} }}",
        collector.address
    );
    let gateway = Process::start(&estate.document(&otlp)).await;
    let address = gateway.address("web");
    let load = Load::start(4, "/ping", move || Client::http1(address));
    let dropped = gateway.metrics_until("spans are dropped", |metrics| {
        metrics.value("sluice_spans_dropped_total", &[("reason", "queue_full")]).filter(|count| *count > 0.0)
    });
    dropped.await;
    // With the queue full and nobody who takes anything, all the same:
    load.more(500).await;
    let tally = load.stop().await;
    assert!(tally.unharmed() > 500);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().await.code, Some(0), "the end does not wait for it either");
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_found_when_it_is() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    // It closes every connection.
    let broken = RawOrigin::start(async |mut connection| drop(connection.request().await)).await;
    let document = estate.document(&told_to(&collector, "sample: { ratio: 100% }"));
    let elsewhere = document.replace(&collector.address.to_string(), &broken.address.to_string());
    let gateway = Process::start(&elsewhere).await;
    let mut client = Client::http1(gateway.address("web")).await;
    assert_eq!(client.get("/ping").await.status, StatusCode::OK);
    gateway.says("the collector does not take what it is told").await;
    gateway.reload_and_wait(&document).await;
    assert_eq!(client.get("/users/1").await.status, StatusCode::OK);
    collector.exchange("/users/1").await;
}

/// Spans and records over TLS, to a collector that wants to see a certificate; its files are beside the document.
#[tokio::test]
async fn collectors_are_told_over_tls() {
    for (protocol, alpn) in [("grpc", "h2"), ("http", "http/1.1")] {
        let (estate, authority) = (Estate::start().await, Authority::new());
        let server = tls::server(&authority.server("collector", &["collector.test"]), &[alpn], Some(&authority));
        let collector = Collector::with(Settings { tls: Some(server), ..Settings::default() }).await;
        let identity = authority.client("gateway");
        let otlp = format!(
            "otlp: {{ endpoint: \"https://{}\", protocol: {protocol}, tls: {{ ca: {}, server_name: collector.test, \
             client_certificate: {{ cert: {}, key: {} }} }} }}",
            collector.address,
            authority.ca().display(),
            identity.cert.display(),
            identity.key.display(),
        );
        let document = estate
            .document(&format!("tracing: {{ {otlp}, sample: {{ ratio: 100% }} }}"))
            .replace("access_log: { path: stdout }", &format!("access_log: {{ {otlp} }}"));
        let gateway = Process::start(&document).await;
        let mut client = Client::http1(gateway.address("web")).await;
        assert_eq!(client.get("/users/7").await.status, StatusCode::OK);
        let (server, _) = collector.exchange("/users/7").await;
        let record = async || collector.records().into_iter().find(|record| record.text("url.path") == "/users/7");
        assert_eq!(eventually("its record", record).await.trace, server.trace, "{protocol}");
    }
}

/// A certificate that is not trusted is as good as no collector: said once, counted, and no exchange waits. Once the file
/// holds the right authority, it is told; nobody has to change the document.
#[tokio::test]
async fn a_collector_that_is_not_trusted_delays_nobody() {
    let (estate, authority, stranger) = (Estate::start().await, Authority::new(), Authority::new());
    let server = tls::server(&authority.server("collector", &["collector.test"]), &["h2"], None);
    let collector = Collector::with(Settings { tls: Some(server), ..Settings::default() }).await;
    let gateway = Process::start(&estate.document("")).await;
    let ca = gateway.directory().join("collector-ca.pem");
    fs::copy(stranger.ca(), &ca).unwrap();
    let otlp = format!(
        "tracing: {{ otlp: {{ endpoint: \"https://{}\", protocol: grpc, tls: {{ ca: collector-ca.pem, server_name: collector.test }} }}, \
         queue: 64, sample: {{ ratio: 100% }} }}",
        collector.address
    );
    gateway.reload_and_wait(&estate.document(&otlp)).await;
    let address = gateway.address("web");
    let load = Load::start(4, "/ping", move || Client::http1(address));
    gateway.says("the collector does not take what it is told").await;
    let dropped = gateway.metrics_until("spans are dropped", |metrics| {
        metrics.value("sluice_spans_dropped_total", &[("reason", "queue_full")]).filter(|count| *count > 0.0)
    });
    dropped.await;
    load.more(500).await;
    assert!(load.stop().await.unharmed() > 500);
    assert!(collector.requests().is_empty(), "it was told before it was trusted");

    fs::copy(authority.ca(), &ca).unwrap();
    let told = async || {
        Client::http1(address).await.get("/users/1").await;
        collector.spans().iter().any(|span| span.text("url.path") == "/users/1").then_some(())
    };
    eventually("it is trusted now", told).await;
}

#[tokio::test]
async fn refusals_are_tried_again_or_counted() {
    for (protocol, busy, bad) in
        [("http", Reply::Status(503, Some("0")), Reply::Status(400, None)), ("grpc", Reply::Grpc(14), Reply::Grpc(3))]
    {
        let (estate, collector) = (Estate::start().await, Collector::start().await);
        collector.answer_next([busy.clone(), busy]);
        let otlp = format!(
            "tracing: {{ otlp: {{ endpoint: \"http://{}\", protocol: {protocol} }}, sample: {{ ratio: 100% }} }}",
            collector.address
        );
        let gateway = Process::start(&estate.document(&otlp)).await;
        let mut client = Client::http1(gateway.address("web")).await;
        assert_eq!(client.get("/ping").await.status, StatusCode::OK);
        collector.exchange("/ping").await;
        assert_eq!(collector.requests().len(), 3, "twice busy, then it had room");

        collector.answer_next([bad]);
        assert_eq!(client.get("/users/1").await.status, StatusCode::OK);
        let dropped = |reason: &'static str, count: f64| {
            gateway.metrics_until(reason, move |metrics| {
                let value = metrics.value("sluice_spans_dropped_total", &[("reason", reason)]);
                value.filter(|value| *value == count)
            })
        };
        dropped("refused", 2.0).await;
        collector.answer_next([Reply::Rejects(1)]);
        assert_eq!(client.get("/users/2").await.status, StatusCode::OK);
        dropped("rejected", 1.0).await;
        let metrics = gateway.metrics().await;
        assert_eq!(metrics.value("sluice_spans_exported_total", &[]), Some(2.0));
        assert_eq!(metrics.value("sluice_spans_dropped_total", &[("reason", "queue_full")]), Some(0.0));
        assert_eq!(collector.connections(), 1, "a connection is kept");
    }
}

#[tokio::test]
async fn the_end_waits_until_all_is_told() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let gateway = Process::start(&estate.document(&told_to(&collector, "sample: { ratio: 100% }"))).await;
    let mut client = Client::http1(gateway.address("web")).await;
    for index in 0..50 {
        assert_eq!(client.get(&format!("/users/{index}")).await.status, StatusCode::OK);
    }
    drop(client);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().await.code, Some(0));
    let mut told = BTreeMap::<String, usize>::new();
    for span in collector.spans() {
        *told.entry(span.trace).or_default() += 1;
    }
    assert_eq!((told.len(), told.values().all(|spans| *spans == 2)), (50, true), "{told:?}");
}

#[tokio::test]
async fn buckets_lead_to_traces() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let gateway = Process::start(&estate.document(&told_to(&collector, "sample: { ratio: 100% }"))).await;
    assert_eq!(Client::http1(gateway.address("web")).await.get("/ping").await.status, StatusCode::OK);
    let (server, _) = collector.exchange("/ping").await;
    let mut scrape = request(Method::GET, "/metrics");
    scrape.headers_mut().insert("accept", HeaderValue::from_static("application/openmetrics-text"));
    let answer = Client::http1(gateway.admin()).await.fetch(scrape).await;
    let exemplar = format!("# {{trace_id=\"{}\"}}", server.trace);
    let line = answer.text().lines().find(|line| line.contains(&exemplar)).unwrap_or_default();
    assert!(line.starts_with("sluice_request_duration_seconds_bucket{route=\"ping\","), "{line}");
}

#[tokio::test]
async fn copies_are_of_the_same_trace() {
    let (estate, collector) = (Estate::start().await, Collector::start().await);
    let copied = std::sync::Arc::new(std::sync::Mutex::new(None));
    let shared = copied.clone();
    let mirror = Origin::start(move |request| {
        *shared.lock().unwrap() = request.headers().get("traceparent").cloned();
        async { http::Response::new(testkit::body::empty()) }
    })
    .await;
    let document = estate.document(&told_to(&collector, "sample: { ratio: 100% }"));
    let document = document
        .replace("upstreams:\n", &format!("upstreams:\n  - {{ name: copy, endpoints: [\"{}\"] }}\n", mirror.address))
        .replace("{id}\" }, upstream: echo", "{id}\" }, mirror: { upstream: copy }, upstream: echo");
    let gateway = Process::start(&document).await;
    assert_eq!(Client::http1(gateway.address("web")).await.get("/users/1").await.status, StatusCode::OK);
    let (server, _) = collector.exchange("/users/1").await;
    let copied = eventually("the copy", async || copied.lock().unwrap().clone()).await;
    assert_eq!(copied.to_str().unwrap(), format!("00-{}-{}-03", server.trace, server.id));
}
