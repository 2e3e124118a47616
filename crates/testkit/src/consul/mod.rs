//! A Consul agent as its clients see it, with faults at will; and the real one, where there is one.
//!
//! What is told follows Consul 1.20: blocking queries with their jitter, an index for each service, tokens, TTL checks.
//!
//! ```no_run
//! # async fn example() {
//! # use testkit::consul::{Consul, Fault, Instance};
//! let consul = Consul::start().await;
//! consul.put(Instance::new("users", "users-1", "127.0.0.1:9001".parse().unwrap()).tags(&["prod"]));
//! consul.fault(Fault::Status(500));
//! consul.heal();
//! # }
//! ```

mod api;
mod instance;
mod query;
mod real;
mod register;
mod state;

pub use instance::{Instance, Status};
pub use real::Real;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use demo::{Scope, ScopeOwner};
use message::Random;
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    eventually,
    origin::{self, Origin},
};
use state::State;

/// A fake agent; it ends when it is dropped.
#[derive(Debug)]
pub struct Consul {
    /// Where it listens, also after a restart.
    pub address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    shared: Arc<Shared>,
    /// None while it is killed.
    origin: Mutex<Option<Origin>>,
    /// Of its timers, which no restart touches.
    _owner: ScopeOwner,
}

/// How an agent is reached; by everybody and without TLS when nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What everybody must show.
    pub token: Option<String>,
    pub tls: Option<Arc<ServerConfig>>,
}

/// What is wrong with every answer, also of those who wait for one. With a status or without an answer, nobody is
/// registered either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but this status.
    Status(u16),
    /// There is no leader, and what is told may be old.
    NoLeader,
    /// Lists are empty, and everything else is as ever.
    Empty,
    /// This text instead of JSON.
    Garbage(String),
    /// The connection ends in the middle of the body.
    Cut,
    /// No answer, ever.
    Hang,
    /// Nobody waits for anything: what is asked for something newer is answered at once.
    Restless,
}

/// Toggles instances for as long as it lives.
#[derive(Debug)]
pub struct Flapping(#[expect(dead_code, reason = "held for its drop")] ScopeOwner);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Moves on with every change, also of faults.
    changes: watch::Sender<u64>,
    scope: Scope,
}

// === impl Consul ===

impl Consul {
    /// An agent that knows nothing yet.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let (owner, scope) = Scope::open();
        let state = State::new(settings.token, Random::seeded(1));
        let shared = Arc::new(Shared { state: Mutex::new(state), changes: watch::channel(0).0, scope });
        let origin = serve(&shared, settings.tls.clone(), None).await;
        let address = origin.address;
        Self { address, tls: settings.tls, shared, origin: Mutex::new(Some(origin)), _owner: owner }
    }

    /// As documents have it.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Registers an instance, or replaces the one of the same node and id.
    pub fn put(&self, instance: Instance) {
        self.shared.change(|state| state.put(instance));
    }

    /// Takes out the instance of this id, whatever node it is on.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove(&self, id: &str) {
        let removed = self.shared.change(|state| state.remove(id));
        assert!(removed, "there is no instance {id}");
    }

    /// How well the instance of this id says that it is.
    ///
    /// # Panics
    /// When there is none.
    pub fn set_status(&self, id: &str, status: Status) {
        let known = self.shared.change(|state| state.update(id, |instance| instance.set_status(status)));
        assert!(known, "there is no instance {id}");
    }

    /// Takes the instance of this id out of use, or back into it.
    ///
    /// # Panics
    /// When there is none.
    pub fn set_maintenance(&self, id: &str, is_on: bool) {
        let known = self.shared.change(|state| state.update(id, |instance| instance.set_maintenance(is_on)));
        assert!(known, "there is no instance {id}");
    }

    /// The instances of a service, by id.
    pub fn instances(&self, service: &str) -> Vec<Instance> {
        self.shared.state().instances(service)
    }

    /// Waits until a service has so many instances that pass all their checks.
    pub async fn has(&self, service: &str, count: usize) {
        let passing = || self.instances(service).iter().filter(|instance| instance.status() == Status::Passing).count();
        eventually("so many instances", async || (passing() == count).then_some(())).await;
    }

    /// Lets the last instance of each service be critical and well again in turn, all of them every `period`.
    pub fn flap(&self, services: impl IntoIterator<Item = impl Into<String>>, period: Duration) -> Flapping {
        let services: Vec<String> = services.into_iter().map(Into::into).collect();
        let (owner, scope) = Scope::open();
        let shared = self.shared.clone();
        scope.spawn(async move {
            let mut ticks = tokio::time::interval(period);
            loop {
                ticks.tick().await;
                shared.change(|state| services.iter().for_each(|service| state.toggle(service)));
            }
        });
        Flapping(owner)
    }

    /// From now on, until it is healed.
    pub fn fault(&self, fault: Fault) {
        self.shared.change(|state| state.fault = Some(fault));
    }

    pub fn heal(&self) {
        self.shared.change(|state| state.fault = None);
    }

    /// What everybody must show from now on.
    pub fn set_token(&self, token: Option<&str>) {
        self.shared.change(|state| state.token = token.map(ToOwned::to_owned));
    }

    /// Goes on counting from this index, and lets all queries go that wait: what restoring a backup does.
    pub fn set_index(&self, index: u64) {
        self.shared.change(|state| state.restore(index));
    }

    /// The index of the last change.
    pub fn index(&self) -> u64 {
        self.shared.state().index()
    }

    /// The targets of all questions so far, in order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.state().asked.clone()
    }

    /// Waits until so many queries wait for something newer.
    pub async fn is_watched_by(&self, count: usize) {
        eventually("so many queries wait", async || (self.shared.state().waiting == count).then_some(())).await;
    }

    /// Ends all connections and takes no more.
    pub fn kill(&self) {
        self.origin().take();
    }

    /// Listens again where it did, and knows what it knew.
    pub async fn restart(&self) {
        self.kill();
        let origin = serve(&self.shared, self.tls.clone(), Some(self.address)).await;
        *self.origin() = Some(origin);
    }

    /// Forgets everything, as an agent in memory does that is started anew; its index begins at 1.
    pub fn forget(&self) {
        self.shared.change(State::forget);
    }

    fn origin(&self) -> MutexGuard<'_, Option<Origin>> {
        self.origin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(shared: &Arc<Shared>, tls: Option<Arc<ServerConfig>>, address: Option<SocketAddr>) -> Origin {
    let shared = shared.clone();
    Origin::with(origin::Settings { tls, address, ..origin::Settings::default() }, move |request| {
        let shared = shared.clone();
        async move { api::answer(&shared, request).await }
    })
    .await
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something, and lets everybody look at it who waits.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let output = change(&mut self.state());
        self.changes.send_modify(|count| *count += 1);
        output
    }
}
