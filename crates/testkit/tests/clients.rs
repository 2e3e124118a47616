//! The clients, straight against the demo services and against origins with a handler.

use std::time::Duration;

use http::{Method, Response, Version};
use testkit::{
    body,
    certs::Authority,
    client::{
        self, Client, Grpc, Load, request, tool,
        websocket::{self, SinkExt as _, StreamExt as _},
    },
    demo::{
        self,
        grpc::{Message, Status},
    },
    eventually,
    origin::{Origin, Peer, Settings},
    tls,
};
use tokio::net::TcpStream;

fn message(text: &str, count: u32) -> Message {
    Message { text: text.into(), count }
}

#[tokio::test]
async fn the_demo_services_answer() {
    let services = demo::start_all().await.unwrap();
    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let expected =
        ["users-1", "users-2", "users-3", "orders-v1", "orders-v2", "slow", "flaky", "echo", "events", "grpc"];
    assert_eq!(names, expected);
    for service in services.iter() {
        assert_eq!(client::get(service.address, "/healthz").await.status, 200, "{}", service.name);
    }
    assert_eq!(client::get(services.orders[1].address, "/orders").await.json()["version"], "v2");
    assert_eq!(client::get(services.slow.address, "/?ms=1").await.json()["waited_ms"], 1);

    let mut flaky = Client::http1(services.flaky.address).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(flaky.get("/").await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
}

#[tokio::test]
async fn a_service_ends_with_its_handle() {
    let echo = demo::echo().await.unwrap();
    let address = echo.address;
    let mut open = Client::http1(address).await;
    assert_eq!(open.get("/").await.status, 200);
    drop(echo);
    eventually("the socket is closed", async || TcpStream::connect(address).await.err()).await;
    assert!(open.try_fetch(request(Method::GET, "/")).await.is_err());
}

#[tokio::test]
async fn echo_says_what_arrived_over_both_versions() {
    let echo = demo::echo().await.unwrap();
    let ask = || {
        let mut request = request(Method::POST, "/a/b?c=d").map(|_| body::with_trailers("12345", &[("sum", "15")]));
        request.headers_mut().insert("x-one", "1".parse().unwrap());
        request.headers_mut().insert("trailer", "sum".parse().unwrap());
        request
    };
    for (mut client, version) in [
        (Client::http1(echo.address).await, "HTTP/1.1"),
        (Client::h2c(echo.address).await.authority("api.example.com"), "HTTP/2.0"),
    ] {
        let said = client.fetch(ask()).await.json();
        assert_eq!((&said["method"], &said["path"], &said["query"]), (&"POST".into(), &"/a/b".into(), &"c=d".into()));
        assert_eq!((&said["version"], &said["body_length"]), (&version.into(), &5.into()));
        assert!(said["headers"].as_array().unwrap().contains(&serde_json::json!(["x-one", "1"])), "{said}");
        assert_eq!(said["trailers"], serde_json::json!([["sum", "15"]]));
    }
}

#[tokio::test]
async fn events_come_one_by_one() {
    let events = demo::events(Duration::from_millis(1)).await.unwrap();
    let answer = client::get(events.address, "/?count=3").await;
    assert_eq!(answer.field("content-type"), Some("text/event-stream"));
    assert_eq!(answer.text().matches("event: tick\n").count(), 3);
    assert!(answer.text().ends_with("data: {\"tick\":3}\n\n"));
}

#[tokio::test]
async fn grpc_has_every_kind_of_call() {
    let service = demo::grpc().await.unwrap();
    let grpc = Grpc::over(Client::h2c(service.address).await);

    assert_eq!(grpc.unary(&message("one", 7)).await, Ok(message("one", 7)));
    assert_eq!(grpc.server_stream(&message("m", 2)).await, Ok(vec![message("m", 1), message("m", 2)]));
    assert_eq!(grpc.client_stream(&[message("a", 0), message("b", 0)]).await, Ok(message("a,b", 2)));

    let mut bidi = grpc.bidi_stream();
    for count in 1..=3 {
        bidi.send(&message("ping", 0)).await.unwrap();
        assert_eq!(bidi.next().await, Ok(Some(message("ping", count))), "each answer before the next question");
    }
    bidi.finish();
    assert_eq!(bidi.next().await, Ok(None));

    assert_eq!(grpc.fail().await, Err(Status::new(Status::NOT_FOUND, "nothing here, as asked")));
    let unknown = grpc.call("Nonsense").rest().await.unwrap_err();
    assert_eq!(unknown.code, Status::UNIMPLEMENTED);
}

#[tokio::test]
async fn websocket_over_both_versions() {
    let echo = demo::echo().await.unwrap();
    let mut socket = websocket::connect(echo.address, "/chat").await;
    socket.send("over HTTP/1.1".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), websocket::Message::text("over HTTP/1.1"));
    socket.close(None).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_close());

    let stream = TcpStream::connect(echo.address).await.unwrap();
    let fields = [("sec-websocket-protocol", "chat, other")];
    let (mut socket, response) = websocket::over_http2(stream, "http://example.com/chat", &fields).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let large = websocket::Message::binary(vec![7; 300_000]);
    socket.send(large.clone()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), large, "more than the window of a stream");
    socket.close(None).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_close());
}

#[tokio::test]
async fn tls_with_alpn_and_a_client_certificate() {
    let authority = Authority::new();
    let identity = authority.server("origin", &["origin.test", "127.0.0.1"]);
    let alice = authority.client("alice");
    let settings =
        Settings { tls: Some(tls::server(&identity, &["h2", "http/1.1"], Some(&authority))), ..Settings::default() };
    let origin = Origin::with(settings, async |request| {
        let peer: &Peer = request.extensions().get().unwrap();
        let leaf = peer.certificate.as_ref().unwrap();
        let (name, alpn) = (peer.server_name.clone().unwrap(), peer.alpn.clone().unwrap());
        Response::new(body::full(format!("{name} {alpn} {}", leaf.len())))
    })
    .await;

    for (alpn, version) in [("h2", Version::HTTP_2), ("http/1.1", Version::HTTP_11)] {
        let config = tls::Client::trusting(&authority).alpn(&[alpn]).identity(&alice).build();
        let mut client = Client::tls(origin.address, "origin.test", config).await;
        let answer = client.get("/").await;
        assert_eq!(answer.version, version);
        assert_eq!(answer.text(), format!("origin.test {alpn} {}", alice.leaf.len()));
    }

    let config = tls::Client::trusting(&authority).identity(&alice).build();
    assert_eq!(tls::shown(origin.address, "origin.test", config).await.unwrap(), identity.leaf);

    let stranger = tls::Client::trusting(&authority).versions(&[&rustls::version::TLS12]).build();
    assert!(tls::connect(origin.address, "origin.test", stranger).await.is_err(), "no certificate, no connection");
    let other = Authority::new();
    let distrusting = tls::Client::trusting(&other).build();
    assert!(tls::connect(origin.address, "origin.test", distrusting).await.is_err(), "another authority");
}

#[tokio::test]
async fn a_certificate_can_be_issued_again() {
    let authority = Authority::new();
    let first = authority.server("site", &["site.test"]);
    let second = authority.server("site", &["site.test"]);
    assert_eq!((&first.cert, &first.key), (&second.cert, &second.key));
    assert_ne!(first.leaf, second.leaf);
    tls::server(&first, &[], None); // the files belong together
}

#[tokio::test]
async fn an_origin_counts_and_breaks_off() {
    let origin = Origin::start(async |_| {
        let (mut sender, body) = body::streamed();
        tokio::spawn(async move {
            sender.send_data("some".into()).await.unwrap();
            sender.abort(std::io::Error::other("as planned"));
        });
        Response::new(body)
    })
    .await;
    let mut client = Client::h2c(origin.address).await;
    let (mut one, mut two) = (client.copy(), client.copy());
    let results = tokio::join!(one.try_fetch(request(Method::GET, "/")), two.try_fetch(request(Method::GET, "/")));
    assert!(results.0.is_err() && results.1.is_err());
    assert_eq!((origin.counts.connections(), origin.counts.open(), origin.counts.requests()), (1, 1, 2));
    assert!(client.try_fetch(request(Method::GET, "/")).await.is_err(), "the connection itself is well");
    drop((client, one, two));
    eventually("the connection is closed", async || (origin.counts.open() == 0).then_some(())).await;
}

#[tokio::test]
async fn load_tells_failures_from_answers() {
    let users = demo::users(1).await.unwrap();
    let address = users.address;
    for h2 in [false, true] {
        let connect = move || async move { if h2 { Client::h2c(address).await } else { Client::http1(address).await } };
        let load = Load::start(3, "/users", connect);
        load.more(50).await;
        let tally = load.stop().await;
        assert!(tally.unharmed() >= 50);
        assert_eq!(tally.reconnects, 0);
    }

    let flaky = demo::flaky(10).await.unwrap();
    let address = flaky.address;
    let load = Load::start(2, "/", move || Client::http1(address));
    load.more(50).await;
    let tally = load.stop().await;
    let failed = tally.failures.len() as u64;
    assert_eq!(failed, (tally.answers + failed) / 10);
    assert!(tally.failures[0].starts_with("503 Service Unavailable: {"), "{:?}", tally.failures);
}

#[tokio::test]
async fn the_tools_reach_the_services() {
    let authority = Authority::new();
    let identity = authority.server("origin", &["127.0.0.1"]);
    let settings = Settings { tls: Some(tls::server(&identity, &["h2"], None)), ..Settings::default() };
    let origin = Origin::with(settings, async |_| Response::new(body::full("hello"))).await;
    let url = format!("https://{}/", origin.address);

    let ca = authority.ca();
    let curl = tool::curl(&["--http2", "--cacert", ca.to_str().unwrap(), &url]).await;
    assert_eq!(curl.success(), "hello");
    let nghttp = tool::nghttp(&["--no-dep", &url]).await;
    assert_eq!(nghttp.success(), "hello");
    let h2load = tool::h2load(&["-n", "20", "-c", "2", &url]).await;
    assert!(h2load.success().contains("20 succeeded, 0 failed"), "{}", h2load.stdout);
    let connect = origin.address.to_string();
    let openssl = tool::openssl_s_client(&["-connect", &connect, "-CAfile", ca.to_str().unwrap(), "-alpn", "h2"]).await;
    assert!(openssl.stdout.contains("ALPN protocol: h2"), "{}", openssl.stdout);
}
