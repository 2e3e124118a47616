//! A model compiled to one immutable gateway: all that the document decides is decided here, once.

/// What a route does, ready to be done.
mod action;
/// Who calls, where a route depends on it.
mod callers;
/// Model and kinds to snapshot, with all that stands in the way.
mod compile;
/// Routes that are in each other's way, in words.
mod conflicts;
/// Who else gets the requests of a route, as copies.
mod mirror;
/// Several destinations of one route, and which of them an exchange goes to.
mod sides;
/// The gateway as a request meets it.
mod snapshot;
/// The certificates of a listener.
mod tls;

// What documents and snapshots share, so that the path of a request need not know documents.
pub use model::{Address, Host, Http2Limits, Limits, ListenerId, PeakEwma, RetryOn, RetryRules};

pub use action::{
    Action, Location, LocationParts, NewHost, NewPath, QueryEdits, Redirect, Respond, Rewrite, Substitution, To,
};
pub use compile::{check_policies, compile};
pub use mirror::Mirror;
pub use sides::{Asking, Choice, Destination, Reason, Side, Sides, Weights};
pub use snapshot::{Chains, Listener, Route, Settings, Snapshot};
