use std::{collections::VecDeque, io::Read, task::Poll};

use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::testing::{Play, Script, build, check, drain, exchange, line, lines, poll, response, run};

const JSON: (&str, &str) = ("content-type", "application/json");

/// 8 KiB that shrink.
fn text() -> Bytes {
    (0..1024).flat_map(|number: u32| format!("{number:>7},").into_bytes()).collect()
}

/// Bytes that nobody can make shorter (splitmix64).
fn noise(length: usize) -> Bytes {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// What can be read out of a compressed body, also if it has no end yet.
fn decode(coding: &str, compressed: &[u8]) -> Vec<u8> {
    let mut decoder: Box<dyn Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(compressed)),
        "br" => Box::new(brotli::Decompressor::new(compressed, 4096)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(compressed).unwrap()),
        _ => panic!("no coding: {coding:?}"),
    };
    let (mut plain, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = decoder.read(&mut buffer) {
        plain.extend_from_slice(&buffer[..length]);
    }
    plain
}

/// Whether a compressed body has its end mark.
fn is_whole(coding: &str, compressed: &[u8]) -> bool {
    let mut sink = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(compressed).read_to_end(&mut sink).is_ok(),
        "br" => brotli::Decompressor::new(compressed, 4096).read_to_end(&mut sink).is_ok(),
        "zstd" => zstd::stream::read::Decoder::new(compressed).unwrap().read_to_end(&mut sink).is_ok(),
        _ => panic!("no coding: {coding:?}"),
    }
}

fn compressed(settings: &str, accept: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let policy = build::<Compress>(settings);
    let mut exchange = exchange("GET", &[("accept-encoding", accept)]);
    let mut response = response(200, headers, body);
    run(&*policy, &mut exchange, &mut response);
    response
}

fn script(plays: impl IntoIterator<Item = Play>) -> Body {
    Body::stream(Script(plays.into_iter().collect::<VecDeque<_>>()))
}

/// The bytes of the next frame; `None` if there is nothing to be had now.
#[track_caller]
fn next(body: &mut Body) -> Option<Bytes> {
    match poll(body) {
        Poll::Pending => None,
        Poll::Ready(frame) => Some(frame.expect("not the end").expect("no failure").into_data().expect("data")),
    }
}

#[test]
fn every_coding_and_level_comes_back_as_it_was() {
    for coding in ["zstd", "br", "gzip"] {
        for level in ["fastest", "default", "best"] {
            for body in [text(), noise(300_000), Bytes::from(vec![b'a'; 1 << 20])] {
                let mut response = compressed(&format!("{{ level: {level} }}"), coding, &[JSON], body.clone());
                assert_eq!(line(response.headers(), "content-encoding"), coding);
                let (wire, trailers) = drain(response.body_mut());
                assert!(decode(coding, &wire) == body, "{coding} {level} {}", body.len());
                assert!(is_whole(coding, &wire), "{coding} {level} {}", body.len());
                assert_eq!(trailers, None);
                assert!(http_body::Body::is_end_stream(response.body()));
            }
        }
    }
}

#[test]
fn the_head_tells_what_happened() {
    let given = [JSON, ("content-length", "8192"), ("etag", "\"1\""), ("accept-ranges", "bytes"), ("vary", "accept")];
    let response = compressed("{}", "gzip", &given, text());
    assert_eq!(
        lines(response.headers()),
        [
            "content-encoding: gzip",
            "content-type: application/json",
            "etag: W/\"1\"",
            "vary: Accept-Encoding",
            "vary: accept"
        ]
    );
    let weak = compressed("{}", "gzip", &[JSON, ("etag", "W/\"1\"")], text());
    assert_eq!(line(weak.headers(), "etag"), "W/\"1\"");
}

#[test]
fn what_stays_as_it_is() {
    let png = ("content-type", "image/png");
    for (status, accept, headers, vary) in [
        (200, "gzip", &[][..], ""),
        (200, "gzip", &[png], ""),
        (200, "gzip", &[("content-type", "application/grpc+json")], ""),
        (200, "gzip", &[JSON, ("content-encoding", "br")], ""),
        (200, "gzip", &[JSON, ("cache-control", "public"), ("cache-control", "max-age=1, No-Transform")], ""),
        (200, "gzip", &[JSON, ("content-digest", "sha-256=:AA==:")], ""),
        (206, "gzip", &[JSON, ("content-range", "bytes 0-8191/9000")], ""),
        (200, "", &[JSON], "Accept-Encoding"),
        (200, "deflate", &[JSON], "Accept-Encoding"),
        (200, "gzip;q=0", &[JSON], "Accept-Encoding"),
        (200, "identity, gzip;q=0.5", &[JSON], "Accept-Encoding"),
    ] {
        let policy = build::<Compress>("{}");
        let mut exchange = exchange("GET", &[("accept-encoding", accept)]);
        let mut response = response(status, headers, text());
        let before = response.headers().clone();
        run(&*policy, &mut exchange, &mut response);
        assert_eq!(line(response.headers(), "vary"), vary, "{status} {accept} {headers:?}");
        response.headers_mut().remove("vary");
        assert_eq!(*response.headers(), before);
        assert_eq!(response.body().bytes(), Some(&text()));
    }
}

#[test]
fn what_has_no_content_stays_as_it_is() {
    for (method, status, vary) in [
        ("HEAD", 200, "Accept-Encoding"),
        ("GET", 200, "Accept-Encoding"),
        ("GET", 204, ""),
        ("GET", 304, ""),
        ("GET", 101, ""),
        ("CONNECT", 200, ""),
    ] {
        let policy = build::<Compress>("{}");
        let mut exchange = exchange(method, &[("accept-encoding", "gzip")]);
        let mut response = response(status, &[JSON], Body::empty());
        run(&*policy, &mut exchange, &mut response);
        assert_eq!(line(response.headers(), "vary"), vary, "{method} {status}");
        assert_eq!(line(response.headers(), "content-encoding"), "", "{method} {status}");
        assert!(response.body().is_empty(), "{method} {status}");
    }
}

#[test]
fn short_ones_stay_as_they_are_unless_the_client_cannot_take_them() {
    for (settings, accept, length, coding) in [
        ("{}", "gzip", 1023, ""),
        ("{}", "gzip", 1024, "gzip"),
        ("{ min_bytes: 10 }", "gzip", 10, "gzip"),
        ("{}", "gzip, identity;q=0", 1, "gzip"),
        ("{}", "gzip, identity;q=0", 0, ""),
    ] {
        let response = compressed(settings, accept, &[JSON], Bytes::from(vec![b'a'; length]));
        assert_eq!(line(response.headers(), "content-encoding"), coding, "{settings} {accept} {length}");
    }
    // Nobody knows yet how long a stream will be.
    let stream = compressed("{}", "gzip", &[JSON], script([Play::Data(Bytes::from_static(b"a"))]));
    assert_eq!(line(stream.headers(), "content-encoding"), "gzip");
}

#[test]
fn preferences_of_both_sides() {
    for (settings, accept, coding) in [
        ("{}", "gzip, br, zstd", "zstd"),
        ("{ algorithms: [gzip, br] }", "gzip, br, zstd", "gzip"),
        ("{ algorithms: [gzip, br] }", "gzip;q=0.5, br", "br"),
        ("{ algorithms: [gzip] }", "br", ""),
        ("{ types: [text/*] }", "gzip", ""),
        ("{ types: application/json }", "gzip", "gzip"),
    ] {
        let response = compressed(settings, accept, &[JSON], text());
        assert_eq!(line(response.headers(), "content-encoding"), coding, "{settings} {accept}");
    }
}

#[test]
fn several_lines_of_what_is_accepted_count_as_one() {
    let policy = build::<Compress>("{}");
    let mut exchange = exchange("GET", &[("accept-encoding", "deflate"), ("accept-encoding", "br")]);
    let mut response = response(200, &[JSON], text());
    run(&*policy, &mut exchange, &mut response);
    assert_eq!(line(response.headers(), "content-encoding"), "br");
}

#[test]
fn nothing_is_held_back_while_the_source_rests() {
    for coding in ["zstd", "br", "gzip"] {
        let tick = |text: &'static str| [Play::Data(Bytes::from_static(text.as_bytes())), Play::Pause];
        let source = script(tick("first\n").into_iter().chain(tick("second\n")).chain([Play::Pause]));
        let mut response = compressed("{}", coding, &[JSON], source);
        let body = response.body_mut();
        let mut wire = next(body).expect("the first piece").to_vec();
        assert_eq!(decode(coding, &wire), b"first\n", "{coding}");
        wire.extend(next(body).expect("the second piece"));
        assert_eq!(decode(coding, &wire), b"first\nsecond\n", "{coding}");
        assert_eq!(next(body), None, "{coding}: the source rests and all is out");
        wire.extend(drain(body).0);
        assert_eq!(decode(coding, &wire), b"first\nsecond\n", "{coding}");
        assert!(is_whole(coding, &wire), "{coding}");
    }
}

#[test]
fn events_leave_one_by_one() {
    for coding in ["zstd", "br", "gzip"] {
        let events = ["data: 1\n\n", "data: 2\n\n"].map(|event| Play::Data(Bytes::from_static(event.as_bytes())));
        let mut response = compressed("{}", coding, &[("content-type", "text/event-stream")], script(events));
        let mut wire = next(response.body_mut()).expect("an event").to_vec();
        assert_eq!(decode(coding, &wire), b"data: 1\n\n", "{coding}");
        wire.extend(next(response.body_mut()).expect("an event"));
        assert_eq!(decode(coding, &wire), b"data: 1\n\ndata: 2\n\n", "{coding}");
    }
}

#[test]
fn one_turn_is_bounded_whatever_the_source_gives() {
    // All zeros: nearly nothing comes out, so only the end of the turn can stop it.
    let mut response = compressed("{}", "gzip", &[JSON], Bytes::from(vec![0; 4 << 20]));
    let mut turns = 0;
    let mut wire = Vec::new();
    loop {
        match poll(response.body_mut()) {
            Poll::Pending => turns += 1,
            Poll::Ready(None) => break,
            Poll::Ready(Some(frame)) => wire.extend(frame.unwrap().into_data().unwrap()),
        }
    }
    assert!(turns > 10, "{turns}");
    assert_eq!(decode("gzip", &wire).len(), 4 << 20);

    let mut response = compressed("{}", "gzip", &[JSON], noise(1 << 20));
    while let Poll::Ready(Some(frame)) = poll(response.body_mut()) {
        let length = frame.unwrap().into_data().unwrap().len();
        assert!(length < 64 << 10, "a frame of {length} bytes");
    }
}

#[test]
fn trailers_come_last() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("1"));
    let source = script([Play::Data(text()), Play::Pause, Play::Trailers(trailers.clone())]);
    let mut response = compressed("{}", "zstd", &[JSON], source);
    let (wire, last) = drain(response.body_mut());
    assert_eq!(decode("zstd", &wire), text());
    assert!(is_whole("zstd", &wire));
    assert_eq!(last, Some(trailers));
}

#[test]
fn a_body_that_broke_off_is_never_taken_for_whole() {
    for coding in ["zstd", "br", "gzip"] {
        let error = Error::new(Cause::ResponseIncomplete, "gone");
        let mut response = compressed("{}", coding, &[JSON], script([Play::Data(text()), Play::Fail(error)]));
        let mut wire = Vec::new();
        let error = loop {
            match poll(response.body_mut()) {
                Poll::Ready(Some(Ok(frame))) => wire.extend(frame.into_data().unwrap()),
                Poll::Ready(Some(Err(error))) => break error,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(error.cause(), Cause::ResponseIncomplete);
        assert!(!is_whole(coding, &wire), "{coding}");
        assert!(matches!(poll(response.body_mut()), Poll::Ready(None)));
    }
}

#[test]
fn settings() {
    for (settings, expected) in [
        (
            "{ algorithms: [], types: [] }",
            &[
                "1:1: error: `algorithms` is empty; leave it out for all, or leave out the policy",
                "1:1: error: `types` is empty; leave it out for the usual ones, or leave out the policy",
            ][..],
        ),
        ("{ algorithms: [br, gzip, br] }", &["1:1: error: `br` stands twice in `algorithms`; keep the first"]),
        (
            "algorithms: [brr]\nmin_bytes: 1kib\nlevel: bst\ntypes: [json, \"*/*\"]",
            &[
                "1:14: error: unknown value `brr`; did you mean `br`?",
                "2:12: error: expected a size such as `64KiB` or `10MiB`, or a number of bytes, found the text `1kib`; did \
                 you mean `1KiB`?",
                "3:8: error: unknown value `bst`; did you mean `best`?",
                "4:9: error: `json` is no media type; write `text/css`, `text/*` or `application/*+json`",
                "4:15: error: not everything is worth compressing; name the types, as in `text/*`",
            ],
        ),
    ] {
        assert_eq!(check::<Compress>(settings), expected, "{settings}");
    }
}
