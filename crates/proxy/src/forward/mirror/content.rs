//! A body that has passed.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use message::{Body, Error, Result};

/// A whole body, to be sent as often as need be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) pieces: Vec<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
    /// Its length was known before it came. A copy is framed like the original.
    pub(super) is_sized: bool,
}

/// A body made of [`Content`].
struct Sent {
    content: Rc<Content>,
    /// Of the next frame; the trailers come after the pieces.
    next: usize,
}

// === impl Content ===

impl Content {
    /// Of a body that is nothing, or these bytes.
    pub(super) fn at_hand(bytes: Option<&Bytes>) -> Self {
        Self { pieces: bytes.cloned().into_iter().collect(), trailers: None, is_sized: true }
    }

    /// A body of this content.
    pub(super) fn body(self: Rc<Self>) -> Body {
        match (&*self.pieces, &self.trailers) {
            ([], None) if self.is_sized => Body::empty(),
            ([piece], None) if self.is_sized => Body::from(piece.clone()),
            _ => Body::stream(Sent { content: self, next: 0 }),
        }
    }
}

// === impl Sent ===

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let Content { pieces, trailers, .. } = &*self.content;
        let frame = match pieces.get(self.next) {
            Some(piece) => Some(Frame::data(piece.clone())),
            None if self.next == pieces.len() => trailers.clone().map(Frame::trailers),
            None => None,
        };
        self.next += 1;
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        let Content { pieces, trailers, .. } = &*self.content;
        self.next >= pieces.len() + usize::from(trailers.is_some())
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.content.pieces.get(self.next..).unwrap_or_default();
        let left = left.iter().map(|piece| piece.len() as u64).sum();
        if self.content.is_sized {
            return SizeHint::with_exact(left);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(left);
        hint
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::task::Waker;

    use super::*;

    pub(in super::super) fn trailers() -> HeaderMap {
        HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_static("a"))])
    }

    pub(in super::super) fn content(
        pieces: &[&'static str],
        trailers: Option<HeaderMap>,
        is_sized: bool,
    ) -> Rc<Content> {
        Rc::new(Content { pieces: pieces.iter().map(|piece| Bytes::from(*piece)).collect(), trailers, is_sized })
    }

    #[test]
    fn content_is_sent_as_it_came() {
        for (content, exact) in [
            (content(&[], None, true), Some(0)),
            (content(&["a"], None, true), Some(1)),
            (content(&["a", "bc"], None, true), Some(3)),
            (content(&[], None, false), None),
            (content(&["a", "bc"], None, false), None),
            (content(&["a", "bc"], Some(trailers()), false), None),
        ] {
            let mut body = content.clone().body();
            assert_eq!(body.size_hint().exact(), exact, "{content:?}");
            let mut again = Content { is_sized: content.is_sized, ..Content::default() };
            while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()))
            {
                match frame.unwrap().into_data() {
                    Ok(data) => again.pieces.push(data),
                    Err(frame) => again.trailers = frame.into_trailers().ok(),
                }
            }
            assert_eq!(again, *content);
            assert!(body.is_end_stream());
        }
    }
}
