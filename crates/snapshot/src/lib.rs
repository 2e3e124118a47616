//! A model compiled to one immutable gateway: all that the document decides is decided here, once.

/// What a route does, ready to be done.
mod action;
/// Model and kinds to snapshot, with all that stands in the way.
mod compile;
/// Who else gets the requests of a route, as copies.
mod mirror;
/// The gateway as a request meets it.
mod snapshot;
/// The certificates of a listener.
mod tls;

// What documents and snapshots share, so that the path of a request need not know documents.
pub use model::{Address, Host, Http2Limits, Limits, ListenerId};

pub use action::{Action, Redirect, Respond, Rewrite, Template};
pub use compile::{check_policies, compile};
pub use mirror::Mirror;
pub use snapshot::{Chains, Listener, Route, Settings, Snapshot};
