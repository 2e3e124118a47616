//! Asks, and keeps connections for the next time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use model::{UpstreamTls, values::HttpUrl};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    FetchError,
    tls::{self, TlsError},
};

/// Asks. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

/// What is spoken. Nobody is asked for both: whoever names a collector or registry knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speaks {
    #[default]
    Http1,
    /// By prior knowledge where there is no TLS, as gRPC has it.
    Http2,
}

/// What an answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From the first byte of the connection to the last of the body.
    pub time: Duration,
    /// Of the body.
    pub bytes: usize,
}

#[derive(Debug)]
pub struct Answer {
    pub head: Response<()>,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

struct Shared {
    speaks: Speaks,
    /// `None`: only addresses without TLS are asked.
    tls: Option<TlsConnector>,
    /// In place of the host of an address.
    server_name: Option<Arc<str>>,
    /// Connections that wait for a request, by scheme, host and port.
    idle: Mutex<HashMap<HttpUrl, Vec<Sender>>>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// More are closed: they were opened for a rush. Watches have one each, which is idle only for a moment.
const MOST_IDLE: usize = 128;
/// How long a peer may be silent before the operating system asks whether it is still there, and between three such
/// questions: a connection whose other side is gone breaks, rather than that somebody waits for an answer of minutes.
const SILENCE: Duration = Duration::from_secs(15);
const SILENCE_AGAIN: Duration = Duration::from_secs(5);

// === impl Client ===

impl Client {
    /// `tls` says whose certificates are trusted, and which one is shown, where an address begins with `https`. Reads the
    /// files that it names.
    ///
    /// # Errors
    /// A file cannot be read or holds none.
    pub fn new(speaks: Speaks, tls: &UpstreamTls) -> Result<Self, TlsError> {
        let alpn: &[&[u8]] = match speaks {
            Speaks::Http1 => &[b"http/1.1"],
            Speaks::Http2 => &[b"h2"],
        };
        let connector = TlsConnector::from(Arc::new(tls::client_config(tls, alpn)?));
        let server_name = tls.server_name.clone();
        Ok(Self(Arc::new(Shared { speaks, tls: Some(connector), server_name, idle: Mutex::default() })))
    }

    /// For addresses without TLS: no certificate is read, so nothing can fail.
    pub fn plain(speaks: Speaks) -> Self {
        Self(Arc::new(Shared { speaks, tls: None, server_name: None, idle: Mutex::default() }))
    }

    /// Sends `request`, whose target is a path that is taken below the path of `url`, and waits for the whole answer.
    ///
    /// A connection that was kept may have been closed meanwhile; then it is sent once more, on a new one. So only what may
    /// be said twice should be said.
    ///
    /// # Errors
    /// See [`FetchError`]. Whatever status is answered is an answer.
    pub async fn send(&self, url: &HttpUrl, request: Request<Bytes>, bounds: Bounds) -> Result<Answer, FetchError> {
        let exchange = async {
            let request = addressed(url, request, self.0.speaks)?;
            while let Some(mut sender) = self.0.kept(url) {
                if let Ok(response) = sender.send(request.clone()).await {
                    return self.0.read(url, sender, response, bounds.bytes).await;
                }
            }
            let mut sender = self.0.connect(url).await?;
            let response = sender.send(request).await.map_err(|error| FetchError::unreachable(&error))?;
            self.0.read(url, sender, response, bounds.bytes).await
        };
        timeout(bounds.time, exchange).await.unwrap_or(Err(FetchError::Late(bounds.time)))
    }
}

// === impl Shared ===

impl Shared {
    fn kept(&self, url: &HttpUrl) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(&url.origin())?;
        std::iter::from_fn(|| kept.pop()).find(Sender::is_ready)
    }

    async fn connect(&self, url: &HttpUrl) -> Result<Sender, FetchError> {
        let tcp = TcpStream::connect((&*url.host, url.port)).await.map_err(|error| FetchError::unreachable(&error))?;
        _ = tcp.set_nodelay(true);
        // Where this cannot be, bounds of time hold.
        _ = SockRef::from(&tcp)
            .set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE_AGAIN).with_retries(3));
        if !url.is_tls {
            return self.handshake(tcp).await;
        }
        let Some(tls) = &self.tls else {
            return Err(FetchError::Unreachable(format!("{url}: this client was made without TLS")));
        };
        let name = tls::server_name(self.server_name.as_deref().unwrap_or(&url.host))
            .map_err(|error| FetchError::Unreachable(error.to_string()))?;
        let stream = tls.connect(name, tcp).await.map_err(|error| FetchError::unreachable(&error))?;
        self.handshake(stream).await
    }

    async fn handshake<S>(&self, stream: S) -> Result<Sender, FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let failed = |error: hyper::Error| FetchError::unreachable(&error);
        let io = TokioIo::new(stream);
        // What breaks a connection is told to whoever waits for its answer.
        Ok(match self.speaks {
            Speaks::Http1 => {
                let (sender, connection) = http1::handshake(io).await.map_err(failed)?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Speaks::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(failed)?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        })
    }

    async fn read(
        &self,
        url: &HttpUrl,
        sender: Sender,
        response: Response<Incoming>,
        most: usize,
    ) -> Result<Answer, FetchError> {
        let (head, body) = response.into_parts();
        let collected = Limited::new(body, most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { FetchError::TooLong(most) } else { FetchError::unreachable(&*error) }
        })?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(url.origin()).or_default();
        if kept.len() < MOST_IDLE {
            kept.push(sender);
        }
        Ok(Answer { head: Response::from_parts(head, ()), body: collected.to_bytes(), trailers })
    }
}

// === impl Sender ===

impl Sender {
    fn is_ready(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_ready(),
            Self::Http2(sender) => sender.is_ready(),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, hyper::Error> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// The request as it is sent: `Host` or the whole target, as the version wants it.
fn addressed(url: &HttpUrl, request: Request<Bytes>, speaks: Speaks) -> Result<Request<Full<Bytes>>, FetchError> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let path = format!("{}{path}", url.path.trim_end_matches('/'));
    let path = if path.is_empty() { "/" } else { &path };
    let bad = |error: &dyn std::error::Error| FetchError::Unreachable(format!("{url}: {error}"));
    match speaks {
        Speaks::Http1 => {
            head.uri = path.parse().map_err(|error: http::uri::InvalidUri| bad(&error))?;
            let host = HeaderValue::from_str(&url.authority()).map_err(|error| bad(&error))?;
            head.headers.insert(header::HOST, host);
        }
        Speaks::Http2 => {
            let scheme = if url.is_tls { "https" } else { "http" };
            let target = Uri::builder().scheme(scheme).authority(url.authority()).path_and_query(path).build();
            head.uri = target.map_err(|error| bad(&error))?;
        }
    }
    Ok(Request::from_parts(head, Full::new(body)))
}

#[cfg(test)]
mod tests;
