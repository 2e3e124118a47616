//! What a request is asked by.

use std::net::IpAddr;

use http::{HeaderMap, Method};
use model::ListenerId;

/// The request as the router sees it: already canonical.
///
/// The router normalises nothing. Whoever asks has done so once, and uses the same host and path for policies, cache
/// keys and the upstream; a second opinion here would be a way around them.
#[derive(Debug, Clone, Copy)]
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
}
