//! Each cause, with everything that names it: the response, the access log, the metrics.

use futures_util::future::join_all;
use http::{HeaderValue, Method, Request, header};
use message::Cause;
use testkit::{
    body::{self, Body},
    client::{self, Client, request},
    eventually,
    faults::{Fault, FaultProxy},
    gateway::Process,
    origin::{Origin, RawOrigin},
    wire::{Failure, Response, Wire},
};

use crate::{
    bad_requests::{LIMITS, Refused, refused},
    failing::Failing,
    held::Held,
    refusal::Refusal,
    witness::{are_counted, are_counted_and_logged, are_logged},
};

/// Causes that no traffic can bring about today, each with what it waits for.
const UNREACHABLE: &[(Cause, &str)] = &[
    (Cause::Denied, "a kind of policy that refuses"),
    (Cause::PolicyFailed, "a kind of policy that can fail at work"),
    (Cause::PolicyUnavailable, "a kind of policy that can be missing at run time"),
    (Cause::Internal, "a fault of the gateway"),
];

/// Whatever goes wrong with an endpoint, whoever asks learns the same, in the words of their own protocol.
#[tokio::test]
async fn failures_of_endpoints_are_told_in_every_protocol() {
    let failing = Failing::before_the_head().await;
    let gateway = Process::start(&failing.document()).await;
    let mut asked = Vec::new();
    for (name, cause) in failing.ways() {
        asked.push((name, cause, "http1", Client::http1(gateway.address("web")).await));
        asked.push((name, cause, "http2", Client::h2c(gateway.address("web")).await));
        asked.push((name, cause, "grpc", Client::h2c(gateway.address("web")).await));
    }
    let told = join_all(asked.into_iter().map(async |(name, cause, protocol, mut client)| {
        let what = format!("{name} over {protocol}");
        let refusal = Refusal::from(client.fetch(ask(name, protocol, &what)).await);
        if protocol == "grpc" {
            refusal.is_grpc(cause, &what);
        } else {
            refusal.is_problem(cause, &what);
        }
        (what, cause)
    }));
    are_counted_and_logged(&gateway, &told.await).await;
}

fn ask(name: &str, protocol: &str, agent: &str) -> Request<Body> {
    let mut request = request(Method::GET, &format!("/{name}/%25"));
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_str(agent).unwrap());
    if protocol == "grpc" {
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
        request.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
    }
    request
}

/// Also what the codec refuses by itself is a problem with a cause; then the connection is closed in order.
#[tokio::test]
async fn bad_requests_are_told_why() {
    let origin = Origin::text("never asked").await;
    let gateway = Process::start(&document(&origin)).await;
    let told = join_all(refused().into_iter().map(async |refused| {
        let Refused { what, octets, cause, by_codec } = refused;
        let mut wire = Wire::connect(gateway.address("web")).await;
        // The answer may come, and the connection close, before all is sent.
        let _ = wire.send(&octets).await;
        let response = wire.response().await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
        let refusal = Refusal::from(response);
        refusal.is_problem(cause, what);
        if by_codec || cause == Cause::AmbiguousFraming {
            assert_eq!(refusal.field("connection"), Some("close"), "{what}");
            assert_eq!(wire.until_close().await.unwrap_or_else(|failure| panic!("{what}: {failure}")), b"", "{what}");
        }
        (refusal.field("x-request-id").unwrap().to_owned(), cause)
    }));
    let told = told.await;
    are_logged(&gateway, "request_id", &told).await;
    are_counted(&gateway, told.iter().map(|(_, cause)| *cause)).await;
    assert_eq!(origin.counts.requests(), 0);
}

fn document(origin: &Origin) -> String {
    format!(
        r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners:
  - {{ name: web, address: "127.0.0.1:0", limits: {{ {LIMITS} }} }}
upstreams:
  - {{ name: origin, endpoints: ["{}"] }}
routes:
  - {{ name: root, match: {{ path: / }}, upstream: origin }}
  - {{ name: echo, match: {{ path: /echo }}, upstream: origin }}
  - {{ name: rewritten, match: {{ path: "/rewritten/{{id}}" }}, rewrite: {{ path: "/{{id}}2e" }}, upstream: origin }}
"#,
        origin.address
    )
}

/// Bodies of requests that come to no good end; the endpoint reads whatever there is.
#[tokio::test]
async fn bad_request_bodies_are_told_why() {
    let origin = RawOrigin::start(async |mut conn| {
        let _ = conn.until_close().await;
    })
    .await;
    let gateway = Process::start(&format!(
        r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners:
  - {{ name: web, address: "127.0.0.1:0", limits: {{ body_bytes: 10KiB, stall_timeout: 3s, header_timeout: 300ms }} }}
upstreams:
  - {{ name: origin, endpoints: ["{}"] }}
routes:
  - {{ name: all, upstream: origin }}
"#,
        origin.address
    ))
    .await;
    let chunk = format!("2000\r\n{}\r\n", "a".repeat(0x2000));
    let chunked = "transfer-encoding: chunked\r\n";
    let cases = [
        ("chunks without end", chunked, chunk.repeat(2), false, Cause::BodyTooLarge),
        ("stalled chunks", chunked, chunk.clone(), false, Cause::BodyStalled),
        ("stalled length", "content-length: 10\r\n", "half".to_owned(), false, Cause::BodyStalled),
        ("ended chunks", chunked, chunk.clone(), true, Cause::BodyIncomplete),
        ("ended length", "content-length: 10\r\n", "half".to_owned(), true, Cause::BodyIncomplete),
        ("no chunk", chunked, "zz\r\n".to_owned(), false, Cause::BodyIncomplete),
    ];
    let told = join_all(cases.into_iter().map(async |(what, framing, sent, ends, cause)| {
        let mut wire = Wire::connect(gateway.address("web")).await;
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\nuser-agent: {what}\r\n{framing}\r\n");
        wire.send(head + &sent).await.unwrap();
        if ends {
            wire.finish().await.unwrap();
        }
        let response = wire.response().await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
        Refusal::from(response).is_problem(cause, what);
        wire.until_close().await.unwrap_or_else(|failure| panic!("{what}: not closed: {failure}"));
        (what.to_owned(), cause)
    }));
    are_counted_and_logged(&gateway, &told.await).await;
    eventually("the endpoint is let go", async || (origin.counts.open() == 0).then_some(())).await;
}

/// What HTTP/2 can say that is refused, by us and not by the codec.
#[tokio::test]
async fn bad_requests_over_http2_are_told_why() {
    let origin = Origin::text("never asked").await;
    let gateway = Process::start(&document(&origin)).await;
    let client = Client::h2c(gateway.address("web")).await;
    let field = |value: &str| HeaderValue::from_str(value).unwrap();
    let many = (0..20).map(|_| ("x", field("1"))).collect::<Vec<_>>();
    let long = format!("/{}", "a".repeat(1025));
    let cases = [
        ("no route", "/nowhere", vec![], Cause::NoRoute),
        ("an encoded slash", "/a%2fb", vec![], Cause::InvalidPath),
        ("above the root", "/a/../..", vec![], Cause::InvalidPath),
        ("another host", "/", vec![("host", field("other"))], Cause::InvalidHost),
        ("long target", &long, vec![], Cause::UriTooLong),
        ("many fields", "/", many, Cause::HeadersTooLarge),
        ("large field", "/", vec![("x", field(&"a".repeat(5_000)))], Cause::HeadersTooLarge),
        ("circle", "/", vec![("via", field(&["2 sluice"; 9].join(", ")))], Cause::LoopDetected),
    ];
    let told = join_all(cases.into_iter().map(async |(what, target, fields, cause)| {
        let mut request = request(Method::GET, target);
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(what));
        for (name, value) in fields {
            request.headers_mut().append(name, value);
        }
        Refusal::from(client.copy().fetch(request).await).is_problem(cause, what);
        (what.to_owned(), cause)
    }));
    let mut told = told.await;
    told.push(too_large_over_http2(&client).await);
    are_counted_and_logged(&gateway, &told).await;
    assert_eq!(origin.counts.requests(), 0);
}

/// Refused by its `content-length`, before any of the body is there.
async fn too_large_over_http2(client: &Client) -> (String, Cause) {
    let (_unsent, body) = body::streamed();
    let mut request = request(Method::POST, "/").map(|_| body);
    request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(1 << 30));
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("declared too long"));
    Refusal::from(client.copy().fetch(request).await).is_problem(Cause::BodyTooLarge, "declared too long");
    ("declared too long".to_owned(), Cause::BodyTooLarge)
}

/// Bodies that an endpoint does not finish, and what the log says of them.
fn truncated() -> [(&'static str, &'static str, bool, Cause); 6] {
    let (length, chunked) = ("content-length: 10\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    [
        ("/short", length, false, Cause::ResponseIncomplete),
        ("/unended", chunked, false, Cause::ResponseIncomplete),
        ("/bad-chunk", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", false, Cause::ResponseMalformed),
        ("/stalled", length, true, Cause::ResponseStalled),
        ("/stalled-chunks", chunked, true, Cause::ResponseStalled),
        ("/total", chunked, true, Cause::TotalTimeout),
    ]
}

/// What an endpoint broke off never looks complete to a client.
#[tokio::test]
async fn truncated_bodies_stay_truncated() {
    let origin = RawOrigin::start(async |mut conn| {
        let Ok(request) = conn.request().await else { return };
        let Some((_, rest, hangs, _)) = truncated().into_iter().find(|(path, ..)| *path == request.target) else {
            return;
        };
        let _ = conn.send(format!("HTTP/1.1 200 OK\r\n{rest}")).await;
        if hangs {
            conn.hang().await;
        }
    })
    .await;
    let gateway = Process::start(&format!(
        r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: idle, endpoints: ["{0}"], timeouts: {{ idle: 2s }} }}
  - {{ name: total, endpoints: ["{0}"], timeouts: {{ total: 3s }} }}
routes:
  - {{ name: idle, upstream: idle }}
  - {{ name: total, match: {{ path: /total }}, upstream: total }}
"#,
        origin.address
    ))
    .await;
    let told = join_all(truncated().into_iter().map(async |(path, _, _, cause)| {
        let mut wire = Wire::connect(gateway.address("web")).await;
        let http1 = format!("{path} over http1");
        wire.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\nuser-agent: {http1}\r\n\r\n")).await.unwrap();
        is_broken(&wire.response().await, &http1);
        let http2 = format!("{path} over http2");
        let mut asked = request(Method::GET, path);
        asked.headers_mut().insert(header::USER_AGENT, HeaderValue::from_str(&http2).unwrap());
        let answer = Client::h2c(gateway.address("web")).await.try_fetch(asked).await;
        assert!(answer.is_err(), "{http2}: {answer:?}");
        [(http1, cause), (http2, cause)]
    }));
    are_counted_and_logged(&gateway, told.await.as_flattened()).await;
}

#[track_caller]
fn is_broken(response: &Result<Response, Failure>, what: &str) {
    match response {
        Ok(response) => panic!("{what}: it looks complete: {response:?}"),
        Err(failure) => {
            assert!(failure.is_closed(), "{what}: {failure}");
            assert!(failure.received.starts_with(b"HTTP/1.1 200 OK\r\n"), "{what}: {failure}");
        }
    }
}

/// A connection that was good until now may be dead without a word: its endpoint is unplugged. The deadline holds all
/// the same, and what is healed is used again.
#[tokio::test]
async fn kept_connections_may_be_dead() {
    let origin = Origin::text("alive").await;
    let network = FaultProxy::start(origin.address).await;
    let gateway = Process::start(&format!(
        r#"
gateway: {{ workers: 1, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams: [{{ name: origin, endpoints: ["{}"], timeouts: {{ first_byte: 3s }} }}]
routes: [{{ name: all, upstream: origin }}]
"#,
        network.address
    ))
    .await;
    let mut client = Client::http1(gateway.address("web")).await;
    assert_eq!(client.get("/").await.text(), "alive");
    network.set_both([Fault::Blackhole]);
    for _ in 0..2 {
        Refusal::from(client.get("/").await).is_problem(Cause::ResponseTimeout, "unplugged");
    }
    network.heal();
    assert_eq!(client.get("/").await.text(), "alive");
    are_counted(&gateway, [Cause::ResponseTimeout; 2].into_iter()).await;
}

/// A client that was refused and does not leave is told of all the same.
#[tokio::test]
async fn who_stays_after_a_refusal_is_told_of() {
    let origin = Origin::text("never asked").await;
    let gateway = Process::start(&document(&origin)).await;
    let Refused { what, octets, cause, .. } = refused().into_iter().find(|refused| refused.by_codec).unwrap();
    let mut wire = Wire::connect(gateway.address("web")).await;
    wire.send(&octets).await.unwrap();
    let refusal = Refusal::from(wire.response().await.unwrap());
    refusal.is_problem(cause, what);
    are_logged(&gateway, "request_id", &[(refusal.field("x-request-id").unwrap().to_owned(), cause)]).await;
    are_counted(&gateway, [cause].into_iter()).await;
    drop(wire);
}

/// A client that goes away takes its exchange along: nobody works for it any more.
#[tokio::test]
async fn clients_that_leave_let_endpoints_go() {
    let origin = RawOrigin::start(async |mut conn| {
        let _ = conn.request().await;
        let _ = conn.until_close().await;
    })
    .await;
    let gateway = Process::start(&format!(
        r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams: [{{ name: origin, endpoints: ["{}"] }}]
routes: [{{ name: all, upstream: origin }}]
"#,
        origin.address
    ))
    .await;
    let address = gateway.address("web");
    let mut closes = Wire::connect(address).await;
    closes.send("GET / HTTP/1.1\r\nhost: a\r\nuser-agent: closes\r\n\r\n").await.unwrap();
    let mut resets = Wire::connect(address).await;
    resets.send("GET / HTTP/1.1\r\nhost: a\r\nuser-agent: resets\r\n\r\n").await.unwrap();
    let mut asked = request(Method::GET, "/");
    asked.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("cancels"));
    let http2 = Client::h2c(address).await;
    let mut cancels = http2.copy();
    let cancelled = tokio::spawn(async move { cancels.send(asked).await });
    eventually("all are under way", async || (origin.counts.requests() == 3).then_some(())).await;

    drop(closes);
    resets.reset();
    cancelled.abort();
    eventually("the endpoint is let go", async || (origin.counts.open() == 0).then_some(())).await;
    let told = ["closes", "resets", "cancels"].map(|what| (what.to_owned(), Cause::ClientClosed));
    are_counted_and_logged(&gateway, &told).await;
    let inflight = |metrics: &testkit::gateway::Metrics| metrics.value("sluice_inflight_requests", &[]);
    gateway.metrics_until("nothing is under way", |metrics| (inflight(metrics) == Some(0.0)).then_some(())).await;
    drop(http2);
}

/// Requests that no endpoint is asked for, because of what became of others.
#[tokio::test]
async fn refusals_that_others_bring_about_are_told() {
    let (_reserved, nobody) = crate::failing::nobody();
    let held = Held::start().await;
    let gateway = Process::start(&format!(
        r#"
gateway: {{ workers: 1, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: full, endpoints: ["{}"], bulkhead: {{ requests: 1, queue: 0 }} }}
  - {{ name: broken, endpoints: ["{nobody}"], breaker: {{ consecutive_failures: 1, open_for: 1h }} }}
routes:
  - {{ name: full, match: {{ path: {{ prefix: /full }} }}, upstream: full }}
  - {{ name: broken, match: {{ path: {{ prefix: /broken }} }}, upstream: broken }}
"#,
        held.origin.address
    ))
    .await;
    let mut told = vec![("opens it".to_owned(), Cause::ConnectRefused)];
    let address = gateway.address("web");
    let answer = Client::http1(address).await.fetch(ask("broken", "http1", "opens it")).await;
    Refusal::from(answer).is_problem(Cause::ConnectRefused, "opens it");
    let first = tokio::spawn(async move { client::get(address, "/full").await });
    held.has(1).await;
    for (name, cause) in [("full", Cause::UpstreamSaturated), ("broken", Cause::BreakerOpen)] {
        for protocol in ["http1", "http2", "grpc"] {
            let mut client = match protocol {
                "http1" => Client::http1(address).await,
                _ => Client::h2c(address).await,
            };
            let what = format!("{name} over {protocol}");
            let refusal = Refusal::from(client.fetch(ask(name, protocol, &what)).await);
            if protocol == "grpc" {
                refusal.is_grpc(cause, &what);
            } else {
                refusal.is_problem(cause, &what);
            }
            told.push((what, cause));
        }
    }
    held.release();
    assert_eq!(first.await.unwrap().text(), "at last");
    are_counted_and_logged(&gateway, &told).await;
}

/// Strangers do not learn addresses; those who are trusted do.
#[tokio::test]
async fn details_are_for_those_who_are_trusted() {
    let (_reserved, address) = crate::failing::nobody();
    for (trusted, expected) in [("[]", false), ("[127.0.0.0/8]", true)] {
        let gateway = Process::start(&format!(
            r#"
gateway: {{ workers: 1, admin: {{ address: "127.0.0.1:0" }}, trusted_proxies: {trusted} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams: [{{ name: origin, endpoints: ["{address}"] }}]
routes: [{{ name: all, upstream: origin }}]
"#
        ))
        .await;
        let answer = client::get(gateway.address("web"), "/").await;
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(detail.contains(&address.to_string()), expected, "{detail}");
        Refusal::from(answer).is_problem(Cause::ConnectRefused, trusted);
    }
}

/// The tables above produce every cause that there is, but for those that say what they wait for.
#[tokio::test]
async fn every_cause_is_tested() {
    let failing = Failing::before_the_head().await;
    let mut tested: Vec<_> = failing.ways().map(|(_, cause)| cause).collect();
    tested.extend(refused().into_iter().map(|refused| refused.cause));
    tested.extend(truncated().map(|(.., cause)| cause));
    tested.extend([Cause::BodyStalled, Cause::BodyIncomplete, Cause::ClientClosed]);
    tested.extend([Cause::UpstreamSaturated, Cause::BreakerOpen]);
    // In the tests of limits, by the same witnesses.
    tested.extend([Cause::HeaderTimeout, Cause::ClientStalled]);
    // In the tests of consumers.
    tested.extend([Cause::Unauthenticated, Cause::InvalidCredentials]);
    for cause in Cause::ALL {
        let excused = UNREACHABLE.iter().any(|(unreachable, _)| unreachable == cause);
        assert_ne!(tested.contains(cause), excused, "{cause}");
    }
}
