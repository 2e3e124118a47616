//! Registries: what they cost while they are busy, and what requests notice of it when they fail.
//!
//! - [`flapping`]: a hundred services whose instances come and go ten times a second.
//! - [`outages`]: registries that are killed, started again and cut off under a constant rate of requests, and a start
//!   while they are away.
//! - [`registered`]: from a registration to the first request that reaches the instance.
//!
//! Registries and origins run in the harness, on the core of the load; etcd is a process of its own.

pub(super) mod flapping;
pub(super) mod outages;
pub(super) mod registered;
