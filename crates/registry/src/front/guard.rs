//! Which requests are answered at all, and what every answer says.
//!
//! A registry without a token is protected by where it listens, and a browser on that machine undermines that. A page of
//! `evil.example` may make that name resolve to 127.0.0.1 (DNS rebinding), which `Host` gives away where only this machine
//! asks; or it may post to the address itself, which `Origin` gives away: no service sends one.

use std::net::SocketAddr;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use listen::{Problem, hosts};

/// Under which names the registry may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Addresses and `localhost`: it listens on the loopback interface.
    Local,
    /// Other machines ask, by whatever names they have for this one; or it is a Unix socket.
    Any,
}

pub(super) async fn guard(State(allowed): State<Hosts>, request: Request, next: Next) -> Response {
    let mut response = match check(&request, allowed) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    hosts::protect(response.headers_mut());
    response
}

fn check(request: &Request, allowed: Hosts) -> Result<(), Problem> {
    if request.headers().contains_key(header::ORIGIN) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "the registry is for services and not for pages in browsers"));
    }
    match hosts::asked(request).find(|host| allowed == Hosts::Local && !hosts::is_known(host, &[])) {
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

// === impl Hosts ===

impl Hosts {
    pub(super) fn of(address: Option<SocketAddr>) -> Self {
        if address.is_some_and(|address| address.ip().is_loopback()) { Self::Local } else { Self::Any }
    }
}
