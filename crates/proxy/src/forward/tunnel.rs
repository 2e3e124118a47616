//! Bytes both ways, after both sides switched protocols.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use message::Cause;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use upstream::Switched;

use crate::{connection::Alarm, exchange::Ending};

/// The two sides, which switch once the response is out.
pub(crate) struct Ends {
    pub(super) client: OnUpgrade,
    pub(super) endpoint: Endpoint,
}

/// An endpoint that switched: HTTP/1.1 gives its connection away, HTTP/2 a stream of it.
pub(crate) enum Endpoint {
    Http1(Box<Switched>),
    Http2(OnUpgrade),
}

/// A tunnel through which nothing passes for this long is taken for dead; applications that are silent longer send pings.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long one side may go on after the other has ended: enough for the last words, since WebSockets have no half-close
/// (RFC 6455, 7.1.1), and no reason to keep a tunnel.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(5);

/// One direction; its buffer holds back what the other side does not take yet.
struct Pipe {
    buffer: Box<[u8]>,
    filled: usize,
    written: usize,
    total: u64,
    state: PipeState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PipeState {
    Open,
    /// The reader is at its end; the writer must be told.
    Ending,
    Done,
}

/// Runs the tunnel on this worker; it finishes the exchange.
pub(crate) fn start(ends: Ends, mut ending: Box<Ending>) {
    ending.is_websocket = true;
    drop(tokio::task::spawn_local(async move {
        match run(ends, &mut ending).await {
            Ok(()) => ending.complete(),
            Err(cause) => ending.finish(Some(cause)),
        }
    }));
}

async fn run(ends: Ends, ending: &mut Ending) -> Result<(), Cause> {
    match ends.endpoint {
        Endpoint::Http1(switched) => join(ends.client, *switched, ending).await,
        Endpoint::Http2(switching) => {
            let switched = switching.await.map_err(|_| Cause::UpgradeFailed)?;
            join(ends.client, TokioIo::new(switched), ending).await
        }
    }
}

async fn join<E>(client: OnUpgrade, mut endpoint: E, ending: &mut Ending) -> Result<(), Cause>
where
    E: AsyncRead + AsyncWrite + Unpin,
{
    let mut client = TokioIo::new(client.await.map_err(|_| Cause::ClientClosed)?);
    let (mut up, mut down) = (Pipe::new(), Pipe::new());
    let mut alarm = Alarm::default();
    let mut last = Instant::now();
    let result = poll_fn(|context| {
        let before = (up.total + down.total, up.state, down.state);
        let up_state = up.poll(context, &mut client, &mut endpoint).map_err(|_| Cause::ClientClosed)?;
        let down_state = down.poll(context, &mut endpoint, &mut client).map_err(|_| Cause::UpstreamReset)?;
        if up_state.is_ready() && down_state.is_ready() {
            return Poll::Ready(Ok(()));
        }
        if (up.total + down.total, up.state, down.state) != before {
            last = Instant::now();
        }
        let is_closing = up.state != PipeState::Open || down.state != PipeState::Open;
        let allowed = if is_closing { CLOSING_TIMEOUT } else { IDLE_TIMEOUT };
        let outcome = if is_closing { Ok(()) } else { Err(Cause::ResponseStalled) };
        alarm.poll(context, last + allowed).map(|()| outcome)
    })
    .await;
    ending.exchange.record.response_bytes = down.total;
    result
}

// === impl Pipe ===

impl Pipe {
    fn new() -> Self {
        Self { buffer: vec![0; 16 << 10].into(), filled: 0, written: 0, total: 0, state: PipeState::Open }
    }

    /// Moves what can be moved. Ready when the reader ended and the writer was told.
    fn poll<R, W>(&mut self, context: &mut Context<'_>, reader: &mut R, writer: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            while self.written < self.filled {
                let rest = &self.buffer[self.written..self.filled];
                let written = ready!(Pin::new(&mut *writer).poll_write(context, rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.written += written;
                self.total += written as u64;
            }
            match self.state {
                PipeState::Done => return Poll::Ready(Ok(())),
                PipeState::Ending => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(context))?;
                    self.state = PipeState::Done;
                }
                PipeState::Open => self.poll_fill(context, reader, writer)?,
            }
            if self.state == PipeState::Open && self.written == self.filled {
                return Poll::Pending;
            }
        }
    }

    /// Reads the next piece; while there is none, what was written goes out.
    fn poll_fill<R, W>(&mut self, context: &mut Context<'_>, reader: &mut R, writer: &mut W) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        match Pin::new(reader).poll_read(context, &mut buffer)? {
            Poll::Ready(()) => {
                (self.written, self.filled) = (0, buffer.filled().len());
                if self.filled == 0 {
                    self.state = PipeState::Ending;
                }
            }
            Poll::Pending => {
                (self.written, self.filled) = (0, 0);
                // Whether that is complete shows when the next piece is written.
                _ = Pin::new(writer).poll_flush(context)?;
            }
        }
        Ok(())
    }
}
