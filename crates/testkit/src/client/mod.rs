//! Real clients in one line: HTTP/1.1, HTTP/2, gRPC, WebSocket, and the tools that people use.

mod grpc;
mod load;
mod stream;

pub mod tool;
pub mod websocket;

pub use grpc::{Call, Grpc};
pub use load::{Load, Tally};

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use demo::{Scope, ScopeOwner};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{
    PATIENCE,
    body::{self, Body},
    tls,
    wire::Io,
    within,
};

/// One connection that requests are sent over; it closes when the last copy is dropped.
///
/// On HTTP/2, copies send at the same time.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
    scheme: &'static str,
    authority: String,
    owner: Arc<ScopeOwner>,
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A request without a body.
///
/// # Panics
/// When the target is none.
pub fn request(method: Method, target: &str) -> Request<Body> {
    let mut request = Request::new(body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().unwrap_or_else(|error| panic!("{target} is no request target: {error}"));
    request
}

/// Asks once over HTTP/1.1, on a connection of its own.
///
/// # Panics
/// When no whole response comes.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    Client::http1(address).await.get(path).await
}

// === impl Client ===

impl Client {
    /// HTTP/1.1 without TLS.
    ///
    /// # Panics
    /// When nobody accepts.
    pub async fn http1(address: SocketAddr) -> Self {
        Self::over(tcp(address).await, "http", &address.to_string(), false).await
    }

    /// HTTP/2 by prior knowledge.
    ///
    /// # Panics
    /// When nobody accepts.
    pub async fn h2c(address: SocketAddr) -> Self {
        Self::over(tcp(address).await, "http", &address.to_string(), true).await
    }

    /// TLS to `name`; HTTP/2 when ALPN says so, otherwise HTTP/1.1.
    ///
    /// # Panics
    /// When nobody accepts, or the handshake fails.
    pub async fn tls(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> Self {
        let stream = within(PATIENCE, tls::connect(address, name, config)).await;
        let stream = stream.unwrap_or_else(|error| panic!("no TLS with {name} at {address}: {error}"));
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Self::over(stream, "https", name, h2).await
    }

    /// Any connection that is already there.
    ///
    /// # Panics
    /// When the peer does not take part in the HTTP/2 handshake.
    pub async fn over(stream: impl Io, scheme: &'static str, authority: &str, h2: bool) -> Self {
        let (owner, scope) = Scope::open();
        let stream = TokioIo::new(stream);
        let sender = if h2 {
            let (sender, connection) =
                http2::handshake(TokioExecutor::new(), stream).await.expect("a connection for HTTP/2");
            scope.spawn(async { drop(connection.await) });
            Sender::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await.expect("a connection for HTTP/1.1");
            scope.spawn(async { drop(connection.with_upgrades().await) });
            Sender::Http1(sender)
        };
        Self { sender, scheme, authority: authority.to_owned(), owner: Arc::new(owner) }
    }

    /// Asks for another host than the address that it is connected to.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        authority.clone_into(&mut self.authority);
        self
    }

    /// Another sender over the same connection.
    ///
    /// # Panics
    /// On HTTP/1.1, which has one request at a time.
    #[must_use]
    pub fn copy(&self) -> Self {
        let Sender::Http2(sender) = &self.sender else { panic!("HTTP/1.1 has one request at a time") };
        Self {
            sender: Sender::Http2(sender.clone()),
            scheme: self.scheme,
            authority: self.authority.clone(),
            owner: Arc::clone(&self.owner),
        }
    }

    /// Waits until a request can be sent; false when the peer has ended the connection.
    pub async fn is_ready(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) => within(PATIENCE, sender.ready()).await.is_ok(),
            Sender::Http2(sender) => within(PATIENCE, sender.ready()).await.is_ok(),
        }
    }

    /// GET, whole.
    ///
    /// # Panics
    /// When no whole response comes.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.fetch(request(Method::GET, path)).await
    }

    /// POST, whole.
    ///
    /// # Panics
    /// When no whole response comes.
    pub async fn post(&mut self, path: &str, content: impl Into<Bytes>) -> Answer {
        self.fetch(request(Method::POST, path).map(|_| body::full(content))).await
    }

    /// Sends a request and collects the response.
    ///
    /// # Panics
    /// When no whole response comes.
    pub async fn fetch(&mut self, request: Request<Body>) -> Answer {
        let asked = format!("{} {}", request.method(), request.uri());
        match self.try_fetch(request).await {
            Ok(answer) => answer,
            Err(error) => panic!("no whole response to {asked}: {error:?}"),
        }
    }

    /// Sends a request and collects the response.
    ///
    /// # Errors
    /// When the connection or the stream breaks off.
    pub async fn try_fetch(&mut self, request: Request<Body>) -> Result<Answer, hyper::Error> {
        let fetching = async {
            let (head, body) = self.send(request).await?.into_parts();
            let body = body.collect().await?;
            let trailers = body.trailers().cloned().unwrap_or_default();
            let (status, version, headers) = (head.status, head.version, head.headers);
            Ok(Answer { status, version, headers, body: body.to_bytes(), trailers })
        };
        within(PATIENCE, fetching).await
    }

    /// Sends a request and waits for the head of the response; target and host are completed as the protocol wants.
    ///
    /// # Errors
    /// When the connection or the stream breaks off.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, hyper::Error> {
        let request = self.complete(request);
        match &mut self.sender {
            Sender::Http1(sender) => {
                within(PATIENCE, sender.ready()).await?;
                within(PATIENCE, sender.send_request(request)).await
            }
            Sender::Http2(sender) => {
                within(PATIENCE, sender.ready()).await?;
                within(PATIENCE, sender.send_request(request)).await
            }
        }
    }

    fn complete(&self, mut request: Request<Body>) -> Request<Body> {
        match self.sender {
            Sender::Http1(_) => {
                let host = HeaderValue::from_str(&self.authority).expect("a host");
                request.headers_mut().entry(header::HOST).or_insert(host);
            }
            Sender::Http2(_) if request.uri().authority().is_none() => {
                let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
                let uri = Uri::builder().scheme(self.scheme).authority(&*self.authority).path_and_query(target).build();
                *request.uri_mut() = uri.expect("scheme, authority and target are good by themselves");
            }
            Sender::Http2(_) => {}
        }
        request
    }
}

// === impl Answer ===

impl Answer {
    /// The content as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The content as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is no JSON ({error}): \"{}\"", self.body.escape_ascii()))
    }

    /// The value of a field, as text.
    ///
    /// # Panics
    /// When the value is no text.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("the field is text"))
    }
}

async fn tcp(address: SocketAddr) -> TcpStream {
    let stream = within(PATIENCE, TcpStream::connect(address)).await;
    let stream = stream.unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
    stream.send_at_once();
    stream
}
