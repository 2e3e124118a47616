//! A body that is read along while it passes.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use message::{Body, Cause, Error, Result};
use smallvec::SmallVec;

use super::Content;

/// Who wants a body that passes.
pub(super) trait Taker: Unpin + 'static {
    /// The longest body that it takes, in bytes.
    fn limit(&self) -> u64;

    /// The body has passed, whole.
    fn take(self, content: &Rc<Content>);

    /// The body is longer than that, or broke off for `cause`.
    fn refuse(self, cause: Cause);
}

/// Passes a body on as it is, at the pace at which it is asked for, and keeps what passed for those who want it.
pub(super) struct Tee<T: Taker> {
    body: Body,
    /// `None`: nobody wants more of it.
    kept: Option<Kept<T>>,
}

struct Kept<T> {
    takers: SmallVec<[T; 1]>,
    content: Content,
    /// Small pieces, which are kept as one.
    small: BytesMut,
    /// In bytes.
    length: u64,
    /// What the length should be, if the body said so.
    expected: Option<u64>,
}

/// Shorter pieces are copied: a place in a list, and the buffer that a piece holds on to, would cost more.
const SMALL: usize = 1 << 10;

// === impl Tee ===

impl<T: Taker> Tee<T> {
    /// `takers` get what passes of `body`.
    pub(super) fn on(body: Body, takers: SmallVec<[T; 1]>) -> Body {
        let expected = body.size_hint().exact();
        let content = Content { is_sized: expected.is_some(), ..Content::default() };
        let kept = Kept { takers, content, small: BytesMut::new(), length: 0, expected };
        Body::stream(Self { body, kept: Some(kept) })
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        let Some(kept) = &mut self.kept else { return };
        if let Some(data) = frame.data_ref() {
            kept.keep(data);
        }
        if let Some(trailers) = frame.trailers_ref() {
            kept.content.trailers = Some(trailers.clone());
        }
        if kept.takers.is_empty() {
            self.kept = None;
        } else if frame.is_trailers() || self.body.is_end_stream() {
            self.end();
        }
    }

    /// The body has passed.
    fn end(&mut self) {
        if let Some(kept) = self.kept.take() {
            kept.hand_over();
        }
    }

    #[cold]
    fn break_off(&mut self, cause: Cause) {
        if let Some(kept) = self.kept.take() {
            kept.takers.into_iter().for_each(|taker| taker.refuse(cause));
        }
    }
}

impl<T: Taker> HttpBody for Tee<T> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => self.keep(frame),
            Some(Err(error)) => self.break_off(error.cause()),
            None => self.end(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<T: Taker> Drop for Tee<T> {
    /// A body of known length is dropped without being asked for its end.
    fn drop(&mut self) {
        match &self.kept {
            Some(kept) if self.body.is_end_stream() || kept.is_whole() => self.end(),
            Some(_) => self.break_off(Cause::BodyIncomplete),
            None => {}
        }
    }
}

// === impl Kept ===

impl<T: Taker> Kept<T> {
    fn keep(&mut self, data: &Bytes) {
        self.length += data.len() as u64;
        while let Some(index) = self.takers.iter().position(|taker| taker.limit() < self.length) {
            self.takers.remove(index).refuse(Cause::BodyTooLarge);
        }
        if data.len() < SMALL {
            self.small.extend_from_slice(data);
        } else {
            self.gather();
            self.content.pieces.push(data.clone());
        }
    }

    fn gather(&mut self) {
        if !self.small.is_empty() {
            self.content.pieces.push(self.small.split().freeze());
        }
    }

    fn is_whole(&self) -> bool {
        self.expected == Some(self.length)
    }

    fn hand_over(mut self) {
        self.gather();
        let content = Rc::new(self.content);
        self.takers.into_iter().for_each(|taker| taker.take(&content));
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, task::Waker};

    use super::*;
    use crate::forward::mirror::content::tests::{content, trailers};

    /// What became of each taker, by its limit.
    type Told = Vec<(u64, Result<Rc<Content>, Cause>)>;

    struct Recorder(u64, Rc<RefCell<Told>>);

    impl Taker for Recorder {
        fn limit(&self) -> u64 {
            self.0
        }

        fn take(self, content: &Rc<Content>) {
            self.1.borrow_mut().push((self.0, Ok(content.clone())));
        }

        fn refuse(self, cause: Cause) {
            self.1.borrow_mut().push((self.0, Err(cause)));
        }
    }

    /// Frames that are there; `None` is one that is not there yet.
    struct Scripted {
        frames: VecDeque<Option<Result<Frame<Bytes>>>>,
        exact: Option<u64>,
    }

    impl HttpBody for Scripted {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
            match self.frames.pop_front() {
                Some(None) => Poll::Pending,
                Some(Some(frame)) => Poll::Ready(Some(frame)),
                None => Poll::Ready(None),
            }
        }

        fn is_end_stream(&self) -> bool {
            self.exact.is_some() && self.frames.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
        }
    }

    fn data(text: &str) -> Option<Result<Frame<Bytes>>> {
        Some(Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes()))))
    }

    /// Asks so often for a frame of a body with these; what passed, and what became of takers with these limits.
    fn pass(
        frames: impl IntoIterator<Item = Option<Result<Frame<Bytes>>>>,
        exact: Option<u64>,
        polls: usize,
        limits: &[u64],
    ) -> (String, Told) {
        let told = Rc::<RefCell<Told>>::default();
        let takers = limits.iter().map(|limit| Recorder(*limit, told.clone())).collect();
        let body = Body::stream(Scripted { frames: frames.into_iter().collect(), exact });
        let mut passed = String::new();
        let tee = &mut Tee::on(body, takers);
        for _ in 0..polls {
            match Pin::new(&mut *tee).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => passed.push('…'),
                Poll::Ready(None) => passed.push('.'),
                Poll::Ready(Some(Err(_))) => passed.push('!'),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => passed.push_str(str::from_utf8(&data).unwrap()),
                    Err(_) => passed.push('+'),
                },
            }
        }
        drop(tee.take());
        (passed, told.take())
    }

    #[test]
    fn what_passes_is_kept() {
        let (passed, told) = pass([data("a"), None, data("bc")], None, 4, &[3, 4]);
        let whole = content(&["abc"], None, false);
        assert_eq!((&*passed, told), ("a…bc.", vec![(3, Ok(whole.clone())), (4, Ok(whole))]));
        let (passed, told) = pass([data("a"), Some(Ok(Frame::trailers(trailers())))], None, 2, &[3]);
        assert_eq!((&*passed, told), ("a+", vec![(3, Ok(content(&["a"], Some(trailers()), false)))]));
        assert_eq!(pass([], None, 1, &[0]).1, [(0, Ok(content(&[], None, false)))]);
    }

    #[test]
    fn the_end_of_a_known_length_is_seen_although_nobody_asks_for_it() {
        let whole = [(9, Ok(content(&["abc"], None, true)))];
        assert_eq!(pass([data("ab"), data("c")], Some(3), 2, &[9]).1, whole);
        // The last frame says that it is the last, but comes late.
        assert_eq!(pass([data("abc"), None], Some(3), 1, &[9]).1, whole);
    }

    #[test]
    fn the_longer_ones_are_refused_to_those_who_want_less() {
        let (passed, told) = pass([data("ab"), data("c"), data("d")], None, 4, &[3, 2, 9]);
        assert_eq!(passed, "abcd.");
        let too_large = Cause::BodyTooLarge;
        assert_eq!(told, [(2, Err(too_large)), (3, Err(too_large)), (9, Ok(content(&["abcd"], None, false)))]);
    }

    #[test]
    fn what_breaks_off_is_no_body() {
        let stalled = || Some(Err(Error::new(Cause::BodyStalled, "")));
        assert_eq!(pass([data("a"), stalled()], None, 2, &[9]), ("a!".into(), vec![(9, Err(Cause::BodyStalled))]));
        for polls in 0..2 {
            assert_eq!(pass([data("a"), data("b")], None, polls, &[9]).1, [(9, Err(Cause::BodyIncomplete))]);
            assert_eq!(pass([data("a"), data("b")], Some(2), polls, &[9]).1, [(9, Err(Cause::BodyIncomplete))]);
        }
    }

    #[test]
    fn large_pieces_are_shared_and_small_ones_joined() {
        let large = Bytes::from(vec![b'x'; SMALL]);
        let frame = |bytes: &Bytes| Some(Ok(Frame::data(bytes.clone())));
        let frames = [data("a"), data("b"), frame(&large), frame(&large), data("c")];
        let (_, told) = pass(frames, None, 6, &[9999]);
        let pieces = &told[0].1.as_ref().unwrap().pieces;
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [2, SMALL, SMALL, 1]);
        assert_eq!(pieces[1].as_ptr(), large.as_ptr());
    }
}
