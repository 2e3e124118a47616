//! What is counted per route.

use std::{sync::OnceLock, time::SystemTime};

use message::{Record, TraceId};

use super::{CODE_CLASSES, code_class, is_failure};
use crate::{
    Counts, Exposition, Protocol, Timing,
    exemplar::Exemplars,
    exposition::Series,
    histogram::{self, Histogram, Totals},
    names,
    shard::{Counter, Sharded},
};

/// The counters of a route. Made with the route and adopted by its successor of the same name.
#[derive(Debug)]
pub struct RouteMetrics(pub(crate) Sharded<RouteShard>);

/// Laid out so that an ordinary exchange touches three cache lines: of a thousand routes, most are cold.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct RouteShard {
    request_bytes: Counter,
    response_bytes: Counter,
    duration: Histogram<14>,
    overhead: Histogram<10>,
    requests: [[Counter; Protocol::ALL.len()]; CODE_CLASSES.len()],
    /// Of `duration`; made for the first trace.
    exemplars: OnceLock<Box<Exemplars<14>>>,
}

// === impl RouteMetrics ===

impl RouteMetrics {
    pub const fn new(workers: usize) -> Self {
        Self(Sharded::new(workers))
    }

    /// What was counted, by all workers together.
    pub fn counts(&self) -> Counts {
        let (mut requests, mut failed) = (0, 0);
        for (_, shard) in self.0.iter() {
            for (class, by_protocol) in shard.requests.iter().enumerate() {
                let sum: u64 = by_protocol.iter().map(Counter::get).sum();
                requests += sum;
                failed += if is_failure(class) { sum } else { 0 };
            }
        }
        Counts::new(requests, failed, &Totals::of(self.0.iter().map(|(_, shard)| &shard.duration)))
    }

    /// Whether anything was ever counted.
    pub fn is_used(&self) -> bool {
        self.0.is_used()
    }

    /// Counts an exchange that has ended; see [`crate::finish()`].
    pub fn observe(&self, worker: usize, record: &Record, timing: &Timing, protocol: Protocol) {
        let shard = self.0.of(worker);
        shard.requests[record.status.map_or(0, code_class)][protocol as usize].add(1);
        shard.duration.observe(&histogram::DURATION, timing.total);
        if let Some(overhead) = timing.overhead {
            shard.overhead.observe(&histogram::OVERHEAD, overhead);
        }
        shard.request_bytes.add(record.request_bytes);
        shard.response_bytes.add(record.response_bytes);
    }

    /// Notes that an exchange is told of as this trace, for those who look at its bucket.
    pub fn exemplify(&self, worker: usize, timing: &Timing, trace: TraceId, now: SystemTime) {
        let bucket = histogram::DURATION.bucket(histogram::nanos(timing.total));
        self.0.of(worker).exemplars.get_or_init(Box::default).note(bucket, trace, timing.total, now);
    }
}

pub(crate) fn expose(routes: &Series<'_, RouteShard>, out: &mut Exposition) {
    let mut samples = out.family(&names::REQUESTS);
    routes.each(|[name], shards| {
        let mut totals = [[0; Protocol::ALL.len()]; CODE_CLASSES.len()];
        for shard in shards {
            for (total, counter) in totals.as_flattened_mut().iter_mut().zip(shard.requests.as_flattened()) {
                *total += counter.get();
            }
        }
        for (by_protocol, class) in totals.iter().zip(CODE_CLASSES) {
            for (total, protocol) in by_protocol.iter().zip(Protocol::ALL).filter(|(total, _)| **total > 0) {
                samples.count(&[name, class, protocol.name()], *total);
            }
        }
    });
    let mut samples = out.family(&names::REQUEST_DURATION);
    routes.each(|[name], shards| {
        let shards: Vec<_> = shards.collect();
        let totals = Totals::of(shards.iter().map(|shard| &shard.duration));
        samples.histogram_with(&[name], &histogram::DURATION, &totals, |bucket| {
            let exemplars = shards.iter().filter_map(|shard| shard.exemplars.get()?.of(bucket));
            exemplars.max_by_key(|exemplar| exemplar.when)
        });
    });
    let mut samples = out.family(&names::OVERHEAD);
    routes.each(|[name], shards| {
        samples.histogram(&[name], &histogram::OVERHEAD, &Totals::of(shards.map(|shard| &shard.overhead)));
    });
    let mut samples = out.family(&names::REQUEST_BYTES);
    routes.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.request_bytes.get()).sum()));
    let mut samples = out.family(&names::RESPONSE_BYTES);
    routes.each(|[name], shards| samples.count(&[name], shards.map(|shard| shard.response_bytes.get()).sum()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_route_costs_next_to_nothing() {
        assert!(size_of::<RouteMetrics>() <= 64, "{} bytes", size_of::<RouteMetrics>());
    }
}
