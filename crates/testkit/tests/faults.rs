//! The fault proxy, fault by fault. Where time matters it stands still until the test moves it on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use testkit::{
    clock::Clock,
    eventually,
    faults::{
        Direction::{ToClient, ToTarget},
        Fault, FaultProxy, Settings,
    },
    origin::{RawConn, RawOrigin},
    wire::{Failure, Response, Why, Wire},
};

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";
const HEAD: u64 = ANSWER.len() as u64 - 10;
const MS: Duration = Duration::from_millis(1);

struct Setup {
    origin: RawOrigin,
    proxy: FaultProxy,
    clock: Clock,
}

impl Setup {
    async fn new() -> Self {
        Self::seeded(1).await
    }

    async fn seeded(seed: u64) -> Self {
        let origin = RawOrigin::answering(ANSWER).await;
        let clock = Clock::manual();
        let proxy = FaultProxy::with(origin.address, Settings { clock: clock.clone(), seed }).await;
        Self { origin, proxy, clock }
    }

    async fn wire(&self) -> Wire {
        Wire::connect(self.proxy.address).await
    }

    async fn ask(&self) -> Result<Response, Failure> {
        let mut wire = self.wire().await;
        wire.send(REQUEST).await?;
        wire.response().await
    }
}

/// Answers what it reads with the same.
async fn echo() -> RawOrigin {
    RawOrigin::start(async |mut conn: RawConn| {
        while let Ok(octets) = conn.some().await {
            if conn.send(octets).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn without_faults_octets_pass() {
    let setup = Setup::new().await;
    assert_eq!(setup.ask().await.unwrap().text(), "0123456789");
    setup.proxy.holds(0).await;
}

#[tokio::test]
async fn large_streams_pass_both_ways_at_once() {
    let origin = echo().await;
    let proxy = FaultProxy::start(origin.address).await;
    proxy.set_both([Fault::Delay(MS), Fault::Jitter(MS)]);
    let (mut asking, content) = (Wire::connect(proxy.address).await, vec![7; 3 << 20]);
    // No more than the proxy and the sockets hold, so that reading may come after writing.
    for piece in content.chunks(64 << 10) {
        asking.send(piece).await.unwrap();
        assert_eq!(asking.exactly(piece.len()).await.unwrap(), piece);
    }
}

#[tokio::test]
async fn delayed_octets_come_later_and_hold_up_nobody() {
    let setup = Setup::new().await;
    setup.proxy.set(ToTarget, [Fault::Delay(100 * MS)]);
    let mut wire = setup.wire().await;
    let (first, second) = REQUEST.split_at(9);
    wire.send(first).await.unwrap();
    setup.proxy.holds(9).await;
    assert_eq!(setup.clock.until_next().await, 100 * MS);
    setup.clock.advance(40 * MS);
    wire.send(second).await.unwrap();
    setup.proxy.holds(REQUEST.len() as u64).await;
    assert_eq!((setup.clock.until_next().await, setup.origin.counts.requests()), (60 * MS, 0));
    setup.clock.advance(60 * MS);
    setup.proxy.holds(second.len() as u64).await;
    // Sent 40 ms later, arrives 40 ms later.
    assert_eq!((setup.clock.until_next().await, setup.origin.counts.requests()), (40 * MS, 0));
    setup.clock.advance(40 * MS);
    // The way back is not delayed.
    assert_eq!(wire.response().await.unwrap().text(), "0123456789");
}

/// What each of five octets waits for, one after the other.
async fn waits(seed: u64) -> Vec<Duration> {
    let setup = Setup::seeded(seed).await;
    setup.proxy.set(ToTarget, [Fault::Jitter(100 * MS)]);
    let mut wire = setup.wire().await;
    let mut waits = Vec::new();
    for octet in ["G", "E", "T", " ", "/"] {
        wire.send(octet).await.unwrap();
        setup.proxy.holds(1).await;
        waits.push(setup.clock.until_next().await);
        setup.clock.advance(100 * MS);
        setup.proxy.holds(0).await;
    }
    waits
}

#[tokio::test]
async fn jitter_differs_from_piece_to_piece_and_can_be_repeated() {
    let first = waits(7).await;
    assert!(first.iter().all(|wait| *wait < 100 * MS), "{first:?}");
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]), "{first:?}");
    assert_eq!(waits(7).await, first);
    assert_ne!(waits(8).await, first);
}

#[tokio::test]
async fn a_throttled_stream_trickles() {
    let setup = Setup::new().await;
    setup.proxy.set(ToClient, [Fault::Throttle(100)]);
    let mut wire = setup.wire().await;
    wire.send(REQUEST).await.unwrap();
    let mut left = ANSWER.len() as u64;
    // Five octets at a time: twenty pieces in a second.
    while left > 0 {
        setup.proxy.holds(left).await;
        let piece = left.min(5);
        assert_eq!(setup.clock.until_next().await, 10 * MS * piece as u32, "{left}");
        setup.clock.advance(10 * MS * piece as u32);
        left -= piece;
    }
    assert_eq!(wire.response().await.unwrap().text(), "0123456789");
    assert_eq!(setup.clock.now(), 10 * MS * ANSWER.len() as u32);
}

#[tokio::test]
async fn nothing_passes_a_blackhole_until_it_is_gone() {
    let setup = Setup::new().await;
    setup.proxy.set_both([Fault::Blackhole]);
    let mut wire = setup.wire().await;
    wire.send(REQUEST).await.unwrap();
    setup.proxy.holds(REQUEST.len() as u64).await;
    assert_eq!((setup.origin.counts.connections(), setup.origin.counts.requests()), (1, 0));
    // One way may be open.
    setup.proxy.set(ToTarget, []);
    setup.origin.next_request().await;
    setup.proxy.holds(ANSWER.len() as u64).await;
    setup.proxy.heal();
    assert_eq!(wire.response().await.unwrap().text(), "0123456789", "what was held back comes");
}

#[tokio::test]
async fn a_truncated_stream_ends_in_order_and_a_reset_one_breaks() {
    let setup = Setup::new().await;
    let after = HEAD + 4;
    for (fault, closed) in
        [(Fault::Truncate { after }, true), (Fault::HalfClose { after }, true), (Fault::Reset { after }, false)]
    {
        setup.proxy.set(ToClient, [fault]);
        let failure = setup.ask().await.unwrap_err();
        assert!(failure.received.ends_with(b"\r\n\r\n0123"), "{fault:?}: {failure}");
        assert_eq!(failure.why == Why::Closed, closed, "{fault:?}: {failure}");
        assert!(failure.is_closed(), "{fault:?}: {failure}");
    }
    setup.proxy.heal();
    assert_eq!(setup.ask().await.unwrap().text(), "0123456789");
}

/// The end of a stream is as late as what is in front of it.
#[tokio::test]
async fn an_end_does_not_overtake_what_was_sent_before() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        assert_eq!(conn.until_close().await.unwrap(), b"all of it");
        conn.send("the answer").await.unwrap();
    })
    .await;
    let proxy = FaultProxy::start(origin.address).await;
    proxy.set(ToTarget, [Fault::Delay(5 * MS)]);
    let mut wire = Wire::connect(proxy.address).await;
    wire.send("all of it").await.unwrap();
    wire.finish().await.unwrap();
    assert_eq!(wire.until_close().await.unwrap(), b"the answer");
}

#[tokio::test]
async fn a_half_closed_stream_goes_on_the_other_way() {
    let origin = RawOrigin::start(async |mut conn: RawConn| {
        assert_eq!(conn.until_close().await.unwrap(), b"to the");
        conn.send("the answer all the same").await.unwrap();
    })
    .await;
    let proxy = FaultProxy::start(origin.address).await;
    proxy.set(ToTarget, [Fault::HalfClose { after: 6 }]);
    let mut wire = Wire::connect(proxy.address).await;
    wire.send("to the end").await.unwrap();
    assert_eq!(wire.until_close().await.unwrap(), b"the answer all the same");
}

/// What hangs stays open, and only a reset ends it.
#[tokio::test]
async fn the_rest_of_a_stream_that_hangs_vanishes() {
    let setup = Setup::new().await;
    setup.proxy.set(ToClient, [Fault::Hang { after: HEAD }]);
    let mut wire = setup.wire().await;
    wire.send(REQUEST).await.unwrap();
    wire.exactly(HEAD as usize).await.unwrap();
    setup.proxy.heal();
    // The other way is open; its answer vanishes as well.
    wire.send(REQUEST).await.unwrap();
    for _ in 0..2 {
        setup.origin.next_request().await;
    }
    assert_eq!(setup.ask().await.unwrap().text(), "0123456789", "new connections are healed");
    setup.proxy.reset_all();
    let failure = wire.some().await.unwrap_err();
    assert!(matches!(failure.why, Why::Broken(_)) && failure.received.ends_with(b"\r\n\r\n"), "{failure}");
}

#[tokio::test]
async fn octets_are_corrupted_by_place_and_by_chance() {
    let setup = Setup::new().await;
    setup.proxy.set(ToClient, [Fault::CorruptAt(HEAD + 1), Fault::CorruptAt(HEAD + 9)]);
    let body = setup.ask().await.unwrap().body;
    assert_eq!((&body[..2], &body[2..9], body[9]), (&[b'0', !b'1'][..], &b"2345678"[..], !b'9'));

    let origin = echo().await;
    let mut inverted = Vec::new();
    for seed in [1, 1, 2] {
        let proxy = FaultProxy::with(origin.address, Settings { clock: Clock::real(), seed }).await;
        proxy.set(ToTarget, [Fault::CorruptSome(0.25)]);
        let mut wire = Wire::connect(proxy.address).await;
        wire.send([0; 2000]).await.unwrap();
        inverted.push(wire.exactly(2000).await.unwrap());
    }
    let count = inverted[0].iter().filter(|octet| **octet == 0xff).count();
    assert!((400..600).contains(&count), "{count}");
    assert!(inverted[0] == inverted[1] && inverted[0] != inverted[2], "the seed decides which");
}

/// Faults come and go on a connection that is open.
#[tokio::test]
async fn faults_are_switched_while_it_runs() {
    let setup = Setup::new().await;
    let mut wire = setup.wire().await;
    for corrupted in [None, Some(ANSWER.len() as u64 * 2 - 1), None] {
        setup.proxy.set(ToClient, corrupted.map(Fault::CorruptAt));
        wire.send(REQUEST).await.unwrap();
        let last = wire.response().await.unwrap().body[9];
        assert_eq!(last, if corrupted.is_some() { !b'9' } else { b'9' });
    }
    // More than that has passed already.
    setup.proxy.set(ToClient, [Fault::Truncate { after: 0 }]);
    assert_eq!(wire.until_close().await.unwrap(), b"");
}

#[tokio::test]
async fn connections_are_refused_and_reset() {
    let setup = Setup::new().await;
    let mut open = setup.wire().await;
    open.send(REQUEST).await.unwrap();
    assert_eq!(open.response().await.unwrap().status, 200);

    setup.proxy.refuse();
    assert!(setup.ask().await.unwrap_err().is_closed());
    assert_eq!(setup.origin.counts.connections(), 1, "the target never hears of a refused connection");

    setup.proxy.reset_all();
    assert!(matches!(open.some().await.unwrap_err().why, Why::Broken(_)));
    eventually("the target is told as well", async || (setup.origin.counts.open() == 0).then_some(())).await;
    setup.proxy.heal();
    assert_eq!(setup.ask().await.unwrap().status, 200);
}
