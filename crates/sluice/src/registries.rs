//! The registries that this program can ask.

use std::{future::pending, sync::Arc};

use control::MakeRegistries;
use discovery::Clients;
use model::Service;
use upstream::discovery::{Hear, Registries, Watch};

/// Those that are asked over the network, and our own, which is in the same process.
struct All {
    clients: Clients,
    own: Option<Arc<dyn Registries>>,
}

/// `own` is asked for what documents find in `registry`.
pub(crate) fn make(own: Option<Arc<dyn Registries>>) -> MakeRegistries {
    Box::new(move |settings| Arc::new(All { clients: Clients::new(settings.clone()), own: own.clone() }))
}

// === impl All ===

impl Registries for All {
    fn watch(&self, service: &Service, hear: Arc<dyn Hear>) -> Watch {
        match (service, &self.own) {
            (Service::Registry(_), Some(own)) => own.watch(service, hear),
            // There is none, so nobody will ever tell anything.
            (Service::Registry(_), None) => Box::pin(pending()),
            _ => self.clients.watch(service, hear),
        }
    }
}
