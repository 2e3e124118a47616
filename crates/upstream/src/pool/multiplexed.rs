//! HTTP/2 connections, each shared by many requests.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    time::Instant,
};

use http::Request;
use hyper::client::conn::http2;
use message::{Body, Cause, Error, Result, Retry};
use model::Pool as Limits;
use tokio::sync::Notify;

use super::{Permit, SendError};
use crate::{
    Answer,
    connect::{Connection, PeerSettings},
};

/// The HTTP/2 connections of one worker to one endpoint.
#[derive(Default)]
pub(super) struct Multiplexed {
    connections: RefCell<Vec<Rc<Shared>>>,
    /// Connections that are being made; who needs one waits for these instead of making another.
    pending: Cell<u32>,
    changed: Notify,
    /// How many could not be made.
    failures: Cell<u64>,
    /// Why the last of them could not.
    failure: RefCell<Option<(Cause, Box<str>)>>,
    /// The endpoint chose HTTP/1.1, whose connections are not shared: there is nothing to wait for.
    is_http1: Cell<bool>,
    /// Gets no more requests, and is closed with the last one that it has.
    retiring: RefCell<Weak<Shared>>,
}

/// A place on a connection; free again when it is dropped.
pub struct Stream {
    shared: Rc<Shared>,
    is_reused: bool,
}

/// Says that a connection is being made, until it is dropped.
pub(super) struct Connecting<'a>(&'a Multiplexed);

struct Shared {
    sender: RefCell<http2::SendRequest<Body>>,
    settings: Rc<PeerSettings>,
    born: Instant,
    in_use: Cell<u32>,
    last_used: Cell<Instant>,
    /// Behind what closes the connection, so that it is closed before it counts no more.
    permit: Option<Permit>,
}

// === impl Multiplexed ===

impl Multiplexed {
    /// A place on a connection that is there.
    pub(super) fn kept(&self, limits: &Limits, now: Instant) -> Option<Stream> {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|shared| !shared.sender.borrow().is_closed());
        let free = connections.iter().find(|shared| shared.has_room(limits, now))?;
        Some(Stream::new(free.clone(), now, true))
    }

    /// Waits while others make connections. `None`: the caller must make one itself.
    ///
    /// # Errors
    /// Those of the connection that was waited for: if each who waits tried the same again, one after the other, the
    /// last would learn very late that the endpoint is down.
    pub(super) async fn wait_for_connection(&self, limits: &Limits, now: Instant) -> Result<Option<Stream>> {
        let failures = self.failures.get();
        while self.pending.get() > 0 && !self.is_http1.get() {
            self.changed.notified().await;
            if let Some(stream) = self.kept(limits, now) {
                return Ok(Some(stream));
            }
            if self.failures.get() != failures
                && let Some((cause, detail)) = &*self.failure.borrow()
            {
                return Err(Error::new(*cause, detail.to_string()).with_retry(Retry::Safe));
            }
        }
        Ok(None)
    }

    /// Notes what came of making a connection.
    pub(super) fn note(&self, connected: &Result<Connection>) {
        match connected {
            Ok(connection) => self.is_http1.set(matches!(connection, Connection::Http1(_))),
            Err(error) => {
                self.failures.set(self.failures.get() + 1);
                self.failure.replace(Some((error.cause(), error.detail().into())));
            }
        }
    }

    pub(super) fn connecting(&self) -> Connecting<'_> {
        self.pending.set(self.pending.get() + 1);
        Connecting(self)
    }

    pub(super) fn add(
        &self,
        sender: http2::SendRequest<Body>,
        settings: Rc<PeerSettings>,
        permit: Option<Permit>,
        now: Instant,
    ) -> Stream {
        let (sender, in_use, last_used) = (RefCell::new(sender), Cell::new(0), Cell::new(now));
        let shared = Rc::new(Shared { sender, settings, born: now, in_use, last_used, permit });
        self.connections.borrow_mut().push(shared.clone());
        Stream::new(shared, now, false)
    }

    /// Closes a connection that nobody uses; whether there was one.
    pub(super) fn give_up(&self) -> bool {
        let mut connections = self.connections.borrow_mut();
        let unused = connections.iter().position(|shared| shared.in_use.get() == 0);
        let given = unused.map(|index| connections.remove(index));
        drop(connections);
        given.is_some()
    }

    /// Has a connection closed as soon as nobody uses it; one at a time.
    pub(super) fn retire(&self) {
        let mut connections = self.connections.borrow_mut();
        if self.retiring.borrow().strong_count() == 0 && !connections.is_empty() {
            self.retiring.replace(Rc::downgrade(&connections.remove(0)));
        }
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
    fn new(shared: Rc<Shared>, now: Instant, is_reused: bool) -> Self {
        shared.in_use.set(shared.in_use.get() + 1);
        shared.last_used.set(now);
        Self { shared, is_reused }
    }

    pub(super) fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Whether the endpoint lets WebSockets run over HTTP/2 (RFC 8441).
    pub fn allows_extended_connect(&self) -> bool {
        self.shared.settings.extended_connect.get()
    }

    /// Sends a request and waits for the head of its response. `body` is given back if nothing was sent.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn send(&self, request: Request<Body>, body: &mut Body) -> Result<Answer, SendError> {
        // Only to hand the request over; the borrow ends before anything waits.
        let sent = self.shared.sender.borrow_mut().try_send_request(request);
        match sent.await {
            Ok(response) => Ok(Answer { response: Box::new(response.map(Body::from_upstream)), switched: None }),
            Err(mut failed) => {
                let unsent = failed.take_message().map(Request::into_body);
                let is_unsent = unsent.is_some();
                *body = unsent.unwrap_or_default();
                Err(SendError::over_http2(failed.into_error(), is_unsent))
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.in_use.set(self.shared.in_use.get() - 1);
        if let Some(permit) = &self.shared.permit {
            permit.share().returned();
        }
    }
}
