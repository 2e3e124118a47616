//! An address of the control plane: sockets, limits of connections, and what went wrong as people and programs read it.
//!
//! What is answered there is a router of whoever listens: the admin address, the registry.

/// Where is listened.
mod listener;
/// Who asks.
mod peer;
/// Who may connect, how many, for how long.
mod serve;

/// Under which names an address is asked, and which of them no stranger can own.
pub mod hosts;
/// Errors as RFC 9457 wants them.
mod problem;

pub use listener::Listener;
pub use peer::Peer;
pub use problem::Problem;
pub use serve::{Limits, serve};
