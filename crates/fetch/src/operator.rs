//! Asks the admin address of a gateway, over TCP or a unix socket.

use std::{error::Error, future::Future, io};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use model::EndpointAddress;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::{Bounds, FetchError};

/// Somebody who may ask a gateway. Each question has a connection of its own: there are few.
#[derive(Debug, Clone)]
pub struct Operator {
    target: EndpointAddress,
    credentials: HeaderValue,
}

/// An answer that comes line by line.
pub struct Lines {
    body: Incoming,
    /// What came and is no whole line yet.
    rest: Vec<u8>,
}

/// Longer lines are not waited for.
const LINE_BYTES: usize = 1 << 20;

// === impl Operator ===

impl Operator {
    /// `None`: a header field cannot hold the token.
    pub fn new(target: EndpointAddress, token: &str) -> Option<Self> {
        let mut credentials = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        credentials.set_sensitive(true);
        Some(Self { target, credentials })
    }

    /// Asks for `path`, with its query, and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, FetchError> {
        let body = body.into();
        let exchange = async {
            let (head, answered) = self.send(method, path, body).await?.into_parts();
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
        let answer = self.send(Method::GET, path, Bytes::new()).await?;
        Ok(answer.map(|body| Lines { body, rest: Vec::new() }))
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>, FetchError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            // However it is reached: other names are for browsers to give away.
            .header(header::HOST, "localhost")
            .header(header::CONNECTION, "close")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, &self.credentials)
            .body(Full::new(body))
            .map_err(|error| FetchError::unreachable(&error))?;
        match &self.target {
            EndpointAddress::Socket(address) => over(TcpStream::connect(address), request).await,
            EndpointAddress::Name { host, port } => over(TcpStream::connect((&**host, *port)), request).await,
            EndpointAddress::Unix(path) => over(UnixStream::connect(path), request).await,
        }
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
