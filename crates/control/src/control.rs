//! The gateway as the control plane holds it.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Instant, SystemTime},
};

use message::Token;
use model::{Further, Kept, Model, Node, Problem, Registries, Report};
use proxy::{Gateway, Sockets, Start, Tapped};
use snapshot::{
    Address, EndpointHealthTold, EndpointOrder, EndpointOrderError, Kinds, LiveEndpointTold, ServiceOrder,
    ServiceOrderError, ServiceTold, Snapshot,
};
use telemetry::{
    AccessLogs, Expose, Format, GatewayMetrics, History, TraceMetrics,
    flight::{Filter, Flight, FlightRules},
};

use crate::{
    Files, MakeRegistries,
    discovery::{self, Discovery},
    further, health,
    source::{self, Loaded},
    traces::{Teller, Telling},
};

/// A running gateway and the document that it follows.
pub struct Control {
    path: PathBuf,
    kinds: Box<dyn Kinds>,
    gateway: Gateway,
    metrics: Arc<GatewayMetrics>,
    snapshot: RwLock<Arc<Snapshot>>,
    state: Mutex<State>,
    token: Option<Token>,
    exposed: Vec<Arc<dyn Expose + Send + Sync>>,
    health: Arc<health::Health>,
    discovery: Discovery,
    teller: Teller,
    history: Mutex<History>,
    draining: AtomicBool,
    is_recording: AtomicBool,
}

/// What a gateway starts with.
pub struct Options {
    /// The document.
    pub path: PathBuf,
    pub kinds: Box<dyn Kinds>,
    /// What a catalog said the last time, if anything: see [`Control::set_further`].
    pub further: Vec<Further>,
    /// Of the program, for `sluice_build_info`.
    pub version: &'static str,
    /// Makes the clients of registries, anew whenever the document says something else about how these are reached.
    pub registries: MakeRegistries,
    /// The folder for what must outlive a restart; made when there is something to keep. `None`: nothing does.
    pub state: Option<PathBuf>,
    /// See [`Start::worker_begins`].
    pub worker_begins: fn(),
    /// See [`Start::housekeeping`].
    pub housekeeping: fn(),
    /// Fetches the admin token, or makes one. Called if the document has an admin address.
    pub token: Box<dyn FnOnce() -> io::Result<Token>>,
    /// What else has metrics to show.
    pub exposed: Vec<Arc<dyn Expose + Send + Sync>>,
}

/// What changes with a reload, beside the snapshot.
struct State {
    /// By binding: where it really listens.
    bound: BTreeMap<Arc<str>, Address>,
    admin: Option<Address>,
    /// As at the start.
    registry: Option<model::Registry>,
    logs: AccessLogs,
    telling: Telling,
    files: Files,
    /// Of the document that is live.
    kept: Arc<Kept>,
    /// As the next document is to have them.
    further: Arc<[Further]>,
    /// As the document that is live has them.
    registries: Arc<Registries>,
}

/// What a start or reload came to.
#[derive(Debug)]
pub struct Applied {
    pub generation: u64,
    pub routes: usize,
    /// Warnings; nothing that stands in the way.
    pub report: Report,
}

/// Why nothing was started or changed.
#[derive(Debug)]
pub enum Refusal {
    Document(Report),
    Io(io::Error),
}

/// A document that is good, for whoever asks it without serving it.
pub struct Compiled {
    /// As it is written.
    pub root: Node,
    pub model: Model,
    pub snapshot: Arc<Snapshot>,
}

/// Reports all that is wrong with the document at `path`, files that it names included. Listens nowhere.
pub fn check(path: &Path, kinds: &dyn Kinds) -> Report {
    let loaded = source::load(path, &Kept::default(), &[]);
    let mut report = loaded.report.clone();
    compile_or_say_why(&loaded, kinds, 1, None, &mut report);
    report
}

/// Compiles the document at `path`, with what it was made of. Listens nowhere.
///
/// # Errors
/// All problems of the document.
pub fn compile_document(path: &Path, kinds: &dyn Kinds) -> Result<Compiled, Refusal> {
    let (loaded, root) = source::load_with_tree(path, &[]);
    let (model, snapshot, report) = compile(&loaded, kinds, 1, None)?;
    match root {
        Some(root) => Ok(Compiled { root, model: model.clone(), snapshot }),
        // What cannot be read has no model.
        None => Err(Refusal::Document(report)),
    }
}

// === impl Control ===

impl Control {
    /// Reads the document, binds its addresses, starts the workers. On failure nothing is left behind.
    ///
    /// # Errors
    /// All problems of the document, or what the operating system refuses.
    pub fn start(options: Options) -> Result<(Self, Applied), Refusal> {
        let Options { path, kinds, further, version, registries, state, worker_begins, housekeeping, token, exposed } =
            options;
        let further: Arc<[Further]> = further.into();
        let mut loaded = load_what_compiles(&path, &further, &*kinds);
        let workers = loaded.model.as_ref().map_or(1, |model| workers(&model.gateway));
        let health = Arc::new(health::Health::default());
        let discovery = Discovery::new(registries, state.as_deref(), health.clone(), workers);
        loaded.model.iter_mut().for_each(|model| discovery.fill(model, None));
        let (model, snapshot, report) = compile(&loaded, &*kinds, workers, None)?;
        let sockets = bind(model, &snapshot, &BTreeMap::new(), workers, &report)?;
        let logs = open_logs(model, workers, &AccessLogs::default())?;
        let instance = String::from_utf8_lossy(message::new_request_id().as_bytes()).into_owned();
        let teller = Teller { version, instance, metrics: TraceMetrics::default() };
        let telling = Telling::default().changed(model, &teller, workers)?.unwrap_or_default();
        let token = model.gateway.admin.as_ref().map(|_| token()).transpose().map_err(Refusal::Io)?;
        let metrics = Arc::new(GatewayMetrics::new(workers, version, SystemTime::now()));
        let start = Start {
            snapshot: snapshot.clone(),
            workers,
            metrics: metrics.clone(),
            logs: &logs,
            flight: flight_rules(model).map(Arc::new),
            traces: telling.traces.as_ref(),
            token: token.clone(),
            worker_begins,
            housekeeping,
        };
        health.prepare(&snapshot).map_err(Refusal::Io)?;
        discovery.prepare(&snapshot).map_err(Refusal::Io)?;
        let gateway = Gateway::start(start).map_err(Refusal::Io)?;
        // First thing, since requests wait for the first probes.
        health.follow(&snapshot);
        discovery.follow(&snapshot, &model.gateway);
        let mut bound = BTreeMap::new();
        for (binding, sockets) in sockets {
            bound.insert(binding.clone(), sockets.address().clone());
            gateway.listen(&binding, sockets);
        }
        snapshot.start_policies();
        metrics.config_loaded(snapshot.generation, SystemTime::now());
        let applied = Applied { generation: snapshot.generation, routes: snapshot.routes.len(), report };
        let is_recording = model.gateway.flight_recorder.is_some();
        let admin = model.gateway.admin.clone();
        let registries = Arc::new(model.gateway.registries.clone());
        let registry = registries.registry.clone();
        let kept = Arc::new(loaded.kept);
        let files = loaded.files;
        let state = State { bound, admin, registry, logs, telling, files, kept, further, registries };
        let control = Self {
            path,
            kinds,
            gateway,
            metrics,
            snapshot: RwLock::new(snapshot),
            state: Mutex::new(state),
            token,
            exposed,
            health,
            discovery,
            teller,
            history: Mutex::default(),
            draining: AtomicBool::new(false),
            is_recording: AtomicBool::new(is_recording),
        };
        Ok((control, applied))
    }

    /// Reads the document again and makes it the world of every new exchange: whole, or not at all.
    ///
    /// # Errors
    /// As [`Control::start`]; the old world goes on.
    pub fn reload(&self) -> Result<Applied, Refusal> {
        let (kept, mut further) = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.kept.clone(), state.further.clone())
        };
        let (loaded, applied) = loop {
            let mut loaded = source::load(&self.path, &kept, &further);
            loaded.model.iter_mut().for_each(|model| self.discovery.fill(model, Some(&self.snapshot())));
            match self.apply(&loaded) {
                Err(Refusal::Document(report)) if !further.is_empty() => further = further::innocent(&further, &report),
                applied => break (loaded, applied),
            }
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Also of a document that was refused, so that mending any of its files is noticed.
        state.files.extend(loaded.files);
        match &applied {
            Ok(_) => state.kept = Arc::new(loaded.kept),
            Err(_) => self.metrics.config_refused(),
        }
        applied
    }

    /// The documents that are to have a say beside the files from the next reload on, where the files ask for a catalog.
    pub fn set_further(&self, further: Vec<Further>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).further = further.into();
    }

    /// How the document that is live has registries reached.
    pub fn registries(&self) -> Arc<Registries> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).registries.clone()
    }

    fn apply(&self, loaded: &Loaded) -> Result<Applied, Refusal> {
        let previous = self.snapshot();
        let workers = self.gateway.workers();
        let (model, snapshot, report) = compile(loaded, &*self.kinds, workers, Some(&previous))?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = bind(model, &snapshot, &state.bound, workers, &report)?;
        let logs = open_logs(model, workers, &state.logs)?;
        let telling = state.telling.changed(model, &self.teller, workers)?;
        warn_of_what_stays(model, workers, &state);
        self.health.prepare(&snapshot).map_err(Refusal::Io)?;
        self.discovery.prepare(&snapshot).map_err(Refusal::Io)?;

        // From here on, nothing can fail.
        self.health.follow(&snapshot);
        self.discovery.follow(&snapshot, &model.gateway);
        self.gateway.publish(snapshot.clone());
        self.health.drain(&previous, &snapshot);
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        for (binding, sockets) in sockets {
            state.bound.insert(binding.clone(), sockets.address().clone());
            self.gateway.listen(&binding, sockets);
        }
        state.bound.retain(|binding, _| {
            let stays = snapshot.listener_of(binding).is_some();
            if !stays {
                self.gateway.close(binding);
            }
            stays
        });
        if logs != state.logs {
            self.gateway.log_to(&logs);
        }
        let old_telling = telling.map(|telling| {
            self.gateway.trace_to(telling.traces.as_ref());
            std::mem::replace(&mut state.telling, telling)
        });
        let flight = flight_rules(model).map(Arc::new);
        self.is_recording.store(flight.is_some(), Ordering::Relaxed);
        self.gateway.record_by(flight.as_ref());
        state.files = Files::default();
        if *state.registries != model.gateway.registries {
            state.registries = Arc::new(model.gateway.registries.clone());
        }
        let old_logs = std::mem::replace(&mut state.logs, logs);
        drop(state);
        // Waits for the last lines of logs that are no more; nobody else should have to.
        drop(old_logs);
        snapshot.start_policies();
        self.metrics.config_loaded(snapshot.generation, SystemTime::now());
        // Waits for a collector that is not told any more; nobody else should have to.
        drop(old_telling);
        Ok(Applied { generation: snapshot.generation, routes: snapshot.routes.len(), report })
    }

    /// The listeners by name, and where they really listen.
    pub fn listeners(&self) -> Vec<(Arc<str>, Address)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot();
        let bound =
            |listener: &snapshot::Listener| Some((listener.name.clone(), state.bound.get(&listener.binding)?.clone()));
        snapshot.listeners.iter().filter_map(bound).collect()
    }

    /// The admin address that the document named at the start, and what shows that somebody is an operator.
    pub fn admin(&self) -> Option<(Address, Token)> {
        let admin = self.state.lock().unwrap_or_else(PoisonError::into_inner).admin.clone();
        admin.zip(self.token.clone())
    }

    /// Every file that has a say.
    pub fn files(&self) -> Files {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).files.clone()
    }

    /// What documents may name.
    pub fn kinds(&self) -> &dyn Kinds {
        &*self.kinds
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All metrics, as text.
    pub fn render_metrics(&self, format: Format) -> String {
        let snapshot = self.snapshot();
        let routes = snapshot.routes.iter().map(|route| (&*route.name, &*route.metrics));
        let sides = snapshot.routes.iter().flat_map(|route| route.side_metrics());
        let upstreams = snapshot.upstreams.iter().zip(&snapshot.upstream_metrics);
        let upstreams = upstreams.map(|(upstream, metrics)| (&*upstream.name, &**metrics));
        let mirrors = snapshot.mirrors().map(|(names, mirror)| (names, &*mirror.metrics));
        let breakers = snapshot.breakers();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let health = health::Shown(&snapshot);
        let services = discovery::Shown(&self.discovery);
        let traces = state.telling.traces.as_ref().map(|_| &self.teller.metrics as &dyn Expose);
        let exposed = self.exposed.iter().map(|exposed| &**exposed as &dyn Expose);
        let own = [&health as &dyn Expose, &breakers, &services];
        let others: Vec<_> = own.into_iter().chain(exposed).chain([&state.logs as &dyn Expose]).chain(traces).collect();
        telemetry::render(format, &self.metrics, routes, sides, upstreams, mirrors, &others)
    }

    /// Keeps what the counters say for those who ask for the last hour. To be called once a second.
    pub fn remember(&self, now: SystemTime) {
        let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let snapshot = self.snapshot();
        let routes = snapshot.routes.iter().map(|route| (&*route.name, &*route.metrics));
        let upstreams = snapshot.upstreams.iter().zip(&snapshot.upstream_metrics);
        let upstreams = upstreams.map(|(upstream, metrics)| (&*upstream.name, &**metrics));
        self.history().look(second, &self.metrics, routes, upstreams);
    }

    /// The last hour. Not to be held for long: it is written to once a second.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the endpoints are whose health is looked after.
    pub fn health(&self) -> Vec<EndpointHealthTold> {
        self.health.told(&self.snapshot())
    }

    /// The newest records that pass, up to `limit`, the newest first; none if nothing is recorded.
    pub fn requests(&self, filter: &Filter, limit: usize) -> impl Future<Output = Vec<Flight>> + Send + use<> {
        let found = self.gateway.search(filter, limit);
        async move {
            let mut found = found.await;
            found.sort_by_key(|slot| std::cmp::Reverse(slot.ended()));
            found.iter().take(limit).map(Flight::of).collect()
        }
    }

    /// Has records that pass handed over as they are made, up to so many a second.
    pub fn tap(&self, filter: Filter, per_second: u32) -> Tapped {
        self.gateway.tap(filter, per_second)
    }

    /// Whether exchanges are recorded.
    pub fn records(&self) -> bool {
        self.is_recording.load(Ordering::Relaxed)
    }

    /// The services that endpoints are found by.
    pub fn services(&self) -> Vec<ServiceTold> {
        self.discovery.told()
    }

    /// Follows an order about a service, and tells how that is then.
    ///
    /// # Errors
    /// It makes no sense, or cannot be kept.
    pub fn order_service(&self, order: &ServiceOrder) -> Result<ServiceTold, ServiceOrderError> {
        self.discovery.order(order)
    }

    /// The endpoints of an upstream; `None`: there is no such upstream.
    pub fn endpoints(&self, upstream: &str) -> Option<Vec<LiveEndpointTold>> {
        let snapshot = self.snapshot();
        let upstream = snapshot.upstreams.iter().find(|known| *known.name == *upstream)?;
        Some(self.discovery.endpoints(upstream))
    }

    /// Gives an order about an endpoint, and tells how it is then.
    ///
    /// # Errors
    /// It makes no sense, or cannot be kept.
    pub fn order_endpoint(
        &self,
        upstream: &str,
        address: &str,
        order: &EndpointOrder,
    ) -> Result<LiveEndpointTold, EndpointOrderError> {
        let snapshot = self.snapshot();
        let found = snapshot.upstreams.iter().find(|known| *known.name == *upstream);
        let found = found.ok_or_else(|| EndpointOrderError::NoUpstream {
            name: upstream.to_owned(),
            nearest: model::nearest(upstream, snapshot.upstreams.iter().map(|known| &*known.name)).map(Into::into),
        })?;
        self.discovery.order_endpoint(found, address, order)
    }

    /// Which services nothing is known of yet, for as long as a start should wait for them.
    pub fn awaited_services(&self) -> Option<String> {
        self.discovery.awaited(Instant::now())
    }

    /// Opens the files of access logs anew, after somebody moved them away.
    pub fn reopen_logs(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).logs.reopen();
    }

    /// From now on, no new traffic should be sent here.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Stops accepting, lets exchanges finish within the document's grace time, and ends the workers. Blocks until then.
    pub fn drain(&self) {
        self.begin_drain();
        let grace = self.snapshot().settings.grace;
        self.gateway.drain(Instant::now() + grace);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let telling = std::mem::take(&mut state.telling);
        drop(state);
        // Waits until the collector was told of the last ones.
        drop(telling);
    }
}

/// The document at `path`, with those of the `further` documents that do not stand in its way.
fn load_what_compiles(path: &Path, further: &Arc<[Further]>, kinds: &dyn Kinds) -> Loaded {
    let mut further = further.clone();
    loop {
        let loaded = source::load(path, &Kept::default(), &further);
        if further.is_empty() {
            return loaded;
        }
        match compile(&loaded, kinds, 1, None) {
            Err(Refusal::Document(report)) => further = further::innocent(&further, &report),
            _ => return loaded,
        }
    }
}

/// The snapshot of what was loaded, or all that stands in its way.
fn compile<'l>(
    loaded: &'l Loaded,
    kinds: &dyn Kinds,
    workers: usize,
    previous: Option<&Snapshot>,
) -> Result<(&'l Model, Arc<Snapshot>, Report), Refusal> {
    let mut report = loaded.report.clone();
    let snapshot = compile_or_say_why(loaded, kinds, workers, previous, &mut report);
    match (&loaded.model, snapshot) {
        (Some(model), Some(snapshot)) if !report.has_errors() => Ok((model, Arc::new(snapshot), report)),
        _ => Err(Refusal::Document(report)),
    }
}

/// `None` if anything stands in the way; `report` then says what, all of it and in order.
fn compile_or_say_why(
    loaded: &Loaded,
    kinds: &dyn Kinds,
    workers: usize,
    previous: Option<&Snapshot>,
    report: &mut Report,
) -> Option<Snapshot> {
    let snapshot = match &loaded.model {
        Some(model) => snapshot::compile(model, kinds, workers, previous, report),
        None => {
            let gateway = model::Gateway { policies: loaded.policies.clone(), ..model::Gateway::default() };
            let rest = Model { gateway, ..Model::default() };
            snapshot::check_policies(&rest, kinds.policies(), report);
            snapshot::check_balancers(&loaded.balancers, kinds.balancers(), report);
            None
        }
    };
    report.sort();
    snapshot
}

/// Sockets for what is not bound yet. All or none: what was bound is let go if anything fails.
fn bind(
    model: &Model,
    snapshot: &Snapshot,
    bound: &BTreeMap<Arc<str>, Address>,
    workers: usize,
    report: &Report,
) -> Result<Vec<(Arc<str>, Sockets)>, Refusal> {
    let mut report = report.clone();
    let mut sockets = Vec::new();
    for (listener, written) in snapshot.listeners.iter().zip(&model.listeners) {
        if bound.contains_key(&listener.binding) {
            continue;
        }
        match Sockets::bind(&listener.address, workers, bound.values()) {
            Ok(bound) => sockets.push((listener.binding.clone(), bound)),
            Err(error) => report.error(&written.place, format!("listener `{}`: {error}", listener.name)),
        }
    }
    if report.has_errors() { Err(Refusal::Document(report)) } else { Ok(sockets) }
}

/// What only a restart changes.
fn warn_of_what_stays(model: &Model, running: usize, state: &State) {
    if workers(&model.gateway) != running {
        tracing::warn!(running, "`gateway.workers` changes with the next start");
    }
    if model.gateway.admin != state.admin {
        tracing::warn!("`gateway.admin` changes with the next start");
    }
    if model.gateway.registries.registry != state.registry {
        tracing::warn!("`gateway.registry` changes with the next start");
    }
}

fn workers(gateway: &model::Gateway) -> usize {
    match gateway.workers {
        Some(workers) => workers.get(),
        None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

fn flight_rules(model: &Model) -> Option<FlightRules> {
    let recorder = model.gateway.flight_recorder.as_ref()?;
    Some(FlightRules {
        records: recorder.records as usize,
        keep: recorder.keep as usize,
        headers: recorder.headers.clone(),
    })
}

fn open_logs(model: &Model, workers: usize, previous: &AccessLogs) -> Result<AccessLogs, Refusal> {
    AccessLogs::open(&model.gateway.access_logs, workers, previous).map_err(Refusal::Io)
}

// === impl Refusal ===

impl Refusal {
    /// The problems, if it is the document that was refused.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Document(report) => &report.problems,
            Self::Io(_) => &[],
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(report) => {
                for (index, problem) in report.problems.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}{problem}")?;
                }
                Ok(())
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}
