//! The path of a request, in the order in which it goes: `ls` is request order.
//!
//! ```text
//! socket ─▶ accept ─▶ connection ─▶ exchange ─▶ forward ─▶ endpoint
//!                                      │  ▲         │
//!                                      ▼  │         ▼
//!                                    reply └──── relay ─▶ client
//! ```
//! One thread per worker, each with a runtime, sockets, pools and counters of its own: a request never changes thread
//! and takes no lock. [`Gateway`] is the handle by which the control plane starts, changes and drains them.

/// Sockets: bound by the control plane, accepted from by each worker; PROXY protocol, TLS.
mod accept;
/// One client connection: which protocol, its limits and deadlines.
mod connection;
/// One request with its response: the spine.
mod exchange;
/// To an endpoint and back.
mod forward;
/// Bodies both ways, until the exchange is finished.
mod relay;
/// The responses that the gateway itself makes.
mod reply;
/// The threads, and the handle on all of them.
mod worker;

pub use accept::{BindError, Sockets};
pub use worker::{Gateway, Start, Tapped};
