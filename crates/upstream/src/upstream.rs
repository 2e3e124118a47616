//! A name, its rules, and its current set of endpoints.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use model::{Breaker, BreakerScope, Failover, Host, Pool, Protocol, RetryRules, Selector, Service, Timeouts};

use crate::{
    Bulkhead, Connections, Connector, Endpoint, EndpointSet, Guard, Guarded, RetryBudget, SecretError, TlsError,
    balance::{Balance, Balancers},
    endpoint::{adopt, attend},
    health::UpstreamHealth,
};

/// Where routes send. The set is swapped when endpoints come and go, which is far more often than the document changes.
pub struct Upstream {
    pub name: Arc<str>,
    pub rules: Arc<Rules>,
    /// `None`: there are no retries.
    pub budget: Option<Arc<RetryBudget>>,
    /// `None`: as many requests as come.
    pub bulkhead: Option<Arc<Bulkhead>>,
    /// `None`: as many connections as are needed.
    pub connections: Option<Arc<Connections>>,
    /// `None`: every endpoint is taken for good.
    pub health: Option<Arc<UpstreamHealth>>,
    /// `None`: there is no breaker, or not one for all.
    pub guard: Option<Arc<Guard>>,
    /// Which endpoints some routes want alone. Destinations hold the index.
    pub subsets: Box<[Selector]>,
    /// Where its endpoints are found; `None`: the document says what there is.
    pub discovery: Option<Arc<Service>>,
    set: ArcSwap<EndpointSet>,
    /// Grows with every swap, so that a worker sees by one load whether it must look again.
    generation: AtomicU64,
}

/// How endpoints are treated. Immutable; connections made under the same rules can be used on after a reload.
pub struct Rules {
    pub protocol: Protocol,
    pub balance: Balance,
    pub failover: Failover,
    pub timeouts: Timeouts,
    pub retry: Option<RetryRules>,
    pub bulkhead: Option<model::Bulkhead>,
    pub breaker: Option<Breaker>,
    pub pool: Pool,
    pub host: Host,
    pub connector: Connector,
}

/// Why the rules of an upstream cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesError {
    Tls(TlsError),
    Secret(SecretError),
    /// Of a balancer that does not come with the gateway.
    Balancer(String),
}

// === impl Upstream ===

impl Upstream {
    /// Reads the certificates and secrets that the upstream names; makes no connection. What is the same in `previous` is
    /// adopted, and what is known of endpoints that stay. Balancers that do not come with the gateway are those of `kinds`.
    ///
    /// # Errors
    /// A certificate or secret that cannot be read or is none, or a balancer of no kind.
    pub fn new(
        upstream: &model::Upstream,
        kinds: &Balancers,
        workers: usize,
        previous: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, RulesError> {
        let rules = Rules::new(upstream, kinds, previous.map(|previous| &*previous.rules))?;
        let rules = match previous {
            Some(previous) if *previous.rules == rules => previous.rules.clone(),
            _ => Arc::new(rules),
        };
        let mut endpoints: Box<[_]> = upstream.endpoints.iter().map(Endpoint::new).map(Arc::new).collect();
        if let Some(previous) = previous.filter(|previous| Arc::ptr_eq(&previous.rules, &rules))
            && previous.set.load().endpoints == endpoints
            && *previous.subsets == *upstream.subsets
            && previous.discovery.as_deref() == upstream.discovery.as_ref().map(|discovery| &discovery.service)
            && previous.health.as_ref().map(|health| &health.rules) == upstream.health.as_ref()
        {
            return Ok(previous.clone());
        }
        let known = previous.map(|previous| previous.set());
        let known = known.as_ref().map_or(&[][..], |known| &known.endpoints);
        adopt(&mut endpoints, known);
        let health = upstream.health.as_ref().map(|rules| {
            let previous = previous.and_then(|previous| previous.health.as_ref());
            UpstreamHealth::new(&upstream.name, rules, previous)
        });
        attend(&mut endpoints, health.as_ref(), known, workers);
        let bulkhead = bulkhead(upstream, previous.map(|previous| &**previous));
        let connections = connections(upstream, previous.map(|previous| &**previous));
        let budget = budget(upstream, workers, previous.map(|previous| &**previous));
        let subsets: Box<[_]> = upstream.subsets.as_slice().into();
        let guard = guard(upstream, previous.map(|previous| &**previous));
        let set = EndpointSet::new(endpoints, &rules.balance, &rules.failover, &subsets, workers);
        let set = guarded(set, &upstream.name, &rules, previous.map(|previous| previous.set()).as_deref());
        Ok(Arc::new(Self {
            name: upstream.name.clone(),
            rules,
            budget,
            bulkhead,
            connections,
            health,
            guard,
            subsets,
            discovery: upstream.discovery.as_ref().map(|discovery| Arc::new(discovery.service.clone())),
            set: ArcSwap::from_pointee(set),
            generation: AtomicU64::new(0),
        }))
    }

    /// The current set. Workers keep it until [`Upstream::generation`] tells them otherwise.
    pub fn set(&self) -> Arc<EndpointSet> {
        self.set.load_full()
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Replaces the endpoints; exchanges under way keep theirs. What is known of those that stay is adopted.
    pub fn replace(&self, mut endpoints: Box<[Arc<Endpoint>]>, workers: usize) {
        let known = self.set();
        adopt(&mut endpoints, &known.endpoints);
        attend(&mut endpoints, self.health.as_ref(), &known.endpoints, workers);
        let set = EndpointSet::new(endpoints, &self.rules.balance, &self.rules.failover, &self.subsets, workers);
        let set = guarded(set, &self.name, &self.rules, Some(&known));
        self.set.store(Arc::new(set));
        self.generation.fetch_add(1, Ordering::Release);
        self.health.iter().for_each(|health| health.note_replaced());
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

/// Connections that are open count on, as long as the bound is the same.
fn connections(upstream: &model::Upstream, previous: Option<&Upstream>) -> Option<Arc<Connections>> {
    let model::Bulkhead { connections, wait, .. } = upstream.bulkhead?;
    let most = connections?;
    let kept = previous.and_then(|previous| previous.connections.as_ref());
    let kept = kept.filter(|kept| kept.most == most && kept.wait == wait);
    Some(kept.cloned().unwrap_or_else(|| Connections::new(most, wait)))
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
    fn new(upstream: &model::Upstream, kinds: &Balancers, previous: Option<&Self>) -> Result<Self, RulesError> {
        let connector = Connector::new(upstream.protocol, upstream.tls.as_ref(), upstream.timeouts.connect)?;
        let previous = previous.map(|previous| &previous.balance);
        let balance = Balance::new(&upstream.balance, upstream.slow_start, kinds, previous)?;
        Ok(Self {
            protocol: upstream.protocol,
            balance,
            failover: upstream.failover.clone(),
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
        let Self { protocol, balance, failover, timeouts, retry, bulkhead, breaker, pool, host, connector } = self;
        *protocol == other.protocol
            && *balance == other.balance
            && *failover == other.failover
            && *timeouts == other.timeouts
            && *retry == other.retry
            && *bulkhead == other.bulkhead
            && *breaker == other.breaker
            && *pool == other.pool
            && *host == other.host
            && connector.is_same(&other.connector)
    }
}

// === impl RulesError ===

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => error.fmt(f),
            Self::Secret(error) => error.fmt(f),
            Self::Balancer(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for RulesError {}

impl From<TlsError> for RulesError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<SecretError> for RulesError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}
