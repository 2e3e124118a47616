//! A request body that may be sent again.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use message::{Body, Error, Result};

/// Keeps what passes of a body, up to a bound, so that each attempt can begin with its first byte. Nothing is read ahead:
/// an attempt gets what was kept, then what the client still sends.
pub(super) struct Replay {
    tape: Rc<RefCell<Tape>>,
}

struct Tape {
    source: Body,
    kept: Vec<Frame<Bytes>>,
    /// Bytes of data that may still be kept.
    room: usize,
    /// More passed than was kept, so that nobody can begin anew.
    torn: bool,
}

/// What one attempt reads.
struct Reader {
    tape: Rc<RefCell<Tape>>,
    /// How many of the kept frames it had.
    at: usize,
}

// === impl Replay ===

impl Replay {
    /// Keeps at most `most` bytes of `source`.
    pub(super) fn new(source: Body, most: usize) -> Self {
        Self { tape: Rc::new(RefCell::new(Tape { source, kept: Vec::new(), room: most, torn: false })) }
    }

    /// The whole body once more; `None` if its beginning is gone.
    pub(super) fn body(&self) -> Option<Body> {
        if self.tape.borrow().torn {
            return None;
        }
        Some(Body::stream(Reader { tape: self.tape.clone(), at: 0 }))
    }
}

// === impl Tape ===

impl Tape {
    /// Keeps a frame if there is room, or gives up on all that were kept.
    fn keep(&mut self, frame: &Frame<Bytes>) {
        if self.torn {
            return;
        }
        match copy(frame) {
            Some(copy) if copy.data_ref().map_or(0, Bytes::len) <= self.room => {
                self.room -= copy.data_ref().map_or(0, Bytes::len);
                self.kept.push(copy);
            }
            _ => {
                self.torn = true;
                self.kept = Vec::new();
            }
        }
    }
}

/// A frame that shares its bytes.
fn copy(frame: &Frame<Bytes>) -> Option<Frame<Bytes>> {
    let trailers = |trailers: &HeaderMap| Frame::trailers(trailers.clone());
    frame.data_ref().map(|data| Frame::data(data.clone())).or_else(|| frame.trailers_ref().map(trailers))
}

// === impl Reader ===

impl HttpBody for Reader {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let mut tape = this.tape.borrow_mut();
        if let Some(frame) = tape.kept.get(this.at).and_then(copy) {
            this.at += 1;
            return Poll::Ready(Some(Ok(frame)));
        }
        let frame = Pin::new(&mut tape.source).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            tape.keep(frame);
            this.at += 1;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        let tape = self.tape.borrow();
        (tape.torn || self.at >= tape.kept.len()) && tape.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let tape = self.tape.borrow();
        let kept = tape.kept.get(self.at..).unwrap_or_default();
        let kept: u64 = kept.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
        let source = tape.source.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(source.lower() + kept);
        if let Some(upper) = source.upper() {
            hint.set_upper(upper + kept);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, task::Waker};

    use super::*;

    /// Pieces that are there, one a time.
    struct Pieces(VecDeque<&'static str>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(Bytes::from(piece)))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
        }
    }

    fn replay(most: usize) -> Replay {
        Replay::new(Body::stream(Pieces(["abc", "de", "f"].into())), most)
    }

    /// Reads so many pieces.
    fn read(body: &mut Body, pieces: usize) -> String {
        let mut text = String::new();
        for _ in 0..pieces {
            match Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(frame))) => {
                    text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
                }
                _ => break,
            }
        }
        text
    }

    #[test]
    fn every_attempt_gets_the_whole_body() {
        let replay = replay(6);
        for pieces in [0, 1, 2, 9, 9] {
            let mut body = replay.body().unwrap();
            assert_eq!(body.size_hint().exact(), Some(6));
            assert!(!body.is_end_stream());
            let text = read(&mut body, pieces);
            assert_eq!(text, ["", "abc", "abcde", "abcdef"][pieces.min(3)]);
            assert_eq!(body.is_end_stream(), pieces == 9);
        }
    }

    #[test]
    fn what_is_too_long_passes_once() {
        let replay = replay(5);
        let mut body = replay.body().unwrap();
        assert_eq!(read(&mut body, 2), "abcde");
        assert!(replay.body().is_some());
        assert_eq!(read(&mut body, 2), "f");
        assert!(body.is_end_stream());
        assert!(replay.body().is_none());
    }
}
