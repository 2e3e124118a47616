//! etcd v3, from 3.4 on, by a client of our own (decision 0020).
//!
//! [`Members`] is who is asked, [`Session`] how, and [`wire`] what; [`Prefix`] keeps up with whatever is below a prefix. What
//! keys and values mean is for others to say: instances of services, revisions of documents, nodes.

/// The messages of etcd's API, as far as they are used.
pub mod wire;
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
/// A key that lives as long as its lease.
mod leased;

pub use call_error::{CallError, Status};
pub use leased::LeasedKey;
pub use members::{AskError, Members};
pub use prefix::{Entry, Follower, Keys, Prefix};
pub use session::Session;

#[cfg(test)]
mod tests;
