//! What an attempt came to, where it is no success.

use http::{HeaderMap, HeaderName};
use message::{Cause, Retry};
use snapshot::Failures;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The status of a gRPC call: in the head if it failed before its first message ("Trailers-Only"), else in the trailers.
pub(super) fn grpc_status(fields: &HeaderMap) -> Option<u32> {
    fields.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()
}

/// Whether an attempt that got no answer is among `failures`.
pub(super) fn is_among(failures: &Failures, cause: Cause, retry: Retry) -> bool {
    match cause {
        Cause::ConnectRefused
        | Cause::ConnectTimeout
        | Cause::ConnectFailed
        | Cause::DnsFailed
        | Cause::TlsFailed
        | Cause::TlsCertificate => failures.connect_failure,
        Cause::UpstreamReset if retry == Retry::Safe => failures.refused_stream || failures.reset,
        Cause::UpstreamReset => failures.reset,
        Cause::ResponseTimeout => failures.timeout,
        _ => false,
    }
}
