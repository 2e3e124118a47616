//! The head of a request as an endpoint gets it, and of a response as a client gets it.

use http::{HeaderValue, Method, Request, Uri, Version, header, uri::PathAndQuery};
use message::{Body, Cause, Error, Exchange, Result, forwarded, hop, trace::Context};
use snapshot::Settings;
use upstream::Head;

/// Tells, in the head of the exchange, who called. Done once, so that the copies for attempts need no more than that.
pub(super) fn prepare(exchange: &mut Exchange, forwarding: forwarded::Rules) {
    let authority = exchange.asked_authority().clone();
    let headers = &mut exchange.head.headers;
    forwarded::write(headers, &exchange.peer, &authority, exchange.head.version, forwarding);
}

/// What the endpoint is told of the trace: the next attempt is the span that it is asked in.
pub(super) fn context<'s>(exchange: &Exchange, settings: &'s Settings) -> Option<Context<'s>> {
    let (trace, rules) = exchange.trace.zip(settings.tracing.as_ref())?;
    Some(trace.context(trace.attempt(exchange.record.attempts.len()), &rules.formats))
}

/// The request for one attempt over HTTP/2. The exchange keeps its own head: policies look at it on the way out, and
/// another attempt may follow. (Over HTTP/1 the head is written straight from the exchange, without a copy.)
///
/// # Errors
/// [`Cause::RewriteFailed`] if the host makes no URI.
pub(super) fn http2_request(head: &Head<'_>, body: Body, is_secure: bool) -> Result<Request<Body>> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = absolute(head.uri, head.host, is_secure)?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = head.headers.clone();
    request.headers_mut().remove(header::HOST);
    if let Some(context) = &head.context {
        context.write(request.headers_mut());
    }
    Ok(request)
}

/// Rids a response of what concerned the last hop only, and says that it came through here.
pub(super) fn response(response: &mut http::Response<Body>, forwarding: forwarded::Rules) {
    // The version of a message belongs to its hop; the codec towards the client knows its own.
    let version = std::mem::replace(response.version_mut(), Version::HTTP_11);
    let headers = response.headers_mut();
    hop::strip(headers);
    if forwarding.via {
        forwarded::write_via(headers, version);
    }
}

/// HTTP/2 has the host in the target (RFC 9113, 8.3.1).
fn absolute(uri: &Uri, host: &HeaderValue, secure: bool) -> Result<Uri> {
    let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::builder()
        .scheme(if secure { "https" } else { "http" })
        .authority(host.as_bytes())
        .path_and_query(target)
        .build()
        .map_err(|error| Error::new(Cause::RewriteFailed, "the host is no authority").with_source(error))
}

/// Methods that may be sent twice without more effect than once (RFC 9110, 9.2.2).
pub(super) fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE)
}
