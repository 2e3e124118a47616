//! What an agent knows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use message::Random;

use super::{
    Fault,
    instance::{Check, Instance, Status},
};

#[derive(Debug)]
pub(super) struct State {
    pub(super) token: Option<String>,
    pub(super) fault: Option<Fault>,
    pub(super) asked: Vec<String>,
    /// Queries that wait for something newer.
    pub(super) waiting: usize,
    /// Moves on when the index goes backward: nobody waits beyond it.
    pub(super) restores: u64,
    random: Random,
    /// How many times a check was renewed, or registered.
    renewals: u64,
    /// Of the last change; never 0.
    index: u64,
    /// Of the last change of what services there are, and with which tags.
    catalog: u64,
    /// Of the last change of each service, also of those that are gone.
    services: HashMap<String, u64>,
    /// By node and id.
    instances: BTreeMap<(String, String), Instance>,
}

// === impl State ===

impl State {
    pub(super) fn new(token: Option<String>, random: Random) -> Self {
        Self {
            token,
            fault: None,
            asked: Vec::new(),
            waiting: 0,
            restores: 0,
            random,
            renewals: 0,
            // Agents have changes of their own before anybody registers.
            index: 10,
            catalog: 10,
            services: HashMap::new(),
            instances: BTreeMap::new(),
        }
    }

    pub(super) fn index(&self) -> u64 {
        self.index
    }

    /// Of a service. One that is not known has that of the last change of any.
    pub(super) fn index_of(&self, service: &str) -> u64 {
        self.services.get(service).copied().unwrap_or(self.index)
    }

    pub(super) fn catalog_index(&self) -> u64 {
        self.catalog
    }

    pub(super) fn put(&mut self, instance: Instance) {
        let key = (instance.node.clone(), instance.id.clone());
        let service = instance.service.clone();
        let before = self.instances.insert(key.clone(), instance);
        self.touch(&service);
        let is_other = before.is_none_or(|before| {
            let now = &self.instances[&key];
            (before.service, before.tags) != (now.service.clone(), now.tags.clone())
        });
        if is_other {
            self.catalog = self.index;
        }
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(key) = self.key(id) else { return false };
        if let Some(gone) = self.instances.remove(&key) {
            self.touch(&gone.service);
            self.catalog = self.index;
        }
        true
    }

    pub(super) fn update(&mut self, id: &str, update: impl FnOnce(&mut Instance)) -> bool {
        let Some(key) = self.key(id) else { return false };
        let Some(instance) = self.instances.get_mut(&key) else { return false };
        let told = |instance: &Instance| (instance.health(), instance.service.clone());
        let before = told(instance);
        update(instance);
        // A renewal changes nothing that anybody is told.
        if told(instance) != before {
            self.touch(&before.1);
        }
        true
    }

    /// Lets the last instance of a service be critical, or well again.
    pub(super) fn toggle(&mut self, service: &str) {
        let Some(last) = self.instances(service).pop() else { return };
        let status = if last.status() == Status::Passing { Status::Critical } else { Status::Passing };
        self.update(&last.id, |instance| instance.set_status(status));
    }

    /// The check of this id, with the id of its instance.
    pub(super) fn check(&self, id: &str) -> Option<(String, Check)> {
        self.all().find_map(|instance| {
            let check = instance.checks.iter().find(|check| check.id == id)?;
            Some((instance.id.clone(), check.clone()))
        })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    pub(super) fn instances(&self, service: &str) -> Vec<Instance> {
        self.all().filter(|instance| instance.service == service).cloned().collect()
    }

    /// All services of a datacenter and namespace, with the tags that any instance has.
    pub(super) fn catalog(&self, datacenter: &str, namespace: &str) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut services = BTreeMap::from([("consul", BTreeSet::new())]);
        let here = |instance: &&Instance| instance.datacenter == datacenter && instance.namespace == namespace;
        for instance in self.all().filter(here) {
            let tags = instance.tags.iter().map(String::as_str);
            services.entry(&*instance.service).or_insert_with(BTreeSet::new).extend(tags);
        }
        services
    }

    pub(super) fn knows_datacenter(&self, name: &str) -> bool {
        name == "dc1" || self.all().any(|instance| instance.datacenter == name)
    }

    pub(super) fn restore(&mut self, index: u64) {
        (self.index, self.catalog) = (index, index);
        self.services.values_mut().for_each(|own| *own = index);
        self.restores += 1;
    }

    pub(super) fn forget(&mut self) {
        self.instances.clear();
        self.services.clear();
        self.restore(1);
    }

    /// The next renewal.
    pub(super) fn renewal(&mut self) -> u64 {
        self.renewals += 1;
        self.renewals
    }

    /// Up to a sixteenth of `wait`.
    pub(super) fn jitter(&mut self, wait: Duration) -> Duration {
        (wait / 16).mul_f64(self.random.fraction())
    }

    fn key(&self, id: &str) -> Option<(String, String)> {
        self.instances.keys().find(|(_, own)| own == id).cloned()
    }

    fn touch(&mut self, service: &str) {
        self.index += 1;
        self.services.insert(service.to_owned(), self.index);
    }
}
