//! Consul, asked through an agent.

/// What an agent is asked by, and what its answers mean.
mod agent;
/// Questions that wait for something newer.
mod blocking;
/// All services, as a source of documents.
mod catalog;
/// The gateway's own entry.
mod entry;
/// One service.
mod health;
/// What health answers say of each instance.
mod instance;

pub(crate) use agent::Agent;
pub use catalog::catalog;
pub(crate) use entry::Entry;
pub(crate) use health::watch;

#[cfg(test)]
mod tests;
