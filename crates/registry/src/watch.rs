//! Our own registry, as the gateway hears of it: by push, for it is in the same process.

use std::{future::pending, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use model::{EndpointAddress, Service};
use tokio::time::sleep;
use upstream::discovery::{Answer, Hear, Instance, Registries, Status, Watch};

use crate::{
    Registry,
    core::{self, Registered},
    registry::Shared,
};

/// At the least between two answers, so that many registrations in a row are few answers. The first comes at once.
const BETWEEN: Duration = Duration::from_millis(20);

impl Registries for Registry {
    /// Only what is ours is answered.
    fn watch(&self, service: &Service, hear: Arc<dyn Hear>) -> Watch {
        match service {
            Service::Registry(name) => Box::pin(follow(self.0.clone(), name.to_ascii_lowercase(), hear)),
            _ => Box::pin(pending()),
        }
    }
}

async fn follow(shared: Arc<Shared>, service: String, hear: Arc<dyn Hear>) {
    let mut told = None;
    loop {
        let mut changed = pin!(shared.signals.of(&service));
        changed.as_mut().enable();
        let (index, answer) = answer(&shared, &service);
        if shared.is_open() && told != Some(index) {
            hear.answered(answer);
            told = Some(index);
            sleep(BETWEEN).await;
        }
        changed.await;
    }
}

fn answer(shared: &Shared, service: &str) -> (u64, Answer) {
    let core = shared.core();
    let there = core.services().get(service).into_iter().flat_map(|service| service.instances.values());
    let instances: Vec<_> = there.cloned().collect();
    let index = core.index_of(service);
    drop(core);
    (index, Answer { instances: instances.iter().map(|registered| instance(registered)).collect(), flaws: Vec::new() })
}

fn instance(registered: &Registered) -> Instance {
    let core::Instance { key, host, port, weight, labels, .. } = &registered.instance;
    let address = match host.parse::<IpAddr>() {
        Ok(address) => EndpointAddress::Socket((address, *port).into()),
        Err(_) => EndpointAddress::Name { host: host.to_ascii_lowercase().into(), port: *port },
    };
    let status = match registered.status() {
        core::Status::Up => Status::Up,
        core::Status::Draining => Status::Draining,
        core::Status::Starting | core::Status::Down => Status::Down,
    };
    let labels = labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Instance { id: key.id.clone(), address, weight: *weight, tier: 0, labels, status }
}
