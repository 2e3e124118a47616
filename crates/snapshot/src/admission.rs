//! What must hold of the head of every request, whatever the routes say, and how it looks to them.
//!
//! Here and not in the path of a request, because whoever explains what would become of a request must come to the same
//! answer.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, Method, header, request};
use message::{Cause, Error, Exchange, Notable, Result, TOKEN_FIELD, canonical, consumer, forwarded, hop};
use model::{Limits, ListenerId};

/// Brings a head into canonical form and returns its authority, or says why it is refused.
///
/// # Errors
/// [`Cause::UriTooLong`], [`Cause::LoopDetected`], or what [`canonical::request`] says.
pub fn head(head: &mut request::Parts, notable: Notable, limits: &Limits) -> Result<HeaderValue> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.uri_bytes as usize {
        return Err(Error::new(Cause::UriTooLong, format!("the request target exceeds {} bytes", limits.uri_bytes)));
    }
    if notable.via && forwarded::is_circling(&head.headers) {
        return Err(Error::new(Cause::LoopDetected, "the via field names this gateway too often"));
    }
    canonical::request(head)
}

/// Bounds the number of fields (a field is cheap to send and dear to keep) and their bytes.
///
/// The parser of HTTP/1 does so by itself; the codec of HTTP/2 bounds its own bytes only.
///
/// # Errors
/// [`Cause::HeadersTooLarge`].
pub fn check_section(headers: &HeaderMap, limits: &Limits) -> Result<()> {
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

/// Rids a head of what is between the client and this gateway, and returns what it shows as the admin token. To be done
/// once it is known who the client is.
#[inline]
pub fn strip(headers: &mut HeaderMap, notable: Notable, is_trusted: bool) -> Option<HeaderValue> {
    let token = if notable.token { headers.remove(TOKEN_FIELD) } else { None };
    if notable.hop_by_hop {
        hop::strip(headers);
    }
    if notable.expect {
        // The gateway itself asks the client to continue, when it reads the body.
        headers.remove(header::EXPECT);
    }
    if notable.mirror_mark && !is_trusted {
        // An endpoint may treat copies otherwise; who is no gateway of ours does not make any.
        headers.remove(forwarded::X_SLUICE_MIRROR);
    }
    if notable.consumer {
        // Whoever calls, it is for policies to say.
        consumer::strip(headers);
    }
    token
}

/// What a request is asked by; `method` stands for another one than its own.
#[inline]
pub fn ask<'a>(
    exchange: &'a Exchange,
    listener: ListenerId,
    method: Option<&'a Method>,
    now: &'a dyn Fn() -> SystemTime,
) -> route::Ask<'a> {
    route::Ask {
        listener,
        host: exchange.host(),
        path: exchange.head.uri.path(),
        query: exchange.head.uri.query(),
        method: method.unwrap_or(&exchange.head.method),
        headers: &exchange.head.headers,
        client_ip: exchange.client_ip,
        scheme: exchange.peer.scheme(),
        sni: exchange.peer.sni(),
        now,
    }
}

/// What a request is told that no route takes.
#[cold]
pub fn no_route(exchange: &Exchange) -> Error {
    let Exchange { head, .. } = exchange;
    let detail =
        format!("no route takes {} for host `{}` and path `{}`", head.method, exchange.host(), head.uri.path());
    Error::new(Cause::NoRoute, detail)
}
