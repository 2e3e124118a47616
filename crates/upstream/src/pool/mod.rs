//! The connections of one worker to one endpoint.
//!
//! Nothing here is shared between threads. A free HTTP/1.1 connection lies on a stack, the warmest on top; HTTP/2
//! connections are shared by as many requests as both sides allow.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Instant};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use message::{Body, Cause, Error, Result, Retry};

use crate::{Connection, Endpoint, Rules};

mod multiplexed;

use multiplexed::{Multiplexed, Stream};

pub struct Pool {
    rules: Arc<Rules>,
    endpoint: Arc<Endpoint>,
    /// Least recently used first.
    idle: RefCell<Vec<Idle>>,
    multiplexed: Multiplexed,
}

/// The right to send one request on a connection.
pub struct Lease {
    kind: Kind,
    reused: bool,
}

enum Kind {
    Http1 { pool: Rc<Pool>, sender: http1::SendRequest<Body>, born: Instant },
    Http2(Stream),
}

struct Idle {
    sender: http1::SendRequest<Body>,
    born: Instant,
    since: Instant,
}

/// Why there is no response.
pub struct SendError {
    pub error: Error,
    /// The request, if nothing of it was sent.
    pub unsent: Option<Box<Request<Body>>>,
}

// === impl Pool ===

impl Pool {
    pub fn new(rules: Arc<Rules>, endpoint: Arc<Endpoint>) -> Rc<Self> {
        Rc::new(Self { rules, endpoint, idle: RefCell::default(), multiplexed: Multiplexed::default() })
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Whether its connections are as good as those that a new pool would make.
    pub fn serves(&self, rules: &Arc<Rules>, endpoint: &Endpoint) -> bool {
        Arc::ptr_eq(&self.rules, rules) && self.endpoint.address == endpoint.address
    }

    /// A connection for one request: a kept one if there is one, else a new one. `fresh` insists on a new one.
    ///
    /// # Errors
    /// As [`crate::Connector::connect`].
    pub async fn lease(self: &Rc<Self>, now: Instant, fresh: bool) -> Result<Lease> {
        if !fresh && let Some(lease) = self.kept(now) {
            return Ok(lease);
        }
        // In a box: what a handshake needs is many times what an exchange needs, and few exchanges see one.
        Box::pin(self.lease_new(now, fresh)).await
    }

    async fn lease_new(self: &Rc<Self>, now: Instant, fresh: bool) -> Result<Lease> {
        if self.rules.connector.may_multiplex() {
            // Many requests may wait for the same new connection; with `protocol: auto` it may turn out to be HTTP/1.1.
            if let Some(stream) = self.multiplexed.wait_for_connection(fresh, &self.rules.pool, now).await {
                return Ok(Lease { kind: Kind::Http2(stream), reused: true });
            }
        }
        self.connect(now).await
    }

    /// Drops what was idle for too long. Called now and then, not on the path of a request.
    pub fn sweep(&self, now: Instant) {
        let limits = &self.rules.pool;
        self.idle
            .borrow_mut()
            .retain(|idle| !idle.sender.is_closed() && now.saturating_duration_since(idle.since) < limits.idle_timeout);
        self.multiplexed.sweep(limits, now);
    }

    fn kept(self: &Rc<Self>, now: Instant) -> Option<Lease> {
        let limits = &self.rules.pool;
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { sender, born, since }) = idle.pop() {
            let is_young = now.saturating_duration_since(born) < limits.max_age
                && now.saturating_duration_since(since) < limits.idle_timeout;
            if is_young && sender.is_ready() {
                return Some(Lease { kind: Kind::Http1 { pool: self.clone(), sender, born }, reused: true });
            }
        }
        drop(idle);
        let stream = self.multiplexed.kept(limits, now)?;
        Some(Lease { kind: Kind::Http2(stream), reused: true })
    }

    async fn connect(self: &Rc<Self>, now: Instant) -> Result<Lease> {
        let connecting = self.multiplexed.connecting();
        let connection = self.rules.connector.connect(&self.endpoint).await;
        let kind = match connection? {
            Connection::Http1(sender) => Kind::Http1 { pool: self.clone(), sender, born: now },
            Connection::Http2(sender, settings) => Kind::Http2(self.multiplexed.add(sender, settings, now)),
        };
        drop(connecting);
        Ok(Lease { kind, reused: false })
    }

    fn put_back(&self, sender: http1::SendRequest<Body>, born: Instant, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.rules.pool.max_idle as usize && !sender.is_closed() {
            idle.push(Idle { sender, born, since: now });
        }
    }
}

// === impl Lease ===

impl Lease {
    /// Whether the connection served a request before; its peer may be closing it at this very moment.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    pub fn is_http2(&self) -> bool {
        matches!(self.kind, Kind::Http2(_))
    }

    /// Whether the endpoint lets WebSockets run over HTTP/2 (RFC 8441).
    pub fn allows_extended_connect(&self) -> bool {
        matches!(&self.kind, Kind::Http2(stream) if stream.allows_extended_connect())
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// # Errors
    /// Why there is none, and the request if nothing of it was sent.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, SendError> {
        let sent = match &mut self.kind {
            Kind::Http1 { sender, .. } => sender.try_send_request(request).await,
            Kind::Http2(stream) => stream.send(request).await,
        };
        sent.map_err(SendError::from)
    }

    /// Gives the connection back once the response has been read to its end.
    pub fn release(self, now: Instant) {
        if let Kind::Http1 { pool, sender, born } = self.kind {
            pool.put_back(sender, born, now);
        }
    }
}

// === impl SendError ===

impl From<TrySendError<Request<Body>>> for SendError {
    fn from(mut failed: TrySendError<Request<Body>>) -> Self {
        let unsent = failed.take_message().map(Box::new);
        let source = failed.into_error();
        let retry = if unsent.is_some() { Retry::Safe } else { Retry::IfIdempotent };
        Self { error: describe(source).with_retry(retry), unsent }
    }
}

fn describe(source: hyper::Error) -> Error {
    // What the body of the request failed with is the real cause; hyper only carries it.
    let mut inner = std::error::Error::source(&source);
    while let Some(error) = inner {
        if let Some(error) = error.downcast_ref::<Error>() {
            return Error::new(error.cause(), error.detail().to_owned());
        }
        inner = error.source();
    }
    if source.is_parse_too_large() {
        Error::new(Cause::ResponseMalformed, "the head of the response is too large").with_source(source)
    } else if source.is_parse() {
        Error::new(Cause::ResponseMalformed, "the endpoint sent no valid response").with_source(source)
    } else {
        Error::new(Cause::UpstreamReset, "the endpoint closed the connection without an answer").with_source(source)
    }
}
