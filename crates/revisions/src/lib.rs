//! Documents that are changed at run time: what may be changed about them, and every state that they have been in.
//!
//! Nothing here knows what a route is. A document is JSON with lists of named objects; whether it makes sense is for others to
//! say before it is kept.

/// The document, whose objects revisions share.
mod document;
/// Changes of a document, applied whole or not at all.
pub mod edit;
/// A state of a document, with who made it, when and why.
mod revision;
/// What keeps revisions.
mod store;
/// Documents as they are kept.
mod packed;

/// In a file of our own.
mod embedded;
/// In one that is made with the first revision.
mod lazy;

pub use document::{Document, Object, Part};
pub use embedded::{Embedded, OpenError};
pub use lazy::Lazy;
pub use packed::{pack, unpack};
pub use revision::{Draft, Meta, Revision};
pub use store::{CommitError, Store};
