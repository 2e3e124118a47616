use std::{fmt, io::Write, time::SystemTime};

use bytes::Bytes;
use fetch::{
    Bounds, Speaks,
    secret::{self, SecretError},
    tls::TlsError,
};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use model::{Otlp, OtlpProtocol};

use crate::{Outcome, envelope::FRAME};

/// Tells one collector.
pub struct Client {
    fetch: fetch::Client,
    otlp: Otlp,
    /// Those of the document, with what their secrets are.
    headers: HeaderMap,
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Traces,
    Logs,
}

/// Why a collector cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenError(String);

/// Of an answer, which is a few dozen bytes.
const MOST_BYTES: usize = 64 << 10;

// === impl Client ===

impl Client {
    /// Reads the files and variables that `otlp` names. Connects to nobody yet.
    ///
    /// # Errors
    /// A file or variable is not there, or holds what it should not.
    pub fn new(otlp: &Otlp) -> Result<Self, OpenError> {
        let speaks = match otlp.protocol {
            OtlpProtocol::Grpc => Speaks::Http2,
            OtlpProtocol::Http => Speaks::Http1,
        };
        let fetch = fetch::Client::new(speaks, &otlp.tls).map_err(|TlsError(why)| OpenError(why))?;
        let headers = secret::fields(&otlp.headers).map_err(|SecretError(why)| OpenError(why))?;
        Ok(Self { fetch, otlp: otlp.clone(), headers })
    }

    /// What it reads from elsewhere, so that a new one is made when a secret or a certificate was replaced.
    pub fn fingerprint_of_files(otlp: &Otlp) -> u64 {
        secret::fingerprint(&otlp.headers, &otlp.tls)
    }

    /// The body of a request, as this collector wants to have it. `message` holds [`FRAME`] bytes from `start` on, and what is told
    /// behind these; its room is taken, unless what is told is compressed.
    pub(crate) fn body(&self, message: &mut Vec<u8>, start: usize) -> Bytes {
        let (mut framed, start) =
            if self.otlp.gzip { (gzipped(&message[start + FRAME..]), 0) } else { (std::mem::take(message), start) };
        match self.otlp.protocol {
            OtlpProtocol::Http => Bytes::from(framed).slice(start + FRAME..),
            OtlpProtocol::Grpc => {
                // What is sent at once is far below 4 GiB.
                let length = (framed.len() - start - FRAME) as u32;
                framed[start] = u8::from(self.otlp.gzip);
                framed[start + 1..start + FRAME].copy_from_slice(&length.to_be_bytes());
                Bytes::from(framed).slice(start..)
            }
        }
    }

    /// Sends a request with this body and says what came of it.
    pub(crate) async fn send(&self, kind: Kind, body: Bytes) -> Outcome {
        let bounds = Bounds { time: self.otlp.timeout, bytes: MOST_BYTES };
        match self.fetch.send(&self.otlp.endpoint, self.request(kind, body), bounds).await {
            Err(error) => Outcome::Later { after: None, why: error.to_string() },
            Ok(answer) => match self.otlp.protocol {
                OtlpProtocol::Grpc => Outcome::of_grpc(&answer),
                OtlpProtocol::Http => Outcome::of_http(&answer, SystemTime::now()),
            },
        }
    }

    /// For messages to people.
    pub fn endpoint(&self) -> String {
        self.otlp.endpoint.to_string()
    }

    fn request(&self, kind: Kind, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers.clone();
        let headers = request.headers_mut();
        headers.insert(
            header::USER_AGENT,
            const { HeaderValue::from_static(concat!("sluice/", env!("CARGO_PKG_VERSION"))) },
        );
        let encoding = match self.otlp.protocol {
            OtlpProtocol::Http => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                header::CONTENT_ENCODING
            }
            OtlpProtocol::Grpc => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                headers.insert(header::TE, HeaderValue::from_static("trailers"));
                HeaderName::from_static("grpc-encoding")
            }
        };
        if self.otlp.gzip {
            headers.insert(encoding, HeaderValue::from_static("gzip"));
        }
        *request.uri_mut() = match self.otlp.protocol {
            OtlpProtocol::Http => kind.path(),
            OtlpProtocol::Grpc => kind.call(),
        };
        request
    }
}

// === impl Kind ===

impl Kind {
    /// Of OTLP over HTTP.
    fn path(self) -> http::Uri {
        http::Uri::from_static(match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
        })
    }

    /// Of OTLP over gRPC.
    fn call(self) -> http::Uri {
        http::Uri::from_static(match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        })
    }
}

/// Behind [`FRAME`] bytes.
fn gzipped(told: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(told.len() / 4);
    packed.resize(FRAME, 0);
    let mut encoder = GzEncoder::new(&mut packed, Compression::fast());
    // Writing to a vector cannot fail.
    _ = encoder.write_all(told);
    drop(encoder);
    packed
}

// === impl OpenError ===

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}
