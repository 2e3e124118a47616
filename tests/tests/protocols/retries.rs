//! Requests that are sent once more: which, where to, how often, and what that adds to the load.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use testkit::{
    body::{self, Body},
    client::{Answer, request},
    gateway::Metrics,
    origin::{Origin, RawOrigin},
};

use crate::support::{BROKEN, Forward, Gateway, assert_reply, echo, nowhere, with_fields};

async fn send(gateway: &Gateway, method: Method, text: &'static str) -> Answer {
    let mut request = request(method, "/");
    if !text.is_empty() {
        *request.body_mut() = body::full(text);
    }
    gateway.http1().await.fetch(request).await
}

fn retried(metrics: &Metrics) -> (f64, f64) {
    let value = |name| metrics.value(name, &[("upstream", "origin")]).unwrap();
    (value("sluice_upstream_retries_total"), value("sluice_upstream_retries_denied_total"))
}

/// What never reached an endpoint goes to another one, whatever it is.
#[tokio::test]
async fn connections_that_fail_harm_nobody() {
    let (_held, nobody) = nowhere();
    let echo = echo().await;
    let gateway = Forward::to(nobody).and(echo.address).upstream("retry: {}").start().await;
    for _ in 0..2 {
        assert_eq!(send(&gateway, Method::POST, "order").await.text(), "POST order");
        assert_eq!(send(&gateway, Method::GET, "").await.text(), "GET ");
    }
    assert_eq!(echo.counts.requests(), 4);
    // The second attempt is a turn as well, so it is always nobody's turn first.
    assert_eq!(retried(&gateway.metrics().await), (4.0, 0.0));
}

#[tokio::test]
async fn without_retries_there_are_none() {
    let (_held, nobody) = nowhere();
    let echo = echo().await;
    let gateway = Forward::to(nobody).and(echo.address).start().await;
    assert_reply(&send(&gateway, Method::GET, "").await, 502, "connect_refused");
    assert_eq!(send(&gateway, Method::GET, "").await.text(), "GET ");
}

/// Methods that may be sent twice are; others only if the document says so.
#[tokio::test]
async fn answers_are_asked_for_again_where_that_is_safe() {
    let (broken, echo) = (RawOrigin::answering(BROKEN).await, echo().await);
    let forward =
        |fields: &str| Forward::to(broken.address).and(echo.address).upstream(format!("retry: {{ {fields} }}"));
    let gateway = forward("on: [503]").start().await;
    assert_eq!(send(&gateway, Method::GET, "").await.text(), "GET ");
    assert_eq!(send(&gateway, Method::PUT, "sent twice").await.text(), "PUT sent twice");
    let passed_on = send(&gateway, Method::POST, "once").await;
    assert_eq!((passed_on.status, passed_on.text()), (StatusCode::SERVICE_UNAVAILABLE, "broken"));

    let gateway = forward("on: [503], methods: [POST]").start().await;
    assert_eq!(send(&gateway, Method::POST, "twice").await.text(), "POST twice");
    let gateway = forward("on: [502]").start().await;
    assert_eq!(send(&gateway, Method::GET, "").await.text(), "broken");
}

/// A connection that ends before the answer may have done its work.
#[tokio::test]
async fn resets_before_the_answer_are_tried_again_if_idempotent() {
    let broken = RawOrigin::start(async |mut conn| {
        let _ = conn.request().await;
        conn.reset();
    })
    .await;
    let echo = echo().await;
    let gateway = Forward::to(broken.address).and(echo.address).upstream("retry: {}").start().await;
    assert_eq!(send(&gateway, Method::DELETE, "").await.text(), "DELETE ");
    // It is the turn of the first again.
    assert_reply(&send(&gateway, Method::POST, "").await, 502, "upstream_reset");
    assert_eq!(echo.counts.requests(), 1);
}

/// Nobody waits longer for one endpoint than the document allows, as long as there is another.
#[tokio::test]
async fn an_attempt_has_its_own_time() {
    let silent = RawOrigin::start(async |mut conn| {
        let _ = conn.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let echo = echo().await;
    let fields = "retry: { on: [timeout], per_try_timeout: 3s }, timeouts: { first_byte: 1h }";
    let gateway = Forward::to(silent.address).and(echo.address).upstream(fields).start().await;
    assert_eq!(send(&gateway, Method::GET, "").await.text(), "GET ");
    assert_eq!(silent.counts.requests(), 1);
}

/// A body is kept as far as the document allows; what is longer was sent once.
#[tokio::test]
async fn bodies_are_sent_again_as_long_as_they_are_kept() {
    let (broken, echo) = (RawOrigin::answering(BROKEN).await, echo().await);
    let fields = "retry: { on: [503], body: 10 }";
    let gateway = Forward::to(broken.address).and(echo.address).upstream(fields).start().await;
    for (text, answer) in [("0123456789", "PUT 0123456789"), ("0123456789a", "broken")] {
        for pieces in [1, 2] {
            let frames = text.as_bytes().chunks(text.len().div_ceil(pieces)).map(Bytes::copy_from_slice);
            let mut request = request(Method::PUT, "/");
            *request.body_mut() = body::chunks(frames);
            let answered = gateway.http1().await.fetch(request).await;
            assert_eq!(answered.text(), answer);
            if answer != "broken" {
                // Next is the turn of the first again.
                continue;
            }
            send(&gateway, Method::GET, "").await;
        }
    }
}

#[tokio::test]
async fn grpc_statuses_are_tried_again_as_listed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let unavailable = Origin::start({
        let asked = asked.clone();
        move |_| {
            let status = if asked.fetch_add(1, Ordering::SeqCst) == 0 { "14" } else { "0" };
            let answer = Response::builder().header("content-type", "application/grpc").header("grpc-status", status);
            async move { answer.body(Body::default()).unwrap() }
        }
    })
    .await;
    let gateway =
        Forward::to(unavailable.address).upstream("protocol: h2c, retry: { on: [grpc_unavailable] }").start().await;
    let call = with_fields(Method::POST, "/a.B/c", &[("content-type", "application/grpc"), ("te", "trailers")]);
    let answer = gateway.h2c().await.fetch(call).await;
    assert_eq!(answer.field("grpc-status"), Some("0"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// An upstream that is down sees a fifth more than its clients ask, not a multiple.
#[tokio::test]
async fn a_dead_upstream_is_not_beaten() {
    let broken = RawOrigin::answering(BROKEN).await;
    let fields = "retry: { attempts: 4, on: [503], backoff: { base: 1ms, max: 1ms } }";
    let gateway = Forward::to(broken.address).upstream(fields).start().await;
    let mut client = gateway.http1().await;
    const ASKED: usize = 1000;
    for _ in 0..ASKED {
        assert_eq!(client.get("/").await.text(), "broken");
    }
    let seen = broken.counts.requests();
    assert!((ASKED + 1..=ASKED * 12 / 10).contains(&seen), "{seen}");
    let (retries, denied) = retried(&gateway.metrics().await);
    assert_eq!(retries as usize, seen - ASKED);
    assert!(denied > 0.0);
}
