//! Connections to endpoints: protocols, TLS, what is kept of them and for how long, and the race that keeping brings.

use std::sync::Arc;

use http::{Method, Response, StatusCode};
use testkit::{
    body,
    certs::Authority,
    client::{self, Answer, Client, request},
    demo, eventually,
    origin::{Origin, Peer, RawConn, RawOrigin, Settings},
    tls,
    wire::frames::{DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM, header_block},
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{Forward, Gateway, assert_reply};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn every_version_leads_to_every_version() {
    let echo = demo::echo().await.unwrap();
    for (protocol, version) in [("http1", "HTTP/1.1"), ("h2c", "HTTP/2.0"), ("auto", "HTTP/1.1")] {
        let gateway = Forward::to(echo.address).upstream(format!("protocol: {protocol}")).start().await;
        for (name, client) in gateway.both().await {
            let mut client = client.authority("api.example.com");
            for (target, path) in [("/a%20b?c=d", "/a%20b"), ("/", "/")] {
                let said = client.post(target, "12345").await.json();
                assert_eq!((&said["version"], &said["body_length"]), (&version.into(), &5.into()), "{name}: {said}");
                assert_eq!(said["path"], path, "{name}: {said}");
            }
        }
    }
}

/// An origin with TLS that says what it knows of the gateway: version, name asked for, ALPN, length of its certificate.
async fn secure(authority: &Authority, alpn: &[&str], clients: Option<&Authority>) -> Origin {
    let identity = authority.server("origin", &["origin.test", "127.0.0.1"]);
    let settings = Settings { tls: Some(tls::server(&identity, alpn, clients)), ..Settings::default() };
    Origin::with(settings, async |request| {
        let peer: &Peer = request.extensions().get().unwrap();
        let name = peer.server_name.as_deref().unwrap_or("nobody");
        let certificate = peer.certificate.as_ref().map_or(0, |certificate| certificate.len());
        let alpn = peer.alpn.as_deref().unwrap_or("none");
        Response::new(body::full(format!("{:?} {name} {alpn} {certificate}", request.version())))
    })
    .await
}

#[tokio::test]
async fn tls_to_endpoints() {
    let authority = Authority::new();
    let ca = format!("ca: \"{}\"", authority.ca().display());
    let named = format!("{ca}, server_name: origin.test");
    for (protocol, alpn, tls, expected) in [
        ("http1", &["h2", "http/1.1"][..], &named, "HTTP/1.1 origin.test http/1.1 0"),
        ("h2", &["h2", "http/1.1"], &named, "HTTP/2.0 origin.test h2 0"),
        ("auto", &["h2", "http/1.1"], &named, "HTTP/2.0 origin.test h2 0"),
        ("auto", &["http/1.1"], &named, "HTTP/1.1 origin.test http/1.1 0"),
        ("auto", &[], &named, "HTTP/1.1 origin.test none 0"),
        // An address is no name to ask for (RFC 6066, 3), but one to be checked.
        ("h2", &["h2"], &ca, "HTTP/2.0 nobody h2 0"),
    ] {
        let origin = secure(&authority, alpn, None).await;
        let fields = format!("protocol: {protocol}, tls: {{ {tls} }}");
        let gateway = Forward::to(origin.address).upstream(&fields).start().await;
        for (version, mut client) in gateway.both().await {
            for _ in 0..2 {
                assert_eq!(client.get("/").await.text(), expected, "{version}, {fields}");
            }
        }
    }
}

#[tokio::test]
async fn the_gateway_shows_its_certificate_to_endpoints() {
    let authority = Authority::new();
    let alice = authority.client("alice");
    let origin = secure(&authority, &["h2"], Some(&authority)).await;
    let shown =
        format!(", client_certificate: {{ cert: \"{}\", key: \"{}\" }}", alice.cert.display(), alice.key.display());
    let ask = async |shown: &str| -> Answer {
        let tls = format!("tls: {{ ca: \"{}\", server_name: origin.test{shown} }}", authority.ca().display());
        let gateway = Forward::to(origin.address).upstream(format!("protocol: h2, {tls}")).start().await;
        client::get(gateway.web(), "/").await
    };
    assert_eq!(ask(&shown).await.text(), format!("HTTP/2.0 origin.test h2 {}", alice.leaf.len()));
    assert_eq!(ask("").await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn endpoints_that_cannot_be_trusted_get_nothing() {
    let (authority, other) = (Authority::new(), Authority::new());
    let origin = secure(&authority, &["http/1.1"], None).await;
    let plain = RawOrigin::answering(OK).await;
    let ca = |authority: &Authority| format!("ca: \"{}\"", authority.ca().display());
    for (address, fields, cause) in [
        (origin.address, format!("tls: {{ {}, server_name: origin.test }}", ca(&other)), "tls_certificate"),
        (origin.address, format!("tls: {{ {}, server_name: other.test }}", ca(&authority)), "tls_certificate"),
        (origin.address, "tls: {}".to_owned(), "tls_certificate"),
        (origin.address, format!("protocol: h2, tls: {{ {} }}", ca(&authority)), "tls_failed"),
        (plain.address, format!("tls: {{ {} }}", ca(&authority)), "tls_failed"),
    ] {
        let gateway = Forward::to(address).upstream(&fields).start().await;
        let answer = client::get(gateway.web(), "/").await;
        assert_reply(&answer, 502, cause);
    }
    assert_eq!((origin.counts.requests(), plain.counts.requests()), (0, 0));
}

/// Asks so many times at once, each answered only when all have asked, from one client connection.
async fn all_at_once(gateway: &Gateway, count: usize) {
    let client = gateway.h2c().await;
    let mut asking = JoinSet::new();
    for _ in 0..count {
        let mut client = client.copy();
        asking.spawn(async move { assert_eq!(client.get("/together").await.status, 200) });
    }
    asking.join_all().await;
}

/// Answers `/together` only when so many have asked, and everything else at once.
async fn together(count: usize, settings: Settings) -> Origin {
    let barrier = Arc::new(Barrier::new(count));
    Origin::with(settings, move |request| {
        let barrier = barrier.clone();
        async move {
            if request.uri().path() == "/together" {
                barrier.wait().await;
            }
            Response::new(body::full("ok"))
        }
    })
    .await
}

#[tokio::test]
async fn more_connections_are_made_when_streams_run_out() {
    for (limit, fields, connections) in [
        (Some(4), "protocol: h2c", 5),
        (None, "protocol: h2c, pool: { streams: 10 }", 2),
        (Some(4), "protocol: h2c, pool: { streams: 2 }", 10),
        (None, "protocol: h2c", 1),
    ] {
        let origin = together(20, Settings { max_streams: limit, ..Settings::default() }).await;
        let gateway = Forward::to(origin.address).upstream(fields).start().await;
        // From nothing, and again when there are connections.
        for _ in 0..2 {
            all_at_once(&gateway, 20).await;
            assert_eq!(origin.counts.connections(), connections, "{limit:?}, {fields}");
        }
    }
}

/// Who waits for a connection that others make fails with it, instead of trying the same after it, each in turn.
#[tokio::test]
async fn many_who_wait_for_a_dead_endpoint_learn_it_together() {
    let silent = RawOrigin::start(async |conn: RawConn| conn.hang().await).await;
    let gateway = Forward::to(silent.address).upstream("protocol: h2c, timeouts: { connect: 1s }").start().await;
    let client = gateway.h2c().await;
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let mut client = client.copy();
        asking.spawn(async move { assert_reply(&client.get("/").await, 504, "connect_timeout") });
    }
    asking.join_all().await;
    assert!(silent.counts.connections() < 5, "{} connections were tried", silent.counts.connections());
}

/// Reads frames until a request has come whole, and gives its stream.
async fn stream_of_request(conn: &mut RawConn) -> Option<u32> {
    loop {
        let frame = conn.frame().await.ok()?;
        if matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0 {
            return Some(frame.stream);
        }
    }
}

/// An endpoint over HTTP/2 that answers every other request of a connection, and says `other` about the others. After
/// GOAWAY it answers nothing more.
async fn choosy(other: fn(u32) -> Frame) -> RawOrigin {
    RawOrigin::start(move |mut conn: RawConn| async move {
        conn.exactly(PREFACE.len()).await.unwrap();
        conn.send_frame(&Frame::settings(&[])).await.unwrap();
        let mut gone = false;
        while let Some(stream) = stream_of_request(&mut conn).await {
            let answer = Frame::new(HEADERS, END_HEADERS | END_STREAM, stream, header_block(&[(":status", "200")]));
            let frame = if stream % 4 == 1 { answer } else { other(stream) };
            if !gone && conn.send_frame(&frame).await.is_err() {
                return;
            }
            gone |= frame.kind == GOAWAY;
        }
    })
    .await
}

fn refused(stream: u32) -> Frame {
    const REFUSED_STREAM: u32 = 7;
    Frame::new(RST_STREAM, 0, stream, REFUSED_STREAM.to_be_bytes())
}

fn goes_away(stream: u32) -> Frame {
    // The stream before this one was the last that was looked at.
    Frame::new(GOAWAY, 0, 0, [(stream - 2).to_be_bytes(), [0; 4]].concat())
}

#[tokio::test]
async fn what_an_endpoint_refused_unseen_is_asked_again() {
    for other in [refused, goes_away] {
        let origin = choosy(other).await;
        let gateway = Forward::to(origin.address).upstream("protocol: h2c").start().await;
        let mut client = gateway.http1().await;
        for index in 0..6 {
            assert_eq!(client.get("/").await.status, 200, "GET {index}");
        }
    }
}

#[tokio::test]
async fn idle_connections_are_used_again() {
    for protocol in ["http1", "h2c"] {
        let origin = together(1, Settings::default()).await;
        let gateway = Forward::to(origin.address).upstream(format!("protocol: {protocol}")).start().await;
        for _ in 0..5 {
            // Whoever asks: the pool is the worker's.
            assert_eq!(client::get(gateway.web(), "/").await.text(), "ok");
        }
        assert_eq!((origin.counts.connections(), origin.counts.requests()), (1, 5), "{protocol}");
    }
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    for (limit, kept) in [("", 5), ("pool: { max_idle: 2 }", 2), ("pool: { max_idle: 0 }", 0)] {
        let origin = together(5, Settings::default()).await;
        let gateway = Forward::to(origin.address);
        let gateway = if limit.is_empty() { gateway } else { gateway.upstream(limit) }.start().await;
        all_at_once(&gateway, 5).await;
        assert_eq!(origin.counts.connections(), 5);
        eventually("the others are closed", async || (origin.counts.open() == kept).then_some(())).await;
    }
}

#[tokio::test]
async fn connections_grow_neither_old_nor_idle() {
    for protocol in ["http1", "h2c"] {
        let origin = together(1, Settings::default()).await;
        let fields = format!("protocol: {protocol}, pool: {{ max_age: 1ms }}");
        let gateway = Forward::to(origin.address).upstream(fields).start().await;
        let mut client = gateway.http1().await;
        eventually("a new connection", async || {
            assert_eq!(client.get("/").await.status, 200);
            (origin.counts.connections() >= 3).then_some(())
        })
        .await;

        let origin = together(1, Settings::default()).await;
        let fields = format!("protocol: {protocol}, pool: {{ idle_timeout: 1ms }}");
        let gateway = Forward::to(origin.address).upstream(fields).start().await;
        assert_eq!(gateway.http1().await.get("/").await.status, 200);
        eventually("nobody uses it", async || (origin.counts.open() == 0).then_some(())).await;
    }
}

#[tokio::test]
async fn an_endpoint_that_says_close_is_not_asked_on_the_same_connection() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let gateway = Forward::to(origin.address).start().await;
    let mut client = gateway.http1().await;
    for _ in 0..3 {
        let answer = client.get("/").await;
        assert_eq!((answer.text(), answer.field("connection")), ("ok", None), "the client's connection is another");
    }
    assert_eq!(origin.counts.connections(), 3);
}

/// Answers the first request of each connection, and breaks off at the second as an endpoint does that was about to
/// close anyway. What is asked of a second connection is always answered.
async fn closing(reset: bool) -> RawOrigin {
    RawOrigin::start(move |mut conn: RawConn| async move {
        if conn.request().await.is_ok() {
            conn.send(OK).await.unwrap();
        }
        if conn.request().await.is_ok() && reset {
            conn.reset();
        }
    })
    .await
}

#[tokio::test]
async fn the_race_between_closing_and_asking_is_nobodys_failure() {
    for reset in [false, true] {
        let origin = closing(reset).await;
        let gateway = Forward::to(origin.address).start().await;
        let mut client = gateway.http1().await;
        for index in 0..20 {
            let answer = client.get("/").await;
            assert_eq!(answer.status, 200, "GET {index} of an endpoint that resets: {reset}");
        }
        for method in [Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
            assert_eq!(client.fetch(request(method.clone(), "/")).await.status, 200, "{method}");
        }
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    for reset in [false, true] {
        let origin = closing(reset).await;
        let gateway = Forward::to(origin.address).start().await;
        let mut client = gateway.http1().await;
        assert_eq!(client.get("/").await.status, 200);
        assert_reply(&client.post("/pay", "once").await, 502, "upstream_reset");
        assert_eq!(origin.counts.requests(), 2);

        // Without a body it is a POST all the same.
        assert_eq!(client.get("/").await.status, 200);
        assert_reply(&client.fetch(request(Method::POST, "/pay")).await, 502, "upstream_reset");
        assert_eq!(origin.counts.requests(), 4);
    }
}

#[tokio::test]
async fn a_fresh_connection_that_breaks_is_a_failure() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    assert_reply(&client::get(gateway.web(), "/").await, 502, "upstream_reset");
    assert_eq!(origin.counts.requests(), 1);
}

/// Whoever closes idle connections all the time, as some servers do after each answer, is used without a failure.
#[tokio::test]
async fn endpoints_that_close_after_each_answer_are_served() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        if conn.request().await.is_ok() {
            let _ = conn.send(OK).await;
        }
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    let mut client: Client = gateway.http1().await;
    for index in 0..200 {
        assert_eq!(client.get("/").await.status, 200, "GET {index}");
    }
}

#[tokio::test]
async fn a_name_is_an_address_too() {
    let origin = Origin::text("ok").await;
    let gateway = Forward::to(format!("localhost:{}", origin.address.port())).start().await;
    assert_eq!(client::get(gateway.web(), "/").await.text(), "ok");
}
