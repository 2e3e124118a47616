//! What operators read: health, metrics, the access log.

use std::{collections::BTreeMap, io::Write as _, process};

use futures_util::future::join_all;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use testkit::{
    PATIENCE,
    client::{
        self, Client, Grpc, request,
        websocket::{self, Message, SinkExt as _, StreamExt as _},
    },
    demo, eventually,
    gateway::{Metrics, Process},
    wire::Wire,
    within,
};

use crate::{held::Held, witness};

/// What dashboards and alerts are made of: names, kinds and labels do not change.
const FAMILIES: &[(&str, &str, &[&str])] = &[
    ("sluice_build_info", "gauge", &["version"]),
    ("sluice_start_time_seconds", "gauge", &[]),
    ("sluice_config_generation", "gauge", &[]),
    ("sluice_config_reload_total", "counter", &["result"]),
    ("sluice_config_last_reload_success_timestamp_seconds", "gauge", &[]),
    ("sluice_open_connections", "gauge", &["worker"]),
    ("sluice_inflight_requests", "gauge", &["worker"]),
    ("sluice_requests_caused_total", "counter", &["cause"]),
    ("sluice_requests_total", "counter", &["route", "code_class", "protocol"]),
    ("sluice_request_duration_seconds", "histogram", &["route"]),
    ("sluice_overhead_seconds", "histogram", &["route"]),
    ("sluice_request_bytes_total", "counter", &["route"]),
    ("sluice_response_bytes_total", "counter", &["route"]),
    ("sluice_upstream_attempts_total", "counter", &["upstream", "outcome"]),
    ("sluice_upstream_duration_seconds", "histogram", &["upstream"]),
    ("sluice_upstream_inflight_requests", "gauge", &["upstream"]),
    ("sluice_upstream_connections_opened_total", "counter", &["upstream"]),
    ("process_cpu_seconds_total", "counter", &[]),
    ("process_resident_memory_bytes", "gauge", &[]),
    ("process_open_fds", "gauge", &[]),
];

/// Where everything goes that is counted here.
struct Services {
    echo: demo::Service,
    grpc: demo::Service,
    held: Held,
}

// === impl Services ===

impl Services {
    async fn start() -> Self {
        Self { echo: demo::echo().await.unwrap(), grpc: demo::grpc().await.unwrap(), held: Held::start().await }
    }

    fn document(&self) -> String {
        format!(
            r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: echo, endpoints: ["{}"] }}
  - {{ name: grpc, endpoints: ["{}"], protocol: h2c }}
  - {{ name: held, endpoints: ["{}"] }}
routes:
  - {{ name: echo, match: {{ path: {{ prefix: /echo }} }}, upstream: echo }}
  - {{ name: grpc, match: {{ path: {{ prefix: /demo.Echo }} }}, upstream: grpc }}
  - {{ name: held, match: {{ path: /held }}, upstream: held }}
  - {{ name: ping, match: {{ path: /ping }}, respond: {{ body: pong }} }}
  - {{ name: moved, match: {{ path: /moved }}, redirect: {{ to: /ping }} }}
"#,
            self.echo.address, self.grpc.address, self.held.origin.address
        )
    }
}

#[tokio::test]
async fn health_is_told() {
    let gateway = Process::start("listeners: []\n").await;
    for path in ["/livez", "/readyz"] {
        let answer = client::get(gateway.admin(), path).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "ok\n"), "{path}");
    }
    let verbose = client::get(gateway.admin(), "/readyz?verbose").await;
    for check in ["listeners", "configuration", "drain"] {
        assert!(verbose.text().contains(&format!("[+] {check}: ok\n")), "{}", verbose.text());
    }
    assert_eq!(client::get(gateway.admin(), "/nothing").await.status, StatusCode::NOT_FOUND);
}

/// In both formats, every family is there with its kind and labels, and nothing is there that is not announced.
#[tokio::test]
async fn metrics_are_well_formed() {
    let services = Services::start().await;
    let gateway = Process::start(&services.document()).await;
    for path in ["/echo", "/ping", "/nowhere"] {
        client::get(gateway.address("web"), path).await;
    }
    let text = client::get(gateway.admin(), "/metrics").await;
    assert!(text.field("content-type").unwrap().starts_with("text/plain; version=0.0.4"), "{:?}", text.headers);
    is_well_formed(text.text());
    if let Some(problems) = promtool(text.text()) {
        assert_eq!(problems, "", "promtool has something to say");
    }

    let mut asked = request(Method::GET, "/metrics");
    let accept = "application/openmetrics-text; version=1.0.0, text/plain;q=0.5";
    asked.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
    let open = Client::http1(gateway.admin()).await.fetch(asked).await;
    assert!(open.field("content-type").unwrap().starts_with("application/openmetrics-text"), "{:?}", open.headers);
    assert!(open.text().ends_with("\n# EOF\n"));
}

#[track_caller]
fn is_well_formed(text: &str) {
    let kinds: BTreeMap<_, _> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    for (family, kind, labels) in FAMILIES {
        assert_eq!(kinds.get(family), Some(kind), "{family}");
        assert!(text.contains(&format!("# HELP {family} ")), "{family} says nothing of itself");
        let sample = text.lines().find(|line| line.starts_with(family) && !line.starts_with('#'));
        let sample = sample.unwrap_or_else(|| panic!("{family} has no sample"));
        for label in *labels {
            assert!(sample.contains(&format!("{label}=\"")), "{label} is not in {sample}");
        }
    }
    for sample in Metrics::parse(text).0.keys() {
        let name = sample.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(kinds.contains_key(family) || kinds.contains_key(name), "{sample} has no family");
    }
}

/// What the tool of Prometheus finds wrong; none where it is not installed.
fn promtool(text: &str) -> Option<String> {
    let command = process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(process::Stdio::piped())
        .stdout(process::Stdio::piped())
        .stderr(process::Stdio::piped())
        .spawn();
    let mut child = command.ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some(String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout))
}

/// What was sent is what is counted, by route, class and protocol; also across a reload.
#[tokio::test]
async fn figures_match_what_was_sent() {
    let services = Services::start().await;
    let gateway = Process::start(&services.document()).await;
    send_some_of_everything(&gateway).await;
    gateway.reload_and_wait(&services.document().replace("pong", "PONG")).await;
    send_some_of_everything(&gateway).await;

    let metrics = gateway
        .metrics_until("all exchanges have ended", |metrics| {
            let ended = metrics.value("sluice_requests_total", &[]) == Some(40.0);
            (ended && metrics.value("sluice_inflight_requests", &[]) == Some(0.0)).then(|| metrics.clone())
        })
        .await;
    let expected = [
        ("echo", "2xx", "http1", 10.0),
        ("echo", "2xx", "http2", 6.0),
        ("echo", "1xx", "websocket", 2.0),
        ("grpc", "2xx", "grpc", 6.0),
        ("ping", "2xx", "http1", 8.0),
        ("moved", "3xx", "http1", 2.0),
        ("_none", "4xx", "http1", 4.0),
        ("_none", "4xx", "http2", 2.0),
    ];
    for (route, class, protocol, count) in expected {
        let labels = [("route", route), ("code_class", class), ("protocol", protocol)];
        assert_eq!(metrics.value("sluice_requests_total", &labels), Some(count), "{labels:?}");
    }
    let route = |name, route| metrics.value(name, &[("route", route)]);
    assert_eq!(route("sluice_request_duration_seconds_count", "echo"), Some(18.0));
    assert_eq!(route("sluice_request_duration_seconds_bucket", "moved").map(|sum| sum >= 2.0), Some(true));
    assert_eq!(route("sluice_request_bytes_total", "echo"), Some(6.0 * 4.0));
    assert_eq!(route("sluice_response_bytes_total", "ping"), Some(8.0 * 4.0));
    let upstream = |upstream, outcome| {
        metrics.value("sluice_upstream_attempts_total", &[("upstream", upstream), ("outcome", outcome)])
    };
    assert_eq!(
        (upstream("echo", "2xx"), upstream("echo", "1xx"), upstream("grpc", "2xx")),
        (Some(16.0), Some(2.0), Some(6.0))
    );
    let caused = |cause| metrics.value("sluice_requests_caused_total", &[("cause", cause)]);
    assert_eq!((caused("no_route"), metrics.value("sluice_requests_caused_total", &[])), (Some(6.0), Some(6.0)));
}

/// Twenty exchanges.
async fn send_some_of_everything(gateway: &Process) {
    let address = gateway.address("web");
    let (mut http1, mut http2) = (Client::http1(address).await, Client::h2c(address).await);
    for path in ["/echo", "/echo/1", "/echo/2?a=b", "/echo", "/echo", "/ping", "/ping", "/ping", "/ping"] {
        assert_eq!(http1.get(path).await.status, StatusCode::OK, "{path}");
    }
    for _ in 0..3 {
        assert_eq!(http2.post("/echo", "four").await.json()["body_length"], 4);
    }
    assert_eq!(http1.get("/moved").await.status, StatusCode::FOUND);
    for path in ["/", "/nowhere"] {
        assert_eq!(http1.get(path).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(http2.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    let calls = Grpc::over(Client::h2c(address).await);
    for count in 1..=3 {
        let message = demo::grpc::Message { text: "call".to_owned(), count };
        assert_eq!(calls.unary(&message).await.unwrap(), message);
    }
    let mut socket = websocket::connect(address, "/echo").await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(within(PATIENCE, socket.next()).await.unwrap().unwrap(), Message::text("hello"));
}

/// Gauges go up with what is under way, and down again whatever becomes of it.
#[tokio::test]
async fn gauges_return_to_zero() {
    let services = Services::start().await;
    let gateway = Process::start(&services.document()).await;
    let address = gateway.address("web");
    let gauge = |metrics: &Metrics, name| metrics.value(name, &[]).unwrap_or_default();
    let gauges =
        |metrics: &Metrics| ["sluice_open_connections", "sluice_inflight_requests"].map(|name| gauge(metrics, name));
    let at_the_endpoint =
        |metrics: &Metrics| metrics.value("sluice_upstream_inflight_requests", &[("upstream", "held")]);

    let asking: Vec<_> =
        (0..5).map(|_| tokio::spawn(async move { Client::http1(address).await.get("/held").await.status })).collect();
    let http2 = Client::h2c(address).await;
    let leaving: Vec<_> = (0..3)
        .map(|_| {
            let mut client = http2.copy();
            tokio::spawn(async move { client.try_fetch(request(Method::GET, "/held")).await.map(drop) })
        })
        .collect();
    let mut gone = Wire::connect(address).await;
    gone.send("GET /held HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    services.held.has(9).await;
    let up = |metrics: &Metrics| (gauges(metrics) == [7.0, 9.0] && at_the_endpoint(metrics) == Some(9.0)).then_some(());
    gateway.metrics_until("nine under way on seven connections", up).await;

    gone.reset();
    leaving.iter().for_each(tokio::task::JoinHandle::abort);
    let left =
        |metrics: &Metrics| (gauges(metrics) == [6.0, 5.0] && at_the_endpoint(metrics) == Some(5.0)).then_some(());
    gateway.metrics_until("those who left are not counted any more", left).await;
    services.held.release();
    for status in join_all(asking).await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    drop(http2);
    let down =
        |metrics: &Metrics| (gauges(metrics) == [0.0, 0.0] && at_the_endpoint(metrics) == Some(0.0)).then_some(());
    gateway.metrics_until("nothing is under way", down).await;
}

/// One line for each exchange, with everything that can be known of it, and nothing that should not be kept.
#[tokio::test]
async fn lines_tell_exchanges() {
    let services = Services::start().await;
    let gateway = Process::start(&services.document()).await;
    let mut asked = request(Method::POST, "/echo/42?token=secret");
    asked.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("a \"quoted\" agent"));
    let mut client = Client::h2c(gateway.address("web")).await.authority("api.test");
    let answer = client.fetch(asked.map(|_| testkit::body::full("four"))).await;
    let line = eventually("the line", async || witness::log(&gateway).pop()).await;
    let told = json!({
        "client": "127.0.0.1", "method": "POST", "host": "api.test", "path": "/echo/42", "protocol": "http2",
        "status": 200, "cause": null, "route": "echo", "upstream": "echo",
        "endpoint": services.echo.address.to_string(), "attempts": 1, "request_bytes": 4,
        "response_bytes": answer.body.len(), "user_agent": "a \"quoted\" agent",
    });
    for (key, value) in told.as_object().unwrap() {
        assert_eq!(line[key], *value, "{key} of {line}");
    }
    assert!(line["time"].is_string() && line["duration_ms"].is_number() && line["overhead_ms"].is_number(), "{line}");
}
