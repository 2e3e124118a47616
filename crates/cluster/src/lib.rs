//! Many gateways on one etcd: the revisions that they share, and who they are (decisions 0022 and 0028).
//!
//! ```text
//!   commit ──▶ chunks ──▶ one transaction ──▶ etcd ──▶ one watch ──▶ Heard ──▶ loader ──▶ the newest revision
//!                         (if still the seen one)                     │                          │
//!                                                                     └─▶ nodes                  └─▶ last-good file
//! ```
//!
//! Any node writes; the transaction lets one win each number. What etcd holds and nobody here can read changes nothing: the
//! last good revision stays, and [`Cluster::trouble`](revisions::Store::trouble) says why. While etcd is away nothing can be
//! changed, and everything serves.

/// Where what is kept below the prefix.
mod layout;
/// A revision as etcd holds it.
mod stored;
/// What the watch has told.
mod heard;
/// Fetches the newest revision.
mod loader;
/// Keeps one more revision.
mod commit;
/// The file with the revision that was in force last.
mod last_good;
/// The gateways that there are.
mod node;
/// All of it as one store.
mod cluster;

pub use cluster::{Cluster, OpenError};
pub use node::{Dependency, Node};

#[cfg(test)]
mod tests;
