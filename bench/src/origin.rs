//! The upstream of every case: fast, tiny, the same for every peer.
//!
//! The last segment of the path says what is wanted: `json` (150 bytes), `64k`, `1m`, or `Echo`, a gRPC unary call.

use std::{convert::Infallible, io::Write as _, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Either, Full, combinators::WithTrailers};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, on_one_thread,
    serve::{Version, bind, serve},
};

/// 150 bytes, as a microservice answers them.
const JSON: &str = concat!(
    r#"{"id":7,"name":"a small thing","price":{"amount":1999,"currency":"EUR"},"stock":420,"#,
    r#""tags":["small","cheap","blue"],"updated":"2026-01-01T00:00:00Z"}"#,
    "\n"
);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where HTTP/1.1 is spoken
    #[arg(long, default_value = "127.0.0.1:0")]
    http1: SocketAddr,
    /// Where HTTP/2 in clear text is spoken
    #[arg(long, default_value = "127.0.0.1:0")]
    h2c: SocketAddr,
}

/// Where an origin listens; its first line of output, as JSON.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub http1: SocketAddr,
    pub h2c: SocketAddr,
}

/// Serves until it is killed.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    on_one_thread(async {
        let addresses = start(args)?;
        println!("{}", serde_json::to_string(&addresses)?);
        std::io::stdout().flush()?;
        std::future::pending().await
    })
}

/// Serves on this thread from now on.
pub(crate) fn start(args: &Args) -> Result<Addresses, Failure> {
    let (http1, http1_address) = bind(args.http1)?;
    let (h2c, h2c_address) = bind(args.h2c)?;
    for (listener, version) in [(http1, Version::Http1), (h2c, Version::Http2)] {
        let bodies = Bodies::new();
        let handler = move |request| answer(request, bodies.clone());
        tokio::task::spawn_local(serve(listener, version, None, handler));
    }
    Ok(Addresses { http1: http1_address, h2c: h2c_address })
}

/// Made once; a reply only counts a reference up.
#[derive(Clone)]
struct Bodies {
    json: Bytes,
    medium: Bytes,
    large: Bytes,
}

// === impl Bodies ===

impl Bodies {
    fn new() -> Self {
        let letters = |length: usize| Bytes::from_iter((b'a'..=b'z').cycle().take(length));
        Self { json: Bytes::from_static(JSON.as_bytes()), medium: letters(64 << 10), large: letters(1 << 20) }
    }
}

type Reply =
    Response<Either<Full<Bytes>, WithTrailers<Full<Bytes>, std::future::Ready<Option<Result<HeaderMap, Infallible>>>>>>;

async fn answer(request: Request<Incoming>, bodies: Bodies) -> Result<Reply, hyper::Error> {
    let wanted = request.uri().path().rsplit('/').next().unwrap_or_default();
    let (kind, body) = match wanted {
        "json" => ("application/json", bodies.json),
        "64k" => ("text/plain", bodies.medium),
        "1m" => ("text/plain", bodies.large),
        "Echo" => return echo(request).await,
        _ => {
            let mut reply = Response::new(Either::Left(Full::default()));
            *reply.status_mut() = StatusCode::NOT_FOUND;
            return Ok(reply);
        }
    };
    let mut reply = Response::new(Either::Left(Full::new(body)));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(reply)
}

/// The message comes back as it is, and `grpc-status: 0` after it.
async fn echo(request: Request<Incoming>) -> Result<Reply, hyper::Error> {
    let message = request.into_body().collect().await?.to_bytes();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(message).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut reply = Response::new(Either::Right(body));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_body_is_as_small_as_the_page_says() {
        assert_eq!(JSON.len(), 150);
        assert!(serde_json::from_str::<serde_json::Value>(JSON).is_ok());
    }
}
