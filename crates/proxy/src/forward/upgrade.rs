//! WebSocket handshakes, over HTTP/1.1 (RFC 6455) and HTTP/2 (RFC 8441), each towards either.
//!
//! Only `websocket` is switched to: whatever else a client asks for is ignored, as RFC 9110, 7.8 allows, since a
//! protocol that the gateway does not know (`h2c` above all) would run past every policy.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::{body::Incoming, ext::Protocol, upgrade::OnUpgrade};
use message::{Body, Cause, Error, Result, hop};
use sha1::{Digest, Sha1};
use upstream::{Answer, Stream};

use super::tunnel::{Endpoint, Ends};

/// A client that wants to switch.
pub(crate) struct Upgrade {
    client: OnUpgrade,
    /// The client's `Sec-WebSocket-Key`; HTTP/2 has none.
    key: Option<HeaderValue>,
}

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const CONNECTION_UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");
/// RFC 6455, 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY: HeaderName = header::SEC_WEBSOCKET_KEY;
const ACCEPT: HeaderName = header::SEC_WEBSOCKET_ACCEPT;

// === impl Upgrade ===

impl Upgrade {
    /// Takes the wish to switch out of a request. What is left is a plain `GET`, whichever way the wish came.
    pub(crate) fn take(request: &mut Request<Incoming>) -> Option<Self> {
        match request.version() {
            Version::HTTP_11 => Self::take_http1(request),
            Version::HTTP_2 if request.method() == Method::CONNECT => Self::take_http2(request),
            _ => None,
        }
    }

    fn take_http1(request: &mut Request<Incoming>) -> Option<Self> {
        if !request.headers().contains_key(header::UPGRADE) {
            return None;
        }
        let protocol = hop::upgrade(request.headers())?;
        let has_body = !hyper::body::Body::is_end_stream(request.body());
        if !protocol.as_bytes().eq_ignore_ascii_case(WEBSOCKET.as_bytes())
            || has_body
            || request.method() != Method::GET
        {
            return None;
        }
        let key = request.headers_mut().remove(KEY);
        Some(Self { client: hyper::upgrade::on(request), key })
    }

    fn take_http2(request: &mut Request<Incoming>) -> Option<Self> {
        let protocol = request.extensions_mut().remove::<Protocol>()?;
        if !protocol.as_str().eq_ignore_ascii_case("websocket") {
            return None;
        }
        *request.method_mut() = Method::GET;
        Some(Self { client: hyper::upgrade::on(request), key: None })
    }

    /// The fields that ask an endpoint of HTTP/1.1.
    pub(super) fn ask_http1(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        headers.insert(header::CONNECTION, CONNECTION_UPGRADE);
        headers.insert(header::UPGRADE, WEBSOCKET);
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(KEY, self.key.clone().unwrap_or_else(new_key));
        headers
    }

    /// Has `request` ask an endpoint of HTTP/2.
    ///
    /// # Errors
    /// [`Cause::UpgradeFailed`] if that does not allow it.
    pub(super) fn ask_http2(&self, request: &mut Request<Body>, stream: &Stream) -> Result<()> {
        if !stream.allows_extended_connect() {
            return Err(Error::new(
                Cause::UpgradeFailed,
                "the endpoint does not allow websockets over HTTP/2 (RFC 8441)",
            ));
        }
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        Ok(())
    }

    /// Whether the endpoint switched. If not, its response goes to the client like any other.
    pub(super) fn is_accepted(&self, response: &Response<Body>, is_http2: bool) -> bool {
        if is_http2 { response.status().is_success() } else { response.status() == StatusCode::SWITCHING_PROTOCOLS }
    }

    /// The response that makes the client switch too, and both ends of the tunnel.
    pub(super) fn switch(self, Answer { mut response, switched }: Answer) -> (Box<Response<Body>>, Ends) {
        let endpoint = match switched {
            Some(switched) => Endpoint::Http1(switched),
            None => Endpoint::Http2(hyper::upgrade::on(&mut *response)),
        };
        let mut answer = Response::new(Body::empty());
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        let headers = answer.headers_mut();
        hop::strip(headers);
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(ACCEPT);
        match &self.key {
            Some(key) => {
                headers.insert(header::CONNECTION, CONNECTION_UPGRADE);
                headers.insert(header::UPGRADE, WEBSOCKET);
                headers.insert(ACCEPT, accept(key));
                *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            }
            None => *answer.status_mut() = StatusCode::OK,
        }
        (Box::new(answer), Ends { client: self.client, endpoint })
    }
}

/// The answer to a key (RFC 6455, 4.2.2): proves no secret, only that the server read the request.
fn accept(key: &HeaderValue) -> HeaderValue {
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    HeaderValue::try_from(STANDARD.encode(digest)).unwrap_or(HeaderValue::from_static(""))
}

fn new_key() -> HeaderValue {
    HeaderValue::try_from(STANDARD.encode(uuid::Uuid::new_v4().as_bytes())).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_answered_as_the_rfc_says() {
        // The example of RFC 6455, 1.3.
        assert_eq!(accept(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
