//! How a document becomes the running gateway.
//!
//! ```text
//! file ─read─▶ tree ─check─▶ model ─compile─▶ snapshot ─bind─▶ publish ─▶ old one drains
//!   ▲            │             │                 │         │
//!   └── watch    └─────────────┴──── report ─────┴─────────┘ nothing changed
//! ```

/// What operators change at run time.
mod changes;
/// The gateway as the control plane holds it, and what is read of it.
mod control;
/// Follows the services that endpoints are found by.
mod discovery;
/// Files that have a say, and how they looked before they were read.
mod files;
/// Documents that are no files.
mod further;
/// Looks after the endpoints of upstreams.
mod health;
/// What the API keeps, merged behind the files.
mod overlay;
/// Documents in files, with those that they include, and what is merged with them.
mod source;
/// Who is told of traces.
mod traces;
/// Tells when files change.
mod watch;
/// From a document to the world that requests live in.
mod world;

pub use control::Control;
pub use discovery::MakeRegistries;
pub use files::Files;
pub use overlay::{FILE as REVISIONS, OpenHome};
pub use source::{Main, read_document};
pub use watch::Watch;
pub use world::{Applied, Compiled, Options, Refusal, check, compile_document};
