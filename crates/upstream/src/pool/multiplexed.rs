//! HTTP/2 connections, each shared by many requests.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http2},
};
use message::Body;
use model::Pool as Limits;
use tokio::sync::Notify;

use crate::PeerSettings;

/// The HTTP/2 connections of one worker to one endpoint.
#[derive(Default)]
pub(super) struct Multiplexed {
    connections: RefCell<Vec<Rc<Shared>>>,
    /// Connections that are being made; who needs one waits for these instead of making another.
    pending: Cell<u32>,
    changed: Notify,
}

/// A place on a connection; free again when it is dropped.
pub(super) struct Stream {
    shared: Rc<Shared>,
}

/// Says that a connection is being made, until it is dropped.
pub(super) struct Connecting<'a>(&'a Multiplexed);

struct Shared {
    sender: RefCell<http2::SendRequest<Body>>,
    settings: Rc<PeerSettings>,
    born: Instant,
    in_use: Cell<u32>,
    last_used: Cell<Instant>,
}

// === impl Multiplexed ===

impl Multiplexed {
    /// A place on a connection that is there.
    pub(super) fn kept(&self, limits: &Limits, now: Instant) -> Option<Stream> {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|shared| !shared.sender.borrow().is_closed());
        let free = connections.iter().find(|shared| shared.has_room(limits, now))?;
        Some(Stream::new(free.clone(), now))
    }

    /// Waits while others make connections. `None`: the caller must make one itself.
    pub(super) async fn wait_for_connection(&self, fresh: bool, limits: &Limits, now: Instant) -> Option<Stream> {
        while !fresh && self.pending.get() > 0 {
            self.changed.notified().await;
            if let Some(stream) = self.kept(limits, now) {
                return Some(stream);
            }
        }
        None
    }

    pub(super) fn connecting(&self) -> Connecting<'_> {
        self.pending.set(self.pending.get() + 1);
        Connecting(self)
    }

    pub(super) fn add(&self, sender: http2::SendRequest<Body>, settings: Rc<PeerSettings>, now: Instant) -> Stream {
        let (sender, in_use, last_used) = (RefCell::new(sender), Cell::new(0), Cell::new(now));
        let shared = Rc::new(Shared { sender, settings, born: now, in_use, last_used });
        self.connections.borrow_mut().push(shared.clone());
        Stream::new(shared, now)
    }

    pub(super) fn sweep(&self, limits: &Limits, now: Instant) {
        self.connections.borrow_mut().retain(|shared| {
            let idle = now.saturating_duration_since(shared.last_used.get());
            let is_wanted = shared.in_use.get() > 0 || (idle < limits.idle_timeout && shared.is_young(limits, now));
            is_wanted && !shared.sender.borrow().is_closed()
        });
    }
}

// === impl Connecting ===

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.pending.set(self.0.pending.get() - 1);
        self.0.changed.notify_waiters();
    }
}

// === impl Shared ===

impl Shared {
    fn has_room(&self, limits: &Limits, now: Instant) -> bool {
        let peers_limit = u32::try_from(self.settings.streams.get()).unwrap_or(u32::MAX);
        self.in_use.get() < limits.streams.min(peers_limit) && self.is_young(limits, now)
    }

    fn is_young(&self, limits: &Limits, now: Instant) -> bool {
        now.saturating_duration_since(self.born) < limits.max_age
    }
}

// === impl Stream ===

impl Stream {
    fn new(shared: Rc<Shared>, now: Instant) -> Self {
        shared.in_use.set(shared.in_use.get() + 1);
        shared.last_used.set(now);
        Self { shared }
    }

    pub(super) fn allows_extended_connect(&self) -> bool {
        self.shared.settings.extended_connect.get()
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        // Only to hand the request over; the borrow ends before anything waits.
        let sent = self.shared.sender.borrow_mut().try_send_request(request);
        sent.await
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.in_use.set(self.shared.in_use.get() - 1);
    }
}
