//! Services that register with Eureka: with a server that fails as told, and with stock ones.

use std::net::SocketAddr;

use http::Method;
use serde_json::Value;
use testkit::{
    client::{Client, get, request},
    eureka::{EurekaServer, Fault, instance},
    eventually,
    gateway::{Process, Signal},
    origin::Origin,
};

use crate::spring::Estate;

/// One listener, one upstream that is an application of Eureka, one route.
fn document(server: &str, app: &str, discovery: &str) -> String {
    format!(
        "gateway:
  workers: 2
  admin: {{ address: \"127.0.0.1:0\" }}
  discovery: {{ eureka: {{ servers: [\"{server}\"], interval: 1s }}, {discovery} }}
listeners:
  - {{ name: web, address: \"127.0.0.1:0\" }}
upstreams:
  - {{ name: service, discovery: {{ eureka: {{ app: {app} }} }} }}
routes:
  - {{ name: all, upstream: service }}
"
    )
}

/// Waits until a request is answered with this text.
#[track_caller]
fn answers(web: SocketAddr, path: &'static str, text: &str) -> impl Future<Output = ()> {
    eventually(text, async move || (get(web, path).await.body == text).then_some(()))
}

/// What a server of Eureka says about a path of its own.
async fn told(server: &str, method: Method, path: &str) -> Option<Value> {
    let (authority, below) = server.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut asked = request(method, &format!("/{below}{path}"));
    asked.headers_mut().insert("accept", "application/json".parse().unwrap());
    let answer = Client::http1(authority.parse().unwrap()).await.send(asked).await;
    (answer.status == 200).then(|| serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// FAULTS 61.
#[tokio::test]
async fn a_registry_that_forgets_everything_at_once_is_not_believed() {
    let server = EurekaServer::start().await;
    let orders = Origin::text("orders").await;
    server.up("ORDERS", "a", orders.address);
    let gateway = Process::start(&document(&server.url, "orders", "hold: 30s")).await;
    let web = gateway.address("web");
    answers(web, "/", "orders").await;

    let mut client = Client::http1(web).await;
    server.expire_all();
    let before = server.asked().len();
    eventually("it is asked again", async || {
        assert_eq!(client.fetch(request(Method::GET, "/")).await.body, "orders");
        (server.asked().len() >= before + 3).then_some(())
    })
    .await;
    for fault in [Fault::Status(500), Fault::Garbage, Fault::WrongHash] {
        server.fault(fault.clone());
        let before = server.asked().len();
        eventually("it is asked again", async || {
            assert_eq!(client.fetch(request(Method::GET, "/")).await.body, "orders", "{fault:?}");
            (server.asked().len() >= before + 2).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_instance_that_is_taken_out_of_service_gets_nothing_new() {
    let server = EurekaServer::start().await;
    let (old, new) = (Origin::text("old").await, Origin::text("new").await);
    server.up("ORDERS", "a", old.address);
    let gateway = Process::start(&document(&server.url, "orders", "hold: 0s")).await;
    let web = gateway.address("web");
    answers(web, "/", "old").await;
    server.up("ORDERS", "b", new.address);
    answers(web, "/", "new").await;
    server.put(instance("ORDERS", "a", old.address, "OUT_OF_SERVICE"));
    eventually("only the new one is asked", async || {
        let mut bodies = Vec::new();
        for _ in 0..6 {
            bodies.push(get(web, "/").await.body);
        }
        bodies.iter().all(|body| body == "new").then_some(())
    })
    .await;
}

/// A stock server, a stock service, and the gateway between them: nobody was told of the others but where Eureka is.
#[tokio::test]
async fn stock_services_are_found_and_find_the_gateway() {
    let Some(estate) = Estate::get() else { return };
    let (_server, url) = estate.server().await;
    let settings = ["--eureka.instance.metadata-map.version=v2"];
    let greeter = estate.client(&url, &settings).await;

    let register = "hold: 0s, register: { in: [eureka], service: gateway, address: \"127.0.0.1:8080\" }";
    let gateway = Process::start(&document(&url, "greeter", register)).await;
    let web = gateway.address("web");
    answers(web, "/name", "greeter").await;

    let itself = eventually("the gateway is registered", async || told(&url, Method::GET, "/apps/GATEWAY").await).await;
    let instance = &itself["application"]["instance"][0];
    assert_eq!((&instance["status"], &instance["port"]["$"]), (&"UP".into(), &8080.into()), "{itself}");

    // An operator takes the service out, and lets it in again.
    let greeters = told(&url, Method::GET, "/apps/GREETER").await.unwrap();
    let id = greeters["application"]["instance"][0]["instanceId"].as_str().unwrap().to_owned();
    let status = format!("/apps/GREETER/{id}/status?value=");
    told(&url, Method::PUT, &format!("{status}OUT_OF_SERVICE")).await.unwrap();
    eventually("it is taken out", async || (get(web, "/name").await.status == 503).then_some(())).await;
    told(&url, Method::DELETE, &format!("{status}UP")).await.unwrap();
    answers(web, "/name", "greeter").await;

    // Both take their leave.
    drop(greeter);
    eventually("it is gone", async || (get(web, "/name").await.status == 503).then_some(())).await;
    gateway.signal(Signal::TERM);
    gateway.wait_exit().await;
    assert_eq!(told(&url, Method::GET, "/apps/GATEWAY").await, None);
}
