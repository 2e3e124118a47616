//! A bound on the requests that an upstream has at a time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use http::{Method, Response};
use testkit::{
    body,
    client::{Client, request, websocket},
    demo,
    origin::Origin,
};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
};

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
    two_workers(Forward::to(origin.address).upstream(format!("bulkhead: {{ {bulkhead} }}"))).await
}

async fn two_workers(forward: Forward) -> Gateway {
    Gateway::start(&forward.to_string().replace("workers: 1", "workers: 2")).await
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

/// Over HTTP/1.1 a connection serves one request, over HTTP/2 as many as `streams` says; what is beyond that waits, whichever
/// worker it came to.
#[tokio::test]
async fn connections_are_bounded_over_all_workers() {
    for (protocol, at_once) in [("http1", 3), ("h2c, pool: { streams: 4 }", 12)] {
        let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let leave = Arc::new(Semaphore::new(0));
        let origin = Origin::start({
            let (under_way, most, leave) = (under_way.clone(), most.clone(), leave.clone());
            move |_| {
                let (under_way, most, leave) = (under_way.clone(), most.clone(), leave.clone());
                async move {
                    most.fetch_max(under_way.fetch_add(1, SeqCst) + 1, SeqCst);
                    drop(leave.acquire().await);
                    under_way.fetch_sub(1, SeqCst);
                    Response::new(body::full("ok"))
                }
            }
        })
        .await;
        let fields = format!("protocol: {protocol}, bulkhead: {{ requests: 100, connections: 3, wait: 1h }}");
        let gateway = two_workers(Forward::to(origin.address).upstream(fields)).await;
        let mut asked = JoinSet::new();
        for _ in 0..40 {
            let mut client = gateway.http1().await;
            asked.spawn(async move { client.get("/").await });
        }
        has(&origin, at_once).await;
        assert_eq!(origin.counts.connections(), 3, "{protocol}");
        leave.close();
        for answer in asked.join_all().await {
            assert_eq!(answer.text(), "ok", "{protocol}");
        }
        assert!(most.load(SeqCst) <= at_once, "{protocol}: {most:?}");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_connection_for_ever() {
    let (origin, leave) = held().await;
    let gateway = gateway(&origin, "requests: 9, connections: 1, wait: 2s").await;
    let first = ask(&gateway).await;
    has(&origin, 1).await;
    let refused = ask(&gateway).await.await.unwrap();
    assert_reply(&refused, 503, "upstream_saturated");
    leave.add_permits(2);
    assert_eq!(first.await.unwrap().text(), "ok");
    assert_eq!(ask(&gateway).await.await.unwrap().text(), "ok", "the connection is free again");
}

/// What is kept for later, for another endpoint or by another worker, makes room for what is needed now.
#[tokio::test]
async fn unused_connections_make_room() {
    for protocol in ["http1", "h2c"] {
        let (first, second) = (Origin::text("first").await, Origin::text("second").await);
        let fields = format!("protocol: {protocol}, bulkhead: {{ requests: 9, connections: 1, wait: 1h }}");
        let gateway = two_workers(Forward::to(first.address).and(second.address).upstream(fields)).await;
        for _ in 0..20 {
            assert_eq!(ask(&gateway).await.await.unwrap().status, 200, "{protocol}");
        }
        assert_eq!(first.counts.requests() + second.counts.requests(), 20, "{protocol}");
        let open = || first.counts.open() + second.counts.open();
        testkit::eventually("one is left", async || (open() == 1).then_some(())).await;
    }
}

/// However busy the connections of one worker are, the other one gets some of them.
#[tokio::test]
async fn no_worker_keeps_all_connections() {
    for protocol in ["http1", "h2c, pool: { streams: 2 }"] {
        let origin = Origin::text("ok").await;
        let fields = format!("protocol: {protocol}, bulkhead: {{ requests: 100, connections: 2, wait: 1h }}");
        let gateway = two_workers(Forward::to(origin.address).upstream(fields)).await;
        let mut busy = JoinSet::new();
        for _ in 0..16 {
            let mut client = gateway.http1().await;
            busy.spawn(async move {
                for _ in 0..50 {
                    assert_eq!(client.get("/").await.text(), "ok");
                }
            });
        }
        busy.join_all().await;
        assert_eq!(origin.counts.requests(), 16 * 50, "{protocol}");
    }
}

/// A connection counts as long as it is open, whatever is spoken on it.
#[tokio::test]
async fn a_websocket_keeps_its_connection() {
    let echo = demo::echo().await.unwrap();
    let forward = Forward::to(echo.address).upstream("bulkhead: { requests: 9, connections: 1, wait: 2s }");
    let gateway = forward.start().await;
    let socket = websocket::connect(gateway.web(), "/ws").await;
    assert_reply(&gateway.http1().await.get("/").await, 503, "upstream_saturated");
    drop(socket);
    testkit::eventually("it is free again", async || {
        (gateway.http1().await.get("/").await.status == 200).then_some(())
    })
    .await;
}
