//! etcd v3, from 3.4 on.
//!
//! [`Members`] is who is asked; [`Prefix`] keeps up with whatever is below a prefix and knows of no instances. On it stands
//! what discovery wants of etcd: services, and the gateway's own entry.

/// The messages of etcd's API, as far as they are used.
mod wire;
/// Why a call brought no answer.
mod call_error;
/// Calls over one HTTP/2 connection (gRPC).
mod channel;
/// What one member is asked.
mod session;
/// The members of a cluster, any of which may be asked.
mod members;
/// What is below a prefix.
mod prefix;

/// What the value of a key says of an instance.
mod instance;
/// One service: the instances below its prefix.
mod service;
/// The gateway's own entry.
mod entry;

pub(crate) use entry::Entry as OwnEntry;
pub use members::Members;
pub use prefix::{Entry, Follower, Keys, Prefix};
pub(crate) use service::watch;

#[cfg(test)]
mod tests;
