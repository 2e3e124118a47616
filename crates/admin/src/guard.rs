//! Which requests are answered at all, and what every answer says.
//!
//! The admin address has no password for its health and metrics: that it listens on this machine only is what protects
//! it. A browser on this machine undermines that: a page of `evil.example` may make that name resolve to 127.0.0.1 (DNS
//! rebinding) and then read what it asks for. Such a request gives itself away by its `Host`.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, Version, header, uri::Authority};

use crate::{Gateway, problem::Problem};

/// Under which names the admin address may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Addresses, `localhost`, and what the gateway says.
    Named,
    /// No browser gets to a unix socket.
    Any,
}

pub(crate) async fn guard(
    State((gateway, hosts)): State<(Arc<dyn Gateway>, Hosts)>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match check(&request, hosts, gateway.admin_names()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn check(request: &Request, hosts: Hosts, names: &[String]) -> Result<(), Problem> {
    if hosts == Hosts::Any {
        return Ok(());
    }
    let in_target = request.uri().authority().map(Authority::as_str);
    // What is not text is no known name either.
    let in_headers = request.headers().get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or_default());
    let asked: Vec<&str> = in_target.into_iter().chain(in_headers).collect();
    // Without Host come only HTTP/1.0 clients: old health checks, and no browser among them.
    if asked.is_empty() && request.version() != Version::HTTP_10 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the request has no `Host`"));
    }
    match asked.into_iter().find(|host| !is_known(host, names)) {
        None => Ok(()),
        Some(stranger) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("the admin address is not known as `{stranger}`; ask for an IP address, or for `localhost`"),
        )),
    }
}

fn is_known(host: &str, names: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let host = authority.host().to_ascii_lowercase();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    address.parse::<IpAddr>().is_ok()
        || host == "localhost"
        || host.ends_with(".localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_an_attacker_cannot_own_are_known() {
        let names = ["Gateway.internal".to_owned()];
        for host in [
            "127.0.0.1",
            "10.0.0.7:9901",
            "[2001:db8::1]:9901",
            "[::1]",
            "localhost",
            "LOCALHOST:9901",
            "sluice.localhost",
            "gateway.internal:9901",
        ] {
            assert!(is_known(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9901",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "localhost@evil.example",
            "gateway.internal.evil.example",
            "a b",
        ] {
            assert!(!is_known(host, &names), "{host}");
        }
    }
}
