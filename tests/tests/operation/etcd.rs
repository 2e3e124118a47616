//! etcd as a registry: its faults under load, and the gateway's own entry in it.

use std::net::SocketAddr;

use testkit::{
    client::{self, Client, Load},
    etcd::{Api, Member},
    eventually,
    faults::{Fault, FaultProxy},
    gateway::{Process, Signal},
    origin::Origin,
};

const PREFIX: &str = "/services/orders/";

/// A document with a service of etcd behind every path.
fn document(etcd: SocketAddr, more: &str) -> String {
    format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }}, discovery: {{ {more} etcd: {{ endpoints: [\"http://{etcd}\"] }} }} }}\n\
         listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: orders, discovery: {{ etcd: {{ prefix: {PREFIX} }} }} }}]\n\
         routes: [{{ name: orders, match: {{ path: {{ prefix: / }} }}, upstream: orders }}]\n"
    )
}

async fn put(api: &mut Api, name: &str, instance: &Origin) {
    api.put(&format!("{PREFIX}{name}"), &format!(r#"{{"address": "{}"}}"#, instance.address)).await;
}

async fn answers(gateway: &Process, text: &str) {
    let address = gateway.address("web");
    let asked = async || (client::get(address, "/").await.body == text.as_bytes()).then_some(());
    eventually("it is this one who answers", asked).await;
}

/// Waits until nobody else has answered twenty times.
async fn answers_only(gateway: &Process, text: &str) {
    let mut client = Client::http1(gateway.address("web")).await;
    let mut in_a_row = 0;
    let only = async || {
        let is_this = client.get("/").await.body == text.as_bytes();
        in_a_row = if is_this { in_a_row + 1 } else { 0 };
        (in_a_row == 20).then_some(())
    };
    eventually("nobody else answers", only).await;
}

#[tokio::test]
async fn instances_of_etcd_are_asked_until_they_go() {
    let (etcd, a, b) = (Member::start().await, Origin::text("a").await, Origin::text("b").await);
    let mut api = etcd.api().await;
    let gateway = Process::start(&document(etcd.address, "hold: 0s,")).await;
    assert_eq!(client::get(gateway.address("web"), "/").await.status, 503);
    put(&mut api, "1", &a).await;
    answers(&gateway, "a").await;
    put(&mut api, "1", &b).await;
    answers(&gateway, "b").await;
    api.delete_all(PREFIX).await;
    let is_gone = async || (client::get(gateway.address("web"), "/").await.status == 503).then_some(());
    eventually("nobody is left to be asked", is_gone).await;
}

/// Whatever becomes of etcd, clients do not notice.
#[tokio::test]
async fn an_etcd_that_fails_fails_no_request() {
    let (mut etcd, a, b) = (Member::start().await, Origin::text("a").await, Origin::text("b").await);
    let proxy = FaultProxy::start(etcd.address).await;
    put(&mut etcd.api().await, "a", &a).await;
    let gateway = Process::start(&document(proxy.address, "")).await;
    answers(&gateway, "a").await;
    let web = gateway.address("web");
    let load = Load::start(4, "/", move || Client::http1(web));
    load.more(100).await;

    etcd.kill();
    load.more(500).await;
    etcd.start_again().await;
    put(&mut etcd.api().await, "b", &b).await;
    answers(&gateway, "b").await;

    proxy.set_both([Fault::Blackhole]);
    etcd.api().await.delete(&format!("{PREFIX}b")).await;
    load.more(500).await;
    proxy.heal();
    answers_only(&gateway, "a").await;

    // What was wiped is not believed at once.
    proxy.reset_all();
    etcd.wipe();
    etcd.start_again().await;
    load.more(500).await;
    load.stop().await.unharmed();
}

#[tokio::test]
async fn a_gateway_starts_without_etcd_with_what_it_knew() {
    let (mut etcd, a, b) = (Member::start().await, Origin::text("a").await, Origin::text("b").await);
    put(&mut etcd.api().await, "1", &a).await;
    let state = tempfile::tempdir().unwrap();
    let document = document(etcd.address, "");
    let start = || Process::with(&document).argument("--state").argument(state.path()).start();
    let gateway = start().await;
    answers(&gateway, "a").await;
    // So soon after the first that the disk is spared; an orderly end keeps it nevertheless.
    put(&mut etcd.api().await, "1", &b).await;
    answers(&gateway, "b").await;
    gateway.signal(Signal::TERM);
    gateway.wait_exit().await;
    etcd.kill();
    let gateway = start().await;
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "b");
}

#[tokio::test]
async fn the_gateway_is_in_etcd_while_it_serves() {
    const KEY: &str = "/services/edge/edge-10.0.0.7-8080";
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let register =
        "register: { in: [etcd], service: edge, address: \"10.0.0.7:8080\", labels: { zone: a }, ttl: 10s },";
    let gateway = Process::start(&document(etcd.address, register)).await;
    let is_there = async || api.all(KEY).await.remove(KEY.as_bytes());
    let stored = eventually("the gateway is in etcd", is_there).await;
    let told: serde_json::Value = serde_json::from_slice(&stored.value).unwrap();
    assert_eq!((&told["address"], &told["labels"]["zone"]), (&"10.0.0.7:8080".into(), &"a".into()));

    // A lease that ran out, as after a partition.
    for lease in api.leases().await {
        api.revoke(lease).await;
    }
    let is_back = async || api.all(KEY).await.remove(KEY.as_bytes()).filter(|again| again.revision > stored.revision);
    eventually("the gateway is in etcd again", is_back).await;

    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().await.code, Some(0));
    assert_eq!((api.all(KEY).await.len(), api.leases().await.len()), (0, 0));
}
