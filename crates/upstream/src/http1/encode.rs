//! The head of a request, written.

use std::io::Write;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body::Body as _;
use message::{Body, Cause, Error, Result, trace::Context};

/// The head of a request. Borrowed: it becomes bytes at once, and the exchange keeps its own.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    pub method: &'a Method,
    /// Only path and query are sent.
    pub uri: &'a Uri,
    /// `Host`, whatever frames the body, and fields of the context are written anew.
    pub headers: &'a HeaderMap,
    pub host: &'a HeaderValue,
    /// The trace that it is a part of.
    pub context: Option<Context<'a>>,
    pub interim: Option<&'a Interim<'a>>,
}

/// Is told of interim responses (RFC 9110, 15.2), except for 101.
pub type Interim<'a> = dyn Fn(StatusCode, &HeaderMap) + 'a;

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Absent,
    /// In bytes.
    Length(u64),
    Chunked,
}

/// Enough for nearly all heads.
const CAPACITY: usize = 1 << 10;

// === impl Head ===

impl Head<'_> {
    /// How `body` is sent: with the length that the request or the body itself gives, else in chunks.
    ///
    /// # Errors
    /// [`Cause::Internal`] if the body cannot have the length that the head promises.
    pub(super) fn framing(&self, body: &Body) -> Result<Framing> {
        let declared = self.headers.get(header::CONTENT_LENGTH).map(|value| length(value).ok_or_else(mismatch));
        match (declared.transpose()?, body.size_hint().exact()) {
            (Some(declared), Some(exact)) if declared != exact => Err(mismatch()),
            (None, Some(0)) => Ok(Framing::Absent),
            (Some(length), _) | (None, Some(length)) => Ok(Framing::Length(length)),
            (None, None) => Ok(Framing::Chunked),
        }
    }

    pub(super) fn encode(&self, framing: Framing) -> Vec<u8> {
        let mut out = Vec::with_capacity(CAPACITY);
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        if target.starts_with('?') {
            out.push(b'/');
        }
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
        out.extend_from_slice(self.host.as_bytes());
        out.extend_from_slice(b"\r\n");
        for (name, value) in self.headers {
            let name = name.as_str();
            let is_ours = matches!(name, "host" | "content-length" | "transfer-encoding");
            if !is_ours && !self.context.is_some_and(|context| context.has(name)) {
                write_field(&mut out, name, value.as_bytes());
            }
        }
        if let Some(context) = &self.context {
            context.fields(|name, value| write_field(&mut out, name, value));
        }
        match framing {
            Framing::Absent => {}
            // Writing to a vector cannot fail.
            Framing::Length(length) => _ = write!(out, "content-length: {length}\r\n"),
            Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The trailers that the head announces; others may be dropped on the way, so that they better are here.
    pub(super) fn announced_trailers(&self) -> Vec<HeaderName> {
        let announced = self.headers.get_all(header::TRAILER);
        let names = announced.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        names
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .filter(|name| {
                // What frames a message, or says who is asked, is no trailer (RFC 9110, 6.5.1).
                !matches!(name.as_str(), "content-length" | "transfer-encoding" | "host" | "trailer" | "connection")
            })
            .collect()
    }
}

pub(super) fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A `Content-Length`: digits only (RFC 9112, 6.2), so neither sign nor list.
pub(super) fn length(value: &HeaderValue) -> Option<u64> {
    let digits = value.to_str().ok()?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cold]
pub(super) fn mismatch() -> Error {
    Error::new(Cause::Internal, "the body of the request has another length than its head says")
}
