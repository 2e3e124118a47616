//! Consul, asked through an agent.

/// What an agent is asked by, and what its answers mean.
mod agent;
/// The gateway's own entry.
mod entry;
/// One service, by blocking queries.
mod health;
/// What health answers say of each instance.
mod instance;

pub(crate) use agent::Agent;
pub(crate) use entry::Entry;
pub(crate) use health::watch;

#[cfg(test)]
mod tests;
