//! The raw client, against the demo services and against origins that misbehave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use testkit::{
    demo,
    origin::{RawConn, RawOrigin},
    wire::{Framing, Why, Wire, frames},
};

async fn origin_that_says(octets: &'static str) -> RawOrigin {
    RawOrigin::answering(octets).await
}

async fn asked(origin: &RawOrigin) -> Wire {
    let mut wire = Wire::connect(origin.address).await;
    wire.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    wire
}

#[tokio::test]
async fn reads_what_the_demo_services_answer() {
    let users = demo::users(2).await.unwrap();
    let mut wire = Wire::connect(users.address).await;
    wire.send("GET /users/1 HTTP/1.1\r\nhost: x\r\n\r\nGET /users/99 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();

    let first = wire.response().await.unwrap();
    assert_eq!((first.status, first.field("content-type")), (200, Some("application/json")));
    assert_eq!(first.json()["instance"], "users-2");
    assert_eq!(first.json()["user"]["name"], "Ada");

    let second = wire.response().await.unwrap();
    assert_eq!(second.status, 404, "the second of two pipelined requests");
}

#[tokio::test]
async fn reads_a_response_to_head() {
    let users = demo::users(1).await.unwrap();
    let mut wire = Wire::connect(users.address).await;
    wire.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let response = wire.response_to_head().await.unwrap();
    assert_eq!(response.framing, Framing::None);
    assert!(response.fields.has("content-length"));
}

#[tokio::test]
async fn reads_chunks_trailers_and_interim_responses() {
    let origin = origin_that_says(
        "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n\
         HTTP/1.1 200 Fine\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nchecksum: 7\r\n\r\n",
    )
    .await;
    let response = asked(&origin).await.response().await.unwrap();
    assert_eq!(response.interim.len(), 1);
    assert_eq!(response.interim[0].start, "HTTP/1.1 103 Early Hints");
    assert_eq!(response.interim[0].fields.one("Link"), Some("</a.css>"));
    assert_eq!((response.reason.as_str(), response.text()), ("Fine", "abcde"));
    assert_eq!(response.trailers.one("checksum"), Some("7"));

    let mut wire = asked(&origin).await;
    wire.head().await.unwrap();
    wire.head().await.unwrap();
    assert_eq!(wire.chunk().await.unwrap(), b"abc", "one chunk at a time");
    assert_eq!(wire.chunk().await.unwrap(), b"de");
    assert_eq!(wire.chunk().await.unwrap(), b"");
}

#[tokio::test]
async fn reads_a_body_that_ends_with_the_connection() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        conn.request().await.unwrap();
        conn.send("HTTP/1.0 200 OK\r\n\r\nall of it").await.unwrap();
    })
    .await;
    let response = asked(&origin).await.response().await.unwrap();
    assert_eq!((response.framing, response.text()), (Framing::UntilClose, "all of it"));
}

#[tokio::test]
async fn a_hang_fails_with_what_came() {
    let origin = origin_that_says("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let mut wire = asked(&origin).await.patience(Duration::from_millis(100));
    let failure = wire.response().await.unwrap_err();
    assert!(matches!(failure.why, Why::Late(_)), "{failure}");
    assert!(failure.to_string().ends_with("content-length: 9\\r\\n\\r\\nhalf\""), "{failure}");
}

#[tokio::test]
async fn an_early_end_and_a_reset_are_told_apart() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        conn.request().await.unwrap();
        conn.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        if conn.number == 2 {
            conn.reset();
        }
    })
    .await;
    assert_eq!(asked(&origin).await.response().await.unwrap_err().why, Why::Closed);
    let broken = asked(&origin).await.response().await.unwrap_err();
    assert!(matches!(broken.why, Why::Broken(_)), "{broken}");
    assert_eq!((origin.counts.connections(), origin.counts.requests()), (2, 2));
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    for (octets, why) in [
        ("HTTP/1.1 200 OK\n\r\n", "a line ends in LF without CR"),
        ("ICY 200 OK\r\n\r\n", "no status line"),
        ("HTTP/1.1 200 OK\r\nname : x\r\n\r\n", "no field line"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "ambiguous framing"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc", "no CRLF after a chunk"),
    ] {
        let origin = RawOrigin::answering(octets).await;
        let failure = asked(&origin).await.response().await.unwrap_err();
        assert!(matches!(&failure.why, Why::NotHttp(what) if what.starts_with(why)), "{octets:?}: {failure}");
    }
}

#[tokio::test]
async fn an_origin_shows_what_it_was_sent() {
    let origin = origin_that_says("HTTP/1.1 204 No Content\r\n\r\n").await;
    let mut wire = Wire::connect(origin.address).await;
    wire.send("PUT /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: 1\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(wire.response().await.unwrap().status, 204);
    let request = origin.next_request().await;
    assert_eq!((request.method.as_str(), request.target.as_str()), ("PUT", "/a?b"));
    assert_eq!(request.fields.0[0], ("Host".into(), "x".into()), "the spelling of the wire");
    assert_eq!((request.body.as_slice(), request.trailers.one("t")), (&b"hi"[..], Some("1")));
}

#[tokio::test]
async fn speaks_http2_frame_by_frame() {
    let echo = demo::echo().await.unwrap();
    let mut wire = Wire::connect(echo.address).await;
    wire.start_h2(&[(0x4, 65_535)]).await.unwrap();
    let settings = wire.frame().await.unwrap();
    assert_eq!(settings.kind, frames::SETTINGS);
    assert!(settings.settings_values().contains(&(0x8, 1)), "extended CONNECT is enabled");

    let long = "v".repeat(300);
    let fields =
        [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/"), ("long", long.as_str())];
    wire.send_frame(&frames::Frame::request(1, &fields)).await.unwrap();
    wire.frame_of(frames::HEADERS, 1).await.unwrap();
    let data = wire.frame_of(frames::DATA, 1).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&data.payload).unwrap();
    assert_eq!(body["headers"], serde_json::json!([["long", long]]));

    wire.send_frame(&frames::Frame::new(frames::WINDOW_UPDATE, 0, 0, [0; 4])).await.unwrap();
    let goaway = wire.frame_of(frames::GOAWAY, 0).await.unwrap();
    assert_eq!(goaway.error_code(), Some(1), "an increment of 0 is a PROTOCOL_ERROR (RFC 9113 section 6.9)");
}
