//! The admin address over real sockets, asked with bytes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Who may do what, and what is noted of it.
mod operators;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use admin::{
    AuditEntry, Check, Denied, Gateway, LogLevel, LogLevelChange, LogLevelOrder, LogLevelTold, Readiness, serve,
};
use message::Token;
use model::Report;
use policy::Registry;
use serde_json::Value;
use snapshot::{
    BreakerOrder, BreakerTold, EndpointHealthTold, Explanation, InstanceTold, Operators, OrderError, Question,
    QuestionError, ServiceOrder, ServiceOrderError, ServiceTold, Snapshot,
};
use telemetry::{
    Format,
    history::{Busy, Point, Resolution, Subject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::oneshot,
    task::JoinHandle,
    time::Instant,
};

/// A gateway that says what the test wants.
struct Fake {
    ready: AtomicBool,
    /// Something to be known of it.
    noted: AtomicBool,
    token: Token,
    snapshot: Snapshot,
    /// What was noted.
    audit: Mutex<Vec<AuditEntry>>,
    denied: Mutex<Vec<Denied>>,
}

impl Gateway for Fake {
    fn readiness(&self) -> Readiness {
        let drain = if self.ready.load(Relaxed) {
            Check::ok("drain")
        } else {
            Check::failed("drain", "the gateway is stopping")
        };
        let revisions = match self.noted.load(Relaxed) {
            false => Check::ok("revisions"),
            true => Check::noted("revisions", "revision 7 is served, the last good one: etcd is away"),
        };
        [Check::ok("listeners"), revisions, drain].into_iter().collect()
    }

    fn metrics(&self, format: Format) -> String {
        format!("{format:?}")
    }

    fn explain(&self, question: &Question) -> Result<Explanation, QuestionError> {
        snapshot::explain(&self.snapshot, question)
    }

    fn health(&self) -> Vec<EndpointHealthTold> {
        snapshot::health(&self.snapshot)
    }

    fn breakers(&self) -> Vec<BreakerTold> {
        self.snapshot.breakers().tell(std::time::Instant::now(), SystemTime::now())
    }

    fn order_breakers(&self, order: &BreakerOrder) -> Result<Vec<BreakerTold>, OrderError> {
        self.snapshot.breakers().order(order, std::time::Instant::now(), SystemTime::now())
    }

    fn log_level(&self) -> LogLevelTold {
        LogLevelTold { level: LogLevel::Info, targets: BTreeMap::new(), changes: Vec::new() }
    }

    fn order_log_level(&self, order: &LogLevelOrder) -> LogLevelTold {
        let LogLevelOrder { target, level, lasts } = order.clone();
        let until = lasts.map(|lasts| format!("{lasts:?}"));
        let level = level.unwrap_or(LogLevel::Info);
        LogLevelTold { changes: vec![LogLevelChange { target, level, until }], ..self.log_level() }
    }

    fn services(&self) -> Vec<ServiceTold> {
        vec![orders(Vec::new())]
    }

    fn order_service(&self, order: &ServiceOrder) -> Result<ServiceTold, ServiceOrderError> {
        match (&*order.service, &order.endpoint) {
            ("orders", Some(endpoint)) => Ok(orders(vec![instance(endpoint)])),
            ("orders", None) => Err(ServiceOrderError::NotKept("the disk is full".to_owned())),
            _ => Err(ServiceOrderError::NoSuchService(vec!["consul `orders`".to_owned()])),
        }
    }

    fn series(&self, subject: Subject, name: &str, _: Resolution) -> Option<Vec<Point>> {
        let took = Duration::from_millis(2);
        let point = Point { second: 9, seconds: 2, requests: 5, failed: 1, p50: took, p95: took, p99: took };
        (subject == Subject::Route && name == "a b").then(|| vec![point])
    }

    fn busiest(&self, _: Subject, most: usize) -> Vec<Busy> {
        let point = Point {
            second: 9,
            seconds: 60,
            requests: 90,
            failed: 0,
            p50: Duration::ZERO,
            p95: Duration::ZERO,
            p99: Duration::ZERO,
        };
        (0..most).map(|n| Busy { name: format!("r{n}").into(), point }).collect()
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn operators(&self) -> Arc<Operators> {
        self.snapshot.operators.clone()
    }

    fn audit(&self, entry: AuditEntry) {
        let mut entries = self.audit.lock().unwrap();
        let id = entries.len() as u64 + 1;
        entries.push(AuditEntry { id, ..entry });
    }

    fn audited(&self, before: Option<u64>, most: usize) -> Result<Vec<AuditEntry>, String> {
        let entries = self.audit.lock().unwrap();
        let wanted = entries.iter().rev().filter(|entry| before.is_none_or(|before| entry.id < before));
        Ok(wanted.take(most).cloned().collect())
    }

    fn denied(&self, why: Denied) {
        self.denied.lock().unwrap().push(why);
    }

    fn admin_names(&self) -> Arc<[Arc<str>]> {
        [Arc::<str>::from("gateway.internal")].into()
    }
}

struct Running {
    address: std::net::SocketAddr,
    gateway: Arc<Fake>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

fn fake() -> Arc<Fake> {
    Arc::new(Fake {
        ready: AtomicBool::new(true),
        noted: AtomicBool::new(false),
        token: Token::new("secret").unwrap(),
        snapshot: snapshot(),
        audit: Mutex::default(),
        denied: Mutex::default(),
    })
}

fn orders(instances: Vec<InstanceTold>) -> ServiceTold {
    ServiceTold {
        registry: "consul".to_owned(),
        service: "orders".to_owned(),
        upstreams: vec!["orders".into()],
        stale: false,
        last_sync: None,
        since: None,
        held: None,
        failure: None,
        instances,
    }
}

fn instance(address: &str) -> InstanceTold {
    InstanceTold {
        id: address.into(),
        address: Some(address.to_owned()),
        weight: 0,
        tier: 0,
        labels: [].into(),
        state: "draining".to_owned(),
        why: Some("ordered".to_owned()),
        order: None,
    }
}

fn snapshot() -> Snapshot {
    let operator = |(name, role, more): (&str, &str, &str)| {
        let hash = blake3::hash(format!("slo_{name}").as_bytes());
        format!("  - {{ name: {name}, role: {role}, token: {{ hash: \"blake3:{hash}\" }}{more} }}\n")
    };
    let operators: String = [
        ("vera", "viewer", ""),
        ("otto", "operator", ""),
        ("ada", "admin", ", not_after: \"9999-01-01\""),
        ("eve", "admin", ", not_after: \"2020-01-02\""),
    ]
    .map(operator)
    .concat();
    let document = format!(
        "version: 1\nlisteners: [{{ name: web, address: 127.0.0.1:0 }}]\n\
         routes: [{{ name: ping, match: {{ path: /ping, methods: [GET] }}, respond: {{}} }}]\noperators:\n{operators}"
    );
    let mut report = Report::default();
    let root = model::parse("test", &document, &|_| None, &mut report).unwrap();
    let model = model::check(&root, &mut report).unwrap();
    snapshot::compile(&model, &Registry::new(Vec::new()), 1, None, &mut report).unwrap()
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, gateway) = (listener.local_addr().unwrap(), fake());
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener.into(), gateway.clone(), async {
        let _ = stopped.await;
    }));
    Running { address, gateway, stop, served }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    async fn read(mut stream: impl AsyncRead + Unpin) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    #[track_caller]
    fn expect_problem(&self, status: u16) {
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        assert_eq!((self.status, &problem["status"]), (status, &Value::from(status)));
        assert!(["type", "title", "detail"].iter().all(|key| problem[key].is_string()), "{problem}");
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).await.unwrap();
    Answer::read(stream).await
}

impl Running {
    async fn send(&self, request: &str) -> Answer {
        exchange(TcpStream::connect(self.address).await.unwrap(), request).await
    }

    /// Asks with these fields, each with its line break.
    async fn post(&self, target: &str, fields: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("POST {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}");
        self.send(&format!("{head}content-length: {length}\r\n\r\n{body}")).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.send(&format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
    }
}

#[tokio::test]
async fn a_live_gateway_says_so() {
    let answer = start().await.get("/livez").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
}

#[tokio::test]
async fn readiness_gives_its_reasons() {
    let running = start().await;
    let answer = running.get("/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    let answer = running.get("/readyz?verbose").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "[+] listeners: ok\n[+] revisions: ok\n[+] drain: ok\nready\n")
    );

    running.gateway.noted.store(true, Relaxed);
    let answer = running.get("/readyz").await;
    let note = "[+] revisions: revision 7 is served, the last good one: etcd is away\n";
    let told = format!("[+] listeners: ok\n{note}[+] drain: ok\nready\n");
    assert_eq!((answer.status, answer.body), (200, told));
    running.gateway.ready.store(false, Relaxed);
    let answer = running.get("/readyz").await;
    let reasons = format!("[+] listeners: ok\n{note}[-] drain: the gateway is stopping\nnot ready\n");
    assert_eq!((answer.status, answer.body), (503, reasons));
    assert_eq!(running.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_scraper_gets_the_format_it_prefers() {
    let running = start().await;
    let answer = running.get("/metrics").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "Text"));
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);

    let request = "GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
                   accept: text/plain;q=0.5\r\naccept: application/openmetrics-text;version=1.0.0\r\n\r\n";
    let answer = running.send(request).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "OpenMetrics"));
    assert!(answer.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", answer.head);
}

#[tokio::test]
async fn whatever_else_is_a_problem() {
    let running = start().await;
    running.get("/api/v2/routes").await.expect_problem(404);
    let request = "DELETE /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = running.send(request).await;
    answer.expect_problem(405);
    assert!(answer.head.contains("allow: get,head"), "{}", answer.head);
}

const TOKEN: &str = "authorization: Bearer secret\r\n";

#[tokio::test]
async fn a_request_is_explained_to_who_shows_the_token() {
    let running = start().await;
    let answer = running.post("/api/v1/explain", TOKEN, r#"{"method":"PUT","url":"/ping"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&told["outcome"], &told["candidates"][0]["miss"]), (&"no_route".into(), &"method is not GET".into()));
}

#[tokio::test]
async fn nobody_else_learns_anything() {
    for (fields, challenge) in [
        ("", "www-authenticate: bearer realm=\"sluice\"\r\n"),
        ("authorization: Basic c2VjcmV0\r\n", "www-authenticate: bearer realm=\"sluice\"\r\n"),
        ("authorization: Bearer secre\r\n", "www-authenticate: bearer realm=\"sluice\", error=\"invalid_token\"\r\n"),
        ("authorization: Bearer secret2\r\n", "error=\"invalid_token\"\r\n"),
        ("authorization: Bearer\r\n", "www-authenticate: bearer realm=\"sluice\"\r\n"),
        ("sluice-token: secret\r\n", "www-authenticate: bearer realm=\"sluice\"\r\n"),
    ] {
        let running = start().await;
        for target in ["/api/v1/explain", "/api/v1/explain?token=secret", "/api/v1/nothing", "/api/v1"] {
            let answer = running.post(target, fields, r#"{"url":"/ping"}"#).await;
            answer.expect_problem(401);
            assert!(answer.head.contains(challenge), "{target} {fields}: {}", answer.head);
        }
        let request = format!("GET /api/v1/explain HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}\r\n");
        running.send(&request).await.expect_problem(401);
    }
}

#[tokio::test]
async fn questions_that_are_none() {
    let running = start().await;
    let ask = async |body: &str, status| {
        let answer = running.post("/api/v1/explain", TOKEN, body).await;
        answer.expect_problem(status);
        answer.body
    };
    assert!(ask("", 400).await.contains("the body is no question such as {"));
    assert!(ask(r#"{"url":"/","methd":"GET"}"#, 400).await.contains("unknown field `methd`"));
    assert!(ask(r#"{"url":"/","method":"G T"}"#, 400).await.contains("`G T` is no method"));
    assert!(ask(r#"{"url":"/","headers":{"a b":"c"}}"#, 400).await.contains("the name of the field `a b` is none"));
    assert!(ask(r#"{"url":"ping"}"#, 422).await.contains("it must begin with"));
    assert!(ask(r#"{"url":"/","listener":"wep"}"#, 422).await.contains("did you mean `web`?"));
    assert!(ask(&format!(r#"{{"url":"/{}"}}"#, "a".repeat(64 * 1024)), 413).await.contains("at most 65536 bytes"));
    let running = start().await;
    let request = format!("GET /api/v1/explain HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{TOKEN}\r\n");
    running.send(&request).await.expect_problem(405);
    running.post("/api/v1/nothing", TOKEN, "").await.expect_problem(404);
}

#[tokio::test]
async fn how_much_is_said_can_be_asked_and_ordered() {
    let running = start().await;
    running.get("/api/v1/log-level").await.expect_problem(401);
    let send = async |method: &str, body: &str| {
        let length = body.len();
        let head = format!("host: localhost\r\nconnection: close\r\n{TOKEN}content-length: {length}\r\n");
        running.send(&format!("{method} /api/v1/log-level HTTP/1.1\r\n{head}\r\n{body}")).await
    };
    let told = send("GET", "").await;
    assert_eq!((told.status, &*told.body), (200, r#"{"level":"info","targets":{},"changes":[]}"#));
    let told = send("PUT", r#"{"level":"debug","target":"proxy","for":"10m"}"#).await;
    assert!(told.body.contains(r#"{"target":"proxy","level":"debug","until":"600s"}"#), "{}", told.body);
    for body in ["", "{}", r#"{"level":"loud"}"#, r#"{"level":"debug","for":10}"#] {
        send("PUT", body).await.expect_problem(400);
    }
    send("DELETE", "").await.expect_problem(405);
}

#[tokio::test]
async fn a_rebound_name_is_refused_everywhere() {
    let running = start().await;
    for path in ["/livez", "/readyz", "/metrics", "/nothing", "/api/v1/explain"] {
        for (target, hosts) in [
            (path.to_owned(), "host: evil.example\r\n"),
            (path.to_owned(), "host: localhost\r\nhost: evil.example\r\n"),
            (format!("http://evil.example{path}"), "host: localhost\r\n"),
        ] {
            let request = format!("GET {target} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n");
            running.send(&request).await.expect_problem(403);
        }
    }
    let request = "GET /livez HTTP/1.1\r\nhost: Gateway.Internal:80\r\nconnection: close\r\n\r\n";
    assert_eq!(running.send(request).await.status, 200);
}

#[tokio::test]
async fn only_http_1_0_does_without_a_host() {
    let running = start().await;
    running.send("GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n").await.expect_problem(400);
    assert_eq!(running.send("GET /livez HTTP/1.0\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn a_unix_socket_takes_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(serve(listener.into(), fake(), std::future::pending()));
    let stream = UnixStream::connect(&path).await.unwrap();
    let answer = exchange(stream, "GET /readyz HTTP/1.1\r\nhost: sluice\r\nconnection: close\r\n\r\n").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_connection_serves_several_requests() {
    let running = start().await;
    let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let last = "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = running.send(&format!("{request}{last}")).await;
    assert_eq!(answer.body.matches("HTTP/1.1 200 OK").count(), 1, "the second answer follows the first");
}

/// The time that passes here is the runtime's: it jumps when nothing else is left to do.
async fn closed_after(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    // Whether the client is told or just cut off.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_cut_off() {
    let running = start().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: local").await.unwrap();
    let waited = closed_after(&mut stream).await;
    assert!((4..10).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_silent_keep_no_seat() {
    let running = start().await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    assert_eq!(running.get("/livez").await.status, 200, "once the others are cut off");
}

#[tokio::test]
async fn a_head_without_measure_is_refused() {
    let running = start().await;
    let request = format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(16 * 1024));
    assert_eq!(running.send(&request).await.status, 431);
}

#[tokio::test]
async fn shutdown_closes_the_idle_and_ends() {
    let running = start().await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 8];
    idle.read_exact(&mut first).await.unwrap();
    running.stop.send(()).unwrap();
    within(running.served).await.unwrap();
    within(idle.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

/// Fails rather than hangs.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.unwrap()
}

#[tokio::test]
async fn health_is_read_with_the_token() {
    let running = start().await;
    running.get("/api/v1/health").await.expect_problem(401);
    let ask = |method: &str| {
        format!(
            "{method} /api/v1/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer secret\r\n\r\n"
        )
    };
    let answer = running.send(&ask("GET")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[]"), "no upstream of this gateway has health");
    running.send(&ask("DELETE")).await.expect_problem(405);
}

#[tokio::test]
async fn the_last_hour_is_told() {
    let running = start().await;
    let ask = async |target: &str| {
        let request = format!("GET /api/v1{target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{TOKEN}\r\n");
        running.send(&request).await
    };
    let answer = ask("/series?of=route&name=a%20b&resolution=10s").await;
    assert_eq!(answer.status, 200);
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&told["name"], &told["resolution_seconds"]), (&"a b".into(), &10.into()));
    let point = &told["points"][0];
    assert_eq!(
        (&point["requests_per_second"], &point["failed"], &point["p99_seconds"]),
        (&2.5.into(), &1.into(), &0.002.into())
    );
    let told: Value = serde_json::from_str(&ask("/top?of=upstream&most=3").await.body).unwrap();
    assert_eq!(told["top"].as_array().map(Vec::len), Some(3));
    assert_eq!((&told["top"][2]["name"], &told["top"][2]["requests"]), (&"r2".into(), &90.into()));

    ask("/series?of=route&name=b").await.expect_problem(404);
    for (target, says) in [
        ("/series?of=router", "`of` is `gateway`, `route`, `upstream` or `endpoint`"),
        ("/series?resolution=2s", "`1s` (five minutes) or `10s` (an hour), not `2s`"),
        ("/series?nmae=a", "there is no parameter `nmae`; there are `of`, `name`, `resolution`"),
        ("/series?of=route&of=route", "the parameter `of` is given twice"),
        ("/top?of=route&most=0", "`most` is a number from 1 to 1000"),
        ("/top", "`of` is"),
    ] {
        let answer = ask(target).await;
        assert!(answer.status == 400 && answer.body.contains(says), "{target}: {}", answer.body);
    }
}

#[tokio::test]
async fn services_are_read_and_given_orders() {
    let running = start().await;
    running.get("/api/v1/services").await.expect_problem(401);
    let told = running
        .send(&format!("GET /api/v1/services HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{TOKEN}\r\n"))
        .await;
    let services: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(services["services"][0]["service"], "orders");
    let drained = r#"{"service":"orders","endpoint":"10.0.0.1:80","drain":true}"#;
    let told = running.post("/api/v1/services", TOKEN, drained).await;
    let services: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!(services["services"][0]["instances"][0]["state"], "draining");
    for (order, status) in [
        (r#"{"service":"odrers","endpoint":"10.0.0.1:80"}"#, 422),
        (r#"{"service":"orders"}"#, 500),
        (r#"{"service":"orders","wieght":1}"#, 400),
        ("drain it", 400),
    ] {
        running.post("/api/v1/services", TOKEN, order).await.expect_problem(status);
    }
}
