//! The gateway as one worker sees it: the snapshot, and what is the worker's own for each part of it.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use snapshot::Snapshot;
use upstream::{Endpoint, EndpointSet, Guard, Picked, Pool, Upstream, balance::Ask, health::Verdict};

/// Counted without atomics, so that holding the world for an exchange costs nothing that other cores notice.
pub(crate) struct World {
    pub(crate) snapshot: Arc<Snapshot>,
    upstreams: Box<[LocalUpstream]>,
}

/// An upstream with this worker's pools.
pub(crate) struct LocalUpstream {
    pub(crate) upstream: Arc<Upstream>,
    /// Of the set that `set` was made for.
    generation: Cell<u64>,
    set: RefCell<Rc<LocalSet>>,
}

/// A request that an endpoint has to answer, as long as it is there: from the choice of the endpoint to the end of the
/// response, or of the tunnel.
///
/// Holds the worker's own set, so that no count of references is shared with other workers.
pub(crate) struct InFlight {
    set: Rc<LocalSet>,
    endpoint: usize,
}

/// An endpoint set with a pool for each endpoint.
pub(crate) struct LocalSet {
    set: Arc<EndpointSet>,
    pools: Box<[Rc<Pool>]>,
}

// === impl World ===

impl World {
    /// Pools of the previous world are kept where rules and address are the same.
    pub(super) fn new(snapshot: Arc<Snapshot>, previous: Option<&Self>) -> Self {
        let before = previous.map_or(&[][..], |previous| &previous.upstreams);
        let mut by_name = None;
        let local = |(index, upstream): (usize, &Arc<Upstream>)| {
            // Most changes leave all of them where they were, and exchanges wait meanwhile.
            let same = before.get(index).filter(|local| local.upstream.name == upstream.name);
            let previous = same.or_else(|| {
                let by_name = by_name.get_or_insert_with(|| {
                    before.iter().map(|local| (&*local.upstream.name, local)).collect::<HashMap<_, _>>()
                });
                by_name.get(&*upstream.name).copied()
            });
            LocalUpstream::new(upstream.clone(), previous)
        };
        let upstreams = snapshot.upstreams.iter().enumerate().map(local).collect();
        Self { snapshot, upstreams }
    }

    pub(crate) fn upstream(&self, index: usize) -> &LocalUpstream {
        &self.upstreams[index]
    }

    pub(super) fn sweep(&self, now: Instant) {
        for local in &self.upstreams {
            local.set.borrow().pools.iter().for_each(|pool| pool.sweep(now));
        }
    }
}

// === impl LocalUpstream ===

impl LocalUpstream {
    fn new(upstream: Arc<Upstream>, previous: Option<&Self>) -> Self {
        let previous = previous.map(|previous| previous.set.borrow().clone());
        let generation = upstream.generation();
        let set = LocalSet::new(&upstream, previous.as_deref());
        Self { upstream, generation: Cell::new(generation), set: RefCell::new(Rc::new(set)) }
    }

    /// The set as it is now. One load, unless endpoints came or went.
    pub(crate) fn current(&self) -> Rc<LocalSet> {
        let generation = self.upstream.generation();
        if self.generation.replace(generation) != generation {
            let renewed = LocalSet::new(&self.upstream, Some(&self.set.borrow()));
            self.set.replace(Rc::new(renewed));
        }
        self.set.borrow().clone()
    }
}

// === impl LocalSet ===

impl LocalSet {
    fn new(upstream: &Upstream, previous: Option<&Self>) -> Self {
        let set = upstream.set();
        let kept = |endpoint: &Arc<_>| {
            let pool = previous?.pools.iter().find(|pool| pool.serves(&upstream.rules, endpoint))?;
            Some(pool.clone())
        };
        let made = |endpoint: &Arc<_>| {
            Pool::within(upstream.rules.clone(), Arc::clone(endpoint), upstream.connections.clone())
        };
        let pools = set.endpoints.iter().map(|endpoint| kept(endpoint).unwrap_or_else(|| made(endpoint))).collect();
        Self { set, pools }
    }

    /// The endpoint to ask, of this subset or of all.
    pub(crate) fn pick(&self, subset: Option<u32>, ask: &Ask<'_>) -> Option<Picked> {
        self.set.pick(subset, ask)
    }

    pub(crate) fn endpoint(&self, index: usize) -> &Endpoint {
        &self.set.endpoints[index]
    }

    /// The [`Ask::key`] by which a client can come back to this endpoint, if clients are bound.
    pub(crate) fn token(&self, endpoint: usize) -> Option<u64> {
        self.set.token(endpoint)
    }

    /// Whether the first probe of some endpoint, of this subset or of all, has not ended yet.
    pub(crate) fn is_checking(&self, subset: Option<u32>) -> bool {
        self.set.is_checking(subset)
    }

    /// Whether the health of an endpoint depends on how requests go.
    pub(crate) fn learns(&self, endpoint: usize) -> bool {
        self.endpoint(endpoint).health.as_ref().is_some_and(|health| health.learns())
    }

    /// Takes in what came of a request to an endpoint.
    pub(crate) fn note(&self, endpoint: usize, verdict: Verdict, worker: usize, now: Instant) {
        self.set.note(endpoint, verdict, worker, now);
    }

    /// The breaker of the endpoint with this index, if it has one of its own.
    pub(crate) fn guard(&self, endpoint: usize) -> Option<&Arc<Guard>> {
        self.set.guard(endpoint)
    }

    /// The indices of all that may be asked, of this subset or of all.
    pub(crate) fn eligible(&self, subset: Option<u32>) -> Vec<usize> {
        self.set.eligible(subset)
    }

    /// The pool of the endpoint with this index in the set.
    pub(crate) fn pool(&self, endpoint: usize) -> &Rc<Pool> {
        &self.pools[endpoint]
    }
}

// === impl InFlight ===

impl InFlight {
    pub(crate) fn begin(set: &Rc<LocalSet>, endpoint: usize) -> Self {
        set.endpoint(endpoint).learned.begin();
        Self { set: set.clone(), endpoint }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.set.endpoint(self.endpoint).learned.end();
    }
}
