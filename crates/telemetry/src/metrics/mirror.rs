//! What is counted per mirror.

use http::StatusCode;
use message::Cause;

use super::{CODE_CLASSES, code_class};
use crate::{
    Exposition,
    exposition::Series,
    names,
    shard::{Counter, Sharded},
};

/// The counters of a mirror. Made with the mirror and adopted by its successor of the same route and upstream.
#[derive(Debug)]
pub struct MirrorMetrics(pub(crate) Sharded<MirrorShard>);

#[derive(Debug)]
pub(crate) struct MirrorShard {
    began: Counter,
    ended: Counter,
    overflowed: Counter,
    answered: [Counter; CODE_CLASSES.len()],
    failed: [Counter; Cause::ALL.len()],
}

/// Value of the label `outcome` for requests that were not copied because too many copies were under way.
const OVERFLOW: &str = "overflow";

// === impl MirrorMetrics ===

impl MirrorMetrics {
    pub const fn new(workers: usize) -> Self {
        Self(Sharded::new(workers))
    }

    /// A request is to be copied. [`MirrorMetrics::copy_ended`] must follow on the same worker.
    pub fn copy_began(&self, worker: usize) {
        self.0.of(worker).began.add(1);
    }

    /// The copy was answered, or was not, or was never sent.
    pub fn copy_ended(&self, worker: usize, outcome: Result<StatusCode, Cause>) {
        let shard = self.0.of(worker);
        match outcome {
            Ok(status) => shard.answered[code_class(status)].add(1),
            Err(cause) => shard.failed[cause as usize].add(1),
        }
        shard.ended.add(1);
    }

    /// A request was not copied, because too many copies were under way.
    pub fn overflowed(&self, worker: usize) {
        self.0.of(worker).overflowed.add(1);
    }

    /// Copies under way on one worker.
    pub fn inflight_of(&self, worker: usize) -> u64 {
        self.0.of(worker).inflight()
    }
}

// === impl MirrorShard ===

impl MirrorShard {
    fn inflight(&self) -> u64 {
        // What ended is read first, so that it cannot exceed what began.
        let ended = self.ended.get();
        self.began.get().saturating_sub(ended)
    }

    fn outcomes(&self) -> impl Iterator<Item = &Counter> {
        self.answered.iter().chain(&self.failed).chain([&self.overflowed])
    }
}

impl Default for MirrorShard {
    fn default() -> Self {
        Self {
            began: Counter::new(),
            ended: Counter::new(),
            overflowed: Counter::new(),
            answered: Default::default(),
            failed: [const { Counter::new() }; Cause::ALL.len()],
        }
    }
}

pub(crate) fn expose(mirrors: &Series<'_, MirrorShard, 2>, out: &mut Exposition) {
    let mut samples = out.family(&names::MIRROR_REQUESTS);
    mirrors.each(|[route, upstream], shards| {
        let mut totals = [0; CODE_CLASSES.len() + Cause::ALL.len() + 1];
        for shard in shards {
            for (total, counter) in totals.iter_mut().zip(shard.outcomes()) {
                *total += counter.get();
            }
        }
        let causes = Cause::ALL.iter().map(|cause| cause.name());
        let outcomes = CODE_CLASSES.into_iter().chain(causes).chain([OVERFLOW]);
        for (total, outcome) in totals.iter().zip(outcomes).filter(|(total, _)| **total > 0) {
            samples.count(&[route, upstream, outcome], *total);
        }
    });
    let mut samples = out.family(&names::MIRROR_INFLIGHT);
    mirrors.each(|[route, upstream], shards| {
        samples.count(&[route, upstream], shards.map(MirrorShard::inflight).sum());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_under_way_are_those_that_began_and_did_not_end() {
        let mirror = MirrorMetrics::new(2);
        for worker in [0, 1, 1] {
            mirror.copy_began(worker);
        }
        mirror.overflowed(1);
        mirror.copy_ended(1, Err(Cause::ConnectRefused));
        assert_eq!((mirror.inflight_of(0), mirror.inflight_of(1)), (1, 1));
    }
}
