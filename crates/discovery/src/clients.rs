//! Which client asks for what.

use std::{future::pending, sync::Arc};

use model::Service;
use upstream::discovery::{Hear, Registries, Watch};

use crate::{consul, dns, etcd, eureka, file};

/// The clients of all registries that a document may name, with where and how these are reached.
pub struct Clients {
    settings: model::Registries,
    consul: consul::Agent,
}

// === impl Clients ===

impl Clients {
    pub fn new(settings: model::Registries) -> Self {
        Self { consul: consul::Agent::new(settings.consul.clone()), settings }
    }
}

impl Registries for Clients {
    fn watch(&self, service: &Service, hear: Arc<dyn Hear>) -> Watch {
        match service {
            Service::Consul(service) => consul::watch(&self.consul, service, hear),
            Service::Etcd(service) => etcd::watch(&self.settings.etcd, service, hear),
            Service::Eureka(service) => eureka::watch(&self.settings.eureka, service, hear),
            Service::Dns(service) => dns::watch(&self.settings.dns, service, hear),
            Service::File(path) => file::watch(path, hear),
            // Our own is in the same process: the program asks it directly.
            Service::Registry(_) => Box::pin(pending()),
        }
    }
}
