//! Interim responses (RFC 9110, 15.2), such as 103 Early Hints: passed on from endpoint to client.

use std::io::Write;

use http::{HeaderMap, StatusCode, Version, header};
use message::hop;

use crate::connection::Connection;

/// What sends interim responses to the client, if it can take them: `version` is that of its request.
///
/// HTTP/1.0 knows none. HTTP/2 clients get none yet: the codec has no way to send them.
pub(super) fn pass_on(version: Version, connection: &Connection) -> Option<impl Fn(StatusCode, &HeaderMap)> {
    let tell = |status, headers: &HeaderMap| {
        // 100 belongs to this hop.
        if status != StatusCode::CONTINUE {
            connection.state.push_interim(&encode(status, headers));
        }
    };
    (version == Version::HTTP_11).then_some(tell)
}

fn encode(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::with_capacity(128);
    // Writing to a vector cannot fail.
    _ = write!(text, "HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut headers = headers.clone();
    hop::strip(&mut headers);
    // There is no body that it could be the length of.
    headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}
