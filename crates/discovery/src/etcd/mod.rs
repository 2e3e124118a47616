//! What discovery wants of etcd: services, and the gateway's own entry.

/// What the value of a key says of an instance.
mod instance;
/// One service: the instances below its prefix.
mod service;
/// The gateway's own entry.
mod entry;

pub(crate) use entry::Entry as OwnEntry;
pub(crate) use service::watch;

#[cfg(test)]
mod tests;
