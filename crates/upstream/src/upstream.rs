//! A name, its rules, and its current set of endpoints.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use model::{Balance, Breaker, BreakerScope, Host, Pool, Protocol, RetryRules, Selector, Timeouts};

use crate::{Bulkhead, Connector, Endpoint, EndpointSet, Guard, Guarded, RetryBudget, TlsError};

/// Where routes send. The set is swapped when endpoints come and go, which is far more often than the document changes.
pub struct Upstream {
    pub name: Arc<str>,
    pub rules: Arc<Rules>,
    /// `None`: there are no retries.
    pub budget: Option<Arc<RetryBudget>>,
    /// `None`: as many requests as come.
    pub bulkhead: Option<Arc<Bulkhead>>,
    /// `None`: there is no breaker, or not one for all.
    pub guard: Option<Arc<Guard>>,
    /// Which endpoints some routes want alone. Destinations hold the index.
    pub subsets: Box<[Selector]>,
    set: ArcSwap<EndpointSet>,
    /// Grows with every swap, so that a worker sees by one load whether it must look again.
    generation: AtomicU64,
}

/// How endpoints are treated. Immutable; connections made under the same rules can be used on after a reload.
pub struct Rules {
    pub protocol: Protocol,
    pub balance: Balance,
    pub timeouts: Timeouts,
    pub retry: Option<RetryRules>,
    pub bulkhead: Option<model::Bulkhead>,
    pub breaker: Option<Breaker>,
    pub pool: Pool,
    pub host: Host,
    pub connector: Connector,
}

// === impl Upstream ===

impl Upstream {
    /// Reads the certificates that the upstream names; makes no connection. What is the same in `previous` is adopted.
    ///
    /// # Errors
    /// A certificate that cannot be read or is none.
    pub fn new(
        upstream: &model::Upstream,
        workers: usize,
        previous: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, TlsError> {
        let rules = Rules::new(upstream)?;
        let rules = match previous {
            Some(previous) if *previous.rules == rules => previous.rules.clone(),
            _ => Arc::new(rules),
        };
        let endpoints: Box<[_]> = upstream.endpoints.iter().map(Endpoint::new).map(Arc::new).collect();
        if let Some(previous) = previous.filter(|previous| Arc::ptr_eq(&previous.rules, &rules))
            && previous.set.load().endpoints == endpoints
            && *previous.subsets == *upstream.subsets
        {
            return Ok(previous.clone());
        }
        let bulkhead = bulkhead(upstream, previous.map(|previous| &**previous));
        let budget = budget(upstream, workers, previous.map(|previous| &**previous));
        let subsets: Box<[_]> = upstream.subsets.as_slice().into();
        let guard = guard(upstream, previous.map(|previous| &**previous));
        let set = EndpointSet::new(endpoints, &rules.balance, &subsets, workers);
        let set = guarded(set, &upstream.name, &rules, previous.map(|previous| previous.set()).as_deref());
        let (name, set) = (upstream.name.clone(), ArcSwap::from_pointee(set));
        Ok(Arc::new(Self { name, rules, budget, bulkhead, guard, subsets, set, generation: AtomicU64::new(0) }))
    }

    /// The current set. Workers keep it until [`Upstream::generation`] tells them otherwise.
    pub fn set(&self) -> Arc<EndpointSet> {
        self.set.load_full()
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Replaces the endpoints; exchanges under way keep theirs.
    pub fn replace(&self, endpoints: Box<[Arc<Endpoint>]>, workers: usize) {
        let set = EndpointSet::new(endpoints, &self.rules.balance, &self.subsets, workers);
        let set = guarded(set, &self.name, &self.rules, Some(&self.set()));
        self.set.store(Arc::new(set));
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// What was spent stays spent, as long as the rules are the same.
fn budget(upstream: &model::Upstream, workers: usize, previous: Option<&Upstream>) -> Option<Arc<RetryBudget>> {
    let rules = upstream.retry.as_ref()?.budget;
    let kept = previous.and_then(|previous| previous.budget.as_ref()).filter(|budget| *budget.rules() == rules);
    Some(kept.cloned().unwrap_or_else(|| Arc::new(RetryBudget::new(rules, workers, Instant::now()))))
}

/// Requests that have a place keep it, as long as the rules are the same.
fn bulkhead(upstream: &model::Upstream, previous: Option<&Upstream>) -> Option<Arc<Bulkhead>> {
    let rules = upstream.bulkhead?;
    let kept = previous.filter(|previous| previous.rules.bulkhead == Some(rules));
    let kept = kept.and_then(|previous| previous.bulkhead.clone());
    Some(kept.unwrap_or_else(|| Bulkhead::new(rules.requests, rules.queue)))
}

/// The breaker for all that goes to the upstream.
fn guard(upstream: &model::Upstream, previous: Option<&Upstream>) -> Option<Arc<Guard>> {
    let written = upstream.breaker.as_ref().filter(|breaker| breaker.scope == BreakerScope::Upstream)?;
    let guarded = Guarded { upstream: Some(upstream.name.clone()), ..Guarded::default() };
    Some(Guard::new(written, guarded, previous.and_then(|previous| previous.guard.as_ref())))
}

/// The set with a breaker for each endpoint, if that is what the rules say. Those of endpoints that stay go on.
fn guarded(set: EndpointSet, upstream: &Arc<str>, rules: &Rules, previous: Option<&EndpointSet>) -> EndpointSet {
    let Some(written) = rules.breaker.as_ref().filter(|breaker| breaker.scope == BreakerScope::Endpoint) else {
        return set;
    };
    let known: HashMap<_, _> = previous
        .into_iter()
        .flat_map(|previous| previous.endpoints.iter().zip(previous.guards()))
        .map(|(endpoint, guard)| (&endpoint.address, guard))
        .collect();
    set.with_guards(|endpoint| {
        let address = endpoint.address.to_string().into();
        let guarded = Guarded { upstream: Some(upstream.clone()), endpoint: Some(address), ..Guarded::default() };
        Guard::new(written, guarded, known.get(&endpoint.address).copied())
    })
}

// === impl Rules ===

impl Rules {
    fn new(upstream: &model::Upstream) -> Result<Self, TlsError> {
        let connector = Connector::new(upstream.protocol, upstream.tls.as_ref(), upstream.timeouts.connect)?;
        Ok(Self {
            protocol: upstream.protocol,
            balance: upstream.balance.clone(),
            timeouts: upstream.timeouts.clone(),
            retry: upstream.retry.clone(),
            bulkhead: upstream.bulkhead,
            breaker: upstream.breaker.clone(),
            pool: upstream.pool,
            host: upstream.host.clone(),
            connector,
        })
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        let Self { protocol, balance, timeouts, retry, bulkhead, breaker, pool, host, connector } = self;
        *protocol == other.protocol
            && *balance == other.balance
            && *timeouts == other.timeouts
            && *retry == other.retry
            && *bulkhead == other.bulkhead
            && *breaker == other.breaker
            && *pool == other.pool
            && *host == other.host
            && connector.is_same(&other.connector)
    }
}
