//! The admin address: what operators and their tools ask a running gateway.
//!
//! It lives on the runtime of the control plane and may be slow without hurting a request. Everything it knows, it asks
//! of a [`Gateway`].

/// What the admin address needs to know.
mod gateway;
/// How much the program says about itself.
mod log_level;

/// What may be asked with a token.
mod api;
/// Who changed what, and who tried in vain.
mod audit;
/// Who asks, and whether they may.
mod auth;

/// Which requests are answered at all.
mod guard;
/// The answers.
mod routes;
/// The sockets.
mod serve;

pub use audit::{AuditEntry, Changed, Denied, Told};
pub use auth::{Identity, least_role_of, may_change};
pub use gateway::{Check, Gateway, Later, Outcome, Readiness, Tap};
pub use log_level::{LogLevel, LogLevelChange, LogLevelOrder, LogLevelTold, log_target};
pub use serve::serve;
