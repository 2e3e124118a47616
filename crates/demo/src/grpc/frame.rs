//! Length-prefixed messages: one byte of flags, four of length, then the message.

use std::fmt::Display;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Body;
use prost::Message as _;

use super::{Message, Status};

const PREFIX: usize = 5;
const LONGEST: usize = 4 * 1024 * 1024;

/// Reads messages from a body as they arrive.
#[derive(Debug)]
pub struct Frames<B> {
    body: B,
    buffer: BytesMut,
    trailers: Option<HeaderMap>,
}

/// One message in its frame, uncompressed.
pub fn encode(message: &Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    frame.extend_from_slice(&message.encode_to_vec());
    frame.freeze()
}

// === impl Frames ===

impl<B> Frames<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    /// Reads messages from `body`.
    pub fn new(body: B) -> Self {
        Self { body, buffer: BytesMut::new(), trailers: None }
    }

    /// The next message, or none at the end of the stream.
    ///
    /// # Errors
    /// The status of a stream that broke off or is no gRPC.
    pub async fn next(&mut self) -> Result<Option<Message>, Status> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Status::new(Status::INTERNAL, "the stream ended inside a message")),
                Some(Err(error)) => return Err(Status::new(Status::CANCELLED, error.to_string())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.buffer.extend_from_slice(&data),
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
            }
        }
    }

    /// The one message of a call that takes exactly one.
    ///
    /// # Errors
    /// As [`Frames::next`], and when there is none.
    pub async fn one(&mut self) -> Result<Message, Status> {
        let message = self.next().await?;
        message.ok_or_else(|| Status::new(Status::INVALID_ARGUMENT, "expected one message, got none"))
    }

    /// The trailers, once [`Frames::next`] has given none.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    fn take(&mut self) -> Result<Option<Message>, Status> {
        let Some((prefix, rest)) = self.buffer.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let [flags, length @ ..] = *prefix;
        let length = u32::from_be_bytes(length) as usize;
        if flags != 0 {
            return Err(Status::new(Status::UNIMPLEMENTED, "compressed messages are not understood"));
        }
        if length > LONGEST {
            return Err(Status::new(
                Status::INVALID_ARGUMENT,
                format!("message of {length} bytes, the most is {LONGEST}"),
            ));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        let message = Message::decode(self.buffer.split_to(length).freeze());
        message.map(Some).map_err(|error| Status::new(Status::INTERNAL, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn in_pieces_of(size: usize, bytes: &Bytes) -> Frames<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        let pieces: Vec<_> = bytes.chunks(size).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
        Frames::new(StreamBody::new(stream::iter(pieces)))
    }

    #[tokio::test]
    async fn messages_survive_any_cut() {
        let messages = [
            Message { text: "first".into(), count: 1 },
            Message::default(),
            Message { text: "x".repeat(300), count: 3 },
        ];
        let wire: Bytes = messages.iter().flat_map(encode).collect();
        for size in [1, 4, 5, 6, 7, wire.len()] {
            let mut frames = in_pieces_of(size, &wire);
            for expected in &messages {
                assert_eq!(frames.next().await.unwrap().as_ref(), Some(expected), "cut in pieces of {size}");
            }
            assert_eq!(frames.next().await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_cut_message_is_an_error() {
        let wire = encode(&Message { text: "whole".into(), count: 1 });
        let error = in_pieces_of(3, &wire.slice(..wire.len() - 1)).next().await.unwrap_err();
        assert_eq!(error.code, Status::INTERNAL);
    }
}
