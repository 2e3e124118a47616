//! How a document becomes the running gateway.
//!
//! ```text
//! file ─read─▶ tree ─check─▶ model ─compile─▶ snapshot ─bind─▶ publish ─▶ old one drains
//!   ▲            │             │                 │         │
//!   └── watch    └─────────────┴──── report ─────┴─────────┘ nothing changed
//! ```

/// The gateway as the control plane holds it: start, reload, drain.
mod control;
/// Documents in files, with those that they include.
mod source;
/// Which files matter, and whether they changed.
mod watch;

pub use control::{Applied, Control, Options, Refusal, check};
pub use source::{Loaded, load};
pub use watch::Watch;
