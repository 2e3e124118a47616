//! The fault proxy, fault by fault.

use std::time::Duration;

use testkit::{
    eventually,
    faults::{Ending, FaultProxy},
    origin::{RawConn, RawOrigin},
    wire::{Failure, Response, Why, Wire},
};

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";
const HEAD: u64 = ANSWER.len() as u64 - 10;

struct Setup {
    origin: RawOrigin,
    proxy: FaultProxy,
}

impl Setup {
    async fn new() -> Self {
        let origin = RawOrigin::answering(ANSWER).await;
        let proxy = FaultProxy::start(origin.address).await;
        Self { origin, proxy }
    }

    async fn ask(&self) -> Result<Response, Failure> {
        let mut wire = Wire::connect(self.proxy.address).await.patience(Duration::from_secs(5));
        wire.send(REQUEST).await?;
        wire.response().await
    }
}

#[tokio::test]
async fn without_faults_octets_pass() {
    let setup = Setup::new().await;
    assert_eq!(setup.ask().await.unwrap().text(), "0123456789");
}

#[tokio::test]
async fn slow_but_whole() {
    let setup = Setup::new().await;
    setup.proxy.change(|plan| {
        plan.to_target.delay = Duration::from_millis(2);
        plan.to_client.jitter = Duration::from_millis(3);
        plan.to_client.bytes_per_second = Some(10_000);
    });
    assert_eq!(setup.ask().await.unwrap().text(), "0123456789");
}

#[tokio::test]
async fn a_cut_stream_ends_as_planned() {
    let setup = Setup::new().await;
    for (ending, closed) in [(Ending::Close, true), (Ending::HalfClose, true), (Ending::Reset, false)] {
        setup.proxy.change(|plan| plan.to_client.cut = Some((HEAD + 4, ending)));
        let failure = setup.ask().await.unwrap_err();
        assert!(failure.received.ends_with(b"\r\n\r\n0123"), "{ending:?}: {failure}");
        assert_eq!(failure.why == Why::Closed, closed, "{ending:?}: {failure}");
        assert!(failure.is_closed(), "{ending:?}: {failure}");
    }
    setup.proxy.heal();
    assert_eq!(setup.ask().await.unwrap().text(), "0123456789");
}

#[tokio::test]
async fn a_half_closed_stream_goes_on_the_other_way() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        assert_eq!(conn.until_close().await.unwrap(), b"to the");
        conn.send("the answer all the same").await.unwrap();
    })
    .await;
    let proxy = FaultProxy::start(origin.address).await;
    proxy.change(|plan| plan.to_target.cut = Some((6, Ending::HalfClose)));
    let mut wire = Wire::connect(proxy.address).await;
    wire.send("to the end").await.unwrap();
    assert_eq!(wire.until_close().await.unwrap(), b"the answer all the same");
}

#[tokio::test]
async fn a_hang_and_a_blackhole_say_nothing() {
    let setup = Setup::new().await;
    setup.proxy.change(|plan| plan.to_client.cut = Some((HEAD, Ending::Hang)));
    let mut wire = Wire::connect(setup.proxy.address).await.patience(Duration::from_millis(50));
    wire.send(REQUEST).await.unwrap();
    assert!(matches!(wire.response().await.unwrap_err().why, Why::Late(_)));

    setup.proxy.change(|plan| {
        plan.to_client.cut = None;
        plan.to_client.blackhole = true;
    });
    let mut wire = Wire::connect(setup.proxy.address).await.patience(Duration::from_millis(50));
    wire.send(REQUEST).await.unwrap();
    assert!(matches!(wire.response().await.unwrap_err().why, Why::Late(_)));
    setup.proxy.heal();
    let mut wire = wire.patience(Duration::from_secs(5));
    assert_eq!(wire.response().await.unwrap().text(), "0123456789", "what was held back comes");
}

#[tokio::test]
async fn one_octet_is_corrupted() {
    let setup = Setup::new().await;
    setup.proxy.change(|plan| plan.to_client.corrupt_at = Some(HEAD + 1));
    let body = setup.ask().await.unwrap().body;
    assert_eq!((body[0], body[1], &body[2..]), (b'0', !b'1', &b"23456789"[..]));
}

#[tokio::test]
async fn connections_are_refused_and_reset() {
    let setup = Setup::new().await;
    let mut open = Wire::connect(setup.proxy.address).await;
    open.send(REQUEST).await.unwrap();
    assert_eq!(open.response().await.unwrap().status, 200);

    setup.proxy.change(|plan| plan.refuse = true);
    assert!(setup.ask().await.unwrap_err().is_closed());
    assert_eq!(setup.origin.counts.connections(), 1, "the target never hears of a refused connection");

    setup.proxy.reset_all();
    assert!(matches!(open.some().await.unwrap_err().why, Why::Broken(_)));
    eventually("the target is told as well", async || (setup.origin.counts.open() == 0).then_some(())).await;
}
