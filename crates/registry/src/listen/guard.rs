//! Which requests are answered at all, and what every answer says.
//!
//! A registry without a token is protected by where it listens, and a browser on that machine undermines that. A page of
//! `evil.example` may make that name resolve to 127.0.0.1 (DNS rebinding), which `Host` gives away where only this machine
//! asks; or it may post to the address itself, which `Origin` gives away: no service sends one.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header, uri::Authority};

use super::Problem;

/// Under which names the registry may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Addresses and `localhost`: it listens on the loopback interface.
    Local,
    /// Other machines ask, by whatever names they have for this one; or it is a Unix socket.
    Any,
}

pub(super) async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let mut response = match check(&request, hosts) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn check(request: &Request, hosts: Hosts) -> Result<(), Problem> {
    if request.headers().contains_key(header::ORIGIN) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "the registry is for services and not for pages in browsers"));
    }
    let in_target = request.uri().authority().map(Authority::as_str);
    // What is not text is no known name either.
    let in_headers = request.headers().get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or_default());
    match in_target.into_iter().chain(in_headers).find(|host| hosts == Hosts::Local && !is_local(host)) {
        None => Ok(()),
        Some(stranger) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!(
                "the registry listens for this machine only and is not known as `{stranger}`; ask for an IP address, or for \
                 `localhost`"
            ),
        )),
    }
}

fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let host = authority.host().to_ascii_lowercase();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    address.parse::<IpAddr>().is_ok() || host == "localhost" || host.ends_with(".localhost")
}

// === impl Hosts ===

impl Hosts {
    pub(super) fn of(address: Option<SocketAddr>) -> Self {
        if address.is_some_and(|address| address.ip().is_loopback()) { Self::Local } else { Self::Any }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_an_attacker_cannot_own_are_local() {
        // tidy-allow fixed-port: data, never bound
        for host in ["127.0.0.1", "10.0.0.7:8500", "[::1]:8500", "localhost", "LOCALHOST:8500", "sluice.localhost"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "localhost@evil.example"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
