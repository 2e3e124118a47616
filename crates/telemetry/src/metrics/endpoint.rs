//! What is counted per endpoint: for those who look at the gateway itself. Scrapers would get series for each address, of which
//! there may be thousands that come and go.

use std::sync::OnceLock;

use message::Attempt;

use super::{code_class, is_failure};
use crate::{
    Counts,
    histogram::{DURATION, Totals},
    shard::{Counter, Sharded},
};

/// The counters of an endpoint, made with its first attempt. Adopted by its successor with the same address.
#[derive(Debug, Default)]
pub struct EndpointMetrics(OnceLock<Sharded<EndpointShard>>);

/// As much as two cache lines hold.
#[derive(Debug, Default)]
struct EndpointShard {
    failed: Counter,
    durations: [Counter; DURATION.nanos.len() + 1],
}

// === impl EndpointMetrics ===

impl EndpointMetrics {
    /// `bucket` is that of its duration.
    pub(super) fn attempt_ended(&self, worker: usize, workers: usize, attempt: &Attempt, bucket: usize) {
        let shard = self.0.get_or_init(|| Sharded::new(workers)).of(worker);
        shard.durations[bucket].add(1);
        if attempt.outcome.is_err() || attempt.outcome.is_ok_and(|status| is_failure(code_class(status))) {
            shard.failed.add(1);
        }
    }

    /// What was counted, by all workers together; `None` if that is nothing.
    pub fn counts(&self) -> Option<Counts> {
        let sharded = self.0.get()?;
        let (mut failed, mut totals) = (0, Totals::default());
        for (_, shard) in sharded.iter() {
            failed += shard.failed.get();
            let (beyond, within) = shard.durations.split_last()?;
            totals.beyond += beyond.get();
            totals.within.iter_mut().zip(within).for_each(|(total, counter)| *total += counter.get());
        }
        let attempts = totals.beyond + totals.within.iter().sum::<u64>();
        Some(Counts::new(attempts, failed, &totals))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use http::StatusCode;
    use message::Cause;

    use super::*;
    use crate::UpstreamMetrics;

    #[test]
    fn an_endpoint_is_counted_as_its_upstream_is() {
        let (upstream, endpoint) = (UpstreamMetrics::new(2), EndpointMetrics::default());
        assert_eq!(endpoint.counts(), None);
        let begun = Attempt::new(0, "10.0.0.1:80".into(), Instant::now());
        for (worker, millis, outcome) in [
            (0, 1, Ok(StatusCode::OK)),
            (1, 30, Ok(StatusCode::NOT_FOUND)),
            (1, 20_000, Err(Cause::ResponseTimeout)),
            (0, 3, Ok(StatusCode::BAD_GATEWAY)),
        ] {
            let attempt = Attempt { duration: Duration::from_millis(millis), outcome, ..begun.clone() };
            upstream.attempt_ended(worker, &attempt, &endpoint);
        }
        let counts = endpoint.counts().unwrap();
        assert_eq!((counts.requests, counts.failed), (4, 2));
        assert_eq!(counts, upstream.counts());
    }

    #[test]
    fn a_worker_has_two_cache_lines() {
        assert!(size_of::<EndpointShard>() <= 128, "{} bytes", size_of::<EndpointShard>());
    }
}
