//! Bodies for requests of a client and answers of an origin.

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body_util::{
    BodyExt as _, Empty, Full, StreamBody,
    channel::{Channel, Sender},
    combinators::BoxBody,
};
use hyper::body::Frame;

/// Any body; an error in it breaks the message off.
pub type Body = BoxBody<Bytes, std::io::Error>;

/// No content.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// Content of known length.
pub fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed()
}

/// Content in pieces, of no length known before.
pub fn chunks<C: Into<Bytes>>(pieces: impl IntoIterator<Item = C>) -> Body {
    let frames: Vec<_> = pieces.into_iter().map(|piece| Ok(Frame::data(piece.into()))).collect();
    StreamBody::new(stream::iter(frames)).boxed()
}

/// Content and the trailers that follow it.
///
/// Over HTTP/1.1 they are only sent when the head has a `trailer` field that names them, and in a response only when
/// the request had `te: trailers`.
///
/// # Panics
/// When a name or value is none.
pub fn with_trailers(content: impl Into<Bytes>, trailers: &[(&'static str, &str)]) -> Body {
    let mut fields = HeaderMap::new();
    for (name, value) in trailers {
        fields.append(*name, value.parse().expect("a field value"));
    }
    StreamBody::new(stream::iter([Ok(Frame::data(content.into())), Ok(Frame::trailers(fields))])).boxed()
}

/// Content that the test sends when it wants, and breaks off with [`Sender::abort`].
pub fn streamed() -> (Sender<Bytes, std::io::Error>, Body) {
    let (sender, body) = Channel::new(1);
    (sender, body.boxed())
}
