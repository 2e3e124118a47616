//! From what the codec parsed to an exchange in canonical form, or the reason why there is none.

use std::rc::Rc;

use http::{HeaderValue, Method, Request, request};
use hyper::body::{Body as _, Incoming};
use message::{Body, Cause, Error, Exchange, Notable, Record, Result, Upload, forwarded};
use snapshot::{ListenerId, admission};

use super::{Ending, debug};
use crate::{
    connection::{Connection, StreamWatch},
    forward::Upgrade,
    relay,
};

/// What was found out about a request on its way in, beside the exchange. There is an exchange even for what is
/// refused, so that log and metrics see it.
pub(super) struct Begun {
    /// The listener that it arrived on.
    pub(super) admitted: Result<ListenerId>,
    /// The switch of protocols that the client asks for.
    pub(super) upgrade: Option<Box<Upgrade>>,
    /// What it shows as the admin token.
    pub(super) token: Option<Box<HeaderValue>>,
}

pub(super) fn begin(
    connection: Rc<Connection>,
    mut request: Request<Incoming>,
    watch: Option<Rc<StreamWatch>>,
) -> (Box<Ending>, Begun) {
    let world = connection.worker.world();
    let now = connection.begin();
    let notable = Notable::of(request.headers());
    let may_upgrade = notable.upgrade || request.method() == Method::CONNECT;
    let upgrade = if may_upgrade { Upgrade::take(&mut request).map(Box::new) } else { None };
    let (mut head, body) = request.into_parts();
    let canonical = admit(&mut head, notable, &body, &connection);
    let listener = connection.listener(&world).ok_or_else(gone);
    let (authority, admitted) = match canonical {
        Ok(authority) => (authority, listener),
        Err(error) => (HeaderValue::from_static(""), Err(error)),
    };
    let peer = connection.peer.clone();
    let client_ip = forwarded::client_ip(&head.headers, &peer, &world.snapshot.settings.trusted_proxies);
    let is_debugged =
        world.snapshot.settings.debug.as_ref().is_some_and(|debugging| debug::take(&mut head.headers, debugging));
    let token = admission::strip(&mut head.headers, notable, peer.trusted).map(Box::new);
    let random = connection.worker.random();
    let exchange = Exchange::new(head, Body::empty(), peer, client_ip, authority, Record::new(now), random);
    // It is large: moved once, and filled where it stays.
    let mut ending = Ending::new(connection, world, exchange, watch);
    ending.is_debugged = is_debugged;
    let Ending { exchange, connection, world, .. } = &mut *ending;
    exchange.expects_continue = notable.expect;
    if let Some(rules) = &world.snapshot.settings.tracing {
        let Exchange { head, peer, random, .. } = exchange;
        let key = connection.worker.trace_key;
        exchange.trace = Some(rules.begin(&mut head.headers, notable.trace, peer.trusted, random, key));
    }
    if !body.is_end_stream() {
        let upload = Rc::new(Upload::new(now));
        exchange.body = relay::request_body(body, &upload, connection);
        exchange.upload = Some(upload);
    }
    (ending, Begun { admitted, upgrade, token })
}

/// What must hold of every request, whatever the routes say.
fn admit(head: &mut request::Parts, notable: Notable, body: &Incoming, connection: &Connection) -> Result<HeaderValue> {
    let limits = &connection.limits;
    if connection.is_http1 {
        // Size and count were bounded by the parser.
        if connection.state.is_suspect() && notable.transfer_encoding {
            return Err(Error::new(Cause::AmbiguousFraming, "both content-length and transfer-encoding are given"));
        }
    } else {
        admission::check_section(&head.headers, limits)?;
    }
    if let (Some(limit), Some(length)) = (limits.body_bytes, body.size_hint().exact())
        && length > limit
    {
        return Err(Error::new(Cause::BodyTooLarge, format!("the body exceeds {limit} bytes")));
    }
    admission::head(head, notable, limits)
}

/// The listener was taken out of the document while this connection was open.
#[cold]
pub(super) fn gone() -> Error {
    Error::new(Cause::NoRoute, "this listener is no longer configured")
}
