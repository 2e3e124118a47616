//! WebSockets over either version of HTTP, towards either.

use futures_util::{Sink, Stream};
use http::{Response, StatusCode};
use testkit::{
    body,
    client::websocket::{self, Message, SinkExt as _, StreamExt as _, tungstenite::Error},
    demo,
    origin::{Origin, RawConn, RawOrigin},
    wire::frames::{Frame, PREFACE},
};
use tokio::net::TcpStream;

use crate::support::{Forward, Gateway, assert_reply, nowhere};

const HANDSHAKE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn tcp(gateway: &Gateway) -> TcpStream {
    TcpStream::connect(gateway.web()).await.unwrap()
}

/// Sends messages of each kind and size, and closes in order.
async fn converse<S>(mut socket: S, what: &str)
where
    S: Sink<Message, Error = Error> + Stream<Item = Result<Message, Error>> + Unpin,
{
    let large = Message::binary((0..300_000_u32).map(|number| number as u8).collect::<Vec<u8>>());
    for message in [Message::text("hello"), Message::text(""), Message::binary(vec![0]), large] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message, "{what}");
    }
    socket.send(Message::Ping("p".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("p".into()), "{what}");
    socket.close().await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_close(), "{what}");
    assert!(socket.next().await.is_none(), "{what}");
}

#[tokio::test]
async fn every_version_leads_to_every_version() {
    let echo = demo::echo().await.unwrap();
    let fields = [("sec-websocket-protocol", "chat, other")];
    for protocol in ["http1", "h2c"] {
        let gateway = Forward::to(echo.address).upstream(format!("protocol: {protocol}")).start().await;
        for _ in 0..2 {
            let stream = tcp(&gateway).await;
            let (socket, response) = websocket::over_http1(stream, "ws://web.test/chat", &fields).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()["sec-websocket-protocol"]),
                (101, &"chat".parse().unwrap())
            );
            converse(socket, &format!("HTTP/1.1 to {protocol}")).await;

            let stream = tcp(&gateway).await;
            let (socket, response) = websocket::over_http2(stream, "http://web.test/chat", &fields).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()["sec-websocket-protocol"]),
                (200, &"chat".parse().unwrap())
            );
            converse(socket, &format!("HTTP/2 to {protocol}")).await;
        }
    }
}

#[tokio::test]
async fn the_handshake_is_made_anew_for_endpoints() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        // The key of the example in RFC 6455, 1.3, which only a client over HTTP/1.1 would have chosen.
        let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-extensions: x-none\r\n\r\nearly";
        conn.send(switch).await.unwrap();
        conn.hang().await;
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    wire.send(format!(
        "GET /chat?a=b HTTP/1.1\r\nhost: web.test\r\nsec-websocket-extensions: x-some\r\n{HANDSHAKE}\r\n"
    ))
    .await
    .unwrap();
    let response = wire.response().await.unwrap();
    assert_eq!((response.status, response.field("upgrade")), (101, Some("websocket")));
    assert_eq!(response.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.field("sec-websocket-extensions"), Some("x-none"));
    assert_eq!(wire.exactly(5).await.unwrap(), b"early", "what comes with the answer is not lost");
    let request = origin.next_request().await;
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/chat?a=b"));
    for (name, value) in
        [("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-extensions", "x-some")]
    {
        assert_eq!(request.fields.one(name), Some(value));
    }
    assert!(request.fields.one("connection").unwrap().eq_ignore_ascii_case("upgrade"));
    assert_eq!(request.fields.one("x-forwarded-for"), Some("127.0.0.1"), "who called is told as ever");
}

#[tokio::test]
async fn an_answer_that_does_not_switch_is_passed_on() {
    let origin = Origin::start(async |_| {
        let mut response = Response::new(body::full("not you"));
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    })
    .await;
    for protocol in ["http1", "h2c"] {
        let gateway = Forward::to(origin.address).upstream(format!("protocol: {protocol}")).start().await;
        match websocket::over_http1(tcp(&gateway).await, "ws://web.test/chat", &[]).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{protocol}"),
            other => panic!("{:?}", other.map(|(_, response)| response)),
        }
        let refused = websocket::over_http2(tcp(&gateway).await, "http://web.test/chat", &[]).await;
        assert_eq!(refused.map(|_| ()).unwrap_err().status(), 403, "{protocol}");

        // The connection goes on.
        let mut wire = gateway.wire().await;
        for _ in 0..2 {
            wire.send(format!("GET /chat HTTP/1.1\r\nhost: x\r\n{HANDSHAKE}\r\n")).await.unwrap();
            let response = wire.response().await.unwrap();
            assert_eq!((response.status, response.text()), (403, "not you"), "{protocol}");
        }
    }
}

#[tokio::test]
async fn other_protocols_are_not_switched_to() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    for fields in [
        "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
        "connection: upgrade\r\nupgrade: tls/1.0\r\n",
        // Not asked for properly.
        "upgrade: websocket\r\n",
    ] {
        wire.send(format!("GET / HTTP/1.1\r\nhost: x\r\n{fields}\r\n")).await.unwrap();
        let response = wire.response().await.unwrap();
        assert_eq!((response.status, response.text()), (200, "ok"), "{fields}");
        let request = origin.next_request().await;
        for name in ["upgrade", "connection", "http2-settings"] {
            assert!(!request.fields.has(name), "{name}: {:?}", request.fields);
        }
    }
}

#[tokio::test]
async fn an_endpoint_must_not_switch_unasked() {
    let origin = RawOrigin::answering(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    )
    .await;
    let gateway = Forward::to(origin.address).start().await;
    for (_, mut client) in gateway.both().await {
        assert_reply(&client.get("/").await, 502, "upgrade_failed");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_told_as_ever() {
    let (_socket, address) = nowhere();
    let gateway = Forward::to(address).start().await;
    let mut wire = gateway.wire().await;
    wire.send(format!("GET /chat HTTP/1.1\r\nhost: x\r\n{HANDSHAKE}\r\n")).await.unwrap();
    let response = wire.response().await.unwrap();
    assert_eq!((response.status, &response.json()["cause"]), (502, &"connect_refused".into()));
    let refused = websocket::over_http2(tcp(&gateway).await, "http://web.test/chat", &[]).await;
    assert_eq!(refused.map(|_| ()).unwrap_err().status(), 502);
}

/// Whoever ends a tunnel ends it for both.
#[tokio::test]
async fn tunnels_end_with_either_side() {
    let echo = demo::echo().await.unwrap();
    for protocol in ["http1", "h2c"] {
        let gateway = Forward::to(echo.address).upstream(format!("protocol: {protocol}")).start().await;
        let under_way = async |count: f64| {
            gateway
                .metrics_until("the tunnel is counted", |metrics| {
                    (metrics.value("sluice_inflight_requests", &[]) == Some(count)).then_some(())
                })
                .await;
        };
        // Without a word of WebSocket, as when a process dies.
        let (socket, _) = websocket::over_http1(tcp(&gateway).await, "ws://web.test/", &[]).await.unwrap();
        under_way(1.0).await;
        drop(socket);
        under_way(0.0).await;
        let (socket, _) = websocket::over_http2(tcp(&gateway).await, "http://web.test/", &[]).await.unwrap();
        under_way(1.0).await;
        drop(socket);
        under_way(0.0).await;
    }

    let origin = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        conn.send(switch).await.unwrap();
        assert_eq!(conn.exactly(2).await.unwrap(), b"go");
    })
    .await;
    let gateway = Forward::to(origin.address).start().await;
    let mut wire = gateway.wire().await;
    wire.send(format!("GET /chat HTTP/1.1\r\nhost: x\r\n{HANDSHAKE}\r\n")).await.unwrap();
    assert_eq!(wire.response().await.unwrap().status, 101);
    wire.send("go").await.unwrap();
    assert_eq!(wire.until_close().await.unwrap(), b"");
}

/// A tunnel is not a body: neither the limit of bodies nor the end of the request concerns it.
#[tokio::test]
async fn tunnels_are_no_bodies() {
    let echo = demo::echo().await.unwrap();
    let gateway = Forward::to(echo.address).listener("limits: { body_bytes: 10 }").start().await;
    let (socket, _) = websocket::over_http1(tcp(&gateway).await, "ws://web.test/", &[]).await.unwrap();
    converse(socket, "HTTP/1.1").await;
    let (socket, _) = websocket::over_http2(tcp(&gateway).await, "http://web.test/", &[]).await.unwrap();
    converse(socket, "HTTP/2").await;
}

#[tokio::test]
async fn an_endpoint_that_does_not_allow_it_is_not_asked() {
    // RFC 8441, 3: it would say so in its SETTINGS.
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        assert_eq!(conn.exactly(PREFACE.len()).await.unwrap(), PREFACE);
        conn.send_frame(&Frame::settings(&[])).await.unwrap();
        conn.hang().await;
    })
    .await;
    let gateway = Forward::to(origin.address).upstream("protocol: h2c").start().await;
    let mut wire = gateway.wire().await;
    wire.send(format!("GET /chat HTTP/1.1\r\nhost: x\r\n{HANDSHAKE}\r\n")).await.unwrap();
    let response = wire.response().await.unwrap();
    assert_eq!((response.status, &response.json()["cause"]), (502, &"upgrade_failed".into()));
}

#[tokio::test]
async fn many_tunnels_share_a_connection() {
    let echo = demo::echo().await.unwrap();
    let gateway = Forward::to(echo.address).upstream("protocol: h2c").start().await;
    let mut sockets = Vec::new();
    for index in 0..20 {
        let (mut socket, _) = websocket::over_http1(tcp(&gateway).await, "ws://web.test/", &[]).await.unwrap();
        socket.send(Message::text(index.to_string())).await.unwrap();
        sockets.push(socket);
    }
    for (index, socket) in sockets.iter_mut().enumerate() {
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(index.to_string()));
    }
}
