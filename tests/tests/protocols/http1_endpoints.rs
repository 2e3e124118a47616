//! What endpoints may answer over HTTP/1, and what is made of it.

use http::Method;
use testkit::{
    body,
    client::{self, request},
    origin::{RawConn, RawOrigin},
    wire::Wire,
};

use crate::support::{Forward, Gateway, assert_reply};

/// What a client gets.
enum Expected {
    /// A response with this status and content; whether the connection to the endpoint is used again.
    Answer(u16, &'static str, bool),
    /// The gateway's own 502 with this cause.
    Refused(&'static str),
    /// A response that breaks off, or a refusal if the gateway saw it coming.
    Broken,
}

use Expected::{Answer, Broken, Refused};

/// Answers each request with the same octets in pieces of this size; a connection ends after its answer where only
/// that ends the answer.
async fn answering(answer: &[u8], piece: usize, close: bool) -> RawOrigin {
    let answer = answer.to_vec();
    RawOrigin::start(move |mut conn: RawConn| {
        let answer = answer.clone();
        async move {
            while conn.request().await.is_ok() {
                for octets in answer.chunks(piece) {
                    if conn.send(octets).await.is_err() {
                        return;
                    }
                }
                if close {
                    return;
                }
            }
        }
    })
    .await
}

#[track_caller]
fn check(got: &Result<client::Answer, hyper::Error>, expected: &Expected, what: &str) {
    match (got, expected) {
        (Ok(got), Answer(status, text, _)) => {
            assert_eq!((got.status.as_u16(), got.text()), (*status, *text), "{what}");
        }
        (Ok(got), Refused(cause)) => assert_reply(got, 502, cause),
        (Ok(got), Broken) => assert_eq!(got.status, 502, "{what}: {got:?}"),
        (Err(_), Broken) => {}
        (got, _) => panic!("{what}: {got:?}"),
    }
}

const KEPT: bool = true;
const CLOSED: bool = false;

const ANSWERS: &[(&str, Expected)] = &[
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Answer(200, "ok", KEPT)),
    ("HTTP/1.1 200 \r\nContent-Length:2\r\n\r\nok", Answer(200, "ok", KEPT)),
    ("HTTP/1.1 200\r\ncontent-length: \t 2 \t\r\n\r\nok", Answer(200, "ok", KEPT)),
    ("HTTP/1.1 599 Strange\r\ncontent-length: 2\r\n\r\nok", Answer(599, "ok", KEPT)),
    ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Answer(200, "", KEPT)),
    ("HTTP/1.1 204 No Content\r\n\r\n", Answer(204, "", KEPT)),
    // The length is that of another response (RFC 9110, 8.6).
    ("HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n", Answer(304, "", KEPT)),
    // Chunks in all their forms.
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Answer(200, "ok", KEPT)),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r\no\r\n01 ;c=\"d\"\r\nk\r\n0;e\r\n\r\n",
        Answer(200, "ok", KEPT),
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\n0123456789\r\n000\r\nx-a: b\r\n\r\n",
        Answer(200, "0123456789", KEPT),
    ),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Answer(200, "", KEPT)),
    // Interim responses come first, also some that nobody asked for.
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        Answer(200, "ok", KEPT),
    ),
    // Connections that end.
    ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", Answer(200, "ok", CLOSED)),
    ("HTTP/1.1 200 OK\r\nconnection: x-a, Close\r\ncontent-length: 2\r\n\r\nok", Answer(200, "ok", CLOSED)),
    ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", Answer(200, "ok", CLOSED)),
    ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", Answer(200, "ok", KEPT)),
    // An answer to a question that was never asked must not become the next one's.
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        Answer(200, "ok", CLOSED),
    ),
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\r\n", Answer(200, "ok", CLOSED)),
    ("HTTP/1.1 204 No Content\r\n\r\nbody", Answer(204, "", CLOSED)),
    // What is no HTTP, or could be read in two ways.
    ("SSH-2.0-OpenSSH_9.2\r\n\r\n", Refused("response_malformed")),
    ("HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/1.1 200 OK\r\nx a: b\r\ncontent-length: 2\r\n\r\nok", Refused("response_malformed")),
    ("HTTP/1.1 200 OK\r\nx-a: b\0c\r\ncontent-length: 2\r\n\r\nok", Refused("response_malformed")),
    // Bodies that are not what their head says.
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n", Broken),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\nok\r\n0\r\n\r\n", Broken),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n", Broken),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nok\r\n0\r\n\r\n", Broken),
];

#[tokio::test]
async fn answers_are_read_by_the_book() {
    for (octets, expected) in ANSWERS {
        for piece in [usize::MAX, 1] {
            let origin = answering(octets.as_bytes(), piece, false).await;
            let gateway = Forward::to(origin.address).start().await;
            let mut client = gateway.http1().await;
            for _ in 0..2 {
                let got = client.try_fetch(request(Method::GET, "/")).await;
                check(&got, expected, octets);
                if got.is_err() {
                    client = gateway.http1().await;
                }
            }
            if let Answer(_, _, kept) = expected {
                let connections = if *kept { 1 } else { 2 };
                assert_eq!(origin.counts.connections(), connections, "{octets}");
            }
        }
    }
}

#[tokio::test]
async fn the_end_of_a_connection_ends_what_has_no_length() {
    for (octets, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\nok", Answer(200, "ok", CLOSED)),
        ("HTTP/1.0 200 OK\r\n\r\nok", Answer(200, "ok", CLOSED)),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", Answer(200, "", CLOSED)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", Broken),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", Broken),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", Broken),
        ("HTTP/1.1 200 OK\r\ncontent-le", Refused("upstream_reset")),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", Refused("upstream_reset")),
    ] {
        let origin = answering(octets.as_bytes(), usize::MAX, true).await;
        let gateway = Forward::to(origin.address).start().await;
        for (_, mut client) in gateway.both().await {
            check(&client.try_fetch(request(Method::GET, "/")).await, &expected, octets);
        }
        assert_eq!(origin.counts.connections(), 2, "{octets}");
    }
}

#[tokio::test]
async fn heads_of_any_size_that_is_not_absurd_are_taken() {
    for (bytes, taken) in [(30_000, true), (1 << 20, false)] {
        let value = "x".repeat(bytes);
        let answer = format!("HTTP/1.1 200 OK\r\nx-long: {value}\r\ncontent-length: 2\r\n\r\nok");
        let origin = answering(answer.as_bytes(), usize::MAX, false).await;
        let gateway = Forward::to(origin.address).start().await;
        let answer = client::get(gateway.web(), "/").await;
        if taken {
            assert_eq!((answer.text(), answer.field("x-long").map(str::len)), ("ok", Some(bytes)));
        } else {
            assert_reply(&answer, 502, "response_malformed");
        }
    }
    let many: String = (0..90).map(|index| format!("x-{index}: {index}\r\n")).collect();
    let answer = format!("HTTP/1.1 200 OK\r\n{many}content-length: 2\r\n\r\nok");
    let origin = answering(answer.as_bytes(), usize::MAX, false).await;
    let gateway = Forward::to(origin.address).start().await;
    assert_eq!(client::get(gateway.web(), "/").await.field("x-89"), Some("89"));
}

/// A large body in odd pieces, up and down, over kept connections.
#[tokio::test]
async fn large_bodies_arrive_as_they_were() {
    let content: Vec<u8> = (0..3_000_017_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let back = content.clone();
    let origin = RawOrigin::start(move |mut conn: RawConn| {
        let back = back.clone();
        async move {
            while let Ok(request) = conn.request().await {
                assert!(request.body == back, "{} of {} octets, or others", request.body.len(), back.len());
                let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
                for (index, piece) in back.chunks(12_347).enumerate() {
                    let extension = if index % 3 == 0 { ";x=y" } else { "" };
                    answer.extend(format!("{:x}{extension}\r\n", piece.len()).bytes());
                    answer.extend(piece);
                    answer.extend(b"\r\n");
                }
                answer.extend(b"0\r\n\r\n");
                conn.send(answer).await.unwrap();
            }
        }
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    for (version, mut client) in gateway.both().await {
        for pieces in [1, 997, 65_536] {
            let body = match pieces {
                1 => body::full(content.clone()),
                _ => body::chunks(content.chunks(pieces).map(<[u8]>::to_vec).collect::<Vec<_>>()),
            };
            let answer = client.fetch(request(Method::PUT, "/").map(|_| body)).await;
            assert_eq!(answer.status, 200, "{version}");
            assert!(answer.body == content, "{version}: {} of {} octets, or others", answer.body.len(), content.len());
        }
    }
    assert_eq!(origin.counts.connections(), 1);
}

/// What an endpoint sees of a request, field by field in the order of the client.
#[tokio::test]
async fn requests_are_written_by_the_book() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let gateway: Gateway =
        Forward::to(origin.address).gateway("forwarded: { via: false, x_forwarded: false }").start().await;
    let mut wire: Wire = gateway.wire().await;
    for (sent, method, fields) in [
        (
            "GET / HTTP/1.1\r\nhost: a.test\r\nx-b: 1\r\nx-a: 2\r\n\r\n",
            "GET",
            &["host: a.test", "x-b: 1", "x-a: 2"][..],
        ),
        ("DELETE / HTTP/1.1\r\nHost: a.test\r\n\r\n", "DELETE", &["host: a.test"]),
        // No body needs no length, but for methods that mean one (RFC 9110, 8.6).
        (
            "POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 0\r\n\r\n",
            "POST",
            &["host: a.test", "content-length: 0"],
        ),
        (
            "QUERY / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 2\r\n\r\nhi",
            "QUERY",
            &["host: a.test", "content-length: 2"],
        ),
        (
            "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "POST",
            &["host: a.test", "transfer-encoding: chunked"],
        ),
    ] {
        wire.send(sent).await.unwrap();
        assert_eq!(wire.response().await.unwrap().status, 200, "{sent}");
        let request = origin.next_request().await;
        let mut got: Vec<String> =
            request.fields.0.iter().map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase())).collect();
        // The codec may put its own field anywhere; what the client sent keeps its order.
        got.sort_by_key(|line| fields.iter().position(|field| line == field));
        assert_eq!(
            (request.method.as_str(), got),
            (method, fields.iter().map(|&line| line.to_owned()).collect()),
            "{sent}"
        );
    }
}
