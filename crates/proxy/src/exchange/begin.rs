//! From what the codec parsed to an exchange in canonical form, or the reason why there is none.

use std::rc::Rc;

use http::{HeaderMap, HeaderValue, Method, Request, header, request};
use hyper::body::{Body as _, Incoming};
use message::{Body, Cause, Error, Exchange, Notable, Record, Result, Upload, canonical, forwarded, hop};
use snapshot::{Limits, ListenerId};

use super::Ending;
use crate::{
    connection::{Connection, StreamWatch},
    forward::Upgrade,
    relay,
    worker::World,
};

/// What was found out about a request on its way in, beside the exchange. There is an exchange even for what is
/// refused, so that log and metrics see it.
pub(super) struct Begun {
    /// The listener that it arrived on.
    pub(super) admitted: Result<ListenerId>,
    /// The switch of protocols that the client asks for.
    pub(super) upgrade: Option<Box<Upgrade>>,
}

pub(super) fn begin(
    world: Rc<World>,
    connection: Rc<Connection>,
    mut request: Request<Incoming>,
    watch: Option<Rc<StreamWatch>>,
) -> (Box<Ending>, Begun) {
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
    if notable.hop_by_hop {
        hop::strip(&mut head.headers);
    }
    if notable.expect {
        // The gateway itself asks the client to continue, when it reads the body.
        head.headers.remove(header::EXPECT);
    }
    if notable.mirror_mark && !peer.trusted {
        // An endpoint may treat copies otherwise; who is no gateway of ours does not make any.
        head.headers.remove(forwarded::X_SLUICE_MIRROR);
    }
    let mut exchange =
        Exchange::new(head, Body::empty(), peer, client_ip, authority, Record::new(now), connection.worker.random());
    exchange.expects_continue = notable.expect;
    if !body.is_end_stream() {
        let upload = Rc::new(Upload::new(now));
        exchange.body = relay::request_body(body, &upload, &connection);
        exchange.upload = Some(upload);
    }
    (Ending::new(connection, world, exchange, watch), Begun { admitted, upgrade })
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
        check_section(&head.headers, limits)?;
    }
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.uri_bytes as usize {
        return Err(Error::new(Cause::UriTooLong, format!("the request target exceeds {} bytes", limits.uri_bytes)));
    }
    if let (Some(limit), Some(length)) = (limits.body_bytes, body.size_hint().exact())
        && length > limit
    {
        return Err(Error::new(Cause::BodyTooLarge, format!("the body exceeds {limit} bytes")));
    }
    if notable.via && forwarded::is_circling(&head.headers) {
        return Err(Error::new(Cause::LoopDetected, "the via field names this gateway too often"));
    }
    canonical::request(head)
}

/// The codec of HTTP/2 bounds its own bytes, not the number of fields (a field is cheap to send and dear to keep).
fn check_section(headers: &HeaderMap, limits: &Limits) -> Result<()> {
    let too_large = |detail| Err(Error::new(Cause::HeadersTooLarge, detail));
    if headers.len() > limits.header_count as usize {
        return too_large(format!("there are more than {} header fields", limits.header_count));
    }
    // As RFC 9113, 6.5.2 counts: 32 bytes of overhead per field.
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    if bytes > limits.header_bytes as usize {
        return too_large(format!("the header section exceeds {} bytes", limits.header_bytes));
    }
    Ok(())
}

/// The listener was taken out of the document while this connection was open.
#[cold]
pub(super) fn gone() -> Error {
    Error::new(Cause::NoRoute, "this listener is no longer configured")
}
