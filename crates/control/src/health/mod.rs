//! Looks after the endpoints of upstreams: probes them, and ends ejections whose time is over.
//!
//! On a thread of its own, one task per endpoint and not one per worker, so that an endpoint is asked as often as the document
//! says, whatever the number of cores, and workers that are busy are no reason to find it slow.

/// One task per endpoint, one per upstream.
mod care;
/// What a scrape shows of it.
mod metrics;
/// One endpoint asked once.
mod probe;
/// `grpc.health.v1`, as far as a probe needs it.
mod grpc;

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use snapshot::{EndpointHealthTold, Snapshot};
use tokio::{
    runtime::LocalRuntime,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};
use upstream::{Endpoint, EndpointSet, Upstream};

pub(crate) use metrics::Shown;

/// The thread that does it, once there is something to do; it ends with this.
#[derive(Default)]
pub(crate) struct Health {
    wanted: Mutex<Option<UnboundedSender<Wanted>>>,
    draining: Mutex<Vec<Draining>>,
}

/// The upstreams that have health to be looked after.
type Wanted = Vec<Arc<Upstream>>;

/// An endpoint that was taken out. It is there as long as an exchange may still use it.
struct Draining {
    upstream: Arc<str>,
    endpoint: Weak<Endpoint>,
}

// === impl Health ===

impl Health {
    /// Gets ready to look after this snapshot, which is not live yet.
    ///
    /// # Errors
    /// The operating system gives no thread or no event queue.
    pub(crate) fn prepare(&self, snapshot: &Snapshot) -> io::Result<()> {
        let mut wanted = self.wanted();
        if wanted.is_none() && snapshot.upstreams.iter().any(|upstream| upstream.health.is_some()) {
            *wanted = Some(start()?);
        }
        Ok(())
    }

    /// Looks after the endpoints of this snapshot, and no others.
    pub(crate) fn follow(&self, snapshot: &Snapshot) {
        if let Some(wanted) = &*self.wanted() {
            let upstreams = snapshot.upstreams.iter().filter(|upstream| upstream.health.is_some()).cloned();
            // The thread ends with the sender only.
            _ = wanted.send(upstreams.collect());
        }
    }

    /// Endpoints that `current` has no more get no requests any more, whatever world an exchange lives in.
    pub(crate) fn drain(&self, previous: &Snapshot, current: &Snapshot) {
        for upstream in previous.upstreams.iter().filter(|upstream| upstream.health.is_some()) {
            let successor = current.upstreams.iter().find(|successor| successor.name == upstream.name);
            if !successor.is_some_and(|successor| Arc::ptr_eq(successor, upstream)) {
                let set = successor.map(|successor| successor.set());
                self.retire(&upstream.name, &upstream.set(), set.as_deref());
            }
        }
    }

    /// Likewise, endpoints of an upstream that are not in the set that came after.
    pub(crate) fn retire(&self, upstream: &Arc<str>, before: &EndpointSet, after: Option<&EndpointSet>) {
        let now = Instant::now();
        let stays: HashSet<_> =
            after.iter().flat_map(|after| &after.endpoints).map(|endpoint| &endpoint.address).collect();
        let gone = before.endpoints.iter().filter(|endpoint| !stays.contains(&endpoint.address));
        let mut draining = self.draining();
        draining.retain(|draining| draining.endpoint.strong_count() > 0);
        for endpoint in gone {
            if let Some(health) = &endpoint.health {
                health.drain(now);
                draining.push(Draining { upstream: upstream.clone(), endpoint: Arc::downgrade(endpoint) });
            }
        }
    }

    /// Every endpoint whose health is looked after, and those that drain.
    pub(crate) fn told(&self, snapshot: &Snapshot) -> Vec<EndpointHealthTold> {
        let mut told = snapshot::health(snapshot);
        for Draining { upstream, endpoint } in &*self.draining() {
            if let Some(endpoint) = endpoint.upgrade()
                && let Some(health) = &endpoint.health
            {
                told.push(EndpointHealthTold::new(upstream, health));
            }
        }
        told
    }

    fn wanted(&self) -> MutexGuard<'_, Option<UnboundedSender<Wanted>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draining(&self) -> MutexGuard<'_, Vec<Draining>> {
        self.draining.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start() -> io::Result<UnboundedSender<Wanted>> {
    let (wanted, news) = unbounded_channel();
    let (report, started) = std::sync::mpsc::channel();
    scheduling::background("health", move || {
        let runtime = match LocalRuntime::new() {
            Ok(runtime) => runtime,
            // Whoever started the thread waits for the report.
            Err(error) => return drop(report.send(Err(error))),
        };
        _ = report.send(Ok(()));
        runtime.block_on(care::run(news));
        runtime.shutdown_background();
    })?;
    started.recv().map_err(io::Error::other)??;
    Ok(wanted)
}
