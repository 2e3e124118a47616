//! A request on its way out: its head, then its body as it comes.

use std::{
    io::{self, IoSlice, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName};
use http_body::{Body as HttpBody, Frame, SizeHint};
use message::{Body, Error, Result};
use tokio::io::AsyncWrite;

use super::encode::{Framing, Head, mismatch, write_field};
use crate::connect::Stream;

/// What is still to be written. One piece of the body is held at a time: the next is asked for once it is out.
pub(super) struct Upload {
    /// The head, later what stands before the data of a chunk.
    lead: Vec<u8>,
    lead_written: usize,
    piece: Bytes,
    /// What ends the chunk, or the body.
    tail: &'static [u8],
    body: Body,
    framing: Framing,
    /// Names of the trailers that may be sent.
    trailers: Vec<HeaderName>,
    state: State,
    /// In bytes.
    written: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was asked of the body yet.
    New,
    /// The body has more.
    Open,
    /// Everything is at hand.
    Last,
    Done,
    /// The endpoint takes no more. It may have answered all the same.
    Broken,
    /// The body is not what it should be.
    Failed,
}

/// A body of which a piece was taken already.
struct Resumed {
    piece: Bytes,
    rest: Body,
}

// === impl Upload ===

impl Upload {
    /// # Errors
    /// The body is left as it was if it cannot be sent with this head.
    pub(super) fn new(head: &Head<'_>, body: &mut Body) -> Result<Self> {
        let framing = head.framing(body)?;
        let is_bodiless = matches!(framing, Framing::Absent | Framing::Length(0));
        Ok(Self {
            lead: head.encode(framing),
            lead_written: 0,
            piece: Bytes::new(),
            tail: b"",
            body: body.take(),
            framing,
            trailers: if framing == Framing::Chunked { head.announced_trailers() } else { Vec::new() },
            state: if is_bodiless { State::Last } else { State::New },
            written: 0,
        })
    }

    /// Whether the endpoint has all of the request.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether more may be written.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.state, State::New | State::Open | State::Last)
    }

    /// In bytes.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes what the endpoint takes. Ready when there is no more to do, also when the endpoint closed: whether that
    /// is a failure is seen by what it answered.
    ///
    /// # Errors
    /// What the body of the request failed with.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<()>> {
        if self.state == State::New {
            // A first piece that is there already goes out with the head.
            _ = self.poll_body(context)?;
        }
        loop {
            match ready!(self.poll_write(context, stream)) {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "an endpoint does not take the request");
                    self.state = State::Broken;
                }
            }
            match self.state {
                State::Last => self.state = State::Done,
                State::Done | State::Broken | State::Failed => return Poll::Ready(Ok(())),
                State::New | State::Open => ready!(self.poll_body(context))?,
            }
        }
    }

    /// The request's body as it was, if nothing went out.
    pub(super) fn into_unsent(self) -> Option<Body> {
        match self.state {
            _ if self.written > 0 => None,
            State::Failed => None,
            State::New => Some(self.body),
            _ if self.piece.is_empty() => Some(self.body),
            _ if self.body.is_end_stream() => Some(Body::from(self.piece)),
            _ => Some(Body::stream(Resumed { piece: self.piece, rest: self.body })),
        }
    }

    /// Takes the next piece of the body.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.state = State::Open;
        let taken = match frame {
            None => self.end(None),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.data(data),
                Err(frame) => self.end(frame.trailers_ref()),
            },
            Some(Err(error)) => Err(error),
        };
        if taken.is_err() {
            self.state = State::Failed;
        }
        Poll::Ready(taken)
    }

    fn data(&mut self, data: Bytes) -> Result<()> {
        if data.is_empty() {
            // As a chunk, it would be the last.
            return Ok(());
        }
        match &mut self.framing {
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or_else(mismatch)?;
                if *left == 0 {
                    self.close();
                }
            }
            Framing::Chunked => {
                // Writing to a vector cannot fail.
                _ = write!(self.lead, "{:x}\r\n", data.len());
                self.tail = b"\r\n";
                if self.body.is_end_stream() {
                    self.tail = b"\r\n0\r\n\r\n";
                    self.close();
                }
            }
            Framing::Absent => return Err(mismatch()),
        }
        self.piece = data;
        Ok(())
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<()> {
        match self.framing {
            Framing::Absent | Framing::Length(0) => {}
            Framing::Length(_) => return Err(mismatch()),
            Framing::Chunked => {
                self.lead.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.into_iter().flatten() {
                    if self.trailers.contains(name) {
                        write_field(&mut self.lead, name.as_str(), value.as_bytes());
                    }
                }
                self.lead.extend_from_slice(b"\r\n");
            }
        }
        self.close();
        Ok(())
    }

    /// No more is wanted of the body. It learns so at once, since whoever counts it waits for that.
    fn close(&mut self) {
        self.state = State::Last;
        self.body = Body::empty();
    }

    fn poll_write(&mut self, context: &mut Context<'_>, stream: &mut Stream) -> Poll<io::Result<()>> {
        while self.lead_written < self.lead.len() || self.piece.has_remaining() || !self.tail.is_empty() {
            let lead = &self.lead[self.lead_written..];
            let stream = Pin::new(&mut *stream);
            let written = if self.piece.is_empty() && self.tail.is_empty() {
                ready!(stream.poll_write(context, lead))?
            } else {
                let slices = [IoSlice::new(lead), IoSlice::new(&self.piece), IoSlice::new(self.tail)];
                ready!(stream.poll_write_vectored(context, &slices))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        // A socket has nothing to flush; TLS may.
        Pin::new(stream).poll_flush(context)
    }

    fn advance(&mut self, mut written: usize) {
        self.written += written as u64;
        let lead = written.min(self.lead.len() - self.lead_written);
        self.lead_written += lead;
        if self.lead_written == self.lead.len() {
            self.lead.clear();
            self.lead_written = 0;
        }
        written -= lead;
        let piece = written.min(self.piece.len());
        self.piece.advance(piece);
        self.tail = &self.tail[written - piece..];
    }
}

// === impl Resumed ===

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        if self.piece.is_empty() {
            Pin::new(&mut self.rest).poll_frame(context)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.piece)))))
        }
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, piece) = (self.rest.size_hint(), self.piece.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + piece);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + piece);
        }
        hint
    }
}
