//! Bodies that flow: nothing is held back, and nobody is given more than they take.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use testkit::{
    PATIENCE, body,
    client::request,
    eventually,
    origin::{Origin, RawConn, RawOrigin},
    within,
};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::support::{Forward, Gateway};

const VERSIONS: [&str; 2] = ["http1", "h2c"];

/// More than twice of what the sockets of both hops could hold together, at the 36 MiB each that Linux allows.
const FLOOD: usize = 256 << 20;
const PIECE: usize = 64 << 10;

/// What a gateway may hold of a body: the windows of its protocols, and its own buffers.
const HOLD: usize = 8 << 20;

type BodySender = http_body_util::channel::Sender<Bytes, std::io::Error>;

/// An origin whose answers the test writes: each request's body comes out of the channel, with the way to answer it.
async fn conversation(content_type: &'static str) -> (Origin, mpsc::UnboundedReceiver<(Incoming, BodySender)>) {
    let (exchanges, arriving) = mpsc::unbounded_channel();
    let origin = Origin::start(move |request: Request<Incoming>| {
        let (sender, body) = body::streamed();
        exchanges.send((request.into_body(), sender)).unwrap();
        async move {
            let mut response = Response::new(body);
            response.headers_mut().insert("content-type", content_type.parse().unwrap());
            response
        }
    })
    .await;
    (origin, arriving)
}

/// The next piece of a body, of however many frames.
async fn piece(body: &mut Incoming, length: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    while octets.len() < length {
        let frame = within(PATIENCE, body.frame()).await.expect("more of the body").unwrap();
        octets.extend(frame.into_data().expect("data"));
    }
    octets
}

/// The end of a body; an empty frame may say it.
async fn end(body: Incoming) -> usize {
    within(PATIENCE, body.collect()).await.expect("a whole body").to_bytes().len()
}

async fn through(protocol: &str, origin: &Origin) -> Gateway {
    Forward::to(origin.address).upstream(format!("protocol: {protocol}")).start().await
}

#[tokio::test]
async fn each_event_is_seen_before_the_next_is_made() {
    for protocol in VERSIONS {
        let (origin, mut exchanges) = conversation("text/event-stream").await;
        let gateway = through(protocol, &origin).await;
        for (version, mut client) in gateway.both().await {
            let mut events = client.send(request(Method::GET, "/")).await.unwrap().into_body();
            let (_, mut sender) = exchanges.recv().await.unwrap();
            for number in 0..5 {
                let event = format!("data: {number}\n\n");
                sender.send_data(event.clone().into()).await.unwrap();
                assert_eq!(piece(&mut events, event.len()).await, event.into_bytes(), "{version} to {protocol}");
            }
            drop(sender);
            assert_eq!(end(events).await, 0, "{version} to {protocol}");
        }
    }
}

#[tokio::test]
async fn both_directions_flow_at_the_same_time() {
    for protocol in VERSIONS {
        let (origin, mut exchanges) = conversation("text/plain").await;
        let gateway = through(protocol, &origin).await;
        for (version, mut client) in gateway.both().await {
            let (mut questions, body) = body::streamed();
            let asking = tokio::spawn(async move {
                (client.send(request(Method::POST, "/").map(|_| body)).await.unwrap().into_body(), client)
            });
            let (mut asked, mut sender) = exchanges.recv().await.unwrap();
            let (mut answers, _client) = asking.await.unwrap();
            for number in 0..5 {
                let (question, answer) = (format!("question {number}"), format!("answer {number}"));
                questions.send_data(question.clone().into()).await.unwrap();
                assert_eq!(piece(&mut asked, question.len()).await, question.into_bytes(), "{version} to {protocol}");
                sender.send_data(answer.clone().into()).await.unwrap();
                assert_eq!(piece(&mut answers, answer.len()).await, answer.into_bytes(), "{version} to {protocol}");
            }
            // The answer may end before the question does.
            drop(sender);
            assert_eq!(end(answers).await, 0, "{version} to {protocol}");
        }
    }
}

/// A stream is not held back by whoever waits behind it on the same connection.
#[tokio::test]
async fn a_stream_flows_although_another_request_waits_behind_it() {
    let (origin, mut exchanges) = conversation("text/event-stream").await;
    let gateway = through("http1", &origin).await;
    let mut wire = gateway.wire().await;
    wire.send("GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    for _ in 0..2 {
        let (_, mut sender) = exchanges.recv().await.unwrap();
        assert_eq!(wire.head().await.unwrap().start, "HTTP/1.1 200 OK");
        for _ in 0..3 {
            sender.send_data("data: a\n\n".into()).await.unwrap();
            assert_eq!(wire.chunk().await.unwrap(), b"data: a\n\n");
        }
        drop(sender);
        assert_eq!(wire.chunk().await.unwrap(), b"");
        assert_eq!(wire.exactly(2).await.unwrap(), b"\r\n");
    }
}

/// The bytes that the gateway itself keeps in memory. Pages of the program come with their first use and go as the kernel likes, so
/// they are not counted.
fn resident(gateway: &Gateway) -> usize {
    let statm = fs::read_to_string(format!("/proc/{}/statm", gateway.id())).unwrap();
    let pages: Vec<usize> = statm.split_whitespace().map(|pages| pages.parse().unwrap()).collect();
    let [_, resident, shared, ..] = pages[..] else { panic!("{statm}") };
    resident.saturating_sub(shared) * 4096
}

/// Gives pieces away as fast as they are taken, and counts.
struct Flood {
    given: Arc<AtomicUsize>,
    limit: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Flood {
    fn start(mut sender: BodySender) -> Self {
        let (given, limit) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(FLOOD)));
        let (count, end) = (given.clone(), limit.clone());
        let task = tokio::spawn(async move {
            let piece = Bytes::from(vec![7; PIECE]);
            while count.load(SeqCst) < end.load(SeqCst) && sender.send_data(piece.clone()).await.is_ok() {
                count.fetch_add(PIECE, SeqCst);
            }
        });
        Self { given, limit, task }
    }

    /// Waits until nothing more is taken for a while. To be too early here would only make the test weaker.
    async fn stalled(&self) -> usize {
        const WHILE: Duration = Duration::from_millis(50);
        let mut before = 0;
        within(PATIENCE, async {
            loop {
                tokio::time::sleep(WHILE).await;
                match self.given.load(SeqCst) {
                    now if now == before && now > 0 => return now,
                    now => before = now,
                }
            }
        })
        .await
    }

    /// Ends soon after what was given by now; tells how much that was.
    async fn end(self) -> usize {
        self.limit.store(self.given.load(SeqCst) + (1 << 20), SeqCst);
        within(PATIENCE, self.task).await.unwrap();
        self.given.load(SeqCst)
    }
}

#[tokio::test]
async fn a_client_is_held_back_by_an_endpoint_that_does_not_read() {
    for protocol in VERSIONS {
        let go = Arc::new(Notify::new());
        let wait = go.clone();
        let origin = Origin::start(move |request: Request<Incoming>| {
            let wait = wait.clone();
            async move {
                wait.notified().await;
                let mut body = request.into_body();
                let mut length = 0;
                while let Some(frame) = body.frame().await {
                    length += frame.unwrap().into_data().map_or(0, |data| data.len());
                }
                Response::new(body::full(length.to_string()))
            }
        })
        .await;
        let gateway = Forward::to(origin.address)
            .listener("limits: { body_bytes: off }")
            .upstream(format!("protocol: {protocol}"))
            .start()
            .await;
        for (version, mut client) in gateway.both().await {
            // What a first request takes once (pages of the program, the flight recorder) is no part of what is held.
            go.notify_one();
            assert_eq!(client.get("/").await.text(), "0");
            let before = resident(&gateway);
            let (sender, body) = body::streamed();
            let flood = Flood::start(sender);
            let asking = tokio::spawn(async move { client.fetch(request(Method::POST, "/").map(|_| body)).await });
            let held = flood.stalled().await;
            assert!(held < FLOOD / 2, "{version} to {protocol}: {held} bytes went out although nobody reads");
            let grown = resident(&gateway).saturating_sub(before);
            assert!(grown < HOLD, "{version} to {protocol}: the gateway holds {grown} bytes more");
            go.notify_one();
            let given = flood.end().await;
            assert_eq!(asking.await.unwrap().text(), given.to_string(), "{version} to {protocol}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_is_held_back_by_a_client_that_does_not_read() {
    for protocol in VERSIONS {
        let (origin, mut exchanges) = conversation("application/octet-stream").await;
        let gateway = through(protocol, &origin).await;
        for (version, mut client) in gateway.both().await {
            // What a first request takes once is no part of what is held.
            let first = client.send(request(Method::GET, "/")).await.unwrap().into_body();
            drop(exchanges.recv().await.unwrap());
            assert_eq!(end(first).await, 0);
            let before = resident(&gateway);
            let answer = client.send(request(Method::GET, "/")).await.unwrap().into_body();
            let (_, sender) = exchanges.recv().await.unwrap();
            let flood = Flood::start(sender);
            let held = flood.stalled().await;
            assert!(held < FLOOD / 2, "{version} to {protocol}: {held} bytes came although nobody reads");
            let grown = resident(&gateway).saturating_sub(before);
            assert!(grown < HOLD, "{version} to {protocol}: the gateway holds {grown} bytes more");
            let (length, given) = tokio::join!(end(answer), flood.end());
            assert_eq!(length, given, "{version} to {protocol}");
        }
    }
}

#[tokio::test]
async fn a_broken_answer_is_not_taken_for_a_whole_one() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    for answer in [half, chunks] {
        for reset in [false, true] {
            let origin = RawOrigin::start(move |mut conn: RawConn| async move {
                let _ = conn.request().await;
                let _ = conn.send(answer).await;
                if reset {
                    conn.reset();
                }
            })
            .await;
            let gateway = Forward::to(origin.address).start().await;
            for (version, mut client) in gateway.both().await {
                let answer = client.try_fetch(request(Method::GET, "/")).await;
                assert!(answer.is_err(), "{version}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_breaks_off_what_the_endpoint_reads() {
    for protocol in VERSIONS {
        let (outcomes, mut ended) = mpsc::unbounded_channel();
        let origin = Origin::start(move |request: Request<Incoming>| {
            let outcomes = outcomes.clone();
            // On a task of its own: the exchange itself may be dropped with its connection.
            let reading = tokio::spawn(async move {
                let whole = request.into_body().collect().await.is_ok();
                outcomes.send(whole).unwrap();
            });
            async move {
                let _ = reading.await;
                Response::new(body::empty())
            }
        })
        .await;
        let gateway = through(protocol, &origin).await;
        for (version, mut client) in gateway.both().await {
            let before = origin.counts.requests();
            let (mut sender, body) = body::streamed();
            let asking = tokio::spawn(async move { client.try_fetch(request(Method::POST, "/").map(|_| body)).await });
            sender.send_data("half".into()).await.unwrap();
            eventually("the request has arrived", async || (origin.counts.requests() > before).then_some(())).await;
            sender.abort(std::io::Error::other("as planned"));
            assert_eq!(within(PATIENCE, ended.recv()).await, Some(false), "{version} to {protocol}");
            let _ = asking.await;
        }
    }
}

/// Says so when it is dropped.
struct Stops(mpsc::UnboundedSender<()>);

impl Drop for Stops {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Nobody works for a client that is gone: not at an answer that has not begun.
#[tokio::test]
async fn work_stops_when_the_client_leaves() {
    // Over HTTP/1.1 an endpoint sees its connection end.
    let raw = RawOrigin::start(async |mut conn: RawConn| {
        let _ = conn.request().await;
        let _ = conn.until_close().await;
    })
    .await;
    // Over HTTP/2 it sees its stream reset.
    let (stops, mut stopped) = mpsc::unbounded_channel();
    let origin = Origin::start(move |_| {
        let working = Stops(stops.clone());
        async move {
            std::future::pending::<()>().await;
            drop(working);
            Response::new(body::empty())
        }
    })
    .await;
    let gateways =
        [Forward::to(raw.address).start().await, Forward::to(origin.address).upstream("protocol: h2c").start().await];
    let asked = || raw.counts.requests() + origin.counts.requests();
    for (gateway, protocol) in gateways.iter().zip(VERSIONS) {
        for (version, mut client) in gateway.both().await {
            let before = asked();
            let asking = tokio::spawn(async move { client.try_fetch(request(Method::GET, "/")).await });
            eventually("it is asked", async || (asked() > before).then_some(())).await;
            asking.abort();
            match protocol {
                "http1" => eventually(version, async || (raw.counts.open() == 0).then_some(())).await,
                _ => within(PATIENCE, stopped.recv()).await.expect(version),
            }
        }
    }
    assert_eq!((raw.counts.requests(), origin.counts.requests(), origin.counts.connections()), (2, 2, 1));
}

/// Nor at the rest of one.
#[tokio::test]
async fn answers_end_when_the_client_leaves() {
    for protocol in VERSIONS {
        let (origin, mut arriving) = conversation("text/plain").await;
        let gateway = through(protocol, &origin).await;
        for (version, mut client) in gateway.both().await {
            let asking = tokio::spawn(async move {
                let answer = client.send(request(Method::GET, "/")).await.unwrap().into_body();
                (client, answer)
            });
            let (_question, mut sender) = within(PATIENCE, arriving.recv()).await.unwrap();
            let (stops, mut stopped) = mpsc::unbounded_channel();
            let working = Stops(stops);
            tokio::spawn(async move {
                while sender.send_data(Bytes::from_static(b"more")).await.is_ok() {}
                drop(working);
            });
            let (client, mut answer) = asking.await.unwrap();
            piece(&mut answer, 4).await;
            drop((answer, client));
            within(PATIENCE, stopped.recv()).await.unwrap_or_else(|| panic!("{version} to {protocol}"));
        }
    }
}
