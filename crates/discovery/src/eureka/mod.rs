//! Eureka: the registry as a whole, then what changed.
//!
//! ```text
//!  watch ─┐                 ┌──────────── every `interval` ────────────┐
//!  watch ─┼─ one of them ─▶ │ /apps/delta ─ hashes agree ─▶ registry ──┼─▶ each takes its service out of it
//!  watch ─┘     fetches     │      └─ lost something ─▶ /apps ───┘     │
//!                           └──────────────────────────────────────────┘
//! ```
//!
//! Eureka is asked for all services at once, so one watch asks for all watches. When it ends, the next takes over with what is
//! known: nothing runs that nobody polls.

/// The gateway's own entry.
mod entry;
/// What a record comes to for those who ask for a service.
mod instance;
/// The registry as far as it was told.
mod registry;
/// Servers that know the same.
mod servers;
/// What all watches share.
mod shared;
/// What Eureka answers.
mod wire;

pub(crate) use entry::Entry;
pub(crate) use shared::Shared;

use std::sync::Arc;

use model::EurekaService;
use upstream::discovery::{Hear, Watch};

pub(crate) fn watch(shared: &Shared, service: &EurekaService, hear: Arc<dyn Hear>) -> Watch {
    let (shared, service) = (shared.clone(), service.clone());
    Box::pin(async move {
        tokio::join!(shared.follow(&service, &*hear), shared.lead());
    })
}

#[cfg(test)]
mod tests;
