//! HTTP/1.1 and HTTP/1.0 towards clients, as it is on the wire.

use std::sync::Arc;

use http::{Method, Response};
use testkit::{
    body,
    client::request,
    eventually,
    origin::{Origin, RawConn, RawOrigin},
    wire::{Framing, Wire},
};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Notify, mpsc},
};

use crate::support::{Forward, Gateway, responding};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// An origin that answers with method and path of the request, and waits at `/slow` until it is told.
async fn named(arrived: mpsc::UnboundedSender<()>, go: Arc<Notify>) -> Origin {
    Origin::start(move |request| {
        let (arrived, go) = (arrived.clone(), go.clone());
        async move {
            if request.uri().path() == "/slow" {
                arrived.send(()).unwrap();
                go.notified().await;
            }
            Response::new(body::full(format!("{} {}", request.method(), request.uri().path())))
        }
    })
    .await
}

#[tokio::test]
async fn connections_are_kept_until_the_client_says_close() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    for _ in 0..3 {
        wire.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let response = wire.response().await.unwrap();
        assert_eq!((response.status, response.field("connection"), response.text()), (200, None, "ok"));
    }
    wire.send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert_eq!(wire.response().await.unwrap().field("connection"), Some("close"));
    assert_eq!(wire.until_close().await.unwrap(), b"");
    assert_eq!((origin.counts.connections(), origin.counts.requests()), (1, 4));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_behind_a_slow_first() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let go = Arc::new(Notify::new());
    let origin = named(arrived, go.clone()).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    wire.send(
        "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n\
         POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody\
         HEAD /c HTTP/1.1\r\nhost: x\r\n\r\n\
         POST /d HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
         GET /e HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await
    .unwrap();
    arrivals.recv().await.unwrap();
    go.notify_one();
    assert_eq!(wire.response().await.unwrap().text(), "GET /slow");
    assert_eq!(wire.response().await.unwrap().text(), "POST /b");
    assert_eq!(wire.response_to_head().await.unwrap().status, 200);
    assert_eq!(wire.response().await.unwrap().text(), "POST /d");
    assert_eq!(wire.response().await.unwrap().text(), "GET /e");
    assert_eq!(wire.until_close().await.unwrap(), b"");
}

/// A bad request does not get through behind a good one, where the codec alone would take it.
#[tokio::test]
async fn a_pipelined_request_with_two_lengths_is_refused() {
    let origin = Origin::text("ok").await;
    let gateway = Forward::to(origin.address).start().await;
    for first in [
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ] {
        let mut wire = gateway.wire().await;
        let both = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        wire.send(&format!("{first}{both}GET / HTTP/1.1\r\nhost: x\r\n\r\n")).await.unwrap();
        assert_eq!(wire.response().await.unwrap().text(), "ok");
        let refused = wire.response().await.unwrap();
        assert_eq!(refused.status, 400, "{first}");
        assert!(refused.text().contains("\"cause\":\"ambiguous_framing\""), "{}", refused.text());
        assert_eq!(wire.until_close().await.unwrap(), b"", "nobody can say where the next request begins");
    }
    assert_eq!(origin.counts.requests(), 3);
}

#[tokio::test]
async fn a_head_may_come_in_any_pieces() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    // Begins as the preface of HTTP/2 does.
    for octet in b"PRICE /a HTTP/1.1\r\nhost: x\r\nx-long: value\r\n\r\n" {
        wire.send([*octet]).await.unwrap();
    }
    assert_eq!(wire.response().await.unwrap().status, 200);
    let request = origin.next_request().await;
    assert_eq!((request.method.as_str(), request.fields.one("x-long")), ("PRICE", Some("value")));
}

#[tokio::test]
async fn bodies_keep_their_framing_both_ways() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n";
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world";
    let none = "HTTP/1.1 204 No Content\r\n\r\n";
    // Without a length, the end of the connection is the end of the body; the client still learns where it is.
    let until_close = "HTTP/1.0 200 OK\r\n\r\nhello world";
    for (answer, framing, text) in [
        (chunked, Framing::Chunked, "hello world"),
        (length, Framing::Length(11), "hello world"),
        (none, Framing::None, ""),
        (until_close, Framing::Chunked, "hello world"),
    ] {
        let origin = RawOrigin::start(move |mut conn: RawConn| async move {
            if conn.request().await.is_ok() {
                conn.send(answer).await.unwrap();
            }
        })
        .await;
        let gateway = Forward::to(origin.address).start().await;
        let mut wire = gateway.wire().await;
        wire.send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        for piece in ["2\r\nab\r\n", "1", "0\r\n0123456789", "abcdef\r\n0", "\r\n\r\n"] {
            wire.send(piece).await.unwrap();
        }
        let response = wire.response().await.unwrap();
        assert_eq!((response.framing, response.text()), (framing, text), "{answer}");
        let request = origin.next_request().await;
        assert_eq!((request.framing, &*request.body), (Framing::Chunked, &b"ab0123456789abcdef"[..]));

        wire.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc").await.unwrap();
        assert_eq!(wire.response().await.unwrap().text(), text);
        let request = origin.next_request().await;
        assert_eq!((request.framing, &*request.body), (Framing::Length(3), &b"abc"[..]));

        wire.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        assert_eq!(wire.response().await.unwrap().text(), text);
        assert_eq!(origin.next_request().await.framing, Framing::Length(0), "an empty body is a body");
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let origin = RawOrigin::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-answer\r\n\r\n2\r\nok\r\n0\r\nx-answer: 42\r\n\r\n",
    )
    .await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    wire.send(
        "POST / HTTP/1.1\r\nhost: x\r\nte: trailers\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n",
    )
    .await
    .unwrap();
    let response = wire.response().await.unwrap();
    assert_eq!((response.text(), response.trailers.one("x-answer")), ("ok", Some("42")));
    let request = origin.next_request().await;
    assert_eq!((&*request.body, request.trailers.one("x-sum")), (&b"abc"[..], Some("6")));
}

#[tokio::test]
async fn continue_is_said_when_the_body_is_wanted() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    for _ in 0..2 {
        wire.send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n").await.unwrap();
        assert_eq!(wire.head().await.unwrap().start, "HTTP/1.1 100 Continue");
        wire.send("body").await.unwrap();
        let response = wire.response().await.unwrap();
        assert_eq!((response.status, response.interim.len()), (200, 0));
        let request = origin.next_request().await;
        assert_eq!((request.fields.one("expect"), &*request.body), (None, &b"body"[..]));
    }
    // A client that does not wait gets no 100 late.
    wire.send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody").await.unwrap();
    assert_eq!(wire.response().await.unwrap().status, 200);
}

#[tokio::test]
async fn continue_is_not_said_when_the_request_is_refused() {
    let closed = RawOrigin::start(async |conn: RawConn| conn.reset()).await;
    let gateway = Forward::to(closed.address)
        .listener("limits: { body_bytes: 10 }")
        .route("match: { path: { prefix: /known } }")
        .start()
        .await;
    for (path, length, status) in [("/known", 11, 413), ("/unknown", 4, 404)] {
        let mut wire = gateway.wire().await;
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n");
        wire.send(head).await.unwrap();
        let response = wire.response().await.unwrap();
        assert_eq!((response.status, response.interim.len()), (status, 0), "{path}");
        // Nobody can know whether the client will still send the body.
        assert_eq!(response.field("connection"), Some("close"), "{path}");
        assert_eq!(wire.until_close().await.unwrap(), b"", "{path}");
    }
}

#[tokio::test]
async fn interim_responses_pass_before_the_answer_is_there() {
    let go = Arc::new(Notify::new());
    let seen = go.clone();
    let origin = RawOrigin::start(move |mut conn: RawConn| {
        let seen = seen.clone();
        async move {
            while conn.request().await.is_ok() {
                conn.send("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nlink: </b.css>\r\n\r\n").await.unwrap();
                conn.send("HTTP/1.1 102 Processing\r\n\r\n").await.unwrap();
                seen.notified().await;
                conn.send(OK).await.unwrap();
            }
        }
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    for _ in 0..2 {
        wire.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let hints = wire.head().await.unwrap();
        assert_eq!(hints.start, "HTTP/1.1 103 Early Hints");
        assert_eq!(hints.fields.all("link"), ["</a.css>", "</b.css>"]);
        assert_eq!(wire.head().await.unwrap().start, "HTTP/1.1 102 Processing");
        go.notify_one();
        assert_eq!(wire.response().await.unwrap().text(), "ok");
    }

    // HTTP/1.0 knows no interim responses; over HTTP/2 the codec cannot send them yet.
    go.notify_one();
    let mut old = gateway.wire().await;
    old.send("GET / HTTP/1.0\r\nhost: x\r\n\r\n").await.unwrap();
    let response = old.response().await.unwrap();
    assert_eq!((response.interim.len(), response.text()), (0, "ok"));
    go.notify_one();
    assert_eq!(gateway.h2c().await.get("/").await.text(), "ok");
}

/// Nobody is there any more to whom an answer would matter.
#[tokio::test]
async fn a_client_that_leaves_takes_its_exchange_along() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        let _ = conn.until_close().await;
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    for reset in [false, true] {
        let mut wire = gateway.wire().await;
        wire.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        origin.next_request().await;
        if reset {
            wire.reset();
        } else {
            drop(wire);
        }
        eventually("the endpoint is left as well", async || (origin.counts.open() == 0).then_some(())).await;
    }
}

/// An endpoint that has seen enough need not read the rest, and the client learns why.
#[tokio::test]
async fn an_answer_may_come_before_the_end_of_the_question() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        conn.head().await.unwrap();
        conn.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno").await.unwrap();
        conn.hang().await;
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    for framing in ["content-length: 1000000", "transfer-encoding: chunked"] {
        let mut wire = gateway.wire().await;
        wire.send(format!("POST / HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n5\r\nhello")).await.unwrap();
        let response = wire.response().await.unwrap();
        assert_eq!((response.status, response.text()), (403, "no"), "{framing}");
    }
    let (mut sender, body) = body::streamed();
    sender.send_data("hello".into()).await.unwrap();
    let answer = gateway.h2c().await.fetch(request(Method::POST, "/").map(|_| body)).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (403, "no"));
}

#[tokio::test]
async fn head_has_the_fields_and_no_body() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        while let Ok(request) = conn.request().await {
            let answer = match request.method.as_str() {
                "HEAD" => "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n",
                _ => "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n",
            };
            conn.send(answer).await.unwrap();
        }
    })
    .await;
    let gateway = Forward::to(origin.address).route("match: { path: { prefix: /known } }").start().await;
    let mut wire = gateway.wire().await;
    for _ in 0..2 {
        wire.send("HEAD /known HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let response = wire.response_to_head().await.unwrap();
        assert_eq!((response.status, response.field("content-length")), (200, Some("11")));
        wire.send("HEAD /unknown HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert_eq!(wire.response_to_head().await.unwrap().status, 404);
        wire.send("GET /known HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let response = wire.response().await.unwrap();
        assert_eq!((response.status, response.field("etag"), response.framing), (304, Some("\"a\""), Framing::None));
    }
    assert_eq!(origin.counts.connections(), 1);
}

#[tokio::test]
async fn any_form_of_target_leads_to_the_origin_form() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).route("match: { hosts: [api.example.com] }").start().await;
    let mut wire = gateway.wire().await;
    for (line, host, target) in [
        ("GET http://api.example.com/a?b=c", "other.example.com", "/a?b=c"),
        ("GET http://API.example.com", "other.example.com", "/"),
        ("OPTIONS *", "api.example.com", "*"),
        ("GET /a?", "API.Example.COM", "/a?"),
    ] {
        wire.send(format!("{line} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await.unwrap();
        assert_eq!(wire.response().await.unwrap().status, 200, "{line}");
        let request = origin.next_request().await;
        assert_eq!((request.target.as_str(), request.fields.one("host")), (target, Some("api.example.com")), "{line}");
    }
    wire.send("CONNECT api.example.com:443 HTTP/1.1\r\nhost: api.example.com\r\n\r\n").await.unwrap();
    assert_eq!(wire.response().await.unwrap().json()["cause"], "unsupported_method");
}

#[tokio::test]
async fn http_1_0_clients_get_what_they_understand() {
    let origin =
        RawOrigin::answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let gateway = Forward::to(origin.address).start().await;
    // Without and with a host, which HTTP/1.0 did not have.
    for host in ["", "host: api.example.com\r\n"] {
        let mut wire = gateway.wire().await;
        wire.send(format!("GET /a HTTP/1.0\r\n{host}\r\n")).await.unwrap();
        let response = wire.response().await.unwrap();
        assert_ne!(response.framing, Framing::Chunked);
        assert_eq!(response.text(), "ok");
        assert_eq!(wire.until_close().await.unwrap(), b"");
        let request = origin.next_request().await;
        let expected = if host.is_empty() { origin.address.to_string() } else { "api.example.com".into() };
        assert_eq!((request.version.as_str(), request.fields.one("host")), ("HTTP/1.1", Some(&*expected)));
    }

    let gateway = Gateway::start(&responding(&["{ name: a, respond: { body: known } }"])).await;
    let mut wire = gateway.wire().await;
    wire.send("GET /a HTTP/1.0\r\n\r\nGET /a HTTP/1.0\r\n\r\n").await.unwrap();
    let response = wire.response().await.unwrap();
    assert_eq!((response.framing, response.text()), (Framing::Length(5), "known"));
    assert_eq!(wire.until_close().await.unwrap(), b"", "not kept unless the client asks for it");

    let mut wire = gateway.wire().await;
    for _ in 0..2 {
        wire.send("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await.unwrap();
        assert_eq!(wire.response().await.unwrap().field("connection"), Some("keep-alive"));
    }
}

#[tokio::test]
async fn listens_on_ipv6() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).at("[::1]:0").start().await;
    assert!(gateway.web().is_ipv6());
    let answer = gateway.http1().await.get("/").await;
    assert_eq!(answer.text(), "ok");
    let request = origin.next_request().await;
    assert_eq!(request.fields.one("x-forwarded-for"), Some("::1"));
    assert_eq!(request.fields.one("host"), Some(&*gateway.web().to_string()), "brackets and port stay");
}

#[tokio::test]
async fn listens_on_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("web.sock");
    let origin = RawOrigin::answering(OK).await;
    let _gateway = Forward::to(origin.address).at(format!("unix:{}", path.display())).start().await;
    let mut wire = Wire::unix(&path).await;
    wire.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(wire.response().await.unwrap().text(), "ok");
    assert_eq!(origin.next_request().await.fields.one("x-forwarded-for"), Some("127.0.0.1"));
}

#[tokio::test]
async fn reaches_an_endpoint_on_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("origin.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let gateway = Forward::to(format!("unix:{}", path.display())).upstream("host: endpoint").start().await;
    let mut wire = gateway.wire().await;
    wire.send("GET /a HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();

    let (stream, _): (UnixStream, _) = testkit::within(testkit::PATIENCE, listener.accept()).await.unwrap();
    let mut endpoint = Wire::over(stream);
    let request = endpoint.request().await.unwrap();
    assert_eq!((request.target.as_str(), request.fields.one("host")), ("/a", Some("localhost")));
    endpoint.send(OK).await.unwrap();
    assert_eq!(wire.response().await.unwrap().text(), "ok");
}
