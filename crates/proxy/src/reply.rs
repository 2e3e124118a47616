//! The responses that the gateway itself makes: the only place where an error becomes a response.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Version,
    header::{CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use message::{Body, Cause, Error, Exchange, Near, Nearest, Response, Side, TraceId, grpc};
use snapshot::{Redirect, Respond};

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const GRPC_RETRY_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The response to an exchange that failed: a problem (RFC 9457), or a gRPC status for those who speak gRPC.
///
/// The record keeps the error, for metrics, log and flight recorder.
#[cold]
pub(crate) fn from_error(exchange: &mut Exchange, error: Error) -> Response {
    let response = response_to(exchange, &error);
    exchange.record.failure = Some(error);
    response
}

fn response_to(exchange: &mut Exchange, error: &Error) -> Response {
    let cause = error.cause();
    exchange.record.cause = Some(cause);
    tracing::debug!(%error, source = error.source_text(), "exchange failed");
    let is_grpc = is_grpc(&exchange.head.headers);
    let mut response = if is_grpc {
        grpc_status(cause, detail(error, exchange.peer.trusted))
    } else {
        let id = exchange.request_id();
        let ids = (&id, exchange.trace.map(|trace| trace.id));
        let nearest = exchange.record.nearest.as_deref();
        let problem = problem(cause, error.status(), detail(error, exchange.peer.trusted), ids, nearest);
        let mut response = http::Response::new(Body::from(problem));
        *response.status_mut() = error.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    };
    let id = exchange.request_id();
    response.headers_mut().insert(X_REQUEST_ID, id);
    response.headers_mut().insert(PROXY_STATUS, proxy_status(cause));
    if let Some(wait) = error.retry_after() {
        let (name, value) = match is_grpc {
            true => (GRPC_RETRY_PUSHBACK, u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            // In whole seconds (RFC 9110, 10.2.3), and not too early.
            false => (RETRY_AFTER, wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        };
        response.headers_mut().insert(name, value.into());
    }
    if let Some(challenge) = error.challenge().filter(|_| !is_grpc) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge.clone());
    }
    if cause == Cause::AmbiguousFraming {
        // Nobody can say where the next request would begin (RFC 9112, 6.1).
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The same for a request that never became an exchange, as bytes of HTTP/1.1.
#[cold]
pub(crate) fn raw(cause: Cause, detail: &str, id: &HeaderValue) -> Bytes {
    let status = cause.status();
    let problem = problem(cause, status, detail, (id, None), None);
    let mut text = Vec::with_capacity(512);
    for part in [
        format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default()).as_bytes(),
        b"content-type: application/problem+json\r\nconnection: close\r\nx-request-id: ",
        id.as_bytes(),
        b"\r\nproxy-status: ",
        proxy_status(cause).as_bytes(),
        format!("\r\ncontent-length: {}\r\n\r\n", problem.len()).as_bytes(),
        &problem,
    ] {
        text.extend_from_slice(part);
    }
    text.into()
}

/// The answer of a `respond` route.
///
/// # Errors
/// [`Cause::RewriteFailed`] if captures make a value that no field can have.
pub(crate) fn respond(respond: &Respond, exchange: &Exchange) -> message::Result<Response> {
    let mut response = http::Response::new(Body::from(respond.body(exchange)));
    *response.status_mut() = respond.status;
    *response.headers_mut() = respond.headers(exchange)?;
    Ok(response)
}

/// The answer of a `redirect` route.
///
/// # Errors
/// [`Cause::RewriteFailed`] if captures make a target that no header can hold.
pub(crate) fn redirect(redirect: &Redirect, exchange: &Exchange) -> message::Result<Response> {
    let location = redirect.location(exchange)?;
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() = redirect.status;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Whether the caller speaks gRPC, in any of its encodings but gRPC-Web, which is plain HTTP to proxies.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/grpc") && !kind.starts_with(b"application/grpc-web")
    })
}

/// What callers may read: strangers do not learn the addresses behind the gateway; the log has them.
fn detail(error: &Error, trusted: bool) -> &str {
    let is_internal = error.cause().side() != Side::Client && error.cause() != Cause::NoRoute;
    if is_internal && !trusted { error.cause().title() } else { error.detail() }
}

/// RFC 9457. What came near is an extension of ours, for those who may know.
fn problem(
    cause: Cause,
    status: StatusCode,
    detail: &str,
    (id, trace): (&HeaderValue, Option<TraceId>),
    nearest: Option<&Nearest>,
) -> Bytes {
    let mut problem = serde_json::json!({
        "type": format!("urn:sluice:error:{cause}"),
        "title": cause.title(),
        "status": status.as_u16(),
        "detail": detail,
        "cause": cause.name(),
        "request_id": id.to_str().unwrap_or_default(),
    });
    if let Some(trace) = trace {
        problem["trace_id"] = trace.to_string().into();
    }
    if let Some(nearest) = nearest.filter(|nearest| nearest.disclosed && cause == Cause::NoRoute) {
        let told = |Near { route, miss }: &Near| serde_json::json!({ "route": &**route, "miss": miss });
        problem["nearest"] = nearest.routes.iter().map(told).collect();
    }
    let mut text = problem.to_string();
    text.push('\n');
    text.into()
}

/// Trailers-Only (gRPC over HTTP/2, "Responses").
fn grpc_status(cause: Cause, detail: &str) -> Response {
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    *response.version_mut() = Version::HTTP_2;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(grpc::STATUS, HeaderValue::from(u16::from(cause.grpc_status())));
    if let Ok(message) = HeaderValue::from_str(&percent_encode(&format!("{cause}: {detail}"))) {
        headers.insert(GRPC_MESSAGE, message);
    }
    response
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// RFC 9209. The cause is one of our own words, so it needs no escaping.
fn proxy_status(cause: Cause) -> HeaderValue {
    HeaderValue::try_from(format!("sluice; error={}; details=\"{cause}\"", cause.proxy_status()))
        .unwrap_or(HeaderValue::from_static("sluice"))
}
