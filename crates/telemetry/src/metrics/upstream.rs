//! What is counted per upstream.

use message::{Attempt, Cause};

use super::{CODE_CLASSES, EndpointMetrics, code_class, is_failure};
use crate::{
    Counts, Exposition,
    exposition::Series,
    histogram::{self, Histogram, Totals},
    names,
    shard::{Counter, Sharded},
};

/// The counters of an upstream. Made with the upstream and adopted by its successor of the same name.
#[derive(Debug)]
pub struct UpstreamMetrics(pub(crate) Sharded<UpstreamShard>);

#[derive(Debug)]
pub(crate) struct UpstreamShard {
    began: Counter,
    answered: [Counter; CODE_CLASSES.len()],
    failed: [Counter; Cause::ALL.len()],
    duration: Histogram<14>,
    connections: Counter,
    retries: Counter,
    retries_denied: Counter,
    keys_missed: Counter,
    clients_bound: Counter,
    overflowed: Counter,
    panicked: Counter,
}

// === impl UpstreamMetrics ===

impl UpstreamMetrics {
    pub const fn new(workers: usize) -> Self {
        Self(Sharded::new(workers))
    }

    /// What was counted of attempts, by all workers together.
    pub fn counts(&self) -> Counts {
        let (mut attempts, mut failed) = (0, 0);
        for (_, shard) in self.0.iter() {
            let without: u64 = shard.failed.iter().map(Counter::get).sum();
            let answered = shard.answered.iter().map(Counter::get).enumerate();
            let (bad, good): (Vec<_>, Vec<_>) = answered.partition(|(class, _)| is_failure(*class));
            let sum = |counts: Vec<(usize, u64)>| counts.iter().map(|(_, count)| count).sum::<u64>();
            let bad = without + sum(bad);
            attempts += bad + sum(good);
            failed += bad;
        }
        Counts::new(attempts, failed, &Totals::of(self.0.iter().map(|(_, shard)| &shard.duration)))
    }

    /// Whether anything was ever counted.
    pub fn is_used(&self) -> bool {
        self.0.is_used()
    }

    /// An endpoint was chosen. [`UpstreamMetrics::attempt_ended`] must follow on the same worker, also if the client
    /// goes away meanwhile.
    pub fn attempt_began(&self, worker: usize) {
        self.0.of(worker).began.add(1);
    }

    /// Also for the endpoint that was asked.
    pub fn attempt_ended(&self, worker: usize, attempt: &Attempt, endpoint: &EndpointMetrics) {
        let shard = self.0.of(worker);
        match attempt.outcome {
            Ok(status) => shard.answered[code_class(status)].add(1),
            Err(cause) => shard.failed[cause as usize].add(1),
        }
        let bucket = shard.duration.observe(&histogram::DURATION, attempt.duration);
        endpoint.attempt_ended(worker, self.0.workers(), attempt, bucket);
    }

    /// A connection to an endpoint is ready for its first request.
    pub fn connection_opened(&self, worker: usize) {
        self.0.of(worker).connections.add(1);
    }

    /// A request is sent once more.
    pub fn retried(&self, worker: usize) {
        self.0.of(worker).retries.add(1);
    }

    /// It would have been, but the budget was spent.
    pub fn retry_denied(&self, worker: usize) {
        self.0.of(worker).retries_denied.add(1);
    }

    /// A request lacked the key that its endpoint is chosen by.
    pub fn key_missed(&self, worker: usize) {
        self.0.of(worker).keys_missed.add(1);
    }

    /// A client got the cookie by which it comes back to its endpoint.
    pub fn client_bound(&self, worker: usize) {
        self.0.of(worker).clients_bound.add(1);
    }

    /// An endpoint of another tier than the first was chosen.
    pub fn overflowed(&self, worker: usize) {
        self.0.of(worker).overflowed.add(1);
    }

    /// An endpoint was chosen whatever its health.
    pub fn panicked(&self, worker: usize) {
        self.0.of(worker).panicked.add(1);
    }
}

// === impl UpstreamShard ===

impl UpstreamShard {
    fn outcomes(&self) -> impl Iterator<Item = &Counter> {
        self.answered.iter().chain(&self.failed)
    }

    fn inflight(&self) -> u64 {
        // What ended is read first, so that it cannot exceed what began.
        let ended = self.outcomes().map(Counter::get).sum();
        self.began.get().saturating_sub(ended)
    }
}

impl Default for UpstreamShard {
    fn default() -> Self {
        Self {
            began: Counter::new(),
            answered: Default::default(),
            failed: [const { Counter::new() }; Cause::ALL.len()],
            duration: Histogram::default(),
            connections: Counter::new(),
            retries: Counter::new(),
            retries_denied: Counter::new(),
            keys_missed: Counter::new(),
            clients_bound: Counter::new(),
            overflowed: Counter::new(),
            panicked: Counter::new(),
        }
    }
}

pub(crate) fn expose(upstreams: &Series<'_, UpstreamShard>, out: &mut Exposition) {
    let mut samples = out.family(&names::UPSTREAM_ATTEMPTS);
    upstreams.each(|[name], shards| {
        let mut totals = [0; CODE_CLASSES.len() + Cause::ALL.len()];
        for shard in shards {
            for (total, counter) in totals.iter_mut().zip(shard.outcomes()) {
                *total += counter.get();
            }
        }
        let outcomes = CODE_CLASSES.into_iter().chain(Cause::ALL.iter().map(|cause| cause.name()));
        for (total, outcome) in totals.iter().zip(outcomes).filter(|(total, _)| **total > 0) {
            samples.count(&[name, outcome], *total);
        }
    });
    let mut samples = out.family(&names::UPSTREAM_DURATION);
    upstreams.each(|[name], shards| {
        samples.histogram(&[name], &histogram::DURATION, &Totals::of(shards.map(|shard| &shard.duration)));
    });
    let mut samples = out.family(&names::UPSTREAM_INFLIGHT);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(UpstreamShard::inflight).sum()));
    let mut samples = out.family(&names::UPSTREAM_CONNECTIONS);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.connections.get()).sum()));
    let mut samples = out.family(&names::UPSTREAM_RETRIES);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.retries.get()).sum()));
    let mut samples = out.family(&names::UPSTREAM_RETRIES_DENIED);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.retries_denied.get()).sum()));
    let mut samples = out.family(&names::UPSTREAM_KEYS_MISSED);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.keys_missed.get()).sum()));
    let mut samples = out.family(&names::UPSTREAM_CLIENTS_BOUND);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.clients_bound.get()).sum()));
    let mut samples = out.family(&names::UPSTREAM_OVERFLOWED);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.overflowed.get()).sum()));
    let mut samples = out.family(&names::UPSTREAM_PANICKED);
    upstreams.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.panicked.get()).sum()));
}
