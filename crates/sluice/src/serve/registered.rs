//! The gateway's own entries in registries, as the document wants them.

use discovery::Entries;
use model::Registries;

/// What is registered, and what it was made of.
#[derive(Default)]
pub(super) struct Registered {
    entries: Option<Entries>,
    of: Option<Registries>,
}

// === impl Registered ===

impl Registered {
    /// Has the entries that this document wants, and no others.
    pub(super) async fn follow(&mut self, registries: Registries) {
        if self.of.as_ref().is_some_and(|before| is_same(before, &registries)) {
            return;
        }
        self.leave().await;
        self.entries = registries.register.as_ref().map(|registration| Entries::start(&registries, registration));
        self.of = Some(registries);
    }

    /// Takes all of them out, which takes a few seconds at most.
    pub(super) async fn leave(&mut self) {
        if let Some(entries) = self.entries.take() {
            entries.leave().await;
        }
    }
}

/// Whether the entries would be made the same again.
fn is_same(before: &Registries, now: &Registries) -> bool {
    before.register == now.register
        && before.consul == now.consul
        && before.etcd == now.etcd
        && before.eureka == now.eureka
}
