//! What a client may hold, and for how long.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use http::Response;
use message::Cause;
use testkit::{
    body,
    certs::Authority,
    client::{self, Client},
    eventually,
    gateway::Process,
    origin::{Origin, RawOrigin},
    wire::{
        Failure, Wire,
        frames::{
            ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
            WINDOW_UPDATE, header_block,
        },
    },
    within,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    refusal::Refusal,
    witness::{are_counted, are_counted_and_logged, are_logged},
};

/// An error code of RFC 9113, section 7.
const ENHANCE_YOUR_CALM: u32 = 0xb;
/// Another one.
const CANCEL: u32 = 0x8;

/// Longer than any of the small limits here, on the busiest machine.
const LONG: Duration = Duration::from_secs(20);

/// A GET as HTTP/2 says it.
fn get(agent: &str) -> [(&str, &str); 5] {
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("user-agent", agent)]
}

/// A gateway whose listener has these limits, in front of an origin.
async fn limited(limits: &str, origin: SocketAddr) -> Process {
    Process::start(&format!(
        r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }} }}
listeners: [{{ name: web, address: "127.0.0.1:0", limits: {{ {limits} }} }}]
upstreams: [{{ name: origin, endpoints: ["{origin}"] }}]
routes: [{{ name: all, upstream: origin }}]
"#
    ))
    .await
}

/// Slowloris: heads that come byte by byte and never end. Honest clients do not notice.
#[tokio::test]
async fn heads_that_never_end_are_timed_out() {
    const SOCKETS: usize = 200;
    let origin = Origin::text("honest").await;
    let gateway = limited("header_timeout: 500ms", origin.address).await;
    let address = gateway.address("web");
    // The time runs from the first byte on, which may also be the first of an HTTP/2 preface.
    let beginnings = ["GET / HTTP/1.1\r\nhost: a\r\n", "P", "PRI *", "POST /"];
    let attackers = (0..SOCKETS).map(async |number| {
        let answer = match number % 5 {
            0 => trickle(address).await,
            other => {
                let mut wire = Wire::connect(address).await;
                wire.send(beginnings[other - 1]).await.unwrap();
                wire.until_close().await.unwrap_or_else(|failure| panic!("{number}: {failure}"))
            }
        };
        let refusal = Refusal::parse(&answer).await;
        refusal.is_problem(Cause::HeaderTimeout, "a head that never ends");
        (refusal.field("x-request-id").unwrap().to_owned(), Cause::HeaderTimeout)
    });
    let honest = async {
        let mut client = Client::http1(address).await;
        for _ in 0..20 {
            assert_eq!(client.get("/").await.text(), "honest");
        }
    };
    let (told, ()) = tokio::join!(join_all(attackers), honest);
    are_logged(&gateway, "request_id", &told).await;
    are_counted(&gateway, [Cause::HeaderTimeout; SOCKETS].into_iter()).await;
}

/// Keeps a head growing for as long as anybody listens, and gives what comes back.
async fn trickle(address: SocketAddr) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let trickling = async {
        let mut open = writer.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.is_ok();
        while open {
            tokio::time::sleep(Duration::from_millis(50)).await;
            open = writer.write_all(b"x: 1\r\n").await.is_ok();
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = trickling => {}
        read = within(LONG, reader.read_to_end(&mut answer)) => { read.unwrap(); }
    }
    answer
}

/// Who asks nothing is not answered, and not kept.
#[tokio::test]
async fn idle_connections_are_closed_without_a_word() {
    let origin = Origin::text("served").await;
    let gateway = limited("idle_timeout: 2s", origin.address).await;
    let mut silent = Wire::connect(gateway.address("web")).await;
    assert_eq!(silent.until_close().await.unwrap(), b"");

    let mut served = Wire::connect(gateway.address("web")).await;
    served.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(served.response().await.unwrap().text(), "served");
    assert_eq!(served.until_close().await.unwrap(), b"");

    let mut http2 = Wire::connect(gateway.address("web")).await;
    http2.start_h2(&[]).await.unwrap();
    http2.frame_of(SETTINGS, 0).await.unwrap();
    http2.until_close().await.unwrap();
    are_counted(&gateway, std::iter::empty()).await;
}

#[tokio::test]
async fn handshakes_that_never_end_are_cut_off() {
    let authority = Authority::new();
    let identity = authority.server("a", &["a.test"]);
    let gateway = Process::start(&format!(
        r#"
listeners:
  - name: web
    address: "127.0.0.1:0"
    limits: {{ handshake_timeout: 300ms }}
    tls: {{ certificates: [{{ cert: "{}", key: "{}" }}] }}
  - {{ name: behind, address: "127.0.0.1:0", proxy_protocol: true, limits: {{ handshake_timeout: 300ms }} }}
routes: [{{ name: all, respond: {{ body: ok }} }}]
"#,
        identity.cert.display(),
        identity.key.display()
    ))
    .await;
    // The beginning of a ClientHello, of a PROXY protocol header, and nothing at all.
    for (listener, beginning) in
        [("web", "\x16\x03\x01\x02\0\x01"), ("web", ""), ("behind", "PROXY TCP4 "), ("behind", "")]
    {
        let mut wire = Wire::connect(gateway.address(listener)).await;
        wire.send(beginning).await.unwrap();
        assert_eq!(wire.until_close().await.unwrap(), b"", "{listener} {beginning}");
    }
}

/// One too many is closed at once; a place that becomes free is given away again.
#[tokio::test]
async fn connections_are_bounded() {
    let origin = Origin::text("served").await;
    let gateway = limited("connections: 3", origin.address).await;
    let address = gateway.address("web");
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut client = Client::http1(address).await;
        assert_eq!(client.get("/").await.text(), "served");
        held.push(client);
    }
    for _ in 0..3 {
        let mut refused = Wire::connect(address).await;
        assert!(refused.some().await.unwrap_err().is_closed());
    }
    assert_eq!(held[0].get("/").await.text(), "served");
    drop(held.pop());
    eventually("a place for one more", async || {
        let mut wire = Wire::connect(address).await;
        wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.ok()?;
        wire.response().await.ok()
    })
    .await;
}

/// The defaults of the codec are not safe; these are ours.
#[tokio::test]
async fn http2_settings_are_on_the_wire() {
    const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    const INITIAL_WINDOW_SIZE: u16 = 0x4;
    const MAX_FRAME_SIZE: u16 = 0x5;
    const MAX_HEADER_LIST_SIZE: u16 = 0x6;
    const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;
    let origin = Origin::text("served").await;
    let given = "header_bytes: 8KiB, http2: { concurrent_streams: 7, stream_window: 32KiB, frame_bytes: 32KiB }";
    let cases =
        [("", [100, 64 << 10, 16 << 10, 2 * (64 << 10), 1]), (given, [7, 32 << 10, 32 << 10, 2 * (8 << 10), 1])];
    for (limits, expected) in cases {
        let gateway = limited(limits, origin.address).await;
        let mut wire = Wire::connect(gateway.address("web")).await;
        wire.start_h2(&[]).await.unwrap();
        let settings = wire.frame_of(SETTINGS, 0).await.unwrap().settings_values();
        let value = |wanted| settings.iter().find(|(id, _)| *id == wanted).map_or(0, |(_, value)| *value);
        let found = [
            MAX_CONCURRENT_STREAMS,
            INITIAL_WINDOW_SIZE,
            MAX_FRAME_SIZE,
            MAX_HEADER_LIST_SIZE,
            ENABLE_CONNECT_PROTOCOL,
        ]
        .map(value);
        assert_eq!(found, expected, "{limits}: {settings:?}");
    }
}

/// What a connection floods the gateway with: the frames of one round, given its number.
type Round = fn(u32) -> Vec<Frame>;

/// Attacks that are cheap to send, each of which must end the connection.
const FLOODS: &[(&str, Round)] = &[
    // CVE-2023-44487
    ("requests that are reset at once", |round| {
        let stream = 2 * round + 1;
        vec![Frame::request(stream, &get("flood")), Frame::new(RST_STREAM, 0, stream, CANCEL.to_be_bytes())]
    }),
    // CVE-2025-8671
    ("faults that make the gateway reset", |round| {
        let stream = 2 * round + 1;
        let request = Frame::new(HEADERS, END_HEADERS, stream, header_block(&get("flood")));
        vec![request, Frame::new(WINDOW_UPDATE, 0, stream, 0_u32.to_be_bytes())]
    }),
    ("a head without end", |round| match round {
        0 => vec![Frame::new(HEADERS, 0, 1, header_block(&get("flood")))],
        _ => vec![Frame::new(CONTINUATION, 0, 1, header_block(&[("x", "a")]))],
    }),
    ("data beyond the end", |round| match round {
        0 => vec![Frame::request(1, &get("flood")), Frame::new(DATA, 0, 1, "x")],
        _ => vec![Frame::new(DATA, 0, 1, "x")],
    }),
];

#[tokio::test]
async fn floods_are_cut_off() {
    const ROUNDS: u32 = 2_000;
    for (what, round) in FLOODS {
        let origin = Origin::text("served").await;
        let gateway = limited("", origin.address).await;
        let mut wire = Wire::connect(gateway.address("web")).await;
        wire.start_h2(&[]).await.unwrap();
        wire.frame_of(SETTINGS, 0).await.unwrap();
        let flood: Vec<u8> = (0..ROUNDS).flat_map(round).flat_map(|frame| frame.encode()).collect();
        // It may be closed before all is sent.
        let _ = wire.send(flood).await;
        let end = until_goaway(&mut wire).await;
        assert!(end.is_ok_and(|goaway| goaway.error_code() != Some(0)), "{what}");
        assert!(origin.counts.requests() <= 200, "{what}: {} requests came through", origin.counts.requests());
        // Nobody else suffers.
        assert_eq!(client::get(gateway.address("web"), "/").await.text(), "served", "{what}");
    }
}

/// The same attack at leisure: each request is taken in before it is taken back.
#[tokio::test]
async fn requests_that_are_always_taken_back_end_the_connection() {
    let origin = Origin::text("served").await;
    let gateway = limited("", origin.address).await;
    let mut wire = Wire::connect(gateway.address("web")).await;
    wire.start_h2(&[]).await.unwrap();
    let mut rounds = 0;
    let taken_back = async |round: u32, wire: &mut Wire| {
        let stream = 2 * round + 1;
        let reset = Frame::new(RST_STREAM, 0, stream, CANCEL.to_be_bytes());
        let ping = Frame::new(PING, 0, 0, [0; 8]);
        wire.send([Frame::request(stream, &get("flood")), reset, ping].map(|frame| frame.encode()).concat()).await?;
        wire.frame_of(PING, 0).await
    };
    while taken_back(rounds, &mut wire).await.is_ok() {
        rounds += 1;
        assert!(rounds <= 200, "it goes on and on");
    }
    assert!(rounds > 50, "a browser may do that: {rounds}");
    assert_eq!(client::get(gateway.address("web"), "/").await.text(), "served");
}

/// The last words of the gateway on a connection; a reset may have swallowed them.
async fn until_goaway(wire: &mut Wire) -> Result<Frame, Failure> {
    match wire.frame_of(GOAWAY, 0).await {
        Err(failure) if failure.is_closed() => {
            Ok(Frame::new(GOAWAY, 0, 0, [[0; 4], ENHANCE_YOUR_CALM.to_be_bytes()].concat()))
        }
        other => other,
    }
}

/// A client that asks and does not read holds up nobody: not the endpoint, and not itself for ever.
#[tokio::test]
async fn clients_that_take_nothing_are_let_go() {
    let endless = Origin::start(async |_| {
        let (mut sender, body) = body::streamed();
        tokio::spawn(async move { while sender.send_data(vec![0; 64 << 10].into()).await.is_ok() {} });
        Response::new(body)
    })
    .await;
    let gateway = limited("stall_timeout: 500ms", endless.address).await;
    let address = gateway.address("web");

    let mut http2 = Wire::connect(address).await;
    http2.start_h2(&[(0x4, 0)]).await.unwrap();
    http2.frame_of(SETTINGS, 0).await.unwrap();
    http2.send_frame(&Frame::new(SETTINGS, ACK, 0, [])).await.unwrap();
    http2.send_frame(&Frame::request(1, &get("http2"))).await.unwrap();
    http2.frame_of(HEADERS, 1).await.unwrap();
    let reset = http2.frame_of(RST_STREAM, 1).await.unwrap();
    assert!(reset.error_code().is_some());
    // The stream is gone, the connection is not.
    http2.send_frame(&Frame::new(PING, 0, 0, [7; 8])).await.unwrap();
    assert_eq!(http2.frame_of(PING, 0).await.unwrap().payload, [7; 8]);

    let mut http1 = Wire::connect(address).await;
    http1.send("GET / HTTP/1.1\r\nhost: a\r\nuser-agent: http1\r\n\r\n").await.unwrap();
    let told = ["http1", "http2"].map(|what| (what.to_owned(), Cause::ClientStalled));
    are_counted_and_logged(&gateway, &told).await;
    eventually("the endpoint is let go", async || (endless.counts.open() == 0).then_some(())).await;
    // What was under way arrives, then the end, which is not that of the body.
    assert!(http1.response().await.unwrap_err().is_closed());
    assert_eq!((END_STREAM, endless.counts.requests()), (1, 2));
}

/// An endpoint that takes nothing of a large body is no reason to keep all of it in memory.
#[tokio::test]
async fn bodies_wait_for_those_who_take_them() {
    let origin = RawOrigin::start(|conn| conn.hang()).await;
    let gateway = limited("stall_timeout: 30s", origin.address).await;
    let mut wire = Wire::connect(gateway.address("web")).await.patience(Duration::from_millis(500));
    wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 60000000\r\n\r\n").await.unwrap();
    let piece = vec![0; 1 << 20];
    let mut taken = 0;
    while taken < 60 && wire.send(&piece).await.is_ok() {
        taken += 1;
    }
    // The buffers of the kernel on both sides, and not much of our own.
    assert!(taken < 32, "{taken} MiB were taken from the client");
}
