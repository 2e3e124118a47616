//! The body of a response, read from the connection as it is asked for.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use message::{Body, Cause, Error, Result};

use super::{
    Exchange,
    chunked::{self, Decoded, Malformed},
    decode::Length,
};

/// Holds the connection and gives it back at the end of the body. Dropped before, it closes the connection.
pub(super) struct Incoming {
    /// `None`: nothing more is read.
    exchange: Option<Exchange>,
    decoder: Decoder,
    /// Came with the head.
    first: Option<Frame<Bytes>>,
    is_persistent: bool,
    is_broken: bool,
}

enum Decoder {
    /// Bytes that are left; not 0.
    Length(u64),
    Chunked(chunked::Decoder),
    UntilClose,
}

/// The body that follows a head. One that is there already needs no stream: the connection is free again at once.
///
/// # Errors
/// [`Cause::ResponseMalformed`] if it does not begin as a body should.
pub(super) fn receive(mut exchange: Exchange, length: Length, is_persistent: bool) -> Result<Body> {
    let buffer = &mut exchange.connection.buffer;
    let decoder = match length {
        Length::Known(length) if length <= buffer.len() as u64 => {
            let body = buffer.split_to(length as usize).freeze();
            exchange.finish(is_persistent);
            return Ok(Body::from(body));
        }
        Length::Known(length) => Decoder::Length(length),
        Length::Chunked => Decoder::Chunked(chunked::Decoder::new()),
        Length::UntilClose => Decoder::UntilClose,
    };
    let mut incoming = Incoming { exchange: Some(exchange), decoder, first: None, is_persistent, is_broken: false };
    if let Decoder::Chunked(_) = incoming.decoder {
        incoming.first = match incoming.decode().map_err(malformed)? {
            Decoded::Data(data) if incoming.exchange.is_none() => return Ok(Body::from(data)),
            Decoded::Data(data) => Some(Frame::data(data)),
            Decoded::End(trailers) => trailers.map(Frame::trailers),
            Decoded::More => None,
        };
    }
    Ok(if incoming.is_end_stream() { Body::empty() } else { Body::stream(incoming) })
}

// === impl Incoming ===

impl Incoming {
    /// Takes the next piece out of what was received. With the last one, the connection is given back.
    fn decode(&mut self) -> Result<Decoded, Malformed> {
        let Some(exchange) = &mut self.exchange else { return Ok(Decoded::End(None)) };
        let buffer = &mut exchange.connection.buffer;
        let (decoded, is_end) = match &mut self.decoder {
            _ if buffer.is_empty() => (Decoded::More, false),
            Decoder::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                *left -= length as u64;
                (Decoded::Data(buffer.split_to(length).freeze()), *left == 0)
            }
            Decoder::Chunked(decoder) => {
                let decoded = decoder.decode(buffer)?;
                let is_end = matches!(decoded, Decoded::End(_)) || decoder.take_end(buffer);
                (decoded, is_end)
            }
            Decoder::UntilClose => (Decoded::Data(buffer.split().freeze()), false),
        };
        if is_end && let Some(exchange) = self.exchange.take() {
            exchange.finish(self.is_persistent);
        }
        Ok(decoded)
    }

    /// The endpoint closed.
    fn end(&mut self) -> Option<Result<Frame<Bytes>>> {
        match self.decoder {
            Decoder::UntilClose => {
                self.exchange = None;
                None
            }
            _ => self.fail(Error::new(Cause::ResponseIncomplete, "the endpoint closed before the end of the body")),
        }
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Option<Result<Frame<Bytes>>> {
        self.exchange = None;
        self.is_broken = true;
        Some(Err(error))
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            let Some(exchange) = &mut this.exchange else { return Poll::Ready(None) };
            // The endpoint may want more of the request before it goes on.
            if let Err(error) = exchange.poll_upload(context) {
                return Poll::Ready(this.fail(error));
            }
            match this.decode() {
                Ok(Decoded::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Decoded::End(trailers)) => {
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                }
                Ok(Decoded::More) => {}
                Err(error) => return Poll::Ready(this.fail(malformed(error))),
            }
            let Some(exchange) = &mut this.exchange else { return Poll::Ready(None) };
            match ready!(exchange.connection.poll_fill(context)) {
                Ok(0) => return Poll::Ready(this.end()),
                Ok(_) => {}
                Err(error) => return Poll::Ready(this.fail(broken_off(error))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none() && self.first.is_none() && !self.is_broken
    }

    fn size_hint(&self) -> SizeHint {
        match self.decoder {
            Decoder::Length(left) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }
}

#[cold]
fn malformed(Malformed(detail): Malformed) -> Error {
    Error::new(Cause::ResponseMalformed, detail)
}

#[cold]
fn broken_off(error: io::Error) -> Error {
    Error::new(Cause::ResponseIncomplete, "the endpoint broke off the body").with_source(error)
}
