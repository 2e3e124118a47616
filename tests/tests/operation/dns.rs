//! Names in the DNS, and name servers that fail while requests come.

use std::net::SocketAddr;

use testkit::{
    client::{Client, get},
    dns::{Fault, NameServer, Record},
    eventually,
    gateway::Process,
    origin::Origin,
};

/// One listener, one upstream that is found like this, one route.
fn document(server: &NameServer, hold: &str, discovery: &str) -> String {
    format!(
        "gateway:
  workers: 2
  admin: {{ address: \"127.0.0.1:0\" }}
  discovery: {{ hold: {hold}, dns: {{ servers: [\"{}\"], min_ttl: 50ms }} }}
listeners:
  - {{ name: web, address: \"127.0.0.1:0\" }}
upstreams:
  - {{ name: orders, discovery: {{ dns: {{ {discovery} }} }} }}
routes:
  - {{ name: all, upstream: orders }}
",
        server.address
    )
}

fn here(address: SocketAddr) -> Record {
    Record::Address(address.ip())
}

/// Waits until a request is answered with this text.
#[track_caller]
fn answers(web: SocketAddr, text: &str) -> impl Future<Output = ()> {
    eventually(text, async move || (get(web, "/").await.body == text).then_some(()))
}

/// FAULTS 62: what a name server says or does not say for a while costs no request.
#[tokio::test]
async fn name_servers_that_fail_cost_no_request() {
    let server = NameServer::start().await;
    let orders = Origin::text("orders").await;
    server.set("orders.test", 0, &[here(orders.address)]);
    let port = orders.address.port();
    let gateway = Process::start(&document(&server, "1m", &format!("name: orders.test, port: {port}"))).await;
    let web = gateway.address("web");
    answers(web, "orders").await;

    let mut client = Client::http1(web).await;
    for fault in [
        Fault::Fails,
        Fault::Refuses,
        Fault::Garbage,
        Fault::Silent,
        Fault::SpoofedNumber([127, 6, 6, 6].into()),
        Fault::SpoofedName([127, 6, 6, 6].into()),
        Fault::Truncates,
    ] {
        server.fault(fault.clone());
        let before = server.asked().len();
        // For as long as it takes to ask again, and then some.
        eventually("it is asked again", async || {
            assert_eq!(client.get("/").await.body, "orders", "{fault:?}");
            (server.asked().len() >= before + 4).then_some(())
        })
        .await;
        // It works again, so the next failure is a first one.
        server.fault(Fault::Nothing);
        let before = server.asked().len();
        eventually("it is asked again", async || (server.asked().len() >= before + 4).then_some(())).await;
    }

    // A name that is gone for a moment is not believed to be.
    server.remove("orders.test");
    let before = server.asked().len();
    eventually("it is asked again", async || {
        assert_eq!(client.get("/").await.body, "orders");
        (server.asked().len() >= before + 4).then_some(())
    })
    .await;
    server.set("orders.test", 0, &[here(orders.address)]);
    assert_eq!(client.get("/").await.body, "orders");
}

#[tokio::test]
async fn a_name_that_stays_away_is_followed_and_comes_back() {
    let server = NameServer::start().await;
    let orders = Origin::text("orders").await;
    let port = orders.address.port();
    let gateway = Process::start(&document(&server, "1s", &format!("name: orders.test, port: {port}"))).await;
    let web = gateway.address("web");
    let none = get(web, "/").await;
    assert_eq!(none.status, 503, "nobody knows the name yet: {}", none.text());

    server.set("orders.test", 0, &[here(orders.address)]);
    answers(web, "orders").await;
    server.remove("orders.test");
    eventually("it is believed to be gone", async || (get(web, "/").await.status == 503).then_some(())).await;
    server.set("orders.test", 0, &[here(orders.address)]);
    answers(web, "orders").await;
}

#[tokio::test]
async fn services_of_the_second_rank_wait_for_those_of_the_first() {
    let server = NameServer::start().await;
    let (first, second) = (Origin::text("first").await, Origin::text("second").await);
    let service = |priority, origin: &Origin, target| Record::Service(priority, 1, origin.address.port(), target);
    server.set("a.test", 0, &[here(first.address)]);
    server.set("b.test", 0, &[here(second.address)]);
    server.set("_http._tcp.orders.test", 0, &[service(10, &first, "a.test"), service(20, &second, "b.test")]);
    let gateway = Process::start(&document(&server, "1s", "srv: _http._tcp.orders.test")).await;
    let web = gateway.address("web");
    answers(web, "first").await;
    for _ in 0..10 {
        assert_eq!(get(web, "/").await.body, "first");
    }
    server.set("_http._tcp.orders.test", 0, &[service(30, &first, "a.test"), service(20, &second, "b.test")]);
    answers(web, "second").await;
}
