//! Copies of requests: what a shadow gets, what is counted, and that the original never notices.

use std::{fmt::Display, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use testkit::{
    PATIENCE, body,
    client::{
        self, Client, Grpc, request,
        websocket::{self, Message, SinkExt as _, StreamExt as _},
    },
    demo,
    gateway::{Metrics, Process, Signal},
    origin::{Origin, RawConn, RawOrigin},
    wire::Wire,
    within,
};
use tokio::sync::{Mutex, Semaphore, mpsc};

use crate::support::{Gateway, assert_reply, nowhere, with_fields};

/// What an origin got.
#[derive(Debug, PartialEq)]
struct Seen {
    version: Version,
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

/// An origin that tells what it got, and answers with its own word.
struct Recorder {
    origin: Origin,
    seen: Mutex<mpsc::UnboundedReceiver<Seen>>,
}

// === impl Recorder ===

impl Recorder {
    async fn start(word: &'static str) -> Self {
        Self::held(word, Semaphore::MAX_PERMITS).await.0
    }

    /// Gives so many answers, and one more for each further permit.
    async fn held(word: &'static str, answers: usize) -> (Self, Arc<Semaphore>) {
        let (sender, seen) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(answers));
        let entrance = gate.clone();
        let origin = Origin::start(move |request: Request<Incoming>| {
            let (sender, gate) = (sender.clone(), entrance.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.expect("a whole body");
                let trailers = body.trailers().cloned();
                let target = head.uri.path_and_query().unwrap().to_string();
                let (version, method, headers) = (head.version, head.method, head.headers);
                // Nobody listens any more when the test is over.
                let _ = sender.send(Seen { version, method, target, headers, body: body.to_bytes(), trailers });
                gate.acquire().await.unwrap().forget();
                Response::new(body::full(word))
            }
        })
        .await;
        (Self { origin, seen: Mutex::new(seen) }, gate)
    }

    #[track_caller]
    fn next(&self) -> impl Future<Output = Seen> {
        within(PATIENCE, async { self.seen.lock().await.recv().await.expect("the origin is running") })
    }
}

// === the gateway ===

/// Everything goes to `origin`, and by the route's `fields` to the other upstreams, each a YAML map.
fn document(origin: impl Display, shadows: &[String], fields: &str) -> String {
    let shadows: String = shadows.iter().map(|shadow| format!("  - {shadow}\n")).collect();
    format!(
        "gateway: {{ workers: 1, admin: {{ address: \"127.0.0.1:0\" }}, grace: 1h }}\n\
         listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n\
         upstreams:\n  - {{ name: origin, endpoints: [\"{origin}\"] }}\n{shadows}\
         routes:\n  - {{ name: all, upstream: origin, {fields} }}\n"
    )
}

fn upstream(name: &str, address: impl Display, fields: &str) -> String {
    format!("{{ name: {name}, endpoints: [\"{address}\"]{fields} }}")
}

/// One shadow.
async fn mirrored(origin: impl Display, shadow: impl Display, fields: &str) -> Gateway {
    Gateway::start(&document(origin, &[upstream("shadow", shadow, "")], fields)).await
}

fn outcomes(metrics: &Metrics, outcome: &str) -> f64 {
    let labels = [("route", "all"), ("upstream", "shadow"), ("outcome", outcome)];
    metrics.value("sluice_mirror_requests_total", &labels).unwrap_or_default()
}

fn under_way(metrics: &Metrics) -> f64 {
    metrics.value("sluice_mirror_inflight_requests", &[]).unwrap_or_default()
}

/// Waits until no copy is under way and so many have ended in this way.
async fn ended(gateway: &Process, outcome: &str, count: f64) -> Metrics {
    gateway
        .metrics_until(&format!("{count} copies with the outcome {outcome}"), |metrics| {
            (outcomes(metrics, outcome) == count && under_way(metrics) == 0.0).then(|| metrics.clone())
        })
        .await
}

// === what a shadow gets ===

/// Whatever the original's endpoint gets, the shadow gets as well, and in addition the mark of a copy.
#[tokio::test]
async fn copies_are_what_the_endpoint_gets() {
    let (original, shadow) = (Recorder::start("original").await, Recorder::start("shadow").await);
    let fields = "match: { path: { prefix: /a } }, rewrite: { path: \"/b{rest}\", host: inner.test }, mirror: shadow";
    let gateway = mirrored(original.origin.address, shadow.origin.address, fields).await;
    let large: Vec<u8> = (0..60_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (version, mut client) in gateway.both().await {
        let mut asked = vec![
            with_fields(Method::GET, "/a/x%20y?q=1&q=2", &[("x-a", "1"), ("x-a", "2"), ("cookie", "c=d")]),
            with_fields(Method::DELETE, "/a", &[("x-sluice-mirror", "a stranger's")]),
            request(Method::POST, "/a/empty").map(|_| body::full("")),
            request(Method::POST, "/a/chunks").map(|_| body::chunks(["one", "two", ""])),
            request(Method::PUT, "/a/large").map(|_| body::full(large.clone())),
            request(Method::PUT, "/a/pieces").map(|_| body::chunks(large.chunks(700).map(<[u8]>::to_vec))),
        ];
        let with_trailers = with_fields(Method::POST, "/a/trailers", &[("trailer", "x-sum")]);
        asked.push(with_trailers.map(|_| body::with_trailers("content", &[("x-sum", "7")])));
        for request in asked {
            let what = format!("{version}: {} {}", request.method(), request.uri());
            assert_eq!(client.fetch(request).await.text(), "original", "{what}");
            let (sent, mut copied) = (original.next().await, shadow.next().await);
            assert_eq!(copied.headers.remove("x-sluice-mirror").unwrap(), "all", "{what}");
            assert_eq!(copied, sent, "{what}");
            assert!(sent.target.starts_with("/b") && sent.headers["host"] == "inner.test", "{what}: {sent:?}");
        }
    }
    let metrics = ended(&gateway, "2xx", 14.0).await;
    assert_eq!(metrics.value("sluice_mirror_requests_total", &[]), Some(14.0));
    assert_eq!(metrics.value("sluice_requests_total", &[]), Some(14.0), "copies are no requests of clients");
    let attempts = |upstream| metrics.value("sluice_upstream_attempts_total", &[("upstream", upstream)]);
    assert_eq!((attempts("origin"), attempts("shadow")), (Some(14.0), Some(14.0)));
}

/// The versions of HTTP on both ways are independent; calls of gRPC are requests like others.
#[tokio::test]
async fn copies_go_over_the_protocol_of_their_upstream() {
    let (original, shadow) = (demo::grpc().await.unwrap(), Recorder::start("no gRPC at all").await);
    let shadows = [upstream("shadow", shadow.origin.address, ", protocol: h2c")];
    let document = document(original.address, &shadows, "mirror: shadow");
    let gateway = Gateway::start(&document.replace("name: origin,", "name: origin, protocol: h2c,")).await;
    let grpc = Grpc::over(gateway.h2c().await);
    for count in 1..=3 {
        let message = demo::grpc::Message { text: "call".to_owned(), count };
        assert_eq!(grpc.unary(&message).await.unwrap(), message);
        let copied = shadow.next().await;
        assert_eq!(
            (copied.version, &copied.method, &*copied.target),
            (Version::HTTP_2, &Method::POST, "/demo.Echo/Unary")
        );
        assert_eq!(
            (&copied.headers["content-type"], &copied.headers["te"]),
            (&"application/grpc".parse().unwrap(), &"trailers".parse().unwrap())
        );
        assert!(copied.body.ends_with(&[count as u8]), "{:?}", copied.body);
    }
    ended(&gateway, "2xx", 3.0).await;
    assert_eq!(shadow.origin.counts.connections(), 1, "connections to shadows are kept as well");
}

/// Nothing is held back from the original until the body is whole, and nothing goes to the shadow before.
#[tokio::test]
async fn the_original_streams_and_the_copy_follows_at_its_end() {
    let shadow = Recorder::start("shadow").await;
    let (pieces, mut arriving) = mpsc::unbounded_channel();
    let original = Origin::start(move |request: Request<Incoming>| {
        let pieces = pieces.clone();
        async move {
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                pieces.send(frame.into_data().expect("data")).unwrap();
            }
            Response::new(body::full("original"))
        }
    })
    .await;
    let gateway = mirrored(original.address, shadow.origin.address, "mirror: shadow").await;
    for (version, mut client) in gateway.both().await {
        let (mut sender, body) = body::streamed();
        let answer = tokio::spawn(async move { client.fetch(request(Method::POST, "/").map(|_| body)).await });
        let before = shadow.origin.counts.requests();
        for piece in ["first ", "second "] {
            sender.send_data(piece.into()).await.unwrap();
            assert_eq!(within(PATIENCE, arriving.recv()).await.unwrap(), piece, "{version}");
            assert_eq!(shadow.origin.counts.requests(), before, "{version}");
        }
        drop(sender);
        assert_eq!(answer.await.unwrap().text(), "original", "{version}");
        assert_eq!(shadow.next().await.body, "first second ", "{version}");
    }
}

#[tokio::test]
async fn several_shadows_have_bounds_of_their_own() {
    let (original, all, short) =
        (Recorder::start("original").await, Recorder::start("all").await, Recorder::start("short").await);
    let shadows = [upstream("all", all.origin.address, ""), upstream("short", short.origin.address, "")];
    let fields = "mirror: [all, { upstream: short, body: 4 }]";
    let gateway = Gateway::start(&document(original.origin.address, &shadows, fields)).await;
    let mut client = gateway.http1().await;
    for body in ["", "four", "fiver"] {
        for chunked in [false, true] {
            let asked =
                request(Method::POST, "/").map(|_| if chunked { body::chunks([body]) } else { body::full(body) });
            assert_eq!(client.fetch(asked).await.text(), "original");
            assert_eq!((all.next().await.body, body.len() > 4 || short.next().await.body == body), (body.into(), true));
        }
    }
    assert_eq!(short.origin.counts.requests(), 4);
    let counted = |upstream, outcome| {
        let labels = [("upstream", upstream), ("outcome", outcome)];
        move |metrics: &Metrics| metrics.value("sluice_mirror_requests_total", &labels)
    };
    let all_of = |metrics: &Metrics| {
        [counted("all", "2xx"), counted("short", "2xx"), counted("short", "body_too_large")].map(|value| value(metrics))
            == [Some(6.0), Some(4.0), Some(2.0)]
    };
    gateway.metrics_until("each has its own series", |metrics| all_of(metrics).then_some(())).await;
}

/// A WebSocket is no request that could be sent twice.
#[tokio::test]
async fn upgrades_are_not_copied() {
    let (echo, shadow) = (demo::echo().await.unwrap(), Recorder::start("shadow").await);
    let gateway = mirrored(echo.address, shadow.origin.address, "mirror: shadow").await;
    let mut socket = websocket::connect(gateway.web(), "/chat").await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(within(PATIENCE, socket.next()).await.unwrap().unwrap(), Message::text("hello"));
    client::get(gateway.web(), "/plain").await;
    assert_eq!(shadow.next().await.target, "/plain");
    assert_eq!(shadow.origin.counts.requests(), 1);
}

// === what the original notices: nothing ===

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nshadow";

/// Whatever a shadow does, originals are answered in full, and each copy is counted as what became of it.
#[tokio::test]
async fn whatever_a_shadow_does_the_original_is_answered() {
    let original = Recorder::start("original").await;
    let (_held, refusing) = nowhere();
    let failing = RawOrigin::answering("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n").await;
    let nonsense = RawOrigin::answering("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    let resetting = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        conn.reset();
    })
    .await;
    let silent = RawOrigin::start(async |conn: RawConn| conn.hang().await).await;
    let half = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        let _ = conn.send(&ANSWER[..ANSWER.len() - 1]).await;
    })
    .await;
    let stalling = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        let _ = conn.send(&ANSWER[..ANSWER.len() - 1]).await;
        conn.hang().await;
    })
    .await;
    let switching = RawOrigin::answering("HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
    let asleep = "weight: 0 }]";
    for (shadow, fields, outcome) in [
        (refusing, "", "connect_refused"),
        (failing.address, "", "5xx"),
        (nonsense.address, "", "response_malformed"),
        (resetting.address, "", "upstream_reset"),
        (silent.address, ", timeouts: { first_byte: 20ms }", "response_timeout"),
        (silent.address, ", timeouts: { total: 20ms }", "total_timeout"),
        (half.address, "", "response_incomplete"),
        (stalling.address, ", timeouts: { idle: 20ms }", "response_stalled"),
        (stalling.address, ", timeouts: { total: 20ms }", "total_timeout"),
        (switching.address, "", "upgrade_failed"),
        (silent.address, asleep, "no_endpoint"),
    ] {
        let shadow = match fields == asleep {
            false => upstream("shadow", shadow, fields),
            true => format!("{{ name: shadow, endpoints: [{{ address: \"{shadow}\", {asleep} }}"),
        };
        let gateway = Gateway::start(&document(original.origin.address, &[shadow], "mirror: shadow")).await;
        let mut client = gateway.http1().await;
        for _ in 0..2 {
            assert_eq!(client.get("/").await.text(), "original", "{outcome}");
            assert_eq!(client.post("/", "content").await.text(), "original", "{outcome}");
        }
        let metrics = ended(&gateway, outcome, 4.0).await;
        assert_eq!(metrics.value("sluice_mirror_requests_total", &[]), Some(4.0), "{outcome}");
        gateway.ended_well(4.0).await;
    }
}

/// While the shadow holds the copy, the original is answered, and more follow on the same connection.
#[tokio::test]
async fn the_original_does_not_wait() {
    let original = Recorder::start("original").await;
    let (shadow, release) = Recorder::held("shadow", 0).await;
    let gateway = mirrored(original.origin.address, shadow.origin.address, "mirror: shadow").await;
    for (version, mut client) in gateway.both().await {
        for _ in 0..3 {
            assert_eq!(client.get("/").await.text(), "original", "{version}");
            assert_eq!(client.post("/", "content").await.text(), "original", "{version}");
            shadow.next().await;
            shadow.next().await;
        }
    }
    let metrics = gateway.metrics().await;
    assert_eq!((under_way(&metrics), outcomes(&metrics, "2xx")), (12.0, 0.0));
    gateway.ended_well(12.0).await;
    release.add_permits(12);
    ended(&gateway, "2xx", 12.0).await;
}

/// A shadow gets the requests also while the endpoint of the original fails.
#[tokio::test]
async fn copies_do_not_depend_on_the_endpoint_of_the_original() {
    let (_held, refusing) = nowhere();
    let shadow = Recorder::start("shadow").await;
    let gateway = mirrored(refusing, shadow.origin.address, "mirror: shadow").await;
    assert_reply(&client::get(gateway.web(), "/a").await, 502, "connect_refused");
    assert_eq!(shadow.next().await.target, "/a");
    // But a body is only read for the original.
    let mut client = gateway.http1().await;
    assert_reply(&client.post("/b", "content").await, 502, "connect_refused");
    ended(&gateway, "body_incomplete", 1.0).await;
    assert_eq!(shadow.origin.counts.requests(), 1);
}

// === what is not copied ===

#[tokio::test]
async fn bodies_beyond_the_limit_pass_and_are_not_copied() {
    let (original, shadow) = (Recorder::start("original").await, Recorder::start("shadow").await);
    let fields = "mirror: { upstream: shadow, body: 1KiB }";
    let gateway = mirrored(original.origin.address, shadow.origin.address, fields).await;
    let content = vec![b'x'; 300_000];
    for (version, mut client) in gateway.both().await {
        for body in [body::full(content.clone()), body::chunks(content.chunks(500).map(<[u8]>::to_vec))] {
            assert_eq!(client.fetch(request(Method::POST, "/").map(|_| body)).await.text(), "original", "{version}");
            assert_eq!(original.next().await.body, content, "{version}");
        }
    }
    let metrics = ended(&gateway, "body_too_large", 4.0).await;
    assert_eq!(metrics.value("sluice_mirror_requests_total", &[]), Some(4.0));
    assert_eq!(shadow.origin.counts.connections(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_copied() {
    let original = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let shadow = Recorder::start("shadow").await;
    let gateway = mirrored(original.address, shadow.origin.address, "mirror: shadow").await;
    for framing in ["content-length: 10\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut wire = gateway.wire().await;
        wire.send(format!("POST / HTTP/1.1\r\nhost: a.test\r\n{framing}")).await.unwrap();
        gateway.metrics_until("the copy is waited for", |metrics| (under_way(metrics) == 1.0).then_some(())).await;
        wire.reset();
        gateway.metrics_until("the copy is given up", |metrics| (under_way(metrics) == 0.0).then_some(())).await;
    }
    ended(&gateway, "body_incomplete", 2.0).await;
    assert_eq!(shadow.origin.counts.connections(), 0);
}

/// Labels choose among the endpoints of a shadow, which may be the upstream of the original.
#[tokio::test]
async fn copies_may_go_to_endpoints_with_labels() {
    let (original, next) = (Recorder::start("original").await, Recorder::start("next").await);
    let (old, new) = (original.origin.address, next.origin.address);
    let gateway = Gateway::start(&format!(
        r#"
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - name: shadow
    endpoints: [{{ address: "{old}", labels: {{ version: v1 }} }}, {{ address: "{new}", labels: {{ version: v2 }} }}]
routes:
  - name: all
    upstream: {{ name: shadow, labels: {{ version: v1 }} }}
    mirror: {{ upstream: shadow, labels: {{ version: v2 }} }}
"#
    ))
    .await;
    let mut client = gateway.http1().await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.text(), "original");
        next.next().await;
    }
    ended(&gateway, "2xx", 4.0).await;
    assert_eq!((original.origin.counts.requests(), next.origin.counts.requests()), (4, 4));
}

/// What a shadow may have at a time holds for copies as well; they do not wait for it.
#[tokio::test]
async fn copies_take_places_of_their_upstream() {
    let original = Recorder::start("original").await;
    let (shadow, release) = Recorder::held("shadow", 0).await;
    let shadows = [upstream("shadow", shadow.origin.address, ", bulkhead: { requests: 1, queue: 9, wait: 1h }")];
    let gateway = Gateway::start(&document(original.origin.address, &shadows, "mirror: shadow")).await;
    let mut client = gateway.http1().await;
    assert_eq!(client.get("/").await.text(), "original");
    shadow.next().await;
    for _ in 0..2 {
        assert_eq!(client.post("/", "content").await.text(), "original");
    }
    gateway
        .metrics_until("two found no place", |metrics| (outcomes(metrics, "upstream_saturated") == 2.0).then_some(()))
        .await;
    release.add_permits(1);
    ended(&gateway, "2xx", 1.0).await;
}

/// Beyond the bound copies are dropped, and once there is room again they are made again.
#[tokio::test]
async fn only_so_many_copies_are_under_way() {
    let original = Recorder::start("original").await;
    let (shadow, release) = Recorder::held("shadow", 0).await;
    let fields = "mirror: { upstream: shadow, in_flight: 2 }";
    let gateway = mirrored(original.origin.address, shadow.origin.address, fields).await;
    let mut client = gateway.http1().await;
    for _ in 0..5 {
        assert_eq!(client.get("/").await.text(), "original");
    }
    shadow.next().await;
    shadow.next().await;
    let metrics = gateway.metrics().await;
    assert_eq!((under_way(&metrics), outcomes(&metrics, "overflow")), (2.0, 3.0));
    release.add_permits(3);
    ended(&gateway, "2xx", 2.0).await;
    assert_eq!(client.get("/").await.text(), "original");
    ended(&gateway, "2xx", 3.0).await;
    assert_eq!(shadow.origin.counts.requests(), 3);
}

/// The exact share is proved with a seeded chance; here, that the document's share is the one that is used.
#[tokio::test]
async fn a_share_of_the_requests_is_copied() {
    const REQUESTS: usize = 600;
    let (original, shadow) = (Origin::text("original").await, Recorder::start("shadow").await);
    let fields = "mirror: { upstream: shadow, share: 25%, in_flight: 10000 }";
    let gateway = mirrored(original.address, shadow.origin.address, fields).await;
    let ask = async |mut client: Client| {
        for _ in 0..REQUESTS / 4 {
            assert_eq!(client.get("/").await.text(), "original");
        }
    };
    join_all([gateway.http1().await, gateway.http1().await, gateway.h2c().await, gateway.h2c().await].map(ask)).await;
    let copied = gateway
        .metrics_until("the copies are over", |metrics| (under_way(metrics) == 0.0).then(|| outcomes(metrics, "2xx")));
    // 150 are expected; 80 away is more than seven standard deviations.
    let copied = copied.await;
    assert!((70.0..230.0).contains(&copied), "{copied}");
    assert_eq!(shadow.origin.counts.requests() as f64, copied);
}

// === the life of a gateway ===

/// Figures go on across a reload, for a mirror whose route and upstream keep their names.
#[tokio::test]
async fn a_reload_keeps_the_figures_and_the_bound() {
    let original = Recorder::start("original").await;
    let (shadow, release) = Recorder::held("shadow", 0).await;
    let before = document(
        original.origin.address,
        &[upstream("shadow", shadow.origin.address, "")],
        "mirror: { upstream: shadow, in_flight: 1 }",
    );
    let gateway = Gateway::start(&before).await;
    assert_eq!(client::get(gateway.web(), "/").await.text(), "original");
    shadow.next().await;
    gateway.reload_and_wait(&before.replace("in_flight: 1", "in_flight: 2")).await;
    for _ in 0..2 {
        assert_eq!(client::get(gateway.web(), "/").await.text(), "original");
    }
    shadow.next().await;
    let metrics = gateway.metrics().await;
    assert_eq!((under_way(&metrics), outcomes(&metrics, "overflow")), (2.0, 1.0));
    release.add_permits(2);
    ended(&gateway, "2xx", 2.0).await;
}

/// A drain waits for clients, not for copies.
#[tokio::test]
async fn a_drain_does_not_wait_for_copies() {
    let original = Recorder::start("original").await;
    let (shadow, _release) = Recorder::held("shadow", 0).await;
    let shadows = [upstream("shadow", shadow.origin.address, "")];
    let gateway = Process::start(&document(original.origin.address, &shadows, "mirror: shadow")).await;
    let mut wire = Wire::connect(gateway.address("web")).await;
    wire.send("GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
    assert_eq!(wire.response().await.unwrap().text(), "original");
    shadow.next().await;
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().await.code, Some(0));
}

/// A request that the gateway answers itself goes to nobody.
#[tokio::test]
async fn what_a_policy_answers_is_not_copied() {
    let (original, shadow) = (Recorder::start("original").await, Recorder::start("shadow").await);
    let fields = "policies: [cors: { origins: [\"https://app.test\"] }], mirror: shadow";
    let gateway = mirrored(original.origin.address, shadow.origin.address, fields).await;
    let preflight = [("origin", "https://app.test"), ("access-control-request-method", "GET")];
    let mut client = gateway.http1().await;
    let answer = client.fetch(with_fields(Method::OPTIONS, "/", &preflight)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(client.get("/asked").await.text(), "original");
    assert_eq!(shadow.next().await.target, "/asked");
    assert_eq!((original.origin.counts.requests(), shadow.origin.counts.requests()), (1, 1));
}
