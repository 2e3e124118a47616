//! Who waits for changes is woken.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tokio::sync::{Notify, futures::Notified};

/// One bell per few services, and one for all of them: who waits for one service is not woken by most of the others.
pub(crate) struct Signals {
    services: [Notify; 64],
    any: Notify,
}

// === impl Signals ===

impl Signals {
    pub(crate) fn new() -> Self {
        Self { services: std::array::from_fn(|_| Notify::new()), any: Notify::new() }
    }

    /// Ends with the next change of this service, or of another one by chance. It must be enabled before it is looked
    /// what there is, so that nothing is missed between the two.
    pub(crate) fn of(&self, service: &str) -> Notified<'_> {
        self.bell(service).notified()
    }

    /// Ends with the next change of whatever service.
    pub(crate) fn any(&self) -> Notified<'_> {
        self.any.notified()
    }

    pub(crate) fn ring(&self, service: &str) {
        self.bell(service).notify_waiters();
    }

    /// Whatever anybody waits for may be there now.
    pub(crate) fn ring_all(&self) {
        self.services.iter().for_each(Notify::notify_waiters);
        self.ring_any();
    }

    pub(crate) fn ring_any(&self) {
        self.any.notify_waiters();
    }

    fn bell(&self, service: &str) -> &Notify {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(service);
        &self.services[hash as usize % self.services.len()]
    }
}
