//! HTTP/1.1 towards endpoints (RFC 9112).
//!
//! A connection has no task of its own: whoever sends a request drives it, and whoever reads the body of the response
//! does so on. Nothing is handed from task to task on the way, and an exchange that is dropped takes its connection along.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use http::{Response, StatusCode};
use message::{Body, Cause, Error, Result, Retry};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::{SendError, connect::Stream, pool::Permit};

/// The head of a request → bytes.
mod encode;
/// A request on its way out.
mod upload;
/// Bytes → the head of a response, and how its body is delimited.
mod decode;
/// The chunked coding, read.
mod chunked;
/// The body of a response.
mod body;
/// What is left of a connection after HTTP.
mod switched;

#[cfg(test)]
mod tests;

pub use encode::{Head, Interim};
pub use switched::Switched;

use decode::Received;
use upload::Upload;

/// A connection between two requests.
pub(crate) struct Connection {
    stream: Stream,
    /// Received and not yet used. Holds no memory while the connection waits in a pool.
    buffer: BytesMut,
    /// How much to have room for when reading.
    read_size: usize,
    pub(crate) born: Instant,
    /// Behind the stream, so that it is closed before it counts no more. `None`: nobody counts.
    permit: Option<Permit>,
}

/// Where connections go when they are free again.
pub(crate) trait Home {
    fn take_back(&self, connection: Connection);
}

/// A request under way: resolves to what the endpoint answers.
pub struct Sending<'a> {
    /// `None`: resolved.
    exchange: Option<Exchange>,
    head: &'a Head<'a>,
    body: &'a mut Body,
    interims: u32,
    /// Bytes that were looked at and are not the end of a head.
    scanned: usize,
}

/// What an endpoint answers.
pub struct Answer {
    /// In a box, because it is handed through every layer of the exchange.
    pub response: Box<Response<Body>>,
    /// With status 101: the connection, on which no HTTP is spoken any more.
    pub switched: Option<Box<Switched>>,
}

/// A connection that serves a request.
struct Exchange {
    connection: Connection,
    upload: Upload,
    home: Rc<dyn Home>,
}

const MIN_READ: usize = 8 << 10;
const MAX_READ: usize = 64 << 10;
/// An endpoint may say that it is still at it, but not for ever.
const MAX_INTERIMS: u32 = 16;
/// How long the rest of a request that was answered already may go without an endpoint taking any of it.
const LINGER: Duration = Duration::from_secs(60);

// === impl Connection ===

impl Connection {
    pub(crate) fn new(stream: Stream, permit: Option<Permit>, born: Instant) -> Self {
        Self { stream, buffer: BytesMut::new(), read_size: MIN_READ, born, permit }
    }

    /// Whether nothing came in since the last response: neither a close nor bytes that nobody asked for, which would be
    /// taken for the next response. Costs no system call, unless there is something indeed.
    ///
    /// Whichever task drove the connection is not woken by it any more.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut scratch = [0; 1];
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut context, &mut ReadBuf::new(&mut scratch)).is_pending()
    }

    /// Frees what an idle connection needs not.
    pub(crate) fn rest(&mut self) {
        self.buffer = BytesMut::new();
        self.read_size = MIN_READ;
    }

    /// Sends a request. `body` is taken, and given back if nothing was sent.
    ///
    /// # Errors
    /// [`Cause::Internal`] if the head promises another length than the body has.
    pub(crate) fn send<'a>(self, home: Rc<dyn Home>, head: &'a Head<'a>, body: &'a mut Body) -> Result<Sending<'a>> {
        let upload = Upload::new(head, body)?;
        let exchange = Exchange { connection: self, upload, home };
        Ok(Sending { exchange: Some(exchange), head, body, interims: 0, scanned: 0 })
    }

    /// Reads more, as much as lately came at a time. 0: the endpoint closed.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // The rest of an allocation is used up before there is another one.
        if self.buffer.capacity() - self.buffer.len() < self.read_size / 4 {
            self.buffer.reserve(self.read_size);
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let read = ready!(pin!(self.stream.read_buf(&mut self.buffer)).poll(context))?;
        if read == room {
            self.read_size = (self.read_size * 2).min(MAX_READ);
        }
        Poll::Ready(Ok(read))
    }
}

// === impl Sending ===

impl Sending<'_> {
    fn poll_received(&mut self, context: &mut Context<'_>) -> Poll<Result<Received>> {
        let Some(Exchange { connection, upload, .. }) = &mut self.exchange else { return Poll::Pending };
        // Only a failure matters here: what the endpoint does not take yet is written while its answer is read.
        if let Poll::Ready(Err(error)) = upload.poll(context, &mut connection.stream) {
            return Poll::Ready(Err(error));
        }
        loop {
            // No head ends without a line feed: an endpoint that sends byte by byte does not make us parse as often.
            if connection.buffer[self.scanned..].contains(&b'\n')
                && let Some(received) = decode::head(&mut connection.buffer, self.head.method)?
            {
                self.scanned = 0;
                let status = received.response.status();
                if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                    return Poll::Ready(Ok(received));
                }
                self.interims += 1;
                if self.interims > MAX_INTERIMS {
                    return Poll::Ready(Err(Error::new(
                        Cause::ResponseMalformed,
                        "there are too many interim responses",
                    )));
                }
                if let Some(interim) = self.head.interim {
                    interim(status, received.response.headers());
                }
                continue;
            }
            self.scanned = connection.buffer.len();
            decode::check_partial(&connection.buffer)?;
            match ready!(connection.poll_fill(context)) {
                Ok(0) => return Poll::Ready(Err(closed())),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(closed().with_source(error))),
            }
        }
    }
}

impl Future for Sending<'_> {
    type Output = Result<Answer, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = ready!(self.poll_received(context));
        let Some(exchange) = self.exchange.take() else { return Poll::Pending };
        Poll::Ready(match received {
            Ok(received) => exchange.answer(received).map_err(SendError::sent),
            Err(error) => match exchange.upload.into_unsent() {
                Some(body) => {
                    *self.body = body;
                    Err(SendError { error: error.with_retry(Retry::Safe), is_unsent: true })
                }
                None => Err(SendError::sent(error)),
            },
        })
    }
}

// === impl Exchange ===

impl Exchange {
    fn answer(self, Received { mut response, length, is_persistent }: Received) -> Result<Answer> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let switched = Some(Box::new(Switched::new(self.connection)));
            return Ok(Answer { response, switched });
        }
        *response.body_mut() = body::receive(self, length, is_persistent)?;
        Ok(Answer { response, switched: None })
    }

    /// Writes more of the request, if there is more and the endpoint takes it.
    fn poll_upload(&mut self, context: &mut Context<'_>) -> Result<()> {
        if !self.upload.is_under_way() {
            return Ok(());
        }
        match self.upload.poll(context, &mut self.connection.stream) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// The response is complete.
    fn finish(self, is_persistent: bool) {
        // Bytes after the end would be taken for the next response, by whoever asks next.
        if !is_persistent || !self.connection.buffer.is_empty() {
            return;
        }
        if self.upload.is_done() {
            self.home.take_back(self.connection);
        } else if self.upload.is_under_way() {
            drop(tokio::task::spawn_local(self.linger()));
        }
    }

    /// An endpoint may answer before it has all of the request, and yet want the rest.
    async fn linger(mut self) {
        loop {
            let before = self.upload.written();
            let Self { connection, upload, .. } = &mut self;
            let rest = poll_fn(|context| upload.poll(context, &mut connection.stream));
            match tokio::time::timeout(LINGER, rest).await {
                Ok(Ok(())) if self.upload.is_done() => return self.home.take_back(self.connection),
                Err(_) if self.upload.written() > before => {}
                _ => return,
            }
        }
    }
}

#[cold]
fn closed() -> Error {
    Error::new(Cause::UpstreamReset, "the endpoint closed the connection without an answer")
}
