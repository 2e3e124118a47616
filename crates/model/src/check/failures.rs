//! What counts as a failure.

use crate::{Failures, values::Failure};

pub(super) fn check(written: &[Failure]) -> Failures {
    let mut failures = Failures::NONE;
    for failure in written {
        match *failure {
            Failure::ConnectFailure => failures.connect_failure = true,
            Failure::RefusedStream => failures.refused_stream = true,
            Failure::Reset => failures.reset = true,
            Failure::Timeout => failures.timeout = true,
            Failure::ServerError => failures.server_error = true,
            Failure::Status(status) => failures.statuses.push(status),
            Failure::Grpc(status) => failures.grpc |= 1 << status,
        }
    }
    failures
}
