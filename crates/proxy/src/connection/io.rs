//! A client's socket as hyper sees it.
//!
//! Between hyper and the socket, this wrapper keeps the clock of the connection, watches heads for what hyper does not
//! tell, slips interim responses in, and puts the gateway's own words in place of the bare refusals that hyper writes
//! by itself (400, 414, 431): those have no cause, no id and no problem.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use message::Cause;
use smallvec::SmallVec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    framing::Framing,
    state::{Phase, Refused, State},
};
use crate::reply;

pub(crate) struct Io<S> {
    stream: S,
    /// Read to find out the protocol, before hyper was there.
    prefix: Bytes,
    /// As much of the prefix went through here before.
    seen: usize,
    state: Arc<State>,
    framing: Framing,
    /// Our own bytes, to be written before anything else.
    own: Bytes,
    /// How many exchanges had begun when everything of them was last known to be written.
    flushed: u64,
    /// hyper refused the request; what it writes is replaced.
    refused: bool,
    /// Bytes that the peer may still send before a close takes its farewell from it.
    drain: usize,
    uri_bytes: usize,
    is_http1: bool,
}

/// Pieces that are no longer than this together are copied and written as one: the kernel takes longer to gather them.
const SMALL: usize = 2048;

/// How much of what a refused client still sends is read, so that the refusal reaches it before a reset does.
const DRAIN: usize = 256 << 10;

// === impl Io ===

impl<S> Io<S> {
    pub(crate) fn new(stream: S, prefix: Bytes, state: Arc<State>, uri_bytes: u32, is_http1: bool) -> Self {
        Self {
            stream,
            prefix,
            seen: 0,
            state,
            framing: Framing::default(),
            own: Bytes::new(),
            flushed: 0,
            refused: false,
            drain: 0,
            uri_bytes: uri_bytes as usize,
            is_http1,
        }
    }

    /// Last words: written, with whatever is left of earlier ones, when the connection shuts down.
    pub(crate) fn refuse(&mut self, cause: Cause, detail: &str) {
        let id = message::new_request_id();
        self.own = reply::raw(cause, detail, &id);
        self.state.set_refused(Refused { cause, id });
        self.refused = true;
        self.drain = DRAIN;
    }

    /// Has `bytes`, which were read already, read once more.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        self.seen = bytes.len();
        self.prefix = bytes;
    }

    /// Whether all that was to be written is.
    pub(crate) fn is_settled(&self) -> bool {
        self.own.is_empty() && self.flushed == self.state.begun()
    }

    fn is_between_exchanges(&self) -> bool {
        matches!(self.state.phase(), Phase::Idle | Phase::Head)
    }

    /// Notes what was read. `fresh` is what was not read before.
    fn watch(&mut self, bytes: &[u8], fresh: &[u8]) {
        if !self.is_http1 || bytes.is_empty() {
            return;
        }
        if self.is_between_exchanges() {
            self.state.receive_head();
        }
        self.framing.feed(fresh);
        self.state.set_suspect_from(self.framing.suspect_from());
    }

    /// What hyper's refusal means in our words. `written` begins with a status line.
    #[cold]
    fn replace_refusal(&mut self, written: &[u8]) {
        let too_long = self.framing.request_line() > self.uri_bytes;
        let (cause, detail) = match written.get(9..12) {
            Some(b"414") => (Cause::UriTooLong, "the request target exceeds the limit"),
            Some(b"431") if too_long => (Cause::UriTooLong, "the request target exceeds the limit"),
            Some(b"431") => (Cause::HeadersTooLarge, "the header section exceeds the limit"),
            _ if self.framing.has_several_lengths() => {
                (Cause::AmbiguousFraming, "there are several lengths of the body")
            }
            _ => (Cause::MalformedRequest, "the head of the request is not HTTP/1.1 (RFC 9112)"),
        };
        self.refuse(cause, detail);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io<S> {
    /// Waits for bytes and keeps them for the codec; false at the end of the stream.
    pub(crate) fn poll_first_bytes(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut first = [0; 64];
        let mut buffer = ReadBuf::new(&mut first);
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
        self.prefix = Bytes::copy_from_slice(buffer.filled());
        Poll::Ready(read.is_ok() && !self.prefix.is_empty())
    }

    fn poll_own(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.own.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.own))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.own.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads and forgets what the peer still sends, for a while.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        while self.drain > 0 {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.drain = self.drain.saturating_sub(buffer.filled().len()),
                _ => self.drain = 0,
            }
        }
        Poll::Ready(())
    }

    fn poll_stream_write<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.state.set_blocked(written.is_pending());
        written
    }

    /// Whether hyper writes on its own account: no exchange is under way and none has bytes left to write.
    fn is_hypers_own_write(&self) -> bool {
        self.is_http1 && self.is_between_exchanges() && self.flushed == self.state.begun()
    }
}

impl<S: AsyncRead + Unpin> Read for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.prefix.is_empty() {
            let length = this.prefix.len().min(buffer.remaining());
            let piece = this.prefix.split_to(length);
            buffer.put_slice(&piece);
            let seen = this.seen.min(length);
            this.seen -= seen;
            this.watch(&piece, &piece[seen..]);
            return Poll::Ready(Ok(()));
        }
        // SAFETY: the slice is only handed to `ReadBuf::uninit`, which never de-initializes bytes.
        let mut unfilled = ReadBuf::uninit(unsafe { buffer.as_mut() });
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut unfilled))?;
        let filled = unfilled.filled();
        this.watch(filled, filled);
        let length = filled.len();
        // SAFETY: `poll_read` filled, and so initialized, the first `length` bytes of the same buffer.
        unsafe { buffer.advance(length) };
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Write for Io<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.refused {
            return Poll::Ready(Ok(bytes.len()));
        }
        if this.is_hypers_own_write() {
            this.replace_refusal(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(this.poll_own(context))?;
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.poll_stream_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.refused || this.is_hypers_own_write() {
            let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
            return self.poll_write(context, first);
        }
        ready!(this.poll_own(context))?;
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        let stream = Pin::new(&mut this.stream);
        let written = if length <= SMALL {
            let mut joined = SmallVec::<[u8; SMALL]>::new();
            slices.iter().for_each(|slice| joined.extend_from_slice(slice));
            stream.poll_write(context, &joined)
        } else {
            stream.poll_write_vectored(context, slices)
        };
        this.poll_stream_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.state.has_interim() && this.state.phase() == Phase::Exchange {
            // hyper flushes only what it has written out, so nothing of an earlier response can come after this.
            this.own = this.state.take_interim().into();
        }
        ready!(this.poll_own(context))?;
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        if this.is_between_exchanges() {
            this.flushed = this.state.begun();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.state.phase() != Phase::Closing {
            this.state.enter(Phase::Closing, Instant::now());
            this.drain = DRAIN;
        }
        ready!(this.poll_own(context))?;
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        this.poll_drain(context).map(Ok)
    }
}
