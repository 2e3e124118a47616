//! The first world.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, RwLock, atomic::AtomicBool},
    time::SystemTime,
};

use message::Token;
use model::Further;
use proxy::{Gateway, Start};
use revisions::Revision;
use snapshot::Kinds;
use telemetry::{AccessLogs, Expose, GatewayMetrics, TraceMetrics};
use tokio::sync::Notify;

use super::{
    Applied, Refusal,
    compile::{compile, load_what_compiles},
    prepare::{bind, open_logs},
    publish::flight_rules,
};
use crate::{
    Control, Main, MakeRegistries,
    control::State,
    discovery::Discovery,
    health::Health,
    overlay::{OpenHome, Overlay},
    source::Loaded,
    traces::{Teller, Telling},
};

/// What a gateway starts with.
pub struct Options {
    /// Where the operator's own document stands.
    pub main: Main,
    pub kinds: Box<dyn Kinds>,
    /// What a catalog said the last time, if anything: see [`Control::set_further`].
    pub further: Vec<Further>,
    /// Of the program, for `sluice_build_info`.
    pub version: &'static str,
    /// Makes the clients of registries, anew whenever the document says something else about how these are reached.
    pub registries: MakeRegistries,
    /// The folder for what must outlive a restart; made when there is something to keep. `None`: nothing does.
    pub state: Option<PathBuf>,
    /// Opens the home of revisions that is not the state directory, if the document names one.
    pub home: OpenHome,
    /// See [`Start::worker_begins`].
    pub worker_begins: fn(),
    /// See [`Start::housekeeping`].
    pub housekeeping: fn(),
    /// Fetches the admin token, or makes one. Called if the document has an admin address.
    pub token: Box<dyn FnOnce() -> io::Result<Token>>,
    /// What else has metrics to show.
    pub exposed: Vec<Arc<dyn Expose + Send + Sync>>,
}

// === impl Control ===

impl Control {
    /// Reads the document, binds its addresses, starts the workers. On failure nothing is left behind.
    ///
    /// # Errors
    /// All problems of the document, or what the operating system refuses.
    pub fn start(options: Options) -> Result<(Self, Applied), Refusal> {
        let Options {
            main,
            kinds,
            further,
            version,
            registries,
            state,
            home,
            worker_begins,
            housekeeping,
            token,
            exposed,
        } = options;
        let further: Arc<[Further]> = further.into();
        let overlay = Overlay::new(&main, state.as_deref(), home).map_err(Refusal::Io)?;
        let (revision, mut loaded) = load_first(&overlay, &main, &further, &*kinds)?;
        let workers = loaded.model.as_ref().map_or(1, |model| workers(&model.gateway));
        let health = Arc::new(Health::default());
        let discovery = Discovery::new(registries, state.as_deref(), health.clone(), workers);
        loaded.model.iter_mut().for_each(|model| discovery.fill(model, None));
        let (snapshot, report) = compile(&loaded, &*kinds, workers, None)?;
        let Loaded { model: Some(model), files, kept, texts, .. } = loaded else {
            return Err(Refusal::Document(report));
        };
        let sockets = bind(&model, &snapshot, &BTreeMap::new(), workers, &report)?;
        let logs = open_logs(&model, workers, &AccessLogs::default())?;
        let instance = String::from_utf8_lossy(message::new_request_id().as_bytes()).into_owned();
        let teller = Teller { version, instance, metrics: TraceMetrics::default() };
        let telling = Telling::default().changed(&model, &teller, workers)?.unwrap_or_default();
        let token = model.gateway.admin.as_ref().map(|_| token()).transpose().map_err(Refusal::Io)?;
        let metrics = Arc::new(GatewayMetrics::new(workers, version, SystemTime::now()));
        let start = Start {
            snapshot: snapshot.clone(),
            workers,
            metrics: metrics.clone(),
            logs: &logs,
            flight: flight_rules(&model).map(Arc::new),
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
        let state = State {
            bound,
            admin,
            registry,
            logs,
            telling,
            files,
            kept: Arc::new(kept),
            texts: texts.into(),
            model: Arc::new(model),
            revision,
            others: None,
            further,
            registries,
        };
        if let Some(revision) = &state.revision {
            overlay.in_force(revision);
        }
        let control = Self {
            main,
            overlay,
            applied: Notify::new(),
            kinds,
            gateway,
            metrics,
            snapshot: RwLock::new(snapshot),
            turn: Mutex::default(),
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
}

/// The document with the newest revision; if that one is no good, with the one that was in force before, if there is one.
fn load_first(
    overlay: &Overlay,
    main: &Main,
    further: &Arc<[Further]>,
    kinds: &dyn Kinds,
) -> Result<(Option<Arc<Revision>>, Loaded), Refusal> {
    let latest = overlay.latest().map_err(|why| Refusal::Io(io::Error::other(why)))?;
    let load = |revision: Option<&Arc<Revision>>| {
        let text = overlay.text(revision.map(|revision| &*revision.document));
        load_what_compiles(main, text.as_ref(), further, kinds)
    };
    let loaded = load(latest.as_ref());
    let Some(before) = overlay.last_in_force().filter(|before| Some(before) != latest.as_ref()) else {
        return Ok((latest, loaded));
    };
    let Err(refusal) = compile(&loaded, kinds, 1, None) else { return Ok((latest, loaded)) };
    let number = latest.map_or(0, |latest| latest.meta.number);
    tracing::error!("{refusal}");
    tracing::error!(number, serves = before.meta.number, "the newest revision is refused; the one of before serves");
    let loaded = load(Some(&before));
    Ok((Some(before), loaded))
}

pub(super) fn workers(gateway: &model::Gateway) -> usize {
    match gateway.workers {
        Some(workers) => workers.get(),
        None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}
