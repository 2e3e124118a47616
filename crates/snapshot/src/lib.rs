//! A model compiled to one immutable gateway: all that the document decides is decided here, once.

/// What a route does, ready to be done.
mod action;
/// Model and kinds to snapshot, with all that stands in the way.
mod compile;
/// Routes that are in each other's way, in words.
mod conflicts;
/// The gateway as a request meets it.
mod snapshot;
/// The certificates of a listener.
mod tls;

// What documents and snapshots share, so that the path of a request need not know documents.
pub use model::{Address, Host, Http2Limits, Limits, ListenerId, RetryOn, RetryRules};

pub use action::{Action, Redirect, Respond, Rewrite, Template};
pub use compile::{check_policies, compile};
pub use snapshot::{Chains, Listener, Route, Settings, Snapshot};
