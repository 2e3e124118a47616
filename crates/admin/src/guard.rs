//! Which requests are answered at all, and what every answer says.
//!
//! The admin address has no password for its health and metrics: that it listens on this machine only is what protects
//! it, and a browser on this machine undermines that.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, Version};
use listen::{Problem, hosts};

use crate::Gateway;

/// Under which names the admin address may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Addresses, `localhost`, and what the gateway says.
    Named,
    /// No browser gets to a unix socket.
    Any,
}

pub(crate) async fn guard(
    State((gateway, allowed)): State<(Arc<dyn Gateway>, Hosts)>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match check(&request, allowed, gateway.admin_names()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    hosts::protect(response.headers_mut());
    response
}

fn check(request: &Request, allowed: Hosts, names: &[String]) -> Result<(), Problem> {
    if allowed == Hosts::Any {
        return Ok(());
    }
    let asked: Vec<&str> = hosts::asked(request).collect();
    // Without Host come only HTTP/1.0 clients: old health checks, and no browser among them.
    if asked.is_empty() && request.version() != Version::HTTP_10 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the request has no `Host`"));
    }
    match asked.into_iter().find(|host| !hosts::is_known(host, names)) {
        None => Ok(()),
        Some(stranger) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("the admin address is not known as `{stranger}`; ask for an IP address, or for `localhost`"),
        )),
    }
}
