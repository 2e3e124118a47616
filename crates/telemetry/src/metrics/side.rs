//! What is counted per side of a route that has several.

use message::Record;

use super::{CODE_CLASSES, code_class};
use crate::{
    Exposition, Timing,
    exposition::Series,
    histogram::{self, Histogram, Totals},
    names,
    shard::{Counter, Sharded},
};

/// The counters of a side. Made with the side and adopted by its successor of the same name on the same route.
#[derive(Debug)]
pub struct SideMetrics(pub(crate) Sharded<SideShard>);

/// What tells a good version from a bad one.
#[derive(Debug, Default)]
pub(crate) struct SideShard {
    requests: [Counter; CODE_CLASSES.len()],
    duration: Histogram<14>,
}

// === impl SideMetrics ===

impl SideMetrics {
    pub const fn new(workers: usize) -> Self {
        Self(Sharded::new(workers))
    }

    /// Counts an exchange that has ended, beside [`crate::finish()`].
    pub fn observe(&self, worker: usize, record: &Record, timing: &Timing) {
        let shard = self.0.of(worker);
        shard.requests[record.status.map_or(0, code_class)].add(1);
        shard.duration.observe(&histogram::DURATION, timing.total);
    }
}

pub(crate) fn expose(sides: &Series<'_, SideShard, 2>, out: &mut Exposition) {
    let mut samples = out.family(&names::SPLIT_REQUESTS);
    sides.each(|[route, side], shards| {
        let mut totals = [0; CODE_CLASSES.len()];
        for shard in shards {
            for (total, counter) in totals.iter_mut().zip(&shard.requests) {
                *total += counter.get();
            }
        }
        for (total, class) in totals.iter().zip(CODE_CLASSES).filter(|(total, _)| **total > 0) {
            samples.count(&[route, side, class], *total);
        }
    });
    let mut samples = out.family(&names::SPLIT_DURATION);
    sides.each(|[route, side], shards| {
        samples.histogram(&[route, side], &histogram::DURATION, &Totals::of(shards.map(|shard| &shard.duration)));
    });
}
