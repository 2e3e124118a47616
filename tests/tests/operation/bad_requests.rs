//! Requests by hand, each bad in its own way.

use message::Cause;

/// Limits of a listener that some of them exceed, and nothing else does.
pub(crate) const LIMITS: &str = "header_bytes: 4KiB, header_count: 20, uri_bytes: 1KiB, body_bytes: 10KiB";

/// A request by hand, and why it is refused.
pub(crate) struct Refused {
    pub(crate) what: &'static str,
    pub(crate) octets: String,
    pub(crate) cause: Cause,
    /// The codec refused it, and nobody can say where the next request would begin.
    pub(crate) by_codec: bool,
}

pub(crate) fn refused() -> Vec<Refused> {
    let case = |what, octets: &str, cause| Refused { what, octets: octets.to_owned(), cause, by_codec: false };
    let mut cases = vec![
        case("no route", "GET /nowhere HTTP/1.1\r\nhost: a\r\nuser-agent: no route\r\n\r\n", Cause::NoRoute),
        case("no host", "GET / HTTP/1.1\r\nuser-agent: no host\r\n\r\n", Cause::InvalidHost),
        case("two hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\nuser-agent: two hosts\r\n\r\n", Cause::InvalidHost),
        case("bad host", "GET / HTTP/1.1\r\nhost: a b\r\nuser-agent: bad host\r\n\r\n", Cause::InvalidHost),
        case(
            "a length before the coding",
            "POST / HTTP/1.1\r\nhost: a\r\nuser-agent: a length before the coding\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            Cause::AmbiguousFraming,
        ),
        case(
            "a length after the coding",
            "POST / HTTP/1.1\r\nhost: a\r\nuser-agent: a length after the coding\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
            Cause::AmbiguousFraming,
        ),
        case(
            "connect",
            "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nuser-agent: connect\r\n\r\n",
            Cause::UnsupportedMethod,
        ),
        case(
            "declared too long",
            "POST / HTTP/1.1\r\nhost: a\r\nuser-agent: declared too long\r\ncontent-length: 1073741824\r\n\r\n",
            Cause::BodyTooLarge,
        ),
    ];
    cases.extend(paths());
    cases.extend(heads());
    cases.extend(what_the_codec_refuses());
    cases
}

/// Paths that two parsers could read differently.
fn paths() -> impl Iterator<Item = Refused> {
    const PATHS: &[&str] = &[
        "/..",
        "/a/../../b",
        "/%2e%2e/a",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a%0d%0ab",
        "/..;/a",
        "/%252e",
        "/%zz",
        "/%c0%ae",
    ];
    PATHS.iter().map(|path| Refused {
        what: path,
        octets: format!("GET {path} HTTP/1.1\r\nhost: a\r\nuser-agent: {path}\r\n\r\n"),
        cause: Cause::InvalidPath,
        by_codec: false,
    })
}

/// Heads that exceed [`LIMITS`], and one that has been here before.
fn heads() -> Vec<Refused> {
    let head = |what, target: &str, more: &str, cause| Refused {
        what,
        octets: format!("GET {target} HTTP/1.1\r\nhost: a\r\nuser-agent: {what}\r\n{more}\r\n"),
        cause,
        by_codec: false,
    };
    let by_codec = |refused| Refused { by_codec: true, ..refused };
    let circle = format!("via: {}\r\n", ["1.1 sluice"; 9].join(", "));
    vec![
        head("circle", "/", &circle, Cause::LoopDetected),
        head("long target", &format!("/{}", "a".repeat(1025)), "", Cause::UriTooLong),
        by_codec(head("longer target", &format!("/{}", "a".repeat(60_000)), "", Cause::UriTooLong)),
        by_codec(head("target without end", &format!("/{}", "a".repeat(200_000)), "", Cause::UriTooLong)),
        by_codec(head("large field", "/", &format!("x: {}\r\n", "a".repeat(5_000)), Cause::HeadersTooLarge)),
        by_codec(head("huge field", "/", &format!("x: {}\r\n", "a".repeat(100_000)), Cause::HeadersTooLarge)),
        by_codec(head("many fields", "/", &"x: 1\r\n".repeat(19), Cause::HeadersTooLarge)),
    ]
}

fn what_the_codec_refuses() -> impl Iterator<Item = Refused> {
    use Cause::{AmbiguousFraming, MalformedRequest};
    const CASES: &[(&str, &str, Cause)] = &[
        ("no HTTP", "\x16\x03\x01\x02\r\n\r\n", MalformedRequest),
        ("two words", "GET /\r\n\r\n", MalformedRequest),
        ("another version", "GET / HTTP/7.3\r\nhost: a\r\n\r\n", MalformedRequest),
        ("a space before the colon", "GET / HTTP/1.1\r\nhost : a\r\n\r\n", MalformedRequest),
        ("a folded line", "GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n 2\r\n\r\n", MalformedRequest),
        ("NUL in a value", "GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n", MalformedRequest),
        ("CR in a value", "GET / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n", MalformedRequest),
        ("ESC in a value", "GET / HTTP/1.1\r\nhost: a\r\nx: a\x1bb\r\n\r\n", MalformedRequest),
        ("an unknown coding", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", MalformedRequest),
        (
            "chunked before another",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
            MalformedRequest,
        ),
        ("a coding in 1.0", "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", MalformedRequest),
        ("no number", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\n", MalformedRequest),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            AmbiguousFraming,
        ),
        ("a list of lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 2\r\n\r\n", MalformedRequest),
    ];
    CASES.iter().map(|(what, octets, cause)| Refused {
        what,
        octets: (*octets).to_owned(),
        cause: *cause,
        by_codec: true,
    })
}
