//! What is below a prefix, for whoever wants to keep up with it: a service's instances, documents, anything.
//!
//! ```text
//!            ┌──────────── compacted: what is to be told is gone ────────────┐
//!            ▼                                                               │
//! ask ──▶ read all, at revision R ──▶ tell the difference ──▶ watch from R+1 ┤
//!  ▲                                                              │ ▲        │
//!  │                                                              └─┘ tell   │
//!  └──────── wait ◀── tell the failure ◀── broken, silent, refused ──────────┘
//! ```
//!
//! After every failure all is read again, and what is told is the difference to what was told before. So nothing is lost or
//! told twice whatever happened meanwhile: compaction, another member, a store that was restored from a backup or wiped and
//! has the same revisions once more for other things. A watch that goes on from a remembered revision would be silent about
//! the last.

/// What was read and told.
mod keys;
/// Reads and watches.
mod follow;

use std::collections::BTreeSet;

use upstream::discovery::Failure;

pub use follow::Prefix;
pub use keys::{Entry, Keys};

/// Who keeps up with a prefix.
pub trait Follower: Send {
    /// This is all there is now; `changed` are the keys that were set or deleted since the last time.
    ///
    /// Called after every whole reading, also when nothing changed: then it is known that nothing did. Else called once for
    /// what comes together; what a transaction did is told together.
    fn changed(&mut self, keys: &Keys, changed: &BTreeSet<Vec<u8>>);

    /// What is told may be old: there is no answer, or the watch broke. Called for every attempt that failed.
    fn failed(&mut self, failure: Failure);
}
