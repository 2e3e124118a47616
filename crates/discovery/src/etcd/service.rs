//! One service: the instances below its prefix.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ::etcd::{Follower, Keys, Members, Prefix};
use fetch::Backoff;
use model::{EtcdFormat, EtcdService};
use upstream::discovery::{Answer, Failure, Flaw, Hear, Instance, Watch};

use super::instance;

/// What the keys say, read once each.
struct Instances {
    format: EtcdFormat,
    read: BTreeMap<Vec<u8>, Result<Instance, Flaw>>,
    hear: Arc<dyn Hear>,
}

pub(crate) fn watch(members: &Members, service: &EtcdService, backoff: Backoff, hear: Arc<dyn Hear>) -> Watch {
    let prefix = Prefix::new(members.clone(), service.prefix.as_bytes(), backoff);
    let mut instances = Instances { format: service.format, read: BTreeMap::new(), hear };
    Box::pin(async move { match prefix.follow(&mut instances).await {} })
}

// === impl Instances ===

impl Follower for Instances {
    fn changed(&mut self, keys: &Keys, changed: &BTreeSet<Vec<u8>>) {
        for key in changed {
            match keys.get(key) {
                Some(entry) => _ = self.read.insert(key.clone(), instance::read(self.format, key, &entry.value)),
                None => _ = self.read.remove(key),
            }
        }
        let mut answer = Answer::default();
        for read in self.read.values() {
            match read {
                Ok(instance) => answer.instances.push(instance.clone()),
                Err(flaw) => answer.flaws.push(flaw.clone()),
            }
        }
        self.hear.answered(answer);
    }

    fn failed(&mut self, failure: Failure) {
        self.hear.failed(failure);
    }
}
