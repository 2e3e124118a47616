//! The registry as it is without files, sockets and clocks: what is registered, until when, and what changed.
//!
//! ```text
//!            register             heartbeat: the lease begins anew
//!  (nothing) ────────▶ registered ◀──────┐
//!      ▲                   │  └──────────┘
//!      │                   │ its time is over
//!      │ at once: a lease  ▼
//!      └───────────────  missed   a check of Consul: critical, and taken out after a while, if ever
//! ```

/// What changed lately.
mod changes;
/// When something happens by itself.
mod deadlines;
/// What is registered.
mod instance;
/// What is refused, and why.
mod limits;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};

pub(crate) use changes::{Action, Change, Changes};
pub(crate) use instance::{
    Check, CheckKind, CheckStatus, DataCenter, Dialect, EurekaWords, HeaderField, HttpProbe, Instance, Key, Probe,
    Status,
};
pub(crate) use limits::{Limits, Refusal};

use deadlines::Deadlines;

/// Everything that is registered.
#[derive(Debug)]
pub(crate) struct Core {
    limits: Limits,
    services: BTreeMap<Arc<str>, Service>,
    /// In which services there is an instance with this id.
    by_id: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// Whose check it is.
    by_check: HashMap<Arc<str>, Key>,
    /// Grows with every change that somebody could see.
    index: u64,
    /// What it was when a service was last gone altogether.
    gone: u64,
    serial: u64,
    counts: [usize; Status::ALL.len()],
    deadlines: Deadlines,
    changes: Changes,
    /// What differs from what was last taken to be kept.
    touched: BTreeSet<Key>,
    /// Grows with every touch.
    revision: u64,
    /// The services whose watchers have not heard yet.
    news: BTreeSet<Arc<str>>,
}

#[derive(Debug, Default)]
pub(crate) struct Service {
    /// Of its last change.
    pub(crate) index: u64,
    pub(crate) instances: BTreeMap<Arc<str>, Arc<Registered>>,
}

/// An instance, and what the registry knows of it beside.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) instance: Instance,
    /// Another one for each registration.
    pub(crate) serial: u64,
    /// Of its registration, and of its last change.
    pub(crate) created: u64,
    pub(crate) modified: u64,
    /// All in milliseconds since 1970.
    pub(crate) registered_at: u64,
    pub(crate) renewed_at: u64,
    pub(crate) changed_at: u64,
    /// Since when it is up; 0: it never was.
    pub(crate) up_since: u64,
    /// Not until it was heard of since the registry started.
    pub(crate) is_confirmed: bool,
}

/// Now, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    /// In milliseconds since 1970.
    pub(crate) wall: u64,
}

/// An instance that was taken out because nothing was heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expired {
    pub(crate) key: Key,
    pub(crate) dialect: Dialect,
    /// It is known still, and not asked.
    pub(crate) is_kept: bool,
}

/// What differs from what is kept: instances, or that they are gone.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) instances: Vec<(Key, Option<Arc<Registered>>)>,
    pub(crate) index: u64,
    pub(crate) revision: u64,
}

// === impl Core ===

impl Core {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            services: BTreeMap::new(),
            by_id: HashMap::new(),
            by_check: HashMap::new(),
            // Clients of Consul take 0 for no index at all.
            index: 1,
            gone: 1,
            serial: 0,
            counts: [0; Status::ALL.len()],
            deadlines: Deadlines::default(),
            changes: Changes::default(),
            touched: BTreeSet::new(),
            revision: 0,
            news: BTreeSet::new(),
        }
    }

    /// What was kept by a registry before this one, whose index was `index` or a little more.
    ///
    /// Nobody is taken out for what happened while there was no registry: all leases begin anew.
    pub(crate) fn restore(&mut self, kept: impl Iterator<Item = (Instance, u64)>, index: u64, now: Moment) {
        self.index = self.index.max(index);
        self.gone = self.index;
        for (instance, registered_at) in kept {
            let registered = self.registered(instance, now);
            self.put(Registered { registered_at, is_confirmed: false, ..registered }, now);
        }
        (self.changes, self.touched, self.news) = (Changes::default(), BTreeSet::new(), BTreeSet::new());
    }

    /// All leases begin anew: until now, nobody could send a heartbeat.
    pub(crate) fn begin_leases(&mut self, now: Moment) {
        self.deadlines = Deadlines::default();
        let all = self.services.values_mut().flat_map(|service| service.instances.values_mut());
        for registered in all {
            let registered = Arc::make_mut(registered);
            registered.instance.checks.iter_mut().for_each(|check| check.begin(now.at));
            if let Some(deadline) = registered.deadline() {
                self.deadlines.set(registered.serial, &registered.instance.key, deadline);
            }
        }
    }

    /// Takes an instance in, in place of one with the same key; what operators said of that one still counts.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(crate) fn register(&mut self, instance: Instance, now: Moment) -> Result<Arc<Registered>, Refusal> {
        self.limits.check(&instance)?;
        let before = self.get(&instance.key).cloned();
        if before.is_none() {
            self.check_room(&instance.key)?;
        }
        if let Some(check) = instance.checks.iter().find(|check| self.is_of_another(check, &instance.key)) {
            return Err(Refusal::Bad(format!(
                "the check `{}` is one of another instance; give it an id of its own",
                check.id
            )));
        }
        let mut registered = self.registered(instance, now);
        if let Some(before) = before {
            registered.instance.overridden = registered.instance.overridden.or(before.instance.overridden);
            registered.registered_at = before.registered_at;
            registered.created = before.created;
            if registered.instance.effective_status() == Status::Up {
                registered.up_since = if before.up_since == 0 { now.wall } else { before.up_since };
            }
        }
        Ok(self.put(registered, now))
    }

    /// A heartbeat: every lease and TTL check of the instance passes, and begins anew.
    ///
    /// # Errors
    /// There is no such instance.
    pub(crate) fn renew(&mut self, key: &Key, now: Moment) -> Result<Arc<Registered>, Refusal> {
        let entry = self.entry(key).ok_or_else(|| Refusal::unknown_instance(key))?;
        let is_ttl = |check: &&mut Check| matches!(check.kind, CheckKind::Ttl(_));
        if entry.instance.checks.iter_mut().any(|check| is_ttl(&check) && check.status != CheckStatus::Passing) {
            let mut changed = entry.clone();
            let checks = changed.instance.checks.iter_mut().filter(is_ttl);
            checks.for_each(|check| check.set(CheckStatus::Passing, now.at));
            (changed.renewed_at, changed.is_confirmed) = (now.wall, true);
            return Ok(self.put(changed, now));
        }
        entry.instance.checks.iter_mut().filter(is_ttl).for_each(|check| check.begin(now.at));
        (entry.renewed_at, entry.is_confirmed) = (now.wall, true);
        self.get(key).cloned().ok_or_else(|| Refusal::unknown_instance(key))
    }

    /// Changes what an instance, or an operator, says of it. The closure is not called twice.
    ///
    /// # Errors
    /// There is no such instance, or it cannot be kept as it would be then.
    pub(crate) fn update(
        &mut self,
        key: &Key,
        now: Moment,
        change: impl FnOnce(&mut Instance),
    ) -> Result<Arc<Registered>, Refusal> {
        let before = self.get(key).ok_or_else(|| Refusal::unknown_instance(key))?.clone();
        let mut changed = Registered::clone(&before);
        change(&mut changed.instance);
        if changed.instance == before.instance {
            return Ok(before);
        }
        self.limits.check(&changed.instance)?;
        Ok(self.put(changed, now))
    }

    /// Takes what is said of one check. What it says for people is kept without being a change.
    ///
    /// # Errors
    /// There is no such check.
    pub(crate) fn set_check(
        &mut self,
        id: &str,
        status: CheckStatus,
        output: &str,
        now: Moment,
    ) -> Result<Dialect, Refusal> {
        let unknown =
            || Refusal::Unknown(format!("there is no check `{}`; register the service (again)", id.escape_debug()));
        let key = self.by_check.get(id).cloned().ok_or_else(unknown)?;
        let entry = self.entry(&key).ok_or_else(unknown)?;
        let dialect = entry.instance.dialect;
        let output = &output[..output.floor_char_boundary(MOST_OUTPUT)];
        let check = entry.instance.checks.iter_mut().find(|check| &*check.id == id).ok_or_else(unknown)?;
        if &*check.output != output {
            check.output = output.into();
        }
        let is_change = check.status != status;
        let mut changed = if is_change { Some(entry.clone()) } else { None };
        let target = changed.as_mut().unwrap_or(entry);
        let heard = matches!(status, CheckStatus::Passing | CheckStatus::Warning);
        if let Some(check) = target.instance.checks.iter_mut().find(|check| &*check.id == id) {
            check.set(status, now.at);
        }
        target.is_confirmed = true;
        if heard {
            target.renewed_at = now.wall;
        }
        if let Some(changed) = changed {
            self.put(changed, now);
        }
        Ok(dialect)
    }

    /// Takes an instance out.
    ///
    /// # Errors
    /// There is no such instance.
    pub(crate) fn remove(&mut self, key: &Key, now: Moment) -> Result<Arc<Registered>, Refusal> {
        self.take(key, now).ok_or_else(|| Refusal::unknown_instance(key))
    }

    /// Does what is due.
    pub(crate) fn expire(&mut self, now: Moment) -> Vec<Expired> {
        let mut expired = Vec::new();
        while let Some(key) = self.deadlines.due(now.at) {
            let Some(registered) = self.get(&key).cloned() else { continue };
            match registered.deadline() {
                Some(deadline) if deadline <= now.at => expired.extend(self.missed(&registered, now)),
                Some(deadline) => self.deadlines.set(registered.serial, &key, deadline),
                None => {}
            }
        }
        expired
    }

    /// When to call [`Core::expire`] next, at the latest.
    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        self.deadlines.next()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Registered>> {
        self.services.get(&key.service)?.instances.get(&key.id)
    }

    /// The services, by name.
    pub(crate) fn services(&self) -> &BTreeMap<Arc<str>, Service> {
        &self.services
    }

    /// Those with this id, of whatever service.
    pub(crate) fn with_id(&self, id: &str) -> Vec<&Arc<Registered>> {
        let services = self.by_id.get(id).into_iter().flatten();
        services.filter_map(|service| self.services.get(service)?.instances.get(id)).collect()
    }

    /// The instance of a check.
    pub(crate) fn with_check(&self, id: &str) -> Option<&Arc<Registered>> {
        self.get(self.by_check.get(id)?)
    }

    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// Of the last change of one service, whether it is still there or not.
    pub(crate) fn index_of(&self, service: &str) -> u64 {
        self.services.get(service).map_or(self.gone, |service| service.index)
    }

    /// How many have this status, all in all.
    pub(crate) fn count(&self, status: Status) -> usize {
        self.counts[status as usize]
    }

    pub(crate) fn changes(&mut self, now: Moment) -> Vec<Change> {
        self.changes.recent(now)
    }

    /// What is to be kept, and to be kept no more.
    pub(crate) fn take_touched(&mut self) -> Touched {
        let touched = std::mem::take(&mut self.touched);
        let instances = touched.into_iter().map(|key| {
            let registered = self.get(&key).cloned();
            (key, registered)
        });
        Touched { instances: instances.collect(), index: self.index, revision: self.revision }
    }

    /// Everything, as if all of it had just been touched.
    pub(crate) fn take_all(&mut self) -> Touched {
        self.touched.clear();
        let all = self.services.values().flat_map(|service| service.instances.values());
        let instances = all.map(|registered| (registered.instance.key.clone(), Some(registered.clone()))).collect();
        Touched { instances, index: self.index, revision: self.revision }
    }

    /// Of the last touch.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The services that have changed since this was last called.
    pub(crate) fn take_news(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.news)
    }

    /// An instance to be changed in a way that is none of the outside's business.
    fn entry(&mut self, key: &Key) -> Option<&mut Registered> {
        self.services.get_mut(&key.service)?.instances.get_mut(&key.id).map(Arc::make_mut)
    }

    /// Leases have ids that nobody gave them; whoever gives one of them to a check is meant by it.
    fn is_of_another(&self, check: &Check, key: &Key) -> bool {
        let Some(owner) = self.by_check.get(&check.id).filter(|owner| *owner != key) else { return false };
        let theirs =
            self.get(owner).and_then(|owner| owner.instance.checks.iter().find(|theirs| theirs.id == check.id));
        !check.is_lease() && theirs.is_some_and(|theirs| !theirs.is_lease())
    }

    fn check_room(&self, key: &Key) -> Result<(), Refusal> {
        let Limits { services, instances, .. } = self.limits;
        if !self.services.contains_key(&key.service) && self.services.len() >= services {
            return Err(Refusal::Full(format!("there are {services} services already, and no room for more")));
        }
        if self.counts.iter().sum::<usize>() >= instances {
            return Err(Refusal::Full(format!("there are {instances} instances already, and no room for more")));
        }
        Ok(())
    }

    fn registered(&mut self, mut instance: Instance, now: Moment) -> Registered {
        self.serial += 1;
        instance.checks.iter_mut().for_each(|check| check.begin(now.at));
        let up_since = if instance.effective_status() == Status::Up { now.wall } else { 0 };
        Registered {
            instance,
            serial: self.serial,
            created: 0,
            modified: 0,
            registered_at: now.wall,
            renewed_at: now.wall,
            changed_at: now.wall,
            up_since,
            is_confirmed: true,
        }
    }

    /// What becomes of an instance when its time is over.
    fn missed(&mut self, registered: &Arc<Registered>, now: Moment) -> Option<Expired> {
        let key = &registered.instance.key;
        let mut changed = Registered::clone(registered);
        for check in &mut changed.instance.checks {
            if check.critical_since.is_none() && check.ends.is_some_and(|ends| ends <= now.at) {
                check.output = "TTL expired".into();
                check.set(CheckStatus::Critical, now.at);
            }
        }
        let is_over = |check: &Check| check.critical_since.is_some() && check.deadline().is_some_and(|at| at <= now.at);
        let is_kept = !changed.instance.checks.iter().any(is_over);
        if is_kept {
            self.put(changed, now);
        } else {
            self.take(key, now);
        }
        Some(Expired { key: key.clone(), dialect: registered.instance.dialect, is_kept })
    }

    /// A change of one instance, seen by everybody.
    fn put(&mut self, mut registered: Registered, now: Moment) -> Arc<Registered> {
        self.index += 1;
        registered.modified = self.index;
        registered.changed_at = now.wall;
        if registered.created == 0 {
            registered.created = self.index;
        }
        let status = registered.instance.effective_status();
        if status == Status::Up && registered.up_since == 0 {
            registered.up_since = now.wall;
        }
        let key = registered.instance.key.clone();
        let before = self.forget(&key);
        for check in &registered.instance.checks {
            if check.is_lease() {
                self.by_check.entry(check.id.clone()).or_insert_with(|| key.clone());
            } else {
                self.by_check.insert(check.id.clone(), key.clone());
            }
        }
        self.by_id.entry(key.id.clone()).or_default().push(key.service.clone());
        self.counts[status as usize] += 1;
        if let Some(deadline) = registered.deadline() {
            self.deadlines.set(registered.serial, &key, deadline);
        }
        let registered = Arc::new(registered);
        let service = self.services.entry(key.service.clone()).or_default();
        service.index = self.index;
        service.instances.insert(key.id.clone(), registered.clone());
        let action = if before.is_some() { Action::Modified } else { Action::Added };
        self.changes.add(action, registered.clone(), now);
        self.touch(key);
        registered
    }

    fn take(&mut self, key: &Key, now: Moment) -> Option<Arc<Registered>> {
        let registered = self.forget(key)?;
        self.index += 1;
        if let Some(service) = self.services.get_mut(&key.service) {
            service.index = self.index;
            service.instances.remove(&key.id);
            if service.instances.is_empty() {
                self.services.remove(&key.service);
                self.gone = self.index;
            }
        }
        self.changes.add(Action::Deleted, registered.clone(), now);
        self.touch(key.clone());
        Some(registered)
    }

    /// Takes an instance out of everything that leads to it.
    fn forget(&mut self, key: &Key) -> Option<Arc<Registered>> {
        let registered = self.get(key)?.clone();
        self.counts[registered.instance.effective_status() as usize] -= 1;
        self.deadlines.forget(registered.serial);
        for check in &registered.instance.checks {
            if self.by_check.get(&check.id) == Some(key) {
                self.by_check.remove(&check.id);
            }
        }
        if let Some(services) = self.by_id.get_mut(&key.id) {
            services.retain(|service| *service != key.service);
            if services.is_empty() {
                self.by_id.remove(&key.id);
            }
        }
        Some(registered)
    }

    fn touch(&mut self, key: Key) {
        self.revision += 1;
        self.news.insert(key.service.clone());
        self.touched.insert(key);
    }
}

/// Of a check, in bytes. What is longer is cut.
const MOST_OUTPUT: usize = 4 * 1024;

// === impl Registered ===

impl Registered {
    /// When something happens by itself.
    fn deadline(&self) -> Option<Instant> {
        self.instance.checks.iter().filter_map(Check::deadline).min()
    }

    pub(crate) fn status(&self) -> Status {
        self.instance.effective_status()
    }
}
