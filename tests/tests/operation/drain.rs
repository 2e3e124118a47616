//! The end of a gateway, as its clients and its supervisor see it.

use std::{collections::BTreeSet, net::SocketAddr};

use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use testkit::{
    PATIENCE, body,
    client::{
        self, Client, Grpc, request,
        websocket::{self, Message, StreamExt as _},
    },
    demo, eventually,
    gateway::{Process, Signal},
    origin::Origin,
    wire::{
        Wire,
        frames::{ACK, Frame, GOAWAY, HEADERS, PING, SETTINGS},
    },
    within,
};
use tokio::{net::TcpStream, sync::mpsc};

use crate::held::Held;

/// A gateway in front of upstreams: what stands before the first `/` of a path says which.
async fn serving(grace: &str, upstreams: &[(&str, SocketAddr, &str)]) -> Process {
    let (mut all, mut routes) = (String::new(), String::new());
    for (name, address, protocol) in upstreams {
        all += &format!(
            "  {{ name: {name}, endpoints: [\"{address}\"], protocol: {protocol}, timeouts: {{ connect: 10s }} }},\n"
        );
        routes += &format!("  - {{ name: {name}, match: {{ path: {{ prefix: /{name} }} }}, upstream: {name} }}\n");
    }
    Process::start(&format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }}, grace: {grace} }}\n\
         listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [\n{all}  ]\nroutes:\n{routes}  - {{ name: ping, match: {{ path: /ping }}, respond: {{ body: pong }} }}\n"
    ))
    .await
}

/// Tells it to end, and waits until it says that it does.
async fn terminate(gateway: &Process) {
    assert_eq!(client::get(gateway.admin(), "/readyz").await.status, StatusCode::OK);
    gateway.signal(Signal::TERM);
    let status = async || client::get(gateway.admin(), "/readyz").await.status;
    let draining = async || (status().await == StatusCode::SERVICE_UNAVAILABLE).then_some(());
    eventually("not ready any more", draining).await;
    assert_eq!(client::get(gateway.admin(), "/livez").await.status, StatusCode::OK);
}

/// Requests, calls, sockets and streams: all of them go on until they are done, and then the gateway is.
#[tokio::test]
async fn what_is_under_way_finishes() {
    let held = Held::start().await;
    let (echo, grpc) = (demo::echo().await.unwrap(), demo::grpc().await.unwrap());
    let (opened, mut streams) = mpsc::unbounded_channel();
    let events = Origin::start(move |_| {
        let (sender, body) = body::streamed();
        opened.send(sender).unwrap();
        async move { Response::builder().header("content-type", "text/event-stream").body(body).unwrap() }
    })
    .await;
    let upstreams = [
        ("held", held.origin.address, "http1"),
        ("echo", echo.address, "http1"),
        ("demo.Echo", grpc.address, "h2c"),
        ("events", events.address, "http1"),
    ];
    let gateway = serving("1h", &upstreams).await;
    let address = gateway.address("web");

    let (mut http1, http2) = (Client::http1(address).await, Client::h2c(address).await);
    let mut on_http2 = http2.copy();
    let asking = tokio::spawn(async move { tokio::join!(http1.get("/held"), on_http2.get("/held")) });
    held.has(2).await;
    let mut socket = websocket::connect(address, "/echo").await;
    is_echoed(&mut socket, "before").await;
    let calls = Grpc::over(Client::h2c(address).await);
    let mut call = calls.bidi_stream();
    call.send(&message("before")).await.unwrap();
    assert_eq!(call.next().await.unwrap().unwrap().text, "before");
    let mut listening = Client::http1(address).await;
    let mut stream = listening.send(request(Method::GET, "/events")).await.unwrap().into_body();
    let mut sender = streams.recv().await.unwrap();

    terminate(&gateway).await;
    let refused = async || TcpStream::connect(address).await.is_err().then_some(());
    eventually("no new connections are taken", refused).await;

    is_echoed(&mut socket, "after").await;
    call.send(&message("after")).await.unwrap();
    assert_eq!(call.next().await.unwrap().unwrap().text, "after");
    sender.send_data("data: after\n\n".into()).await.unwrap();
    assert_eq!(next_piece(&mut stream).await.as_deref(), Some(&b"data: after\n\n"[..]));

    held.release();
    let (over_http1, over_http2) = asking.await.unwrap();
    assert_eq!((over_http1.text(), over_http2.text()), ("at last", "at last"));
    assert_eq!(over_http1.field("connection"), Some("close"));
    drop(sender);
    assert_eq!(next_piece(&mut stream).await, None);
    call.finish();
    assert_eq!(call.next().await.unwrap(), None);
    within(PATIENCE, socket.close(None)).await.unwrap();
    while let Some(Ok(_)) = within(PATIENCE, socket.next()).await {}
    let exit = gateway.wait_exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
}

fn message(text: &str) -> demo::grpc::Message {
    demo::grpc::Message { text: text.to_owned(), count: 0 }
}

async fn is_echoed<S>(socket: &mut S, text: &str)
where
    S: websocket::SinkExt<Message> + Unpin,
    S: websocket::StreamExt<Item = Result<Message, websocket::tungstenite::Error>>,
    S::Error: std::fmt::Debug,
{
    socket.send(Message::text(text)).await.unwrap();
    assert_eq!(within(PATIENCE, socket.next()).await.unwrap().unwrap(), Message::text(text));
}

async fn next_piece(body: &mut hyper::body::Incoming) -> Option<Vec<u8>> {
    let frame = within(PATIENCE, body.frame()).await?.expect("the stream goes on");
    Some(frame.into_data().expect("data").to_vec())
}

/// Connections on which nothing is under way are no reason to wait, except for the second in which a first request may come.
#[tokio::test]
async fn idle_connections_are_no_reason_to_wait() {
    let gateway = serving("1h", &[]).await;
    let address = gateway.address("web");
    let mut silent = Wire::connect(address).await;
    let mut http1 = Wire::connect(address).await;
    http1.send("GET /ping HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(http1.response().await.unwrap().text(), "pong");
    let mut http2 = Wire::connect(address).await;
    http2.start_h2(&[]).await.unwrap();
    http2.frame_of(SETTINGS, 0).await.unwrap();

    gateway.signal(Signal::TERM);
    assert_eq!(http1.until_close().await.unwrap(), b"");
    assert_eq!(http2.frame_of(GOAWAY, 0).await.unwrap().error_code(), Some(0));
    // Whoever answers this has seen the GOAWAY, so that nothing more of theirs is on its way.
    let ping = http2.frame_of(PING, 0).await.unwrap();
    http2.send_frame(&Frame::new(PING, ACK, 0, ping.payload)).await.unwrap();
    http2.until_close().await.unwrap();
    assert!(silent.some().await.unwrap_err().is_closed());
    assert_eq!(gateway.wait_exit().await.code, Some(0));
}

/// An HTTP/2 client is told to go elsewhere with what is new, while it waits for what is under way.
#[tokio::test]
async fn busy_http2_connections_are_told_at_once() {
    let held = Held::start().await;
    let gateway = serving("1h", &[("held", held.origin.address, "http1")]).await;
    let mut wire = Wire::connect(gateway.address("web")).await;
    wire.start_h2(&[]).await.unwrap();
    let get = [(":method", "GET"), (":scheme", "http"), (":path", "/held"), (":authority", "a")];
    wire.send_frame(&Frame::request(1, &get)).await.unwrap();
    held.has(1).await;
    terminate(&gateway).await;
    assert_eq!(wire.frame_of(GOAWAY, 0).await.unwrap().error_code(), Some(0));
    held.release();
    wire.frame_of(HEADERS, 1).await.unwrap();
    drop(wire);
    assert_eq!(gateway.wait_exit().await.code, Some(0));
}

/// HTTP/2 has a way to end a connection that loses nothing: no request under load fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_clients_lose_nothing() {
    let origin = Origin::text("served").await;
    let gateway = serving("1h", &[("served", origin.address, "http1")]).await;
    let address = gateway.address("web");
    let (asked, mut answers) = mpsc::unbounded_channel();
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut client = Client::h2c(address).await;
                loop {
                    match client.try_fetch(request(Method::GET, "/served")).await {
                        Ok(answer) => assert_eq!(answer.text(), "served"),
                        Err(error) => return assert!(is_unprocessed(&error), "{error:?}"),
                    }
                    let _ = asked.send(number);
                }
            })
        })
        .collect();
    drop(asked);
    let (mut answered, mut served) = (0, BTreeSet::new());
    while answered < 100 || served.len() < 8 {
        served.insert(within(PATIENCE, answers.recv()).await.unwrap());
        answered += 1;
    }
    gateway.signal(Signal::TERM);
    for client in clients {
        within(PATIENCE, client).await.unwrap();
    }
    assert_eq!(gateway.wait_exit().await.code, Some(0));
    answered += std::iter::from_fn(|| answers.try_recv().ok()).count();
    assert_eq!(origin.counts.requests(), answered, "each that reached the endpoint was answered");
}

/// It was never sent, for the connection was closed before or just as it was asked for one more, or not taken: a GOAWAY
/// says which were (RFC 9113, 6.8).
fn is_unprocessed(error: &hyper::Error) -> bool {
    error.is_closed() || error.is_canceled() || format!("{error:?}").contains("GoAway(b\"\", NO_ERROR, Remote)")
}

/// Nobody waits longer than the document allows, and what is cut off then looks cut off.
#[tokio::test]
async fn the_grace_time_is_the_end() {
    let held = Held::start().await;
    let echo = demo::echo().await.unwrap();
    let upstreams = [("held", held.origin.address, "http1"), ("echo", echo.address, "http1")];
    let gateway = serving("300ms", &upstreams).await;
    let address = gateway.address("web");
    let (mut http1, mut http2) = (Client::http1(address).await, Client::h2c(address).await);
    let asking = tokio::spawn(async move {
        let (get, other) = (request(Method::GET, "/held"), request(Method::GET, "/held"));
        tokio::join!(http1.try_fetch(get), http2.try_fetch(other))
    });
    held.has(2).await;
    let mut socket = websocket::connect(address, "/echo").await;
    is_echoed(&mut socket, "before").await;
    gateway.signal(Signal::TERM);
    let exit = gateway.wait_exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    let (http1, http2) = asking.await.unwrap();
    assert!(http1.is_err() && http2.is_err(), "{http1:?} {http2:?}");
    assert!(!matches!(within(PATIENCE, socket.next()).await, Some(Ok(Message::Text(_)))));
}

/// Somebody who asks twice does not want to wait.
#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let held = Held::start().await;
    let gateway = serving("1h", &[("held", held.origin.address, "http1")]).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let asking = tokio::spawn(async move { client.try_fetch(request(Method::GET, "/held")).await });
    held.has(1).await;
    terminate(&gateway).await;
    gateway.signal(Signal::INT);
    assert_eq!(gateway.wait_exit().await.code, Some(130));
    assert!(asking.await.unwrap().is_err());
}
