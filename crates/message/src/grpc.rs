//! How a gRPC call ended (gRPC over HTTP/2).

use http::{HeaderMap, HeaderName};

pub const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The status of a call, if these fields have it: in the head if it failed before its first message ("Trailers-Only"), else
/// in the trailers.
pub fn status(fields: &HeaderMap) -> Option<u32> {
    fields.get(STATUS)?.to_str().ok()?.parse().ok()
}
