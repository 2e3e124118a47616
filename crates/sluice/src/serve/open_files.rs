//! How many files the process may have open; sockets are files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the operating system lets a process give itself.
///
/// Most systems start programs with 1024 because those that use select(2) break above it. A gateway needs two for each
/// exchange, and does not use it.
pub(super) fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
