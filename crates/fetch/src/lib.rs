//! HTTP as the control plane asks for it: registries, collectors, the admin address of a gateway; and what that takes.
//!
//! A few requests a second, of which each may wait for minutes (blocking queries): simple rather than fast. The path of
//! requests has clients of its own (`upstream`).

/// How long to wait before the next try.
mod backoff;
/// Asks, and keeps connections for the next time.
mod client;
/// Text within paths and queries.
mod encoded;
/// Why there is no answer.
mod error;
/// Asks the admin address of a gateway.
mod operator;
/// Secrets from where the document says they are.
pub mod secret;
/// TLS as those who ask want it.
pub mod tls;

pub use backoff::Backoff;
pub use client::{Answer, Bounds, Client, Speaks};
pub use encoded::encoded;
pub use error::FetchError;
pub use operator::{Door, Lines, Operator};
