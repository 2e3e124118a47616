//! One client connection: which protocol, its limits and deadlines.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use message::Peer;
use snapshot::{Limits, ListenerId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::{
    exchange,
    worker::{Worker, World},
};

mod alarm;
mod framing;
mod http1;
mod http2;
mod io;
mod state;
mod stream_watch;

pub(crate) use alarm::{Alarm, SharedAlarm};
use io::Io;
pub(crate) use state::{Phase, Refused, State};
pub(crate) use stream_watch::StreamWatch;

/// What the exchanges of a connection share.
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) peer: Rc<Peer>,
    pub(crate) state: Arc<State>,
    /// As they were when the connection was accepted.
    pub(crate) limits: Limits,
    pub(crate) is_http1: bool,
    binding: Arc<str>,
    /// The listener in the world that was looked at last, by that world's generation.
    listener: Cell<(u64, Option<ListenerId>)>,
    active: Cell<u32>,
    draining: Cell<bool>,
    /// Requests that the client took back before they were answered, less those that were.
    taken_back: Cell<u32>,
    alarm: SharedAlarm,
    /// Of the stream that hyper is about to hand to the executor.
    watch: RefCell<Option<Rc<StreamWatch>>>,
}

/// Why a connection is over.
enum End {
    /// hyper is done with it, or hands it over to a tunnel.
    Done(hyper::Result<()>),
    /// The peer missed a deadline, or nothing happened for a while, or nothing good did.
    Overdue,
}

/// A browser that leaves a page takes back what it still waits for, but not more than this on top of what it got.
const MOST_TAKEN_BACK: u32 = 100;

/// What HTTP/2 clients begin with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection to its end. `agreed` is the protocol that ALPN settled, if there was TLS.
pub(crate) async fn serve<S>(
    mut stream: S,
    worker: Rc<Worker>,
    binding: Arc<str>,
    peer: Peer,
    limits: Limits,
    agreed: Option<&[u8]>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let now = Instant::now();
    let (prefix, begun) = match agreed {
        Some(b"h2") => (Bytes::new(), now),
        _ => match detect(&mut stream, &limits).await {
            Ok(detected) => detected,
            // Nothing was asked, so there is nothing to answer.
            Err(_) => return,
        },
    };
    let is_http1 = agreed.map_or(*prefix != *PREFACE, |agreed| agreed != b"h2");
    let state = Arc::new(State::new(now));
    if is_http1 && !prefix.is_empty() {
        state.enter(Phase::Head, begun);
    }
    let io = Io::new(stream, prefix, state.clone(), limits.uri_bytes, is_http1);
    let connection = Rc::new(Connection {
        worker,
        peer: Rc::new(peer),
        state,
        limits,
        is_http1,
        binding,
        listener: Cell::new((0, None)),
        active: Cell::new(0),
        draining: Cell::new(false),
        taken_back: Cell::new(0),
        alarm: SharedAlarm::default(),
        watch: RefCell::default(),
    });
    let registration = connection.worker.register(connection.clone());
    if is_http1 {
        http1::serve(connection, io).await;
    } else {
        // In a box, so that the tasks of other connections have no room for it.
        Box::pin(http2::serve(connection, io)).await;
    }
    drop(registration);
}

/// Reads until it is clear whether the client begins with the HTTP/2 preface; gives what was read, and when it began.
async fn detect(stream: &mut (impl AsyncRead + Unpin), limits: &Limits) -> std::io::Result<(Bytes, Instant)> {
    let mut first = [0; PREFACE.len()];
    let mut length = tokio::time::timeout(limits.idle_timeout, stream.read(&mut first)).await??;
    if length == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let begun = Instant::now();
    let deadline = (begun + limits.header_timeout).into();
    while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
        match tokio::time::timeout_at(deadline, stream.read(&mut first[length..])).await {
            Ok(Ok(0)) => break,
            Ok(read) => length += read?,
            // HTTP/1 has an answer to that.
            Err(_) => break,
        }
    }
    Ok((Bytes::copy_from_slice(&first[..length]), begun))
}

// === impl Connection ===

impl Connection {
    /// The listener of this connection in `world`; `None` if the document has it no more.
    pub(crate) fn listener(&self, world: &World) -> Option<ListenerId> {
        let generation = world.snapshot.generation;
        let (known, listener) = self.listener.get();
        if known == generation {
            return listener;
        }
        let listener = world.snapshot.listener_of(&self.binding);
        self.listener.set((generation, listener));
        listener
    }

    pub(crate) fn binding(&self) -> &str {
        &self.binding
    }

    /// An exchange begins; tells when.
    pub(crate) fn begin(&self) -> Instant {
        self.active.set(self.active.get() + 1);
        self.worker.metrics.request_began(self.worker.index);
        self.state.begin()
    }

    /// An alarm for an exchange, which runs in the connection's task with HTTP/1, in its own with HTTP/2.
    pub(crate) fn exchange_alarm(&self) -> SharedAlarm {
        if self.is_http1 { self.alarm.clone() } else { SharedAlarm::default() }
    }

    /// An exchange is finished.
    pub(crate) fn finish(&self, now: Instant) {
        self.active.set(self.active.get() - 1);
        if self.active.get() == 0 && self.state.phase() != Phase::Closing {
            self.state.enter(Phase::Idle, now);
            // The deadline of an idle connection is looked at when its task runs.
            if !self.is_http1 {
                self.state.wake();
            }
        }
    }

    /// A request was answered to its end.
    pub(crate) fn note_answered(&self) {
        self.taken_back.set(self.taken_back.get().saturating_sub(1));
    }

    /// The client took a request back before there was an answer. Whoever only does that has none in mind (rapid reset,
    /// CVE-2023-44487; the codec counts only those that come in one go).
    pub(crate) fn note_taken_back(&self) {
        self.taken_back.set(self.taken_back.get() + 1);
        if self.taken_back.get() > MOST_TAKEN_BACK {
            self.state.wake();
        }
    }

    /// Lets exchanges finish and takes no more.
    pub(crate) fn drain(&self) {
        if !self.draining.replace(true) {
            self.state.wake();
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Whether the peer missed a deadline of the connection.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.state.deadline(&self.limits).is_some_and(|deadline| deadline <= now)
    }

    /// Drives `http` until it is done or the peer misses a deadline; passes the wish to drain on, once.
    async fn drive<H>(&self, http: &mut H, mut shut_down: impl FnMut(Pin<&mut H>)) -> End
    where
        H: Future<Output = hyper::Result<()>> + Unpin,
    {
        let alarm = self.alarm.clone();
        let mut told = false;
        poll_fn(|context: &mut Context<'_>| {
            self.state.set_waker(context.waker());
            if self.is_draining() && !told {
                told = true;
                shut_down(Pin::new(http));
            }
            if let Poll::Ready(result) = Pin::new(&mut *http).poll(context) {
                return Poll::Ready(End::Done(result));
            }
            if self.taken_back.get() > MOST_TAKEN_BACK {
                return Poll::Ready(End::Overdue);
            }
            let deadline = match self.state.deadline(&self.limits) {
                Some(_) if self.is_http1 && self.state.is_resting() => Some(self.state.bedtime()),
                deadline => deadline,
            };
            match deadline {
                Some(deadline) => alarm.poll(context, deadline).map(|()| End::Overdue),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Waits for the first bytes of the next request with nothing but the socket at hand. False: none will come.
    async fn doze<S: AsyncRead + AsyncWrite + Unpin>(&self, io: &mut Io<S>) -> bool {
        let alarm = self.alarm.clone();
        poll_fn(|context: &mut Context<'_>| {
            if self.is_draining() {
                return Poll::Ready(false);
            }
            if let Poll::Ready(awake) = io.poll_first_bytes(context) {
                return Poll::Ready(awake);
            }
            match self.state.deadline(&self.limits) {
                Some(deadline) => alarm.poll(context, deadline).map(|()| false),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Tells metrics and log what was refused, if anything was.
    fn tell_refused(&self) {
        if let Some(refused) = self.state.refused() {
            exchange::tell_refused(self, refused);
        }
    }
}
