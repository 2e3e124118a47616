//! Which client asks for what.

use std::{future::pending, sync::Arc};

use ::etcd::Members;
use fetch::Backoff;
use model::Service;
use upstream::discovery::{Hear, Registries, Watch};

use crate::{consul, dns, etcd, eureka, file};

/// The clients of all registries that a document may name, with where and how these are reached.
pub struct Clients {
    settings: model::Registries,
    consul: consul::Agent,
    etcd: Members,
    eureka: eureka::Shared,
}

// === impl Clients ===

impl Clients {
    pub fn new(settings: model::Registries) -> Self {
        let consul = consul::Agent::new(settings.consul.clone());
        let etcd = Members::new(settings.etcd.clone());
        let eureka = eureka::Shared::new(settings.eureka.clone());
        Self { settings, consul, etcd, eureka }
    }
}

impl Registries for Clients {
    fn watch(&self, service: &Service, hear: Arc<dyn Hear>) -> Watch {
        match service {
            Service::Consul(service) => consul::watch(&self.consul, service, hear),
            Service::Etcd(service) => etcd::watch(&self.etcd, service, Backoff::by_chance(), hear),
            Service::Eureka(service) => eureka::watch(&self.eureka, service, hear),
            Service::Dns(service) => dns::watch(&self.settings.dns, service, hear),
            Service::File(path) => file::watch(path, hear),
            // Our own is in the same process: the program asks it directly.
            Service::Registry(_) => Box::pin(pending()),
        }
    }
}
