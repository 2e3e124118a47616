//! Clients of registries: which instances are there under a name, now and whenever it changes?
//!
//! Each client implements the contract of [`upstream::discovery`]: it tells whole answers and what failed, and tries again
//! after a while. What is believed of it, and when endpoints are swapped, is not its business.

/// Which client asks for what.
mod clients;
/// The gateway's own entry in registries.
mod registration;

/// Consul: blocking queries of its health endpoint.
mod consul;
/// Names in the DNS: addresses, and SRV records.
mod dns;
/// etcd v3: keys under a prefix, watched from a revision.
mod etcd;
/// Eureka: the registry as a whole, then what changed.
mod eureka;
/// Files that others write.
mod file;

pub use clients::Clients;
pub use consul::catalog;
pub use registration::Entries;

/// Who hears, in tests.
#[cfg(test)]
mod heard;
