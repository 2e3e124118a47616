//! A body that compresses another on its way.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use message::{Body, Cause, Error};

use super::encoder::Encoder;

/// Works when it is polled, on as much as was asked for; holds back nothing while its source has nothing to give.
///
/// ```text
/// source ready ──▶ compress a piece ──┬── enough came out ──▶ a frame
///    ▲                                └── otherwise ──▶ source again, until the turn is over
///    └─ source pending ──▶ flush: whoever waits for an event gets it now
/// ```
pub(super) struct Compressed {
    source: Body,
    /// `None` once the end mark was written.
    encoder: Option<Encoder>,
    /// What the source gave and the encoder did not take yet.
    input: Bytes,
    /// Whether the encoder may hold something back.
    dirty: bool,
    /// Whether each piece of the source is to go out at once.
    eager: bool,
    trailers: Option<HeaderMap>,
}

/// Bytes that are compressed at a time.
const PIECE: usize = 16 << 10;

/// Bytes that are compressed before other exchanges of the worker get their turn.
const TURN: usize = 64 << 10;

/// Bytes that make a frame worth sending.
const ENOUGH: usize = 8 << 10;

type Step = Poll<Option<Result<Frame<Bytes>, Error>>>;

// === impl Compressed ===

impl Compressed {
    pub(super) fn new(source: Body, encoder: Encoder, eager: bool) -> Self {
        Self { source, encoder: Some(encoder), input: Bytes::new(), dirty: false, eager, trailers: None }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<Step, Error> {
        let mut left = TURN;
        while let Some(encoder) = &mut self.encoder {
            if self.input.is_empty() {
                match Pin::new(&mut self.source).poll_frame(context)? {
                    Poll::Ready(Some(frame)) => match frame.into_data() {
                        Ok(data) => self.input = data,
                        Err(frame) => {
                            self.trailers = frame.into_trailers().ok();
                            return self.finish();
                        }
                    },
                    Poll::Ready(None) => return self.finish(),
                    Poll::Pending => return self.flush(),
                }
            } else if left == 0 {
                context.waker().wake_by_ref();
                return Ok(Poll::Pending);
            } else {
                let piece = self.input.split_to(self.input.len().min(PIECE).min(left));
                encoder.write(&piece).map_err(failed)?;
                left -= piece.len();
                self.dirty = !(self.eager && self.input.is_empty());
                if !self.dirty {
                    encoder.flush().map_err(failed)?;
                }
                if encoder.ready() >= if self.dirty { ENOUGH } else { 1 } {
                    return Ok(Self::fetch(encoder));
                }
            }
        }
        Ok(Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))))
    }

    /// The source rests, and wakes whoever polls: what it gave so far goes out.
    fn flush(&mut self) -> Result<Step, Error> {
        let Some(encoder) = &mut self.encoder else { return Ok(Poll::Ready(None)) };
        if std::mem::take(&mut self.dirty) {
            encoder.flush().map_err(failed)?;
        }
        Ok(if encoder.ready() == 0 { Poll::Pending } else { Self::fetch(encoder) })
    }

    fn finish(&mut self) -> Result<Step, Error> {
        let Some(encoder) = self.encoder.take() else { return Ok(Poll::Ready(None)) };
        let rest = encoder.finish().map_err(failed)?;
        Ok(Poll::Ready(Some(Ok(Frame::data(rest)))))
    }

    fn fetch(encoder: &mut Encoder) -> Step {
        Poll::Ready(Some(Ok(Frame::data(encoder.fetch()))))
    }
}

#[cold]
fn failed(error: io::Error) -> Error {
    Error::new(Cause::PolicyFailed, "the response could not be compressed").with_source(error)
}

impl HttpBody for Compressed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Step {
        let this = self.get_mut();
        this.poll(context).unwrap_or_else(|error| {
            // Without its end mark nobody takes the body for complete.
            this.encoder = None;
            Poll::Ready(Some(Err(error)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.trailers.is_none()
    }
}
