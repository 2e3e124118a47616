//! The gateway as one worker sees it: the snapshot, and what is the worker's own for each part of it.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use http::HeaderValue;
use message::{Attempt, Record};
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
    /// Who was in the sets before, the last one at the end: exchanges that began with them end later.
    earlier: RefCell<VecDeque<Earlier>>,
}

/// A set that was replaced, as far as the log asks for it.
struct Earlier {
    first: u32,
    authorities: Box<[HeaderValue]>,
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
    /// The number of its first endpoint: those of other sets of the upstream have others.
    first: u32,
    pools: Box<[Rc<Pool>]>,
}

/// Sets that are remembered after they were replaced.
const EARLIER: usize = 8;

// === impl World ===

impl World {
    /// Pools of the previous world are kept where rules and address are the same.
    pub(super) fn new(snapshot: Arc<Snapshot>, previous: Option<&Self>) -> Self {
        let local = |upstream: &Arc<Upstream>| {
            let previous = previous
                .and_then(|previous| previous.upstreams.iter().find(|local| local.upstream.name == upstream.name));
            LocalUpstream::new(upstream.clone(), previous)
        };
        let upstreams = snapshot.upstreams.iter().map(local).collect();
        Self { snapshot, upstreams }
    }

    pub(crate) fn upstream(&self, index: usize) -> &LocalUpstream {
        &self.upstreams[index]
    }

    /// The upstream of the last attempt.
    pub(crate) fn last_upstream(&self, record: &Record) -> Option<&LocalUpstream> {
        self.upstreams.get(record.attempts.last()?.upstream as usize)
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
        let (generation, set) = (Cell::new(generation), RefCell::new(Rc::new(set)));
        Self { upstream, generation, set, earlier: RefCell::default() }
    }

    /// The set as it is now. One load, unless endpoints came or went.
    pub(crate) fn current(&self) -> Rc<LocalSet> {
        let generation = self.upstream.generation();
        if self.generation.replace(generation) != generation {
            self.renew();
        }
        self.set.borrow().clone()
    }

    #[cold]
    fn renew(&self) {
        let before = self.set.borrow().clone();
        let authorities = before.set.endpoints.iter().map(|endpoint| endpoint.authority.clone()).collect();
        let mut earlier = self.earlier.borrow_mut();
        if earlier.len() == EARLIER {
            earlier.pop_front();
        }
        earlier.push_back(Earlier { first: before.first, authorities });
        self.set.replace(Rc::new(LocalSet::new(&self.upstream, Some(&before))));
    }

    /// The endpoint of an attempt, as a `Host`, also if it is none any more. `None`: that was long ago.
    pub(crate) fn endpoint(&self, attempt: &Attempt) -> Option<HeaderValue> {
        let set = self.set.borrow();
        let within = |first: u32| attempt.endpoint.wrapping_sub(first) as usize;
        if let Some(endpoint) = set.set.endpoints.get(within(set.first)) {
            return Some(endpoint.authority.clone());
        }
        let earlier = self.earlier.borrow();
        earlier.iter().rev().find_map(|earlier| earlier.authorities.get(within(earlier.first)).cloned())
    }
}

// === impl LocalSet ===

impl LocalSet {
    fn new(upstream: &Upstream, previous: Option<&Self>) -> Self {
        let set = upstream.set();
        let known: HashMap<_, _> = previous
            .into_iter()
            .flat_map(|previous| &previous.pools)
            .map(|pool| (&pool.endpoint().address, pool))
            .collect();
        let kept = |endpoint: &Arc<Endpoint>| {
            known
                .get(&endpoint.address)
                .filter(|pool| pool.serves(&upstream.rules, endpoint))
                .map(|pool| Rc::clone(pool))
        };
        let made = |endpoint: &Arc<_>| {
            Pool::within(upstream.rules.clone(), Arc::clone(endpoint), upstream.connections.clone())
        };
        let pools = set.endpoints.iter().map(|endpoint| kept(endpoint).unwrap_or_else(|| made(endpoint))).collect();
        // Nobody has four thousand million endpoints under way: that numbers begin anew harms nobody.
        let first = previous.map_or(0, |previous| previous.first.wrapping_add(previous.set.endpoints.len() as u32));
        Self { set, first, pools }
    }

    /// The endpoint to ask, of this subset or of all.
    pub(crate) fn pick(&self, subset: Option<u32>, ask: &Ask<'_>) -> Option<Picked> {
        self.set.pick(subset, ask)
    }

    pub(crate) fn endpoint(&self, index: usize) -> &Endpoint {
        &self.set.endpoints[index]
    }

    /// What the endpoint with this index is known by after the set was replaced, too.
    pub(crate) fn number(&self, index: usize) -> u32 {
        self.first.wrapping_add(index as u32)
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
