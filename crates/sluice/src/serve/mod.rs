//! A gateway from its start to its last exchange, as the terminal and the operating system see it.
//!
//! ```text
//! start ─▶ admin address ─▶ ready file ─▶ ┌ a file changed, SIGHUP: reload ┐ ─▶ SIGTERM, SIGINT: drain ─▶ exit
//!                                         └──────────────◀─────────────────┘
//! ```

/// The admin address of a running gateway.
mod admin_address;
/// Who changed what, and who tried in vain.
mod audit;
/// Addresses beside the listeners.
mod bind;
/// What the catalog of a registry says.
mod catalog;
/// The thread on which the world is changed.
mod changes;
/// How many files the process may have open.
mod open_files;
/// The gateway's own registry, where the document asks for one.
mod own_registry;
/// This gateway among those that share its document.
mod nodes;
/// Where scripts learn that traffic is served, and where.
mod ready_file;
/// The gateway's own entries in registries.
mod registered;
/// Something that answers at an address until it is closed.
mod served;
/// What the operating system asks for.
mod signals;

use std::{
    cell::OnceCell,
    future::Future,
    path::PathBuf,
    process::ExitCode,
    rc::Rc,
    sync::{Arc, Weak},
    time::{Duration, Instant, SystemTime},
};

use control::{Applied, Control, Files, Main, Options, Refusal, Watch};
use registry::Registry;
use tokio::{
    runtime,
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use crate::{
    admin_token::{Made, State},
    builtins::Known,
    failure::Failure,
    log::Levels,
    memory, registries,
};
use catalog::Catalog;
use changes::Changes;
use nodes::Nodes;
use ready_file::{Addresses, ReadyFile};
use registered::Registered;
use served::Served;
use signals::{Signal, Signals};

/// A running gateway with all that belongs to it.
pub(crate) struct Server {
    control: Arc<Control>,
    changes: Changes,
    admin: Option<Served>,
    registry: Option<Served>,
    ready_file: Option<ReadyFile>,
    /// `None` if the operating system gives none; then only SIGHUP reloads.
    watch: Option<Watch>,
    catalog: Catalog,
    registered: Registered,
    nodes: Nodes,
    /// `None`: nobody else makes revisions.
    revisions: Option<watch::Receiver<u64>>,
    signals: Signals,
}

/// What a shell says of a program that SIGINT ended.
const INTERRUPTED: u8 = 128 + 2;

/// Runs the control plane. Requests are served by threads of their own, so it needs little.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(4)
        .thread_name("control")
        .on_thread_start(scheduling::stand_back)
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("cannot start the control plane: {error}")))?;
    let output = runtime.block_on(future);
    // What is still there was interrupted and is not waited for.
    runtime.shutdown_background();
    output
}

// === impl Server ===

impl Server {
    /// Starts to serve the document. On failure nothing is left behind.
    pub(crate) fn start(
        main: Main,
        ready_file: Option<PathBuf>,
        state: State,
        kinds: Known,
        levels: Levels,
    ) -> Result<Self, Failure> {
        open_files::raise();
        let signals = Signals::new().map_err(|error| Failure::Other(format!("cannot receive signals: {error}")))?;
        // Before the document is read, so that no change is missed.
        let watch = watch(&main);
        let document = PathBuf::from(main.name());
        let is_kept = matches!(main, Main::Kept { .. });
        let ready_file = ready_file.map(ReadyFile::new).transpose()?;
        let catalog = Catalog::new(state.folder());

        let begun = Instant::now();
        let made = Rc::new(OnceCell::<Made>::new());
        let (registry, folder, nodes) = (Registry::new(), state.folder().to_owned(), Nodes::new());
        let counters = Arc::new(audit::Counters::default());
        let (control, applied) = Control::start(Options {
            main,
            kinds: Box::new(kinds),
            further: catalog.known(),
            version: env!("CARGO_PKG_VERSION"),
            registries: registries::make(Some(Arc::new(registry.clone()))),
            state: Some(state.folder().to_owned()),
            home: nodes.opener(),
            worker_begins,
            housekeeping: memory::give_back,
            token: Box::new({
                let made = made.clone();
                move || state.token(&made)
            }),
            exposed: vec![Arc::new(registry.clone()), Arc::new(nodes.clone()), counters.clone()],
        })?;
        memory::give_back();
        let control = Arc::new(control);
        // What was registered is known again before anybody hears that the gateway is ready.
        let registry = own_registry::open(&document, &control, &registry, &folder)?;
        let changes = Changes::start().map_err(|error| Failure::Other(format!("cannot start a thread: {error}")))?;
        let shown = admin_address::Shown { changes: changes.clone(), nodes: nodes.clone(), levels, counters };
        let admin = admin_address::open(&document, &control, shown, &folder)?;
        if let Some(made) = made.get() {
            made.show();
        }
        let (registered, revisions) = (Registered::default(), control.revisions_come());
        let mut server = Self {
            control,
            changes,
            admin,
            registry,
            ready_file,
            watch,
            catalog,
            registered,
            nodes,
            revisions,
            signals,
        };
        server.write_ready_file()?;
        server.follow_files();
        server.tell_addresses();
        tell_applied(&applied, begun.elapsed());
        if is_kept && server.control.live_revision() == 0 {
            server.tell_what_is_next();
        }
        Ok(server)
    }

    /// The listeners by name, and where they listen.
    pub(crate) fn listeners(&self) -> Vec<(Arc<str>, String)> {
        self.control.listeners().into_iter().map(|(name, address)| (name, address.to_string())).collect()
    }

    /// Where the admin address listens.
    pub(crate) fn admin(&self) -> Option<String> {
        self.admin.as_ref().map(|admin| admin.address().to_string())
    }

    /// Where services register.
    fn registry(&self) -> Option<String> {
        self.registry.as_ref().map(|registry| registry.address().to_string())
    }

    /// Serves until a signal ends it.
    pub(crate) async fn run(mut self) -> ExitCode {
        // Workers have begun, and are no heirs of what this thread is from now on.
        scheduling::stand_back();
        if self.admin.is_some() {
            tokio::spawn(remember(Arc::downgrade(&self.control)));
        }
        self.nodes.tell(&self.control);
        self.follow_registries().await;
        loop {
            tokio::select! {
                () = come(self.revisions.as_mut()) => self.follow_revisions().await,
                () = changed(self.watch.as_mut()) => self.reload().await,
                () = self.control.changed() => self.catch_up().await,
                documents = self.catalog.changed() => {
                    self.control.set_further(documents);
                    self.reload().await;
                }
                signal = self.signals.next() => match signal {
                    Signal::Reload => {
                        self.control.reopen_logs();
                        self.reload().await;
                    }
                    Signal::End => return self.drain().await,
                },
            }
        }
    }

    async fn reload(&mut self) {
        self.change(|control| Some(control.reload())).await;
    }

    /// Serves the newest revision, if somebody else has made another one.
    async fn follow_revisions(&mut self) {
        self.change(Control::follow_revisions).await;
    }

    async fn change(&mut self, change: fn(&Control) -> Option<Result<Applied, Refusal>>) {
        let begun = Instant::now();
        let control = self.control.clone();
        // A large document takes a while, and the admin address must answer meanwhile.
        let changes = self.changes.clone();
        match spawn_blocking(move || changes.make(move || change(&control))).await {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(Ok(applied)))) => tell_applied(&applied, begun.elapsed()),
            Ok(Ok(Some(Err(refusal)))) => self.tell_refused(&refusal),
            Ok(Err(_)) | Err(_) => return tracing::error!("the reload broke off, nothing changed"),
        }
        self.catch_up().await;
    }

    /// Follows the document that is live with all that is no part of it.
    async fn catch_up(&mut self) {
        if let Err(failure) = self.write_ready_file() {
            tracing::error!("{failure}");
        }
        self.follow_files();
        self.follow_registries().await;
    }

    /// Does what the document wants of registries beside endpoints.
    async fn follow_registries(&mut self) {
        let registries = self.control.registries();
        self.catalog.follow(&registries);
        self.registered.follow(&registries).await;
    }

    /// Lets what is under way finish; a second interrupt ends that too.
    async fn drain(mut self) -> ExitCode {
        // First thing, so that nobody sends traffic here any more.
        self.control.begin_drain();
        // Who finds it in a registry would come in vain.
        tokio::select! {
            () = leave(&mut self.registered, &self.nodes) => {}
            () = self.signals.interrupted() => return ExitCode::from(INTERRUPTED),
        }
        self.catalog.end();
        let grace = self.control.snapshot().settings.grace;
        tracing::info!(?grace, "draining: exchanges under way may finish; Ctrl-C once more ends them");
        let control = self.control.clone();
        let drained = spawn_blocking(move || control.drain());
        tokio::select! {
            _ = drained => {}
            () = self.signals.interrupted() => return ExitCode::from(INTERRUPTED),
        }
        if let Some(admin) = self.admin.take() {
            admin.close().await;
        }
        // Last, for services that drain with the gateway say so here.
        if let Some(registry) = self.registry.take() {
            registry.close().await;
        }
        if let Some(ready_file) = self.ready_file.take() {
            ready_file.remove();
        }
        tracing::info!("ended");
        ExitCode::SUCCESS
    }

    fn write_ready_file(&mut self) -> Result<(), Failure> {
        let addresses = Addresses { admin: self.admin(), registry: self.registry(), listeners: self.listeners() };
        self.ready_file.as_mut().map_or(Ok(()), |ready_file| ready_file.write(&addresses))
    }

    fn follow_files(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.follow(self.control.files());
        }
    }

    fn tell_addresses(&self) {
        for (listener, address) in self.listeners() {
            tracing::info!(%listener, %address, "listening");
        }
        if let Some(address) = self.admin() {
            tracing::info!(%address, "listening for operators");
        }
        if let Some(address) = self.registry() {
            tracing::info!(%address, "listening for services that register");
        }
    }

    /// To whoever starts without any document.
    fn tell_what_is_next(&self) {
        let address = self.admin().unwrap_or_default();
        tracing::info!(
            "there is no document yet: write one with `PUT http://{address}/api/v1/config` and the admin token, or begin with \
             `PUT http://{address}/api/v1/listeners/web`"
        );
    }

    fn tell_refused(&self, refusal: &Refusal) {
        match refusal {
            Refusal::Document(report) => report.problems.iter().for_each(|problem| tracing::error!("{problem}")),
            Refusal::Io(error) => tracing::error!("{error}"),
        }
        let generation = self.control.snapshot().generation;
        tracing::error!(generation, "the document is refused and nothing changed: the one before it still serves");
    }
}

/// What a worker does before anything else.
fn worker_begins() {
    memory::prefer_speed();
    scheduling::go_first();
}

fn tell_applied(applied: &Applied, took: Duration) {
    for warning in &applied.report.problems {
        tracing::warn!("{warning}");
    }
    let Applied { generation, routes, .. } = applied;
    tracing::info!(generation, routes, ms = took.as_millis(), "the document is live");
}

fn watch(main: &Main) -> Option<Watch> {
    match Watch::new() {
        Ok(mut watch) => {
            let mut files = Files::default();
            if let Main::File(document) = main {
                files.note(document.clone());
            }
            watch.follow(files);
            Some(watch)
        }
        Err(error) => {
            tracing::warn!(%error, "files cannot be watched; reload with SIGHUP");
            None
        }
    }
}

/// Keeps the last hour, for as long as the gateway is there.
async fn remember(control: Weak<Control>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        seconds.tick().await;
        let Some(control) = control.upgrade() else { return };
        // Many routes take a while, and the admin address must answer meanwhile.
        _ = spawn_blocking(move || control.remember(SystemTime::now())).await;
    }
}

/// Takes the gateway out of wherever it is listed, everywhere at once.
async fn leave(registered: &mut Registered, nodes: &Nodes) {
    tokio::join!(registered.leave(), nodes.leave());
}

/// Waits for another revision.
async fn come(revisions: Option<&mut watch::Receiver<u64>>) {
    if let Some(revisions) = revisions
        && revisions.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

async fn changed(watch: Option<&mut Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
