//! What a policy is. The policies themselves live elsewhere and nobody here knows their names.
//!
//! A kind (`headers`, `cors`, …) is the code; a policy is a kind with settings, attached somewhere in the document.
//!
//! ```text
//! settings ── Kind::check ──▶ Kind::build ──▶ published ──▶ start ──▶ on_request … on_finish ──▶ retire
//!             pure, reports   no tasks, no I/O                         on many exchanges
//! ```
//! What fails before it is published leaves the old world untouched.

/// The policies of one route in the order in which they run.
mod chain;
/// Whom the document knows, for policies that identify callers.
mod consumers;
/// The contract: what a policy may do to an exchange, and when.
mod contract;
/// A kind of policy: typed for its author, erased for everybody else.
mod kind;
/// The kinds that a program knows.
mod registry;
/// When a credential was last used.
mod stamp;
/// Text with holes that the captures of a route fill.
mod template;

pub use chain::{Attached, Chain, Link, Origin};
pub use consumers::{BadKey, Caller, Consumers, KeyUsed};
pub use contract::{Flow, Needs, Policy, Stage, Step};
pub use kind::{BuildError, Kind, Manual, PolicyKind, Site, erase};
pub use registry::Registry;
pub use stamp::Stamp;
pub use template::Template;
