//! What a request is asked by.

use std::{fmt, net::IpAddr, time::SystemTime};

use http::{
    HeaderMap, Method,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
};
use message::Facts;
use model::ListenerId;

/// The request as the router sees it: already canonical.
///
/// The router normalises nothing. Whoever asks has done so once, and uses the same host and path for policies, cache
/// keys and the upstream; a second opinion here would be a way around them.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub listener: ListenerId,
    /// Lower case, without port.
    pub host: &'a str,
    /// In normal form, without query.
    pub path: &'a str,
    /// What follows the `?`, as it was sent.
    pub query: Option<&'a str>,
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    /// Of the client itself, behind whatever proxies are trusted.
    pub client_ip: IpAddr,
    /// `http` or `https`, as the client speaks to the gateway.
    pub scheme: &'a str,
    /// The name that the client asked for in the TLS handshake, in lower case; `None` without TLS.
    pub sni: Option<&'a str>,
    /// What time it is. Looked at only if a route wants to know, and the same however often: or else a request could
    /// come too late for one route and too early for the next.
    pub now: &'a dyn Fn() -> SystemTime,
}

// === impl Ask ===

impl<'a> Ask<'a> {
    /// The same for expressions.
    pub(crate) fn facts(&self) -> Facts<'a> {
        let Self { listener: _, host, path, query, method, headers, client_ip, scheme, sni, now } = *self;
        Facts { method, scheme, host, path, query, headers, client_ip, sni, now }
    }
}

impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, host, path, query, method, headers, client_ip, scheme, sni, now: _ } = self;
        f.debug_struct("Ask")
            .field("listener", listener)
            .field("host", host)
            .field("path", path)
            .field("query", query)
            .field("method", method)
            .field("headers", headers)
            .field("client_ip", client_ip)
            .field("scheme", scheme)
            .field("sni", sni)
            .finish_non_exhaustive()
    }
}

/// The method that a CORS preflight asks on behalf of: its route is the one that answers it (Fetch, 4.8). `None` for any
/// other request.
#[inline]
pub fn preflight(method: &Method, headers: &HeaderMap) -> Option<Method> {
    if method != Method::OPTIONS || !headers.contains_key(ORIGIN) {
        return None;
    }
    Method::from_bytes(headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes()).ok()
}
