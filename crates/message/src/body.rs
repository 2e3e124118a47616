//! The bodies of messages.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{Cause, Error};

/// A stream that a policy made. Local to the worker, like everything on the path.
pub type BoxBody = Pin<Box<dyn HttpBody<Data = Bytes, Error = Error>>>;

/// The body of a request or a response.
///
/// The usual kinds are plain variants, so that relaying them neither allocates nor calls through a table.
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    /// From a peer; which one decides what a broken stream is called.
    Incoming(Incoming, Cause),
    Stream(BoxBody),
}

// === impl Body ===

impl Body {
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    pub fn from_client(incoming: Incoming) -> Self {
        if incoming.is_end_stream() { Self::empty() } else { Self(Kind::Incoming(incoming, Cause::BodyIncomplete)) }
    }

    pub fn from_upstream(incoming: Incoming) -> Self {
        if incoming.is_end_stream() { Self::empty() } else { Self(Kind::Incoming(incoming, Cause::ResponseIncomplete)) }
    }

    pub fn stream(stream: impl HttpBody<Data = Bytes, Error = Error> + 'static) -> Self {
        Self(Kind::Stream(Box::pin(stream)))
    }

    /// Whether it is known to hold nothing, not even trailers.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    /// The bytes, if they are all at hand already.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Full(bytes) => Some(bytes),
            _ => None,
        }
    }

    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Full(bytes)) }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Kind::Empty => "Body(empty)",
            Kind::Full(_) => "Body(full)",
            Kind::Incoming(..) => "Body(incoming)",
            Kind::Stream(_) => "Body(stream)",
        })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Incoming(incoming, cause) => {
                let cause = *cause;
                Pin::new(incoming)
                    .poll_frame(context)
                    .map_err(|error| Error::new(cause, "the peer broke off the body").with_source(error))
            }
            Kind::Stream(stream) => stream.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(_) => false,
            Kind::Incoming(incoming, _) => incoming.is_end_stream(),
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Incoming(incoming, _) => incoming.size_hint(),
            Kind::Stream(stream) => stream.size_hint(),
        }
    }
}
