//! A bound on the requests that an upstream has at a time.

use std::sync::Arc;

use http::{Method, Response};
use testkit::{
    body,
    client::{Client, request},
    origin::Origin,
};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::support::{Forward, Gateway, assert_reply};

/// An origin that answers as many requests as it has leave for, and the leave.
async fn held() -> (Origin, Arc<Semaphore>) {
    let leave = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let leave = leave.clone();
        move |_| {
            let leave = leave.clone();
            async move {
                leave.acquire().await.unwrap().forget();
                Response::new(body::full("ok"))
            }
        }
    })
    .await;
    (origin, leave)
}

/// Workers share the bound, so two of them are enough to tell.
async fn gateway(origin: &Origin, bulkhead: &str) -> Gateway {
    Gateway::start(&format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }} }}\n\
         listeners: [ {{ name: web, address: \"127.0.0.1:0\" }} ]\n\
         upstreams: [ {{ name: origin, endpoints: [\"{}\"], bulkhead: {{ {bulkhead} }} }} ]\n\
         routes: [ {{ name: all, upstream: origin }} ]\n",
        origin.address
    ))
    .await
}

async fn ask(gateway: &Gateway) -> JoinHandle<testkit::client::Answer> {
    let mut client = gateway.http1().await;
    tokio::spawn(async move { client.fetch(request(Method::GET, "/")).await })
}

async fn has(origin: &Origin, requests: usize) {
    testkit::eventually("the requests arrive", async || (origin.counts.requests() == requests).then_some(())).await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_at_once() {
    let (origin, leave) = held().await;
    let gateway = gateway(&origin, "requests: 3").await;
    let mut under_way = Vec::new();
    for _ in 0..3 {
        under_way.push(ask(&gateway).await);
    }
    has(&origin, 3).await;
    for _ in 0..4 {
        assert_reply(&ask(&gateway).await.await.unwrap(), 503, "upstream_saturated");
    }
    leave.add_permits(3);
    for asked in under_way {
        assert_eq!(asked.await.unwrap().text(), "ok");
    }
    leave.add_permits(1);
    assert_eq!(ask(&gateway).await.await.unwrap().text(), "ok", "the places are free again");
    assert_eq!(origin.counts.requests(), 4);
}

#[tokio::test]
async fn a_few_may_wait_and_come_in_turn() {
    let (origin, leave) = held().await;
    let gateway = gateway(&origin, "requests: 1, queue: 2, wait: 1h").await;
    let first = ask(&gateway).await;
    has(&origin, 1).await;
    let mut waiting = Vec::new();
    while waiting.len() < 3 {
        waiting.push(ask(&gateway).await);
    }
    // One of the three found the queue full.
    let refused =
        testkit::eventually("one is refused", async || waiting.iter().position(JoinHandle::is_finished)).await;
    assert_reply(&waiting.swap_remove(refused).await.unwrap(), 503, "upstream_saturated");
    assert_eq!(origin.counts.requests(), 1);
    leave.add_permits(3);
    for asked in waiting.into_iter().chain([first]) {
        assert_eq!(asked.await.unwrap().text(), "ok");
    }
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let (origin, leave) = held().await;
    let gateway = gateway(&origin, "requests: 1, queue: 1, wait: 50ms").await;
    let first = ask(&gateway).await;
    has(&origin, 1).await;
    assert_reply(&ask(&gateway).await.await.unwrap(), 503, "upstream_saturated");
    leave.add_permits(1);
    assert_eq!(first.await.unwrap().text(), "ok");
}

/// A client that leaves gives its place back, and so does one that leaves the queue.
#[tokio::test]
async fn who_leaves_makes_room() {
    let (origin, leave) = held().await;
    let forward = Forward::to(origin.address).upstream("bulkhead: { requests: 1, queue: 1, wait: 1h }");
    let gateway = forward.start().await;
    for (client, seen) in [(gateway.http1().await, 1), (gateway.h2c().await, 2)] {
        let leaving = tokio::spawn(leave_unanswered(client));
        has(&origin, seen).await;
        leaving.abort();
    }
    leave.add_permits(3);
    assert_eq!(gateway.http1().await.get("/").await.text(), "ok");
}

async fn leave_unanswered(mut client: Client) {
    let _ = client.try_fetch(request(Method::GET, "/")).await;
}
