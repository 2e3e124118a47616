//! How long an exchange may take: by the document, and by what callers say.

use http::Method;
use testkit::{
    client::{Answer, request},
    eventually,
    origin::RawOrigin,
};

use crate::support::{Forward, assert_reply, nowhere, with_fields};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn silent() -> RawOrigin {
    RawOrigin::start(async |mut conn| {
        let _ = conn.request().await;
        std::future::pending::<()>().await;
    })
    .await
}

/// Callers are heeded, but never beyond what the document allows.
#[tokio::test]
async fn a_caller_may_say_how_long_it_waits() {
    let silent = silent().await;
    let ask = async |timeouts: &str, waits: Option<&str>| -> Answer {
        let gateway = Forward::to(silent.address).upstream(format!("timeouts: {{ {timeouts} }}")).start().await;
        let fields: Vec<_> = waits.map(|waits| ("x-request-timeout", waits)).into_iter().collect();
        gateway.http1().await.fetch(with_fields(Method::GET, "/", &fields)).await
    };
    let own = "total: 1h, first_byte: 1h, header: x-request-timeout";
    assert_reply(&ask(own, Some("1000")).await, 504, "total_timeout");
    assert_reply(&ask(own, Some("1s")).await, 504, "total_timeout");
    assert_reply(&ask(own, Some("0")).await, 504, "total_timeout");
    let short = "total: 1s, first_byte: 1h, header: x-request-timeout";
    assert_reply(&ask(short, Some("1000s")).await, 504, "total_timeout");
    assert_reply(&ask(short, Some("whenever")).await, 504, "total_timeout");
    // The one without any time was not sent.
    eventually("four were sent", async || (silent.counts.requests() == 4).then_some(())).await;
}

/// Endpoints learn what is left, attempt by attempt.
#[tokio::test]
async fn what_is_left_is_handed_on() {
    let (_held, nobody) = nowhere();
    let origin = RawOrigin::answering(OK).await;
    let fields = "timeouts: { total: 20s, header: x-request-timeout }, retry: {}";
    let gateway = Forward::to(nobody).and(origin.address).upstream(fields).start().await;
    let ask = async |waits: &str| -> u64 {
        gateway.http1().await.fetch(with_fields(Method::GET, "/", &[("x-request-timeout", waits)])).await;
        origin.next_request().await.fields.one("x-request-timeout").unwrap().parse().unwrap()
    };
    assert!((1..=9_999).contains(&ask("10s").await), "less than was asked for is left");
    assert!((10_001..=19_999).contains(&ask("1m").await), "no more than the document allows");
    gateway.http1().await.fetch(request(Method::GET, "/")).await;
    assert_eq!(origin.next_request().await.fields.one("x-request-timeout"), None);
}

/// gRPC has a field of its own for it.
#[tokio::test]
async fn grpc_timeouts_are_heeded() {
    let silent = silent().await;
    let gateway = Forward::to(silent.address).upstream("timeouts: { first_byte: 1h }").start().await;
    let fields = [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "2S")];
    let answer = gateway.h2c().await.fetch(with_fields(Method::POST, "/a.B/c", &fields)).await;
    assert_eq!(answer.field("grpc-status"), Some("4"), "{:?}", answer.headers);
    let told = silent.next_request().await;
    let left: u64 = told.fields.one("grpc-timeout").unwrap().strip_suffix('u').unwrap().parse().unwrap();
    assert!((1..2_000_000).contains(&left), "{left}");
}
