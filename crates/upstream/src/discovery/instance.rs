use std::sync::Arc;

use model::EndpointAddress;

/// One of those that serve under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What the registry tells it from others by. Of two with the same, the first counts.
    pub id: Arc<str>,
    /// No Unix socket: those of another machine mean nothing here.
    pub address: EndpointAddress,
    pub weight: u32,
    /// See [`model::Endpoint::tier`]; the priority of SRV records.
    pub tier: u32,
    /// Sorted by key; `zone` and `version` among them, if the registry has words for them.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    pub status: Status,
}

/// What an instance, or its registry, says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    #[default]
    Up,
    /// It finishes what it has begun, and wants nothing new.
    Draining,
    /// It is known, and not to be asked.
    Down,
}

/// An entry that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// As the registry names it.
    pub id: Arc<str>,
    /// In lower case, for logs.
    pub detail: String,
}
