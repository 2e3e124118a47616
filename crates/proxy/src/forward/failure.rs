//! What an attempt came to, where it is no success.

use message::{Cause, Retry};
use snapshot::Failures;

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
