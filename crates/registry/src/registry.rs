//! The registry that runs: the core behind a lock, who hears of its changes, and the clocks.

use std::{
    future::Future,
    path::Path,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ipnet::IpNet;
use listen::Listener;
use message::Token;
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    core::{Core, Dialect, Instance, Limits, Moment, Refusal, Registered},
    front, probe,
    signals::Signals,
    store::{Store, StoreError, Writer},
};

/// The registry of this gateway. Cheap to clone; clones are the same registry.
///
/// It is closed at first, so that it can be handed to those who follow services before it is known whether the document wants
/// one; a closed one tells nothing.
#[derive(Clone)]
pub struct Registry(pub(crate) Arc<Shared>);

/// What a registry is told when it is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What services must show; `None`: everybody may who reaches the address.
    pub token: Option<Token>,
    /// The longest that an instance may live without a heartbeat.
    pub max_ttl: Duration,
    /// Where instances may be that the registry asks for their health. Empty: everywhere but link-local.
    pub allow: Vec<IpNet>,
}

pub(crate) struct Shared {
    opened: OnceLock<Opened>,
    core: Mutex<Core>,
    pub(crate) signals: Signals,
    /// A deadline may have come nearer.
    sooner: Notify,
    pub(crate) counters: Counters,
    /// One for each probe that may be under way.
    pub(crate) probes: Semaphore,
    /// Held by the one answer that tells everything.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

/// What is known once the registry is open.
struct Opened {
    settings: Settings,
    /// `None`: nothing is kept.
    writer: Option<Writer>,
}

/// What was done, by dialect.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) registrations: PerDialect,
    pub(crate) renewals: PerDialect,
    pub(crate) expirations: PerDialect,
    pub(crate) refusals: PerDialect,
}

#[derive(Debug, Default)]
pub(crate) struct PerDialect([AtomicU64; Dialect::ALL.len()]);

/// At once; there are more instances than this that wait for their turn.
const PROBES: usize = 64;

// === impl Registry ===

impl Registry {
    /// A closed one.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            opened: OnceLock::new(),
            core: Mutex::new(Core::new(Limits::new(Duration::ZERO))),
            signals: Signals::new(),
            sooner: Notify::new(),
            counters: Counters::default(),
            probes: Semaphore::new(PROBES),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Opens it, once. It is kept in a file in `folder`, and what is there already is registered again; or, without a folder,
    /// forgotten when it ends.
    ///
    /// # Errors
    /// The file cannot be read or made.
    pub fn open(&self, settings: Settings, folder: Option<&Path>) -> Result<(), StoreError> {
        let mut core = Core::new(Limits::new(settings.max_ttl));
        let mut writer = None;
        if let Some(folder) = folder {
            let (store, read) = Store::open(folder)?;
            if !read.instances.is_empty() {
                let instances = read.instances.len();
                tracing::info!(instances, "the registry knows what it knew, and waits for heartbeats");
            }
            core.restore(read.instances.into_iter(), read.index, now());
            let weak = Arc::downgrade(&self.0);
            let take = move |is_all| {
                let shared = weak.upgrade()?;
                let mut core = shared.core();
                Some(if is_all { core.take_all() } else { core.take_touched() })
            };
            writer = Some(Writer::start(store, take).map_err(|error| StoreError::io(folder, &error))?);
        }
        *self.0.core() = core;
        // Whoever opens it twice has two registries, of which nobody hears of the second.
        _ = self.0.opened.set(Opened { settings, writer });
        self.0.signals.ring_all();
        Ok(())
    }

    /// Answers on `listener`, takes out what is not heard of, and asks for the health of who wants that; until `shutdown`,
    /// then finishes what is under way, which takes a few seconds at most.
    pub async fn serve(&self, listener: Listener, shutdown: impl Future<Output = ()>) {
        self.0.core().begin_leases(now());
        probe::start_all(self);
        let serving = async {
            front::serve(listener, self, shutdown).await;
            self.0.kept().await;
        };
        tokio::select! {
            () = serving => {}
            () = self.0.expire() => {}
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Shared ===

impl Shared {
    /// Whether there is anything to be asked.
    pub(crate) fn is_open(&self) -> bool {
        self.opened.get().is_some()
    }

    /// What services must show.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.opened.get()?.settings.token.as_ref()
    }

    /// See [`Settings::allow`].
    pub(crate) fn allow(&self) -> &[IpNet] {
        self.opened.get().map_or(&[], |opened| &opened.settings.allow)
    }

    fn writer(&self) -> Option<&Writer> {
        self.opened.get()?.writer.as_ref()
    }

    /// To look at. Whoever changes something calls [`Shared::change`].
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and tells everybody whom it concerns.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Core, Moment) -> T) -> T {
        let (changed, news) = {
            let mut core = self.core();
            let changed = change(&mut core, now());
            (changed, core.take_news())
        };
        if !news.is_empty() {
            news.iter().for_each(|service| self.signals.ring(service));
            self.signals.ring_any();
            self.sooner.notify_one();
            if let Some(writer) = self.writer() {
                writer.wake();
            }
        }
        changed
    }

    /// Waits until what was changed before is on disk, so that whoever is answered then can rely on it.
    pub(crate) async fn kept(&self) {
        let Some(writer) = self.writer() else { return };
        let revision = self.core().revision();
        // It fails if there is no thread any more, and then there is nothing to wait for.
        _ = writer.kept().wait_for(|kept| *kept >= revision).await;
    }

    /// How often the file could not be written.
    pub(crate) fn write_failures(&self) -> u64 {
        self.writer().map_or(0, Writer::failures)
    }

    /// Ends never.
    async fn expire(&self) {
        loop {
            let sooner = self.sooner.notified();
            let next = self.core().next_deadline().map(Instant::from_std);
            match next {
                Some(next) => _ = timeout_at(next, sooner).await,
                None => sooner.await,
            }
            let expired = self.change(Core::expire);
            for expired in expired {
                self.counters.expirations.count(expired.dialect);
                let what = if expired.is_kept { "critical" } else { "taken out" };
                tracing::warn!(
                    service = %expired.key.service, id = %expired.key.id,
                    "nothing was heard of an instance in time: {what}"
                );
            }
        }
    }

    /// Registers, counts, and starts to ask for its health if it wants that.
    pub(crate) fn register(self: &Arc<Self>, instance: Instance) -> Result<Arc<Registered>, Refusal> {
        let dialect = instance.dialect;
        let registered = self.change(|core, now| core.register(instance, now))?;
        self.counters.registrations.count(dialect);
        probe::start(self, &registered);
        Ok(registered)
    }

    /// What there is, as soon as its index is not `seen` any more, or after `wait`.
    ///
    /// A `seen` from the future is one of another registry, or of this one before it lost its file; it is answered at once.
    pub(crate) async fn look<T>(
        &self,
        service: Option<&str>,
        query: Option<(u64, Duration)>,
        look: impl Fn(&mut Core, Moment) -> T,
    ) -> (u64, T) {
        let until = query.map(|(_, wait)| Instant::now() + wait);
        loop {
            let mut changed = pin!(match service {
                Some(service) => self.signals.of(service),
                None => self.signals.any(),
            });
            changed.as_mut().enable();
            {
                let mut core = self.core();
                let index = service.map_or(core.index(), |service| core.index_of(service));
                let has_waited = until.is_none_or(|until| Instant::now() >= until);
                if has_waited || query.is_none_or(|(seen, _)| seen != index) {
                    return (index, look(&mut core, now()));
                }
            }
            if let Some(until) = until {
                tokio::select! {
                    () = changed => {}
                    () = sleep_until(until) => {}
                }
            }
        }
    }
}

/// By the clock that tests can stop.
fn now() -> Moment {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { at: Instant::now().into_std(), wall: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX) }
}

// === impl PerDialect ===

impl PerDialect {
    pub(crate) fn count(&self, dialect: Dialect) {
        self.0[dialect as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn value(&self, dialect: Dialect) -> u64 {
        self.0[dialect as usize].load(Relaxed)
    }
}
