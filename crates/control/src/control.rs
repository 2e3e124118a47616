//! The gateway as the control plane holds it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use message::Token;
use model::{Further, Kept, Model, Registries};
use proxy::{Gateway, Tapped};
use revisions::Revision;
use snapshot::{
    Address, EndpointHealthTold, EndpointOrder, EndpointOrderError, Kinds, LiveEndpointTold, ServiceOrder,
    ServiceOrderError, ServiceTold, Snapshot,
};
use telemetry::{
    AccessLogs, Counts, Expose, Format, GatewayMetrics, History,
    flight::{Caller, Callers, Filter, Flight},
};
use tokio::sync::Notify;
use upstream::{Endpoint, Upstream};

use crate::{
    Files, Main,
    changes::Others,
    discovery::{self, Discovery},
    health::{self, Health},
    overlay::Overlay,
    source::Text,
    traces::{Teller, Telling},
};

/// A running gateway and the document that it follows.
pub struct Control {
    pub(crate) main: Main,
    pub(crate) overlay: Overlay,
    /// That a change is live that did not come from files.
    pub(crate) applied: Notify,
    pub(crate) kinds: Box<dyn Kinds>,
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Arc<GatewayMetrics>,
    pub(crate) snapshot: RwLock<Arc<Snapshot>>,
    /// Held by whoever changes the world, from what is read to what is live.
    pub(crate) turn: Mutex<()>,
    pub(crate) state: Mutex<State>,
    pub(crate) token: Option<Token>,
    pub(crate) exposed: Vec<Arc<dyn Expose + Send + Sync>>,
    pub(crate) health: Arc<Health>,
    pub(crate) discovery: Discovery,
    pub(crate) teller: Teller,
    pub(crate) history: Mutex<History>,
    pub(crate) draining: AtomicBool,
    pub(crate) is_recording: AtomicBool,
}

/// What changes with a reload, beside the snapshot.
pub(crate) struct State {
    /// By binding: where it really listens.
    pub(crate) bound: BTreeMap<Arc<str>, Address>,
    pub(crate) admin: Option<Address>,
    /// As at the start.
    pub(crate) registry: Option<model::Registry>,
    pub(crate) logs: AccessLogs,
    pub(crate) telling: Telling,
    pub(crate) files: Files,
    /// Of the document that is live.
    pub(crate) kept: Arc<Kept>,
    /// What it was read from.
    pub(crate) texts: Arc<[Text]>,
    pub(crate) model: Arc<Model>,
    /// What the API keeps of it.
    pub(crate) revision: Option<Arc<Revision>>,
    /// What it has that the API does not keep, once somebody has asked.
    pub(crate) others: Option<Arc<Others>>,
    /// As the next document is to have them.
    pub(crate) further: Arc<[Further]>,
    /// As the document that is live has them.
    pub(crate) registries: Arc<Registries>,
}

// === impl Control ===

impl Control {
    /// How the document that is live has registries reached.
    pub fn registries(&self) -> Arc<Registries> {
        self.state().registries.clone()
    }

    /// The listeners by name, and where they really listen.
    pub fn listeners(&self) -> Vec<(Arc<str>, Address)> {
        let state = self.state();
        let snapshot = self.snapshot();
        let bound =
            |listener: &snapshot::Listener| Some((listener.name.clone(), state.bound.get(&listener.binding)?.clone()));
        snapshot.listeners.iter().filter_map(bound).collect()
    }

    /// The admin address that the document named at the start, and what shows that somebody is an operator.
    pub fn admin(&self) -> Option<(Address, Token)> {
        let admin = self.state().admin.clone();
        admin.zip(self.token.clone())
    }

    /// The number of the revision that is live; 0 if nothing was ever changed at run time.
    pub fn live_revision(&self) -> u64 {
        self.state().revision.as_ref().map_or(0, |revision| revision.meta.number)
    }

    /// Every file that has a say.
    pub fn files(&self) -> Files {
        self.state().files.clone()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else changes the world.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
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
        let state = self.state();
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
        let endpoints: Vec<_> = snapshot.upstreams.iter().flat_map(|upstream| endpoints_of(upstream)).collect();
        let endpoints = endpoints.iter().map(|(name, counts)| (&**name, *counts));
        self.history().look(second, &self.metrics, routes, upstreams, endpoints);
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

    /// Who was behind the last requests, as far as they are recorded, and not longer ago than a minute; nobody if nothing is.
    pub async fn callers(&self, by: Caller, most: usize) -> Callers {
        let (now, minute) = (SystemTime::now(), Duration::from_secs(60));
        let mut surveyed = self.gateway.survey(by, now - minute).await;
        let since = surveyed.iter().map(|part| part.since).max().unwrap_or(now);
        if since > now - minute {
            // Records of a busy worker go back less far than those of others: told is what all of them have.
            surveyed = self.gateway.survey(by, since).await;
        }
        Callers::of(&surveyed, since, now, most)
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
        self.state().logs.reopen();
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
        self.discovery.keep();
        let mut state = self.state();
        let telling = std::mem::take(&mut state.telling);
        drop(state);
        // Waits until the collector was told of the last ones.
        drop(telling);
    }
}

/// Those that were ever asked, as the last hour calls them.
fn endpoints_of(upstream: &Upstream) -> Vec<(String, Counts)> {
    let set = upstream.set();
    let named = |endpoint: &Arc<Endpoint>| {
        let counts = endpoint.metrics.counts()?;
        Some((format!("{}/{}", upstream.name, endpoint.address), counts))
    };
    set.endpoints.iter().filter_map(named).collect()
}
