//! Asks the admin address of a gateway, over TCP or a unix socket.

use std::{error::Error, future::Future, io, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use model::{EndpointAddress, UpstreamTls, values::HttpUrl};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    Bounds, FetchError,
    tls::{self, TlsError},
};

/// Somebody who may ask a gateway. Each question has a connection of its own: there are few.
#[derive(Clone)]
pub struct Operator {
    door: Door,
    credentials: HeaderValue,
}

/// How a gateway is reached.
#[derive(Clone)]
pub struct Door {
    way: Way,
    host: HeaderValue,
    /// What the paths of the gateway stand behind.
    prefix: Arc<str>,
}

#[derive(Clone)]
enum Way {
    Plain(EndpointAddress),
    Tls { url: HttpUrl, connector: TlsConnector, name: ServerName<'static> },
}

/// An answer that comes line by line.
pub struct Lines {
    body: Incoming,
    /// What came and is no whole line yet.
    rest: Vec<u8>,
}

/// Longer lines are not waited for.
const LINE_BYTES: usize = 1 << 20;

// === impl Door ===

impl Door {
    /// The admin address itself.
    pub fn plain(address: EndpointAddress) -> Self {
        // However it is reached: other names are for browsers to give away.
        Self { way: Way::Plain(address), host: HeaderValue::from_static("localhost"), prefix: "".into() }
    }

    /// Something in front of it that speaks TLS; the admin address does not. Reads the files that `tls` names.
    ///
    /// # Errors
    /// One of them cannot be read or holds none, or the host is no name.
    pub fn tls(url: HttpUrl, tls: &UpstreamTls) -> Result<Self, TlsError> {
        let connector = TlsConnector::from(Arc::new(tls::client_config(tls, &[b"http/1.1"])?));
        let name = tls::server_name(tls.server_name.as_deref().unwrap_or(&url.host))?;
        let host = HeaderValue::try_from(url.authority()).map_err(|error| TlsError(error.to_string()))?;
        let prefix = url.path.trim_end_matches('/').into();
        Ok(Self { way: Way::Tls { url, connector, name }, host, prefix })
    }
}

// === impl Operator ===

impl Operator {
    /// `None`: a header field cannot hold the token.
    pub fn new(door: Door, token: &str) -> Option<Self> {
        let mut credentials = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        credentials.set_sensitive(true);
        Some(Self { door, credentials })
    }

    /// Asks for a path, with its query, and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn ask(&self, request: Request<Bytes>, bounds: Bounds) -> Result<Response<Bytes>, FetchError> {
        let exchange = async {
            let (head, answered) = self.send(request).await?.into_parts();
            let collected = Limited::new(answered, bounds.bytes).collect().await;
            let collected = collected.map_err(|error| FetchError::unreachable(&*error))?;
            Ok(Response::from_parts(head, collected.to_bytes()))
        };
        timeout(bounds.time, exchange).await.unwrap_or(Err(FetchError::Late(bounds.time)))
    }

    /// Asks for `path` and waits for the head of the answer, whose lines may come for as long as they like.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn lines(&self, path: &str) -> Result<Response<Lines>, FetchError> {
        let request = Request::get(path).body(Bytes::new()).map_err(|error| FetchError::unreachable(&error))?;
        let answer = self.send(request).await?;
        Ok(answer.map(|body| Lines { body, rest: Vec::new() }))
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Incoming>, FetchError> {
        let request = self.addressed(request)?;
        match &self.door.way {
            Way::Plain(EndpointAddress::Socket(address)) => over(TcpStream::connect(address), request).await,
            Way::Plain(EndpointAddress::Name { host, port }) => {
                over(TcpStream::connect((&**host, *port)), request).await
            }
            Way::Plain(EndpointAddress::Unix(path)) => over(UnixStream::connect(path), request).await,
            Way::Tls { url, connector, name } => {
                let connect = async {
                    let stream = TcpStream::connect((&*url.host, url.port)).await?;
                    connector.connect(name.clone(), stream).await
                };
                over(connect, request).await
            }
        }
    }

    /// The request as it is sent.
    fn addressed(&self, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, FetchError> {
        let (mut head, body) = request.into_parts();
        if !self.door.prefix.is_empty() {
            let path = format!("{}{}", self.door.prefix, head.uri);
            head.uri = path.parse().map_err(|error: http::uri::InvalidUri| FetchError::unreachable(&error))?;
        }
        head.headers.insert(header::HOST, self.door.host.clone());
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        head.headers.insert(header::AUTHORIZATION, self.credentials.clone());
        Ok(Request::from_parts(head, Full::new(body)))
    }
}

async fn over<S>(
    connect: impl Future<Output = io::Result<S>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: &(dyn Error + 'static)| FetchError::unreachable(error);
    let stream = connect.await.map_err(|error| failed(&error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| failed(&error))?;
    // What breaks it is told to whoever waits for the answer.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| failed(&error))
}

// === impl Lines ===

impl Lines {
    /// The next line, without its end; `None` after the last.
    ///
    /// # Errors
    /// The gateway broke off.
    pub async fn next(&mut self) -> Result<Option<String>, FetchError> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            if self.rest.len() > LINE_BYTES {
                return Err(FetchError::TooLong(LINE_BYTES));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.rest.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Some(Err(error)) => return Err(FetchError::unreachable(&error)),
                None => return Ok(None),
            }
        }
    }

    /// All that is left, for an answer that turns out not to be lines.
    ///
    /// # Errors
    /// The gateway broke off.
    pub async fn whole(self) -> Result<Bytes, FetchError> {
        let collected = Limited::new(self.body, LINE_BYTES).collect().await;
        collected.map(|collected| collected.to_bytes()).map_err(|error| FetchError::unreachable(&*error))
    }
}
