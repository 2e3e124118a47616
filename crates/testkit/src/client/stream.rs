//! One stream of an HTTP/2 connection as a stream of octets.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use demo::ScopeOwner;
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A tunnel through an HTTP/2 stream; the connection ends with it.
#[derive(Debug)]
pub struct H2Stream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    unread: Bytes,
    _connection: ScopeOwner,
}

// === impl H2Stream ===

impl H2Stream {
    pub(super) fn new(send: SendStream<Bytes>, receive: RecvStream, connection: ScopeOwner) -> Self {
        Self { send, receive, unread: Bytes::new(), _connection: connection }
    }

    /// Ends the stream with RST_STREAM.
    pub fn reset(&mut self, reason: Reason) {
        self.send.send_reset(reason);
    }
}

impl AsyncRead for H2Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.receive.poll_data(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(data)) => self.unread = data,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let count = self.unread.len().min(out.remaining());
        out.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        let released = self.receive.flow_control().release_capacity(count);
        Poll::Ready(released.map_err(io::Error::other))
    }
}

impl AsyncWrite for H2Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.send.reserve_capacity(octets.len());
        let capacity = match ready!(self.send.poll_capacity(context)) {
            None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Some(capacity) => capacity.map_err(io::Error::other)?,
        };
        let count = capacity.min(octets.len());
        let sent = self.send.send_data(Bytes::copy_from_slice(&octets[..count]), false);
        Poll::Ready(sent.map(|()| count).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
