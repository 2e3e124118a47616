//! Which requests are answered at all, and what every answer says.
//!
//! The admin address has no password for its health and metrics: that it listens on this machine only is what protects
//! it, and a browser on this machine undermines that. A page of somebody else gives itself away by the name that it asks
//! for, by `Origin` and `Sec-Fetch-Site`, or by sending what pages may send without asking first.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, Version, header, uri::Authority};
use listen::{Problem, hosts};

use crate::{
    Denied, Gateway,
    audit::{self, AuditEntry, Denials},
};

/// Under which names the admin address may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Addresses, `localhost`, and what the gateway says.
    Named,
    /// No browser gets to a unix socket.
    Any,
}

/// What is needed to tell whom to answer.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) denials: Arc<Denials>,
    pub(crate) hosts: Hosts,
}

/// What browsers say of requests that a page makes: where it is from, seen from here.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What a page may send anywhere without asking first. The third of these, that of forms, is what `curl -d` calls its bodies;
/// a page that sends it gives itself away otherwise.
const OF_PAGES: [&str; 2] = ["text/plain", "multipart/form-data"];

pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err((why, problem)) => {
            let entry = AuditEntry::of(&request, SystemTime::now());
            guard.denials.note(why, problem.status(), audit::peer(&request), entry);
            problem.into_response()
        }
    };
    hosts::protect(response.headers_mut());
    response
}

// === impl Guard ===

impl Guard {
    fn check(&self, request: &Request) -> Result<(), (Denied, Problem)> {
        let asked: Vec<&str> = hosts::asked(request).collect();
        if self.hosts == Hosts::Named {
            check_host(&asked, request.version(), &self.gateway.admin_names())
                .map_err(|problem| (Denied::Host, problem))?;
        }
        check_origin(request.headers(), &asked).map_err(|problem| (Denied::Origin, problem))?;
        check_media_type(request).map_err(|problem| (Denied::MediaType, problem))
    }
}

fn check_host(asked: &[&str], version: Version, names: &[Arc<str>]) -> Result<(), Problem> {
    // Without Host come only HTTP/1.0 clients: old health checks, and no browser among them.
    if asked.is_empty() && version != Version::HTTP_10 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the request has no `Host`"));
    }
    match asked.iter().find(|host| !hosts::is_known(host, names)) {
        None => Ok(()),
        Some(stranger) => Err(forbidden(format!(
            "the admin address is not known as `{stranger}`; ask for an IP address or `localhost`, or have \
             `gateway.admin.names` list the name"
        ))),
    }
}

/// Only pages of the admin address itself may ask.
fn check_origin(headers: &HeaderMap, asked: &[&str]) -> Result<(), Problem> {
    let is_cross_site = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"cross-site");
    if headers.get_all(SEC_FETCH_SITE).iter().any(is_cross_site) {
        return Err(forbidden(
            "a page of another site asks; no other pages than the gateway's own may do that".to_owned(),
        ));
    }
    for origin in headers.get_all(header::ORIGIN) {
        // `null` and what is not text is no page of ours either.
        let origin = origin.to_str().unwrap_or_default();
        if !is_own(origin, asked) {
            let origin = origin.escape_debug();
            return Err(forbidden(format!(
                "a page of `{origin}` asks; no other pages than the gateway's own may do that"
            )));
        }
    }
    Ok(())
}

/// Whether an origin is the host that is asked for. Its scheme is that of whoever ends TLS before us.
fn is_own(origin: &str, asked: &[&str]) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let Some(host) = host.filter(|host| host.parse::<Authority>().is_ok()) else { return false };
    !asked.is_empty() && asked.iter().all(|asked| asked.eq_ignore_ascii_case(host))
}

fn check_media_type(request: &Request) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    for value in request.headers().get_all(header::CONTENT_TYPE) {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if OF_PAGES.iter().any(|refused| refused.eq_ignore_ascii_case(essence)) {
            let essence = essence.to_ascii_lowercase();
            return Err(forbidden(format!("what is sent here is JSON, `application/json`, and not `{essence}`")));
        }
    }
    Ok(())
}

fn forbidden(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_pages_of_the_address_itself_may_ask() {
        let check = |fields: &[(&'static str, &'static str)], expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, http::HeaderValue::from_static(value));
            }
            assert_eq!(check_origin(&headers, &["gateway.internal:9901"]).is_ok(), expected, "{fields:?}");
        };
        check(&[], true);
        check(&[("origin", "http://gateway.internal:9901")], true);
        check(&[("origin", "https://GATEWAY.INTERNAL:9901")], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        for origin in [
            "",
            "null",
            "gateway.internal:9901",
            "http://gateway.internal",
            "http://gateway.internal:3000",
            "http://evil.example",
            "http://gateway.internal:9901.evil.example",
            "http://gateway.internal:9901/",
            "http://gateway.internal:9901@evil.example",
            "file://gateway.internal:9901",
            "HTTP://gateway.internal:9901",
        ] {
            check(&[("origin", origin)], false);
        }
        check(&[("origin", "http://gateway.internal:9901"), ("origin", "http://evil.example")], false);
        check(&[("origin", "http://gateway.internal:9901"), ("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "Cross-Site")], false);
        assert!(!is_own("http://localhost", &[]), "whoever names no host has none");
        assert!(!is_own("http://a", &["a", "b"]));
    }

    #[test]
    fn what_pages_send_unasked_is_refused() {
        let check = |method: &str, kind: Option<&str>, expected: bool| {
            let builder = Request::builder().method(method);
            let builder = kind.into_iter().fold(builder, |builder, kind| builder.header("content-type", kind));
            assert_eq!(check_media_type(&builder.body(Body::empty()).unwrap()).is_ok(), expected, "{method} {kind:?}");
        };
        check("POST", None, true);
        check("POST", Some("application/json"), true);
        check("PATCH", Some("application/merge-patch+json"), true);
        check("POST", Some("application/x-www-form-urlencoded"), true);
        check("GET", Some("text/plain"), true);
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            check(method, Some("text/plain"), false);
            check(method, Some("Text/Plain;charset=utf-8"), false);
            check(method, Some(" multipart/form-data; boundary=a"), false);
        }
    }
}
