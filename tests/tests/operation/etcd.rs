//! Instances in etcd, and an etcd that fails.

use std::net::SocketAddr;

use http::StatusCode;
use testkit::{
    client::{self, Client, Load},
    demo,
    etcd::{Api, Member},
    eventually,
    faults::{Fault, FaultProxy},
    gateway::Process,
};

const PREFIX: &str = "/services/orders/";

fn document(etcd: SocketAddr) -> String {
    format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }}, \
         discovery: {{ allow: [127.0.0.0/8], etcd: {{ endpoints: [\"http://{etcd}\"] }} }} }}\n\
         listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: orders, discovery: {{ etcd: {{ prefix: {PREFIX} }} }} }}]\n\
         routes: [{{ name: orders, match: {{ path: {{ prefix: / }} }}, upstream: orders }}]\n"
    )
}

async fn put(api: &mut Api, name: &str, instance: SocketAddr) {
    api.put(&format!("{PREFIX}{name}"), &format!(r#"{{"address": "{instance}"}}"#)).await;
}

async fn answers(gateway: &Process) {
    let status = async || client::get(gateway.address("web"), "/").await.status;
    eventually("an instance answers", async || (status().await == StatusCode::OK).then_some(())).await;
}

#[tokio::test]
async fn instances_of_etcd_are_asked() {
    let (etcd, echo) = (Member::start().await, demo::echo().await.unwrap());
    let gateway = Process::start(&document(etcd.address)).await;
    assert_eq!(client::get(gateway.address("web"), "/").await.status, StatusCode::SERVICE_UNAVAILABLE);
    put(&mut etcd.api().await, "a", echo.address).await;
    answers(&gateway).await;
}

/// Whatever becomes of etcd, clients do not notice.
#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_fails_fails_no_request() {
    let (mut etcd, echo, other) =
        (Member::start().await, demo::echo().await.unwrap(), demo::echo().await.unwrap());
    let proxy = FaultProxy::start(etcd.address).await;
    put(&mut etcd.api().await, "a", echo.address).await;
    let gateway = Process::start(&document(proxy.address)).await;
    answers(&gateway).await;
    let web = gateway.address("web");
    let load = Load::start(4, "/", move || Client::http1(web));
    load.more(100).await;

    etcd.kill();
    load.more(500).await;
    etcd.start_again().await;
    put(&mut etcd.api().await, "b", other.address).await;
    load.more(500).await;
    proxy.set_both([Fault::Blackhole]);
    load.more(500).await;
    proxy.heal();
    proxy.reset_all();
    load.more(500).await;
    load.stop().await.unharmed();
}

#[tokio::test]
async fn a_gateway_starts_without_etcd_with_what_it_knew() {
    let (mut etcd, echo) = (Member::start().await, demo::echo().await.unwrap());
    put(&mut etcd.api().await, "a", echo.address).await;
    let state = tempfile::tempdir().unwrap();
    let start = || Process::with(&document(etcd.address)).argument("--state").argument(state.path()).start();
    let gateway = start().await;
    answers(&gateway).await;
    drop(gateway);
    etcd.kill();
    let gateway = Process::with(&document(etcd.address)).argument("--state").argument(state.path()).start().await;
    assert_eq!(client::get(gateway.address("web"), "/").await.status, StatusCode::OK);
}
