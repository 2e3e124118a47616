//! What is counted per gateway.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use message::Cause;

use crate::{
    Expose, Exposition, RouteMetrics, names,
    shard::{Counter, Sharded},
};

/// The counters of a gateway. Two gateways in one process have one each.
#[derive(Debug)]
pub struct GatewayMetrics {
    version: &'static str,
    started: SystemTime,
    workers: Sharded<WorkerShard>,
    unrouted: RouteMetrics,
    config: ConfigMetrics,
}

#[derive(Debug)]
struct WorkerShard {
    requests_began: Counter,
    requests_ended: Counter,
    connections_opened: Counter,
    connections_closed: Counter,
    causes: [Counter; Cause::ALL.len()],
}

/// Written by the control plane, from any of its threads.
#[derive(Debug, Default)]
struct ConfigMetrics {
    generation: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Milliseconds since 1970.
    last_success: AtomicU64,
}

// === impl GatewayMetrics ===

impl GatewayMetrics {
    /// `version` is the program's; `started` is now.
    pub fn new(workers: usize, version: &'static str, started: SystemTime) -> Self {
        let shards = Sharded::new(workers);
        for worker in 0..workers {
            // Made at once: the gauges of an idle worker shall show 0.
            let _: &WorkerShard = shards.of(worker);
        }
        let (unrouted, config) = (RouteMetrics::new(workers), ConfigMetrics::default());
        Self { version, started, workers: shards, unrouted, config }
    }

    /// A connection is served by `worker`, which also calls [`GatewayMetrics::connection_closed`].
    pub fn connection_opened(&self, worker: usize) {
        self.workers.of(worker).connections_opened.add(1);
    }

    pub fn connection_closed(&self, worker: usize) {
        self.workers.of(worker).connections_closed.add(1);
    }

    /// The head of a request is there. [`crate::finish()`] must follow on the same worker.
    pub fn request_began(&self, worker: usize) {
        self.workers.of(worker).requests_began.add(1);
    }

    pub(crate) fn request_ended(&self, worker: usize, cause: Option<Cause>) {
        let shard = self.workers.of(worker);
        shard.requests_ended.add(1);
        if let Some(cause) = cause {
            shard.causes[cause as usize].add(1);
        }
    }

    /// Something was refused before it became a request, for `cause`.
    pub fn caused(&self, worker: usize, cause: Cause) {
        self.workers.of(worker).causes[cause as usize].add(1);
    }

    /// Requests under way on one worker: what its drain waits for.
    pub fn inflight_of(&self, worker: usize) -> u64 {
        self.workers.of(worker).inflight()
    }

    /// Requests under way on all workers.
    pub fn inflight(&self) -> u64 {
        self.workers.iter().map(|(_, shard)| shard.inflight()).sum()
    }

    /// Connections open on all workers.
    pub fn open_connections(&self) -> u64 {
        self.workers.iter().map(|(_, shard)| shard.open()).sum()
    }

    /// The configuration `generation` is being served, since `now`.
    pub fn config_loaded(&self, generation: u64, now: SystemTime) {
        self.config.generation.store(generation, Relaxed);
        self.config.last_success.store(since_1970(now).as_millis() as u64, Relaxed);
        self.config.succeeded.fetch_add(1, Relaxed);
    }

    /// A configuration was refused.
    pub fn config_refused(&self) {
        self.config.failed.fetch_add(1, Relaxed);
    }

    /// Where requests are counted that no route took.
    pub(crate) fn unrouted(&self) -> &RouteMetrics {
        &self.unrouted
    }
}

impl Expose for GatewayMetrics {
    fn expose(&self, out: &mut Exposition) {
        out.family(&names::BUILD_INFO).count(&[self.version], 1);
        out.family(&names::START_TIME).seconds(&[], since_1970(self.started));
        self.config.expose(out);
        self.per_worker(&mut out.family(&names::OPEN_CONNECTIONS), WorkerShard::open);
        self.per_worker(&mut out.family(&names::INFLIGHT_REQUESTS), WorkerShard::inflight);
        let mut samples = out.family(&names::CAUSED_REQUESTS);
        for cause in Cause::ALL {
            // Also those that never were: a rate needs a zero to rise from.
            let total = self.workers.iter().map(|(_, shard)| shard.causes[*cause as usize].get()).sum();
            samples.count(&[cause.name()], total);
        }
    }
}

impl GatewayMetrics {
    fn per_worker(&self, samples: &mut crate::Samples<'_>, value: fn(&WorkerShard) -> u64) {
        for (worker, shard) in self.workers.iter() {
            samples.count(&[itoa::Buffer::new().format(worker)], value(shard));
        }
    }
}

// === impl WorkerShard ===

impl WorkerShard {
    fn inflight(&self) -> u64 {
        difference(&self.requests_began, &self.requests_ended)
    }

    fn open(&self) -> u64 {
        difference(&self.connections_opened, &self.connections_closed)
    }
}

impl Default for WorkerShard {
    fn default() -> Self {
        Self {
            requests_began: Counter::new(),
            requests_ended: Counter::new(),
            connections_opened: Counter::new(),
            connections_closed: Counter::new(),
            causes: [const { Counter::new() }; Cause::ALL.len()],
        }
    }
}

// === impl ConfigMetrics ===

impl Expose for ConfigMetrics {
    fn expose(&self, out: &mut Exposition) {
        out.family(&names::CONFIG_GENERATION).count(&[], self.generation.load(Relaxed));
        let mut samples = out.family(&names::CONFIG_RELOADS);
        samples.count(&["success"], self.succeeded.load(Relaxed));
        samples.count(&["failure"], self.failed.load(Relaxed));
        let last_success = Duration::from_millis(self.last_success.load(Relaxed));
        out.family(&names::CONFIG_LAST_SUCCESS).seconds(&[], last_success);
    }
}

/// `ended` is read first, so that what ends meanwhile cannot make it exceed what began.
fn difference(began: &Counter, ended: &Counter) -> u64 {
    let ended = ended.get();
    began.get().saturating_sub(ended)
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_count_what_began_and_has_not_ended() {
        let gateway = GatewayMetrics::new(2, "0", UNIX_EPOCH);
        for worker in [0, 1, 1] {
            gateway.connection_opened(worker);
            gateway.request_began(worker);
        }
        gateway.connection_closed(1);
        assert_eq!((gateway.open_connections(), gateway.inflight()), (2, 3));
        gateway.request_ended(0, None);
        gateway.request_ended(1, Some(Cause::ClientClosed));
        assert_eq!(gateway.inflight(), 1);
    }

    #[test]
    fn a_refused_configuration_leaves_the_generation() {
        let gateway = GatewayMetrics::new(1, "0", UNIX_EPOCH);
        gateway.config_loaded(7, UNIX_EPOCH + Duration::from_millis(1_500));
        gateway.config_refused();
        let text = crate::exposition::tests::text(&gateway);
        for line in [
            "sluice_config_generation 7",
            "sluice_config_reload_total{result=\"success\"} 1",
            "sluice_config_reload_total{result=\"failure\"} 1",
            "sluice_config_last_reload_success_timestamp_seconds 1.5",
        ] {
            assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
        }
    }
}
