//! Interim responses (RFC 9110, 15.2), such as 103 Early Hints: passed on from endpoint to client.

use std::io::Write;

use http::{HeaderMap, Request, StatusCode, Version, header};
use message::{Body, Exchange};
use upstream::Lease;

use crate::connection::Connection;

/// Has the interim responses to `request` sent to the client, if it can take them.
///
/// HTTP/1.0 knows none. HTTP/2 clients get none yet: the codec has no way to send them.
pub(super) fn pass_on(request: &mut Request<Body>, exchange: &Exchange, connection: &Connection, lease: &Lease) {
    if exchange.head.version != Version::HTTP_11 || lease.is_http2() {
        return;
    }
    let state = connection.state.clone();
    hyper::ext::on_informational(request, move |interim| {
        // 100 and 101 belong to this hop.
        let status = interim.status();
        if status != StatusCode::CONTINUE && status != StatusCode::SWITCHING_PROTOCOLS {
            state.push_interim(&encode(status, interim.headers()));
        }
    });
}

fn encode(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::with_capacity(128);
    // Writing to a vector cannot fail.
    _ = write!(text, "HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    for (name, value) in headers {
        if name == header::CONNECTION || name == header::TRANSFER_ENCODING || name == header::CONTENT_LENGTH {
            continue;
        }
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}
