//! Who answers instead of an upstream that failed: in which order, for what, and who is told.

use http::{Method, Response, StatusCode};
use testkit::{
    body,
    client::{Answer, request},
    origin::{Origin, RawOrigin},
};

use crate::support::{BROKEN, Gateway, assert_reply, echo, nowhere, with_fields};

/// A gateway whose route goes to `first`, and has these fallbacks. `second` is another upstream.
async fn gateway(first: &str, second: &str, fallback: &str) -> Gateway {
    Gateway::start(&format!(
        "gateway: {{ workers: 1, admin: {{ address: \"127.0.0.1:0\" }} }}\n\
         listeners: [ {{ name: web, address: \"127.0.0.1:0\" }} ]\n\
         upstreams:\n  - {{ name: first, {first} }}\n  - {{ name: second, {second} }}\n\
         routes:\n  - {{ name: all, match: {{ path: \"/{{what...}}\" }}, upstream: first, fallback: [ {fallback} ] }}\n"
    ))
    .await
}

fn at(address: impl std::fmt::Display) -> String {
    format!("endpoints: [\"{address}\"]")
}

async fn send(gateway: &Gateway, method: Method, text: &'static str) -> Answer {
    let mut request = request(method, "/it");
    if !text.is_empty() {
        *request.body_mut() = body::full(text);
    }
    gateway.http1().await.fetch(request).await
}

#[tokio::test]
async fn another_upstream_answers_and_is_named() {
    let (_held, nobody) = nowhere();
    let echo = echo().await;
    let gateway = gateway(&at(nobody), &at(echo.address), "{ upstream: second }").await;
    for (_, mut client) in gateway.both().await {
        let answer = client.get("/it").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "GET "));
        assert_eq!(answer.field("sluice-fallback"), Some("second"));
    }
    // It reached nobody, so even this may go elsewhere, with its body.
    assert_eq!(send(&gateway, Method::POST, "order").await.text(), "POST order");
    gateway.ended_well(3.0).await;
}

#[tokio::test]
async fn who_succeeds_needs_nobody() {
    let (first, second) = (echo().await, echo().await);
    let gateway = gateway(&at(first.address), &at(second.address), "{ upstream: second }, { respond: {} }").await;
    let answer = send(&gateway, Method::PUT, "order").await;
    assert_eq!((answer.text(), answer.field("sluice-fallback")), ("PUT order", None));
    assert_eq!(second.counts.requests(), 0);
}

#[tokio::test]
async fn they_are_tried_in_order() {
    let broken = RawOrigin::answering(BROKEN).await;
    let (_held, nobody) = nowhere();
    let last = "{ name: sorry, respond: { status: 200, headers: { x-a: \"{what}\" }, body: \"no {what} today\" } }";
    let gateway = gateway(&at(broken.address), &at(nobody), &format!("{{ upstream: second }}, {last}")).await;
    let answer = send(&gateway, Method::GET, "").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "no it today"));
    assert_eq!((answer.field("sluice-fallback"), answer.field("x-a")), (Some("sorry"), Some("it")));
}

/// If nobody does better, what the route's own upstream said stands.
#[tokio::test]
async fn in_the_end_the_failure_stands() {
    let broken = RawOrigin::answering(BROKEN).await;
    let (_held, nobody) = nowhere();
    let to_nobody = gateway(&at(broken.address), &at(nobody), "{ upstream: second }").await;
    let answer = send(&to_nobody, Method::GET, "").await;
    assert_eq!((answer.status.as_u16(), answer.text(), answer.field("sluice-fallback")), (503, "broken", None));

    let to_broken = gateway(&at(nobody), &at(broken.address), "{ upstream: second }").await;
    let answer = send(&to_broken, Method::GET, "").await;
    assert_eq!((answer.text(), answer.field("sluice-fallback")), ("broken", Some("second")));

    let to_nobody = gateway(&at(nobody), &at(nobody), "{ upstream: second }").await;
    assert_reply(&send(&to_nobody, Method::GET, "").await, 502, "connect_refused");
}

/// Each is for what its document says.
#[tokio::test]
async fn only_for_what_is_listed() {
    let missing = Origin::start(async |_| {
        let mut response = Response::new(body::full("nothing here"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    })
    .await;
    let second = at(missing.address);
    let by_default = gateway(&at(missing.address), &second, "{ respond: { body: instead } }").await;
    assert_eq!(send(&by_default, Method::GET, "").await.text(), "nothing here");
    let listed = "{ respond: { body: never }, on: [timeout, 5xx] }, { respond: { body: instead }, on: [404] }";
    let listed = gateway(&at(missing.address), &second, listed).await;
    let answer = send(&listed, Method::GET, "").await;
    assert_eq!((answer.text(), answer.field("sluice-fallback")), ("instead", Some("respond")));
}

/// What may have been done is not done again elsewhere; whoever needs nobody for it answers all the same.
#[tokio::test]
async fn nothing_is_done_twice() {
    let broken = RawOrigin::answering(BROKEN).await;
    let echo = echo().await;
    let fallback = "{ upstream: second }, { respond: { status: 202, body: later } }";
    let gateway = gateway(&at(broken.address), &at(echo.address), fallback).await;
    let answer = send(&gateway, Method::POST, "order").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (202, "later"));
    assert_eq!(echo.counts.requests(), 0);
    let answer = send(&gateway, Method::PUT, "order").await;
    assert_eq!((answer.text(), answer.field("sluice-fallback")), ("PUT order", Some("second")));
    // Of a longer one, the beginning is gone.
    let mut long = request(Method::PUT, "/it");
    *long.body_mut() = body::chunks(vec![vec![b'a'; 40_000]; 3]);
    let answer = gateway.http1().await.fetch(long).await;
    assert_eq!(answer.text(), "later");
}

/// An open breaker is what fallbacks are for; that of the route does not keep them from their work.
#[tokio::test]
async fn an_open_breaker_leads_to_the_next() {
    let broken = RawOrigin::answering(BROKEN).await;
    let echo = echo().await;
    let first = format!("{}, breaker: {{ consecutive_failures: 1, open_for: 1h }}", at(broken.address));
    let gateway = gateway(&first, &at(echo.address), "{ upstream: second, on: [reset] }").await;
    assert_eq!(send(&gateway, Method::POST, "a").await.text(), "broken");
    let answer = send(&gateway, Method::POST, "b").await;
    assert_eq!((answer.text(), answer.field("sluice-fallback")), ("POST b", Some("second")));
    assert_eq!(broken.counts.requests(), 1);
}

#[tokio::test]
async fn calls_fall_back_as_well() {
    let failing = |status: &'static str| {
        Origin::start(move |_| {
            let response = Response::builder().header("content-type", "application/grpc").header("grpc-status", status);
            async move { response.body(body::empty()).unwrap() }
        })
    };
    let (first, second) = (failing("14").await, failing("0").await);
    let h2c = |origin: &Origin| format!("{}, protocol: h2c", at(origin.address));
    let gateway = gateway(&h2c(&first), &h2c(&second), "{ upstream: second }").await;
    let fields = [("content-type", "application/grpc"), ("te", "trailers")];
    // A POST that was answered: what a call did is not known.
    let answer = gateway.h2c().await.fetch(with_fields(Method::POST, "/a.B/c", &fields)).await;
    assert_eq!((answer.field("grpc-status"), second.counts.requests()), (Some("14"), 0));
}
