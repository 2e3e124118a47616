//! Raw responses, cut wherever they can be cut, and requests as they stand on the wire.

use std::{cell::RefCell, rc::Rc, time::Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, StreamBody, channel::Channel};
use message::{
    Body, Cause, Error, SpanId, Trace, TraceId,
    trace::{Context, Format},
};
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::LocalSet,
};

use super::{
    Connection, Head, Home,
    chunked::{Decoded, Decoder},
    decode,
};
use crate::{SendError, connect::Stream};

/// Keeps what comes back.
#[derive(Default)]
struct Shelf(RefCell<Vec<Connection>>);

impl Home for Shelf {
    fn take_back(&self, mut connection: Connection) {
        if connection.is_quiet() {
            self.0.borrow_mut().push(connection);
        }
    }
}

/// What came of a response: status, body, trailers and whether the connection came back; or the cause.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    body: Result<String, Cause>,
    trailers: Option<HeaderMap>,
    is_kept: bool,
}

struct Client {
    shelf: Rc<Shelf>,
    connection: Option<Connection>,
    method: Method,
    headers: HeaderMap,
    context: Option<Context<'static>>,
}

// === impl Client ===

impl Client {
    /// A client and the other end of its connection, which takes and gives at most `piece` bytes at a time.
    fn new(piece: usize) -> (Self, DuplexStream) {
        let (stream, peer) = duplex(piece);
        let connection = Connection::new(Stream::Memory(stream), None, Instant::now());
        let headers = HeaderMap::new();
        (Self { shelf: Rc::default(), connection: Some(connection), method: Method::GET, headers, context: None }, peer)
    }

    fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    fn context(mut self, context: Context<'static>) -> Self {
        self.context = Some(context);
        self
    }

    async fn send(&mut self, body: &mut Body) -> Result<super::Answer, SendError> {
        let uri = Uri::from_static("/a?b");
        let host = HeaderValue::from_static("x");
        let Self { method, headers, context, .. } = self;
        let head = Head { method, uri: &uri, headers, host: &host, context: *context, interim: None };
        let connection = self.connection.take().unwrap();
        connection.send(self.shelf.clone(), &head, body).map_err(SendError::sent)?.await
    }

    async fn fetch(&mut self) -> Result<Seen, Cause> {
        let answer = self.send(&mut Body::empty()).await.map_err(|failed| failed.error.cause())?;
        let status = answer.response.status().as_u16();
        let (body, trailers) = match answer.response.into_body().collect().await {
            Err(error) => (Err(error.cause()), None),
            Ok(all) => {
                let trailers = all.trailers().cloned();
                (Ok(String::from_utf8(all.to_bytes().into()).unwrap()), trailers)
            }
        };
        Ok(Seen { status, body, trailers, is_kept: !self.shelf.0.borrow().is_empty() })
    }
}

/// Runs the test on a thread's own tasks, as a worker does.
fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// What a client sees of `raw`, whatever pieces it comes in. The peer closes behind it if `closes`.
#[track_caller]
fn see(method: &Method, raw: &[u8], closes: bool) -> Result<Seen, Cause> {
    let mut seen = None;
    for piece in [1, 2, 7, 1 << 20] {
        let this = run(async {
            let (client, mut peer) = Client::new(piece);
            let mut client = client.method(method.clone());
            let answer = async {
                until(&mut peer, b"\r\n\r\n").await;
                // Whoever is refused may leave before all is written.
                _ = peer.write_all(raw).await;
                if closes { None } else { Some(peer) }
            };
            let (seen, _peer) = tokio::join!(client.fetch(), answer);
            seen
        });
        assert!(seen.is_none() || seen.as_ref() == Some(&this), "pieces of {piece}: {this:?}, before {seen:?}");
        seen = Some(this);
    }
    seen.unwrap()
}

/// Reads until `end` came.
async fn until(peer: &mut DuplexStream, end: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        read.push(peer.read_u8().await.unwrap());
    }
    read
}

#[track_caller]
fn whole(method: &Method, raw: &str, status: u16, body: &str, is_kept: bool) {
    let expected = Seen { status, body: Ok(body.into()), trailers: None, is_kept };
    assert_eq!(see(method, raw.as_bytes(), false), Ok(expected), "{raw:?}");
}

#[test]
fn bodies_end_where_the_head_says() {
    let get = &Method::GET;
    whole(get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", true);
    whole(get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", true);
    whole(get, "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, "", true);
    whole(get, "HTTP/1.1 204 No\r\n\r\n", 204, "", true);
    whole(get, "HTTP/1.1 304 No\r\ncontent-length: 7\r\n\r\n", 304, "", true);
    whole(&Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", 200, "", true);
    whole(&Method::HEAD, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 200, "", true);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";
    whole(get, &format!("{chunked}5\r\nhello\r\n0\r\n\r\n"), 200, "hello", true);
    whole(get, &format!("{chunked}2;a=\"b\"\r\nhe\r\n03  \r\nllo\r\n00;x\r\n\r\n"), 200, "hello", true);
    whole(get, &format!("{chunked}0\r\n\r\n"), 200, "", true);
}

#[test]
fn connections_are_kept_if_both_sides_can() {
    let get = &Method::GET;
    whole(get, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na", 200, "a", false);
    whole(get, "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 1\r\n\r\na", 200, "a", false);
    whole(get, "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", 200, "a", false);
    whole(get, "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 1\r\n\r\na", 200, "a", true);
}

/// They would be the next response, to somebody else.
#[test]
fn bytes_behind_a_response_spoil_the_connection() {
    let stray = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for first in ["HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"] {
        run(async {
            let (mut client, mut peer) = Client::new(1 << 10);
            peer.write_all(format!("{first}{stray}").as_bytes()).await.unwrap();
            assert!(!client.fetch().await.unwrap().is_kept, "{first:?}: at once");
        });
        run(async {
            let (mut client, mut peer) = Client::new(1 << 10);
            peer.write_all(first.as_bytes()).await.unwrap();
            assert!(client.fetch().await.unwrap().is_kept);
            let mut kept = client.shelf.0.borrow_mut().pop().unwrap();
            peer.write_all(stray.as_bytes()).await.unwrap();
            assert!(!kept.is_quiet(), "{first:?}: later");
        });
    }
}

#[test]
fn a_kept_connection_that_was_closed_is_found_out() {
    run(async {
        let (mut client, mut peer) = Client::new(1 << 10);
        peer.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
        assert!(client.fetch().await.unwrap().is_kept);
        let mut kept = client.shelf.0.borrow_mut().pop().unwrap();
        drop(peer);
        assert!(!kept.is_quiet());
    });
}

#[test]
fn the_end_of_the_connection_is_the_end_of_a_body_without_length() {
    let raw = b"HTTP/1.1 200 OK\r\n\r\nall of it";
    let seen = see(&Method::GET, raw, true).unwrap();
    assert_eq!((seen.body, seen.is_kept), (Ok("all of it".into()), false));
}

#[test]
fn a_body_that_ends_early_is_no_body() {
    for raw in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let seen = see(&Method::GET, raw.as_bytes(), true).unwrap();
        assert_eq!((seen.body, seen.is_kept), (Err(Cause::ResponseIncomplete), false), "{raw:?}");
    }
}

#[test]
fn an_end_instead_of_a_head_is_a_reset() {
    for raw in ["", "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early\r\n\r\n"] {
        assert_eq!(see(&Method::GET, raw.as_bytes(), true), Err(Cause::UpstreamReset), "{raw:?}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let fields = "a: b\r\n".repeat(129);
    for head in [
        "HTTX/1.1 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 20 Short\r\n\r\n",
        "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        &format!("HTTP/1.1 200 OK\r\n{fields}\r\n"),
        &format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(65 << 10)),
        &"HTTP/1.1 103 Early\r\n\r\n".repeat(17),
    ] {
        let shown = head.get(..80).unwrap_or(head);
        assert_eq!(see(&Method::GET, head.as_bytes(), false), Err(Cause::ResponseMalformed), "{shown:?}");
    }
}

#[test]
fn chunks_that_are_none_are_refused() {
    for chunks in [
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "0x1\r\na",
        ";a\r\n",
        " 1\r\na",
        "1 1\r\na",
        "1\na",
        "1\r\nab",
        "1\r\na\n",
        "1\r\na\rb",
        "11111111111111111\r\n",
        "1;a\nb\r\n",
        "0\r\na b\r\n\r\n",
        "0\r\n: b\r\n\r\n",
        &format!("1;{}", "a".repeat(5 << 10)),
        &format!("0\r\na: {}", "b".repeat(17 << 10)),
        &format!("0\r\n{}\r\n", "a: b\r\n".repeat(65)),
    ] {
        let raw = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        for piece in [1, 7, 1 << 20] {
            let seen = run(async {
                let (mut client, mut peer) = Client::new(piece);
                let answer = async {
                    until(&mut peer, b"\r\n\r\n").await;
                    _ = peer.write_all(raw.as_bytes()).await;
                    peer
                };
                tokio::join!(client.fetch(), answer).0
            });
            let cause = seen.and_then(|seen| seen.body).unwrap_err();
            assert_eq!(cause, Cause::ResponseMalformed, "{:?}", chunks.get(..30).unwrap_or(chunks));
        }
    }
}

#[test]
fn trailers_come_through_without_what_frames_messages() {
    let raw = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nSum: 1\r\ncontent-length: 9\r\n\r\n";
    let seen = see(&Method::GET, raw.as_bytes(), false).unwrap();
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("sum"), HeaderValue::from_static("1"))]);
    assert_eq!((seen.body, seen.trailers, seen.is_kept), (Ok("a".into()), Some(trailers), true));
}

#[test]
fn interim_responses_are_told_and_left_out() {
    run(async {
        let (client, mut peer) = Client::new(1 << 10);
        let told = RefCell::new(Vec::new());
        let tell = |status: StatusCode, headers: &HeaderMap| told.borrow_mut().push((status.as_u16(), headers.len()));
        let (uri, host, headers) = (Uri::from_static("*"), HeaderValue::from_static("x"), HeaderMap::new());
        let method = Method::OPTIONS;
        let head =
            Head { method: &method, uri: &uri, headers: &headers, host: &host, context: None, interim: Some(&tell) };
        let mut body = Body::empty();
        let sending = client.connection.unwrap().send(client.shelf, &head, &mut body).unwrap();
        peer.write_all(b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 E\r\nlink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(sending.await.unwrap().response.status(), 204);
        assert_eq!(*told.borrow(), [(100, 0), (103, 1)]);
        assert_eq!(until(&mut peer, b"\r\n\r\n").await, b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n");
    });
}

#[test]
fn what_comes_behind_a_switch_belongs_to_the_new_protocol() {
    run(async {
        let (mut client, mut peer) = Client::new(1 << 10);
        peer.write_all(b"HTTP/1.1 101 Switch\r\nupgrade: websocket\r\n\r\nfirst").await.unwrap();
        let answer = client.send(&mut Body::empty()).await.unwrap();
        assert_eq!(answer.response.status(), 101);
        let mut switched = answer.switched.unwrap();
        peer.write_all(b" second").await.unwrap();
        drop(peer);
        let mut read = String::new();
        switched.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "first second");
    });
}

/// What the endpoint gets of a request, in pieces of every size.
#[track_caller]
fn sent(client: impl Fn(Client) -> Client, body: impl Fn() -> Body, expected: &str) {
    for piece in [1, 7, 1 << 20] {
        run(async {
            let (plain, mut peer) = Client::new(piece);
            let mut client = client(plain);
            let mut body = body();
            let read = async {
                let mut read = vec![0; expected.len()];
                peer.read_exact(&mut read).await.unwrap();
                peer.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
                (String::from_utf8(read).unwrap(), peer)
            };
            let (answer, (read, mut peer)) = tokio::join!(client.send(&mut body), read);
            assert_eq!(read, expected);
            assert_eq!(answer.unwrap().response.status(), 204);
            assert_eq!(client.shelf.0.borrow().len(), 1, "the connection is free again");
            client.shelf.0.borrow_mut().clear();
            assert_eq!(peer.read(&mut [0]).await.unwrap(), 0, "nothing is behind the request");
        });
    }
}

fn frames(frames: Vec<http_body::Frame<Bytes>>) -> Body {
    Body::stream(StreamBody::new(futures_util::stream::iter(frames.into_iter().map(Ok))))
}

#[test]
fn requests_say_how_long_their_body_is() {
    let data = |text: &'static str| http_body::Frame::data(Bytes::from_static(text.as_bytes()));
    let get = "GET /a?b HTTP/1.1\r\nhost: x\r\n";
    let post = "POST /a?b HTTP/1.1\r\nhost: x\r\n";
    let is_post = |client: Client| client.method(Method::POST);
    sent(|client| client, Body::empty, &format!("{get}\r\n"));
    sent(|client| client.header("host", "y").header("a", "b"), Body::empty, &format!("{get}a: b\r\n\r\n"));
    sent(
        |client| is_post(client).header("content-length", "0"),
        Body::empty,
        &format!("{post}content-length: 0\r\n\r\n"),
    );
    sent(is_post, || Body::from(Bytes::from_static(b"hello")), &format!("{post}content-length: 5\r\n\r\nhello"));
    sent(
        |client| is_post(client).header("content-length", "5"),
        || frames(vec![data("he"), data(""), data("llo")]),
        &format!("{post}content-length: 5\r\n\r\nhello"),
    );
    sent(
        |client| is_post(client).header("transfer-encoding", "gzip"),
        || frames(vec![data("he"), data(""), data("0123456789abcdef")]),
        &format!("{post}transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"),
    );
    let trailers = || {
        let names = ["sum", "secret", "content-length"].map(HeaderName::from_static);
        http_body::Frame::trailers(names.into_iter().map(|name| (name, HeaderValue::from_static("1"))).collect())
    };
    sent(
        |client| is_post(client).header("trailer", "Sum, content-length"),
        || frames(vec![data("a"), trailers()]),
        &format!(
            "{post}trailer: Sum, content-length\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nsum: 1\r\n\r\n"
        ),
    );
}

#[test]
fn the_trace_is_told_instead_of_what_others_say_of_it() {
    let (id, span) = (TraceId::new([10; 16]).unwrap(), SpanId::new([11; 8]).unwrap());
    let trace = Trace { id, parent: None, span, is_sampled: true, is_random: true };
    let context = trace.context(span, &[Format::W3c]);
    let told = format!("traceparent: 00-{id}-{span}-03");
    let expected = format!("GET /a?b HTTP/1.1\r\nhost: x\r\nb3: kept\r\n{told}\r\n\r\n");
    let client = |client: Client| client.header("traceparent", "old").header("b3", "kept").context(context);
    sent(client, Body::empty, &expected);
}

#[test]
fn a_body_of_another_length_than_promised_is_not_sent() {
    for body in [
        || Body::from(Bytes::from_static(b"four")),
        Body::empty,
        || frames(vec![http_body::Frame::data(Bytes::from_static(b"four"))]),
        || frames(vec![http_body::Frame::data(Bytes::from_static(b"sixsix"))]),
    ] as [fn() -> Body; 4]
    {
        run(async {
            let (client, mut peer) = Client::new(1 << 10);
            let mut client = client.method(Method::POST).header("content-length", "5");
            let failed = client.send(&mut body()).await.err().unwrap();
            assert_eq!((failed.error.cause(), failed.is_unsent), (Cause::Internal, false));
            let mut read = Vec::new();
            peer.read_to_end(&mut read).await.unwrap();
            assert!(!read.ends_with(b"sixsix"));
        });
    }
}

#[test]
fn a_dead_connection_gives_the_body_back() {
    run(async {
        let (client, peer) = Client::new(1 << 10);
        let mut client = client.method(Method::POST);
        drop(peer);
        let pieces = ["one", "two"].map(|text| http_body::Frame::data(Bytes::from_static(text.as_bytes())));
        let mut body = frames(pieces.into());
        let failed = client.send(&mut body).await.err().unwrap();
        assert_eq!((failed.error.cause(), failed.is_unsent), (Cause::UpstreamReset, true));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "onetwo");
    });
}

#[test]
fn the_failure_of_a_body_is_the_failure_of_its_request() {
    run(async {
        let (client, _peer) = Client::new(1 << 10);
        let mut client = client.method(Method::POST);
        let frames = [Err(Error::new(Cause::BodyStalled, "test"))];
        let mut body = Body::stream(StreamBody::new(futures_util::stream::iter(frames)));
        let failed = client.send(&mut body).await.err().unwrap();
        assert_eq!((failed.error.cause(), failed.is_unsent), (Cause::BodyStalled, false));
    });
}

/// An early answer reaches the client, and the rest of the request the endpoint, even if nobody reads the answer's body.
#[test]
fn an_answer_does_not_wait_for_the_request_nor_cut_it_off() {
    for answer in ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "HTTP/1.1 204 No\r\n\r\n"] {
        run(async {
            let (client, mut peer) = Client::new(1 << 10);
            let mut client = client.method(Method::POST);
            let (mut sender, body) = Channel::<Bytes, Error>::new(4);
            let mut body = Body::stream(body);
            sender.send_data("one".into()).await.unwrap();
            peer.write_all(answer.as_bytes()).await.unwrap();
            let answered = client.send(&mut body).await.unwrap();
            answered.response.into_body().collect().await.unwrap();
            until(&mut peer, b"3\r\none\r\n").await;
            assert!(client.shelf.0.borrow().is_empty(), "the request is not complete");
            sender.send_data("two".into()).await.unwrap();
            drop(sender);
            until(&mut peer, b"3\r\ntwo\r\n0\r\n\r\n").await;
            tokio::task::yield_now().await;
            assert_eq!(client.shelf.0.borrow().len(), 1);
        });
    }
}

#[test]
fn an_answer_of_a_closing_endpoint_is_read_although_it_takes_no_more() {
    run(async {
        let (client, mut peer) = Client::new(64);
        let mut client = client.method(Method::POST);
        let answer = async {
            until(&mut peer, b"\r\n\r\n").await;
            peer.write_all(b"HTTP/1.1 413 No\r\nconnection: close\r\n\r\ntoo large").await.unwrap();
        };
        let mut body = Body::stream(Full::new(Bytes::from(vec![0; 1 << 20])).map_err(|never| match never {}));
        let (answered, ()) = tokio::join!(client.send(&mut body), answer);
        let response = answered.unwrap().response;
        assert_eq!(response.status(), 413);
        drop(peer);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "too large");
        assert!(client.shelf.0.borrow().is_empty());
    });
}

/// [`decode::Field`] relies on it.
#[test]
fn the_parser_takes_no_value_that_a_header_does_not() {
    for byte in 0..=u8::MAX {
        let raw = [b"HTTP/1.1 200 OK\r\na: b", &[byte][..], b"c\r\n\r\n"].concat();
        let parsed = decode::head(&mut BytesMut::from(&*raw), &Method::GET);
        let is_value = HeaderValue::from_bytes(&[b'b', byte, b'c']).is_ok();
        assert!(is_value || parsed.is_err(), "{byte}");
    }
}

proptest! {
    #[test]
    fn any_chunking_of_a_body_comes_to_the_same(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
        reads in proptest::collection::vec(1usize..50, 1..20),
        rest in proptest::collection::vec(any::<u8>(), 0..10),
        kept in any::<proptest::sample::Index>(),
    ) {
        let mut coded = Vec::new();
        for piece in &pieces {
            coded.extend(format!("{:X}\r\n", piece.len()).bytes());
            coded.extend(piece);
            coded.extend(b"\r\n");
        }
        coded.extend(b"0\r\n\r\n");
        let length = coded.len();
        let truncated = kept.index(length);
        coded.extend(&rest);

        let (body, is_end, left) = decode_all(&coded, &reads).unwrap();
        prop_assert_eq!(&body, &pieces.concat());
        prop_assert!(is_end);
        prop_assert!(rest.starts_with(&left) || rest.ends_with(&left));
        let (body, is_end, _) = decode_all(&coded[..truncated], &reads).unwrap();
        prop_assert!(!is_end);
        prop_assert!(pieces.concat().starts_with(&body));
    }

    #[test]
    fn no_bytes_make_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..400), reads in proptest::collection::vec(1usize..50, 1..20)) {
        _ = decode_all(&raw, &reads);
        _ = decode::head(&mut BytesMut::from(&*raw), &Method::GET);
        _ = decode::head(&mut BytesMut::from(&*[b"HTTP/1.1 200 OK\r\n", &*raw, b"\r\n\r\n"].concat()), &Method::GET);
    }
}

/// Decodes `coded`, which arrives in pieces of the given sizes: the data, whether it ended, and what is left over.
fn decode_all(coded: &[u8], reads: &[usize]) -> Result<(Vec<u8>, bool, Vec<u8>), String> {
    let (mut decoder, mut buffer, mut body) = (Decoder::new(), BytesMut::new(), Vec::new());
    let mut rest = coded;
    for size in reads.iter().cycle() {
        loop {
            match decoder.decode(&mut buffer).map_err(|error| format!("{error:?}"))? {
                Decoded::Data(data) => body.extend(data),
                Decoded::End(_) => return Ok((body, true, buffer.to_vec())),
                Decoded::More => break,
            }
        }
        if rest.is_empty() {
            break;
        }
        let (piece, left) = rest.split_at((*size).min(rest.len()));
        buffer.extend_from_slice(piece);
        rest = left;
    }
    Ok((body, false, Vec::new()))
}
