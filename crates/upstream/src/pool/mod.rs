//! The connections of one worker to one endpoint.
//!
//! HTTP/1 connections serve one request at a time: who holds one owns it. Kept ones lie on a stack, the warmest on top.
//! HTTP/2 connections are shared by as many requests as both sides allow.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Instant};

use message::{Body, Cause, Error, Result, Retry};

use crate::{
    Endpoint, Rules, connect,
    http1::{Connection, Head, Home, Sending},
};

mod bound;
mod multiplexed;

pub use bound::Connections;
pub(crate) use bound::Permit;
use bound::{Leave, Share};
use multiplexed::Multiplexed;
pub use multiplexed::Stream;

pub struct Pool {
    rules: Arc<Rules>,
    endpoint: Arc<Endpoint>,
    /// Of the endpoint, for records; this worker's own, so that keeping it needs no atomics.
    name: Rc<str>,
    /// Least recently used first.
    idle: RefCell<Vec<Idle>>,
    multiplexed: Multiplexed,
    /// `None`: as many as are needed.
    share: Option<Rc<Share>>,
}

/// The right to send one request.
pub enum Lease {
    Http1(Exclusive),
    Http2(Stream),
}

/// A connection for one request alone. Goes back to its pool with the end of the response.
pub struct Exclusive {
    connection: Connection,
    pool: Rc<Pool>,
    is_reused: bool,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// Why there is no response.
#[derive(Debug)]
pub struct SendError {
    pub error: Error,
    /// Nothing of the request was sent; its body is as it was.
    pub is_unsent: bool,
}

// === impl Pool ===

impl Pool {
    /// A pool of as many connections as are needed.
    pub fn new(rules: Arc<Rules>, endpoint: Arc<Endpoint>) -> Rc<Self> {
        Self::within(rules, endpoint, None)
    }

    /// A pool that has its share of `connections` only.
    pub fn within(rules: Arc<Rules>, endpoint: Arc<Endpoint>, connections: Option<Arc<Connections>>) -> Rc<Self> {
        let name = endpoint.authority.to_str().unwrap_or_default().into();
        Rc::new_cyclic(|pool| {
            let share = connections.map(|connections| Share::new(connections, pool.clone()));
            Self { rules, endpoint, name, idle: RefCell::default(), multiplexed: Multiplexed::default(), share }
        })
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The endpoint as records know it.
    pub fn name(&self) -> &Rc<str> {
        &self.name
    }

    /// Whether its connections are as good as those that a new pool would make.
    pub fn serves(&self, rules: &Arc<Rules>, endpoint: &Endpoint) -> bool {
        Arc::ptr_eq(&self.rules, rules) && self.endpoint.address == endpoint.address
    }

    /// A connection for one request: a kept one if there is one, else a new one. `fresh` insists on a new one.
    ///
    /// # Errors
    /// As [`crate::Connector::connect`], and [`Cause::UpstreamSaturated`].
    pub async fn lease(self: &Rc<Self>, now: Instant, fresh: bool) -> Result<Lease> {
        let is_first = self.share.as_ref().is_none_or(|share| !share.is_awaited());
        if !fresh
            && is_first
            && let Some(lease) = self.kept(now)
        {
            return Ok(lease);
        }
        // In a box: what a handshake needs is many times what an exchange needs, and few exchanges see one.
        Box::pin(self.lease_new(now, fresh)).await
    }

    async fn lease_new(self: &Rc<Self>, now: Instant, fresh: bool) -> Result<Lease> {
        // Many requests may wait for the same new connection; with `protocol: auto` it may turn out to be HTTP/1.1.
        if !fresh
            && self.rules.connector.may_multiplex()
            && let Some(stream) = self.multiplexed.wait_for_connection(&self.rules.pool, now).await?
        {
            return Ok(Lease::Http2(stream));
        }
        let permit = match &self.share {
            None => None,
            Some(share) => match share.ask(self, fresh).await? {
                Leave::Open(permit) => Some(permit),
                Leave::Kept(lease) => return Ok(lease),
            },
        };
        self.connect(permit, now).await
    }

    /// Drops what was idle for too long, and what its endpoint closed. Called now and then, not on the path of a request.
    pub fn sweep(&self, now: Instant) {
        let limits = &self.rules.pool;
        self.idle.borrow_mut().retain_mut(|idle| {
            now.saturating_duration_since(idle.since) < limits.idle_timeout && idle.connection.is_quiet()
        });
        self.multiplexed.sweep(limits, now);
    }

    fn kept(self: &Rc<Self>, now: Instant) -> Option<Lease> {
        let limits = &self.rules.pool;
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { mut connection, since }) = idle.pop() {
            let is_young = now.saturating_duration_since(connection.born) < limits.max_age
                && now.saturating_duration_since(since) < limits.idle_timeout;
            if is_young && connection.is_quiet() {
                return Some(Lease::Http1(Exclusive { connection, pool: self.clone(), is_reused: true }));
            }
        }
        drop(idle);
        self.multiplexed.kept(limits, now).map(Lease::Http2)
    }

    /// Closes a connection that is kept unused; whether there was one.
    fn give_up(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        let given = (!idle.is_empty()).then(|| idle.remove(0));
        drop(idle);
        given.is_some() || self.multiplexed.give_up()
    }

    async fn connect(self: &Rc<Self>, permit: Option<Permit>, now: Instant) -> Result<Lease> {
        let connecting = self.multiplexed.connecting();
        let connection = self.rules.connector.connect(&self.endpoint).await;
        self.multiplexed.note(&connection);
        let lease = match connection? {
            connect::Connection::Http1(stream) => {
                let connection = Connection::new(stream, permit, now);
                Lease::Http1(Exclusive { connection, pool: self.clone(), is_reused: false })
            }
            connect::Connection::Http2(sender, settings) => {
                Lease::Http2(self.multiplexed.add(sender, settings, permit, now))
            }
        };
        drop(connecting);
        if let (Some(share), Lease::Http2(_)) = (&self.share, &lease) {
            share.shared();
        }
        Ok(lease)
    }
}

impl Home for Pool {
    fn take_back(&self, mut connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.rules.pool.max_idle as usize && connection.is_quiet() {
            connection.rest();
            idle.push(Idle { connection, since: Instant::now() });
        }
        drop(idle);
        if let Some(share) = &self.share {
            share.returned();
        }
    }
}

// === impl Lease ===

impl Lease {
    /// Whether the connection served a request before; its peer may be closing it at this very moment.
    pub fn is_reused(&self) -> bool {
        match self {
            Self::Http1(exclusive) => exclusive.is_reused,
            Self::Http2(stream) => stream.is_reused(),
        }
    }
}

// === impl Exclusive ===

impl Exclusive {
    /// Sends a request; to be awaited for the head of its response. `body` is taken, and given back if nothing was sent.
    ///
    /// # Errors
    /// [`Cause::Internal`] if `head` promises another length than the body has.
    pub fn send<'a>(self, head: &'a Head<'a>, body: &'a mut Body) -> Result<Sending<'a>> {
        self.connection.send(self.pool, head, body)
    }
}

// === impl SendError ===

impl SendError {
    /// At least a part of the request was sent.
    pub fn sent(error: Error) -> Self {
        Self { error, is_unsent: false }
    }

    fn over_http2(source: hyper::Error, is_unsent: bool) -> Self {
        let retry = if is_unsent { Retry::Safe } else { Retry::IfIdempotent };
        Self { error: describe(source).with_retry(retry), is_unsent }
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
