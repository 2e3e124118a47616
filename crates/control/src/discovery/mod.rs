//! Follows the services that upstreams find their endpoints by, and decides what to believe.
//!
//! One watch and one keeper per service, however many upstreams want it, on a thread of their own: what a registry tells is
//! worked through there, and workers see nothing of it but endpoint sets.

/// Which instances of an answer count.
mod judge;
/// What is believed of a service.
mod keeper;
/// What a scrape shows of it.
mod metrics;
/// What operators order.
mod orders;
/// Across restarts.
mod store;
/// What operators are told.
mod told;
/// The thread with the watches.
mod watching;
/// Endpoints that documents write.
mod written;

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use model::{Model, Service};
use snapshot::Snapshot;
use tokio::sync::{Notify, mpsc::UnboundedSender};
use upstream::{
    Endpoint, Upstream,
    discovery::{Answer, Failure, Hear, Registries},
};

pub(crate) use self::metrics::Shown;
use self::{
    judge::Rules,
    keeper::{Keeper, Moment, News, Overrides},
    store::{AllOverrides, Store},
    watching::Wanted,
    written::AsWritten,
};
use crate::health::Health;

/// Makes the clients of registries that a document says how to reach.
pub type MakeRegistries = Box<dyn Fn(&model::Registries) -> Arc<dyn Registries> + Send + Sync>;

/// The services that are followed, and the thread that does it, once there is something to do; it ends with this.
pub(crate) struct Discovery {
    shared: Arc<Shared>,
    make: MakeRegistries,
    watching: Mutex<Watching>,
    started: Instant,
    /// Something was known of all services, once: whoever was ready stays so.
    was_ready: AtomicBool,
}

/// What hears of services, whichever thread tells it.
struct Shared {
    services: Mutex<Services>,
    /// A service wants to be looked at sooner than it was thought.
    wake: Notify,
    /// `None`: nothing outlives this process.
    store: Option<Store>,
    health: Arc<Health>,
    workers: usize,
}

#[derive(Default)]
struct Services {
    by: HashMap<Arc<Service>, Followed>,
    /// Of all services, those that nobody follows at the moment included.
    overrides: AllOverrides,
    written: AsWritten,
    rules: Option<Arc<Rules>>,
}

/// A service that is followed.
struct Followed {
    keeper: Keeper,
    /// Who gets its endpoints.
    upstreams: Vec<Arc<Upstream>>,
    /// What the disk has.
    saved: Option<Answer>,
    saved_at: Option<Instant>,
}

#[derive(Default)]
struct Watching {
    wanted: Option<UnboundedSender<Wanted>>,
    /// What the clients were made of.
    settings: Option<(model::Registries, u64)>,
    registries: Option<Arc<dyn Registries>>,
}

/// The ear of a watch.
struct Ear {
    service: Arc<Service>,
    shared: Arc<Shared>,
}

/// Between two writes of a file: what flaps must not wear the disk.
const BETWEEN_SAVES: Duration = Duration::from_secs(5);

/// How long a gateway that starts waits for first answers before it says that it is ready: for longer, and it would never
/// come back while a registry is away.
const PATIENCE: Duration = Duration::from_secs(10);

// === impl Discovery ===

impl Discovery {
    /// Reads what operators ordered earlier; follows nothing yet.
    pub(crate) fn new(make: MakeRegistries, state: Option<&Path>, health: Arc<Health>, workers: usize) -> Self {
        let store = state.map(Store::new);
        let overrides = store.as_ref().map(Store::load_overrides).unwrap_or_default();
        let services = Mutex::new(Services { overrides, ..Services::default() });
        let shared = Shared { services, wake: Notify::new(), store, health, workers };
        let was_ready = AtomicBool::new(false);
        Self { shared: Arc::new(shared), make, watching: Mutex::default(), started: Instant::now(), was_ready }
    }

    /// Gives upstreams of a document that is not live yet the endpoints that are known: of this process, or of an earlier one.
    /// Where nothing is known of a service, an upstream that had endpoints before keeps them for so long. What operators ordered
    /// about endpoints holds also for those that the document writes.
    pub(crate) fn fill(&self, model: &mut Model, previous: Option<&Snapshot>) {
        let mut services = self.shared.services();
        services.order_model(model);
        let rules = Arc::new(Rules::of(&model.gateway));
        for upstream in &mut model.upstreams {
            let Some(discovery) = &upstream.discovery else { continue };
            let followed = services.followed(&discovery.service, &rules, self.shared.store.as_ref());
            upstream.endpoints = match followed.keeper.live() {
                Some(live) => live.to_vec(),
                None => kept(previous, &upstream.name, &discovery.place),
            };
            upstream.endpoints.iter_mut().for_each(|endpoint| endpoint.place = discovery.place.clone());
        }
    }

    /// Gets ready to follow the services of this snapshot, which is not live yet.
    ///
    /// # Errors
    /// The operating system gives no thread or no event queue.
    pub(crate) fn prepare(&self, snapshot: &Snapshot) -> io::Result<()> {
        let mut watching = self.watching();
        if watching.wanted.is_none() && snapshot.upstreams.iter().any(|upstream| upstream.discovery.is_some()) {
            watching.wanted = Some(watching::start(self.shared.clone())?);
        }
        Ok(())
    }

    /// Follows the services of this snapshot, and no others.
    pub(crate) fn follow(&self, snapshot: &Snapshot, gateway: &model::Gateway) {
        self.shared.follow_written(snapshot);
        let mut watching = self.watching();
        let Some(wanted) = watching.wanted.clone() else { return };
        let services = self.shared.follow(snapshot, &Arc::new(Rules::of(gateway)));
        let registries = watching.registries(&gateway.registries, &self.make);
        // The thread ends with the sender only.
        _ = wanted.send(Wanted { registries, services });
    }

    /// Of how many services nothing is known yet, for as long as somebody who starts should wait for them; some of them.
    pub(crate) fn awaited(&self, now: Instant) -> Option<String> {
        if self.was_ready.load(Ordering::Relaxed) || now > self.started + PATIENCE {
            return None;
        }
        let services = self.shared.services();
        let mut unknown: Vec<_> = services
            .by
            .iter()
            .filter(|(_, followed)| followed.keeper.believed().is_none())
            .map(|(service, _)| format!("{} {service}", service.registry()))
            .collect();
        self.was_ready.store(unknown.is_empty(), Ordering::Relaxed);
        unknown.sort_unstable();
        let rest = unknown.len().checked_sub(3).filter(|rest| *rest > 0);
        unknown.truncate(3);
        let list = unknown.join(", ") + &rest.map(|rest| format!(" and {rest} more")).unwrap_or_default();
        (!list.is_empty()).then(|| format!("no answer yet for {list}"))
    }

    /// Keeps all that is believed for the next start, however short ago something was kept, and waits until the disk has it: for
    /// an orderly end.
    pub(crate) fn keep(&self) {
        let Some(store) = &self.shared.store else { return };
        let now = Moment::now();
        let mut services = self.shared.services();
        services.by.iter_mut().for_each(|(service, followed)| followed.save(service, store, now));
        drop(services);
        store.finish();
    }

    fn watching(&self) -> MutexGuard<'_, Watching> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The endpoints that an upstream has at the moment.
fn kept(previous: Option<&Snapshot>, name: &str, place: &model::Place) -> Vec<model::Endpoint> {
    let previous = previous.and_then(|previous| previous.upstreams.iter().find(|upstream| *upstream.name == *name));
    let set = previous.map(|previous| previous.set());
    let endpoints = set.iter().flat_map(|set| &set.endpoints).map(|endpoint| model::Endpoint {
        place: place.clone(),
        address: endpoint.address.clone(),
        weight: endpoint.weight,
        tier: endpoint.tier,
        labels: endpoint.labels.clone(),
    });
    endpoints.collect()
}

// === impl Shared ===

impl Shared {
    fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the upstreams of this snapshot, and no others, get endpoints. Returns the services.
    fn follow(&self, snapshot: &Snapshot, rules: &Arc<Rules>) -> Vec<Arc<Service>> {
        let mut services = self.services();
        let mut wanted: HashMap<&Arc<Service>, Vec<Arc<Upstream>>> = HashMap::new();
        for upstream in &snapshot.upstreams {
            if let Some(service) = &upstream.discovery {
                wanted.entry(service).or_default().push(upstream.clone());
            }
        }
        services.by.retain(|service, _| {
            let stays = wanted.contains_key(&service);
            if !stays {
                self.store.iter().for_each(|store| store.forget(service));
            }
            stays
        });
        services.rules = Some(rules.clone());
        for (service, upstreams) in wanted {
            let followed = services.followed(service, rules, self.store.as_ref());
            followed.upstreams = upstreams;
            tell(service, &followed.keeper.set_rules(rules));
            // Between the time when it was compiled and now, something may have changed.
            followed.catch_up(self);
            self.settle(service, followed, Moment::now());
        }
        services.by.keys().cloned().collect()
    }

    /// Has an upstream use these endpoints, if it does not yet.
    fn swap<'e>(&self, upstream: &Upstream, endpoints: impl Iterator<Item = &'e model::Endpoint>) {
        let endpoints: Box<[_]> = endpoints.map(Endpoint::new).map(Arc::new).collect();
        let before = upstream.set();
        if before.endpoints != endpoints {
            upstream.replace(endpoints, self.workers);
            self.health.retire(&upstream.name, &before, Some(&upstream.set()));
        }
    }

    /// Does what a keeper wants done now.
    fn settle(&self, service: &Service, followed: &mut Followed, now: Moment) {
        if followed.keeper.due(now.instant).is_some() {
            followed.catch_up(self);
        }
        if let Some(store) = &self.store
            && followed.rested().is_none_or(|rested| now.instant >= rested)
        {
            followed.save(service, store, now);
        }
    }

    /// Looks at all services whose time has come. Returns when to look again.
    fn tick(&self, now: Moment) -> Option<Instant> {
        let mut services = self.services();
        let mut next = None;
        for (service, followed) in &mut services.by {
            if followed.next().is_some_and(|next| next <= now.instant) {
                tell(service, &followed.keeper.tick(now));
                self.settle(service, followed, now);
                scheduling::give_way();
            }
            next = next.into_iter().chain(followed.next()).min();
        }
        next
    }
}

// === impl Services ===

impl Services {
    fn followed(&mut self, service: &Service, rules: &Arc<Rules>, store: Option<&Store>) -> &mut Followed {
        // Not the entry of the map: a service that is there already, as nearly always, should not be copied.
        if !self.by.contains_key(service) {
            let known = store.and_then(|store| store.load(service));
            let saved = known.as_ref().map(|(answer, _)| answer.clone());
            let keeper = Keeper::new(rules.clone(), self.overrides(service), known);
            let followed = Followed { keeper, upstreams: Vec::new(), saved, saved_at: None };
            self.by.insert(Arc::new(service.clone()), followed);
        }
        // It was put there if it was not.
        #[expect(clippy::expect_used, reason = "see above")]
        self.by.get_mut(service).expect("a service that is followed")
    }

    fn overrides(&self, service: &Service) -> Overrides {
        self.overrides.get(&key(service)).cloned().unwrap_or_default()
    }
}

/// What a service is known by to people and files.
fn key(service: &Service) -> (String, String) {
    (service.registry().to_owned(), service.to_string())
}

// === impl Followed ===

impl Followed {
    /// Has the upstreams use what is live.
    fn catch_up(&self, shared: &Shared) {
        let Some(live) = self.keeper.live() else { return };
        self.upstreams.iter().for_each(|upstream| shared.swap(upstream, live.iter()));
    }

    /// Keeps what is believed for the next start, if the disk has something else.
    fn save(&mut self, service: &Service, store: &Store, now: Moment) {
        if let Some(believed) = self.unsaved() {
            store.save(service, believed, now.wall);
            self.saved = Some(believed.clone());
            self.saved_at = Some(now.instant);
        }
    }

    /// What is believed, and is not what the disk has.
    fn unsaved(&self) -> Option<&Answer> {
        let believed = &self.keeper.believed()?.answer;
        // What could not be understood is of no use to anybody later.
        let is_saved = self.saved.as_ref().is_some_and(|saved| saved.instances == believed.instances);
        (!is_saved).then_some(believed)
    }

    /// From when on a file may be written once more; `None`: it never was.
    fn rested(&self) -> Option<Instant> {
        self.saved_at.map(|saved| saved + BETWEEN_SAVES)
    }

    /// When to look at it again, if nothing is heard before.
    fn next(&self) -> Option<Instant> {
        let save = self.rested().filter(|_| self.unsaved().is_some());
        self.keeper.next().into_iter().chain(save).min()
    }
}

// === impl Watching ===

impl Watching {
    /// The clients that the document asks for: those that there are, if it asks for the same, and what its files hold is too.
    fn registries(&mut self, settings: &model::Registries, make: &MakeRegistries) -> Arc<dyn Registries> {
        let settings = (settings.clone(), watching::fingerprint(settings));
        match &self.registries {
            Some(registries) if self.settings.as_ref() == Some(&settings) => registries.clone(),
            _ => {
                let registries = make(&settings.0);
                self.settings = Some(settings);
                self.registries = Some(registries.clone());
                registries
            }
        }
    }
}

// === impl Ear ===

impl Ear {
    fn hear(&self, hear: impl FnOnce(&mut Keeper, Moment) -> Vec<News>) {
        let now = Moment::now();
        let mut services = self.shared.services();
        // It is not there any more if the document changed just now.
        let Some(followed) = services.by.get_mut(&self.service) else { return };
        tell(&self.service, &hear(&mut followed.keeper, now));
        self.shared.settle(&self.service, followed, now);
        if followed.next().is_some() {
            self.shared.wake.notify_one();
        }
    }
}

impl Hear for Ear {
    fn answered(&self, answer: Answer) {
        self.hear(|keeper, now| keeper.answered(answer, now));
    }

    fn failed(&self, failure: Failure) {
        self.hear(|keeper, now| keeper.failed(failure, now));
    }
}

// === impl Moment ===

impl Moment {
    fn now() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }
}

/// Writes news to the log.
fn tell(service: &Service, news: &[News]) {
    let registry = service.registry();
    for news in news {
        match news {
            News::Held { has, had } => tracing::warn!(
                registry, %service, has, had,
                "the answer of a registry is held: it is empty, or leaves less than half"
            ),
            News::Released => tracing::info!(registry, %service, "the registry answers as it should again"),
            News::Believed { has, had } => {
                tracing::warn!(registry, %service, has, had, "the answer of a registry that was held is believed");
            }
            News::LeftOut(left) if left.is_empty() => {
                tracing::info!(registry, %service, "no instance is left out any more");
            }
            News::LeftOut(left) => {
                let first: Vec<_> =
                    left.iter().take(5).map(|(id, what, why)| format!("{id} ({what}: {})", why.name())).collect();
                let (number, first) = (left.len(), first.join(", "));
                tracing::warn!(registry, %service, number, %first, "instances are left out");
            }
            News::Failed(failure) => {
                let kind = failure.kind.name();
                tracing::warn!(registry, %service, kind, %failure, "the registry does not answer; what it said last serves");
            }
            News::Recovered => tracing::info!(registry, %service, "the registry answers again"),
        }
    }
}
