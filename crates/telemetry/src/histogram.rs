//! Durations in buckets.

use std::time::Duration;

use crate::shard::Counter;

/// Up to where each bucket reaches, ascending; what is longer falls into the one beyond.
#[derive(Debug)]
pub(crate) struct Bounds<const N: usize> {
    pub(crate) nanos: [u64; N],
    /// In seconds, as the label `le` says it. The same text in both formats, so that a scraper that changes between
    /// them does not see other series: OpenMetrics asks for `1.0`, the older format takes it.
    pub(crate) text: [&'static str; N],
}

/// One worker's durations. The sum stands beside the buckets of short durations, which are the usual ones.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Histogram<const N: usize> {
    sum_nanos: Counter,
    within: [Counter; N],
    beyond: Counter,
}

/// What histograms of several workers hold together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Totals<const N: usize> {
    pub(crate) within: [u64; N],
    pub(crate) beyond: u64,
    pub(crate) sum: Duration,
}

/// What a client sees. From half a millisecond, below which [`OVERHEAD`] says more.
pub(crate) const DURATION: Bounds<14> = Bounds {
    nanos: [
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        10_000_000_000,
    ],
    text: [
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0",
        "10.0",
    ],
};

/// What the gateway itself takes: 10 µs to 10 ms.
pub(crate) const OVERHEAD: Bounds<10> = Bounds {
    nanos: [10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000],
    text: ["1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01"],
};

// === impl Bounds ===

impl<const N: usize> Bounds<N> {
    /// Index of the bucket; `N` is the one beyond.
    pub(crate) fn bucket(&self, nanos: u64) -> usize {
        // Counting all of a dozen bounds has no branch to mispredict.
        self.nanos.iter().filter(|bound| nanos > **bound).count()
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

// === impl Histogram ===

impl<const N: usize> Histogram<N> {
    /// The index of its bucket is what it gives.
    pub(crate) fn observe(&self, bounds: &Bounds<N>, duration: Duration) -> usize {
        let nanos = nanos(duration);
        let bucket = bounds.bucket(nanos);
        self.within.get(bucket).unwrap_or(&self.beyond).add(1);
        self.sum_nanos.add(nanos);
        bucket
    }
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { within: [const { Counter::new() }; N], beyond: Counter::new(), sum_nanos: Counter::new() }
    }
}

// === impl Totals ===

impl<const N: usize> Default for Totals<N> {
    fn default() -> Self {
        Self { within: [0; N], beyond: 0, sum: Duration::ZERO }
    }
}

impl<const N: usize> Totals<N> {
    pub(crate) fn of<'h>(histograms: impl Iterator<Item = &'h Histogram<N>>) -> Self {
        let mut totals = Self::default();
        for histogram in histograms {
            for (total, counter) in totals.within.iter_mut().zip(&histogram.within) {
                *total += counter.get();
            }
            totals.beyond += histogram.beyond.get();
            totals.sum += Duration::from_nanos(histogram.sum_nanos.get());
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_say_what_they_are() {
        fn check<const N: usize>(bounds: &Bounds<N>) {
            assert!(bounds.nanos.is_sorted_by(|one, next| one < next));
            for (nanos, text) in bounds.nanos.iter().zip(bounds.text) {
                let seconds: f64 = text.parse().unwrap();
                assert_eq!(*nanos, (seconds * 1e9).round() as u64, "{text}");
            }
        }
        check(&DURATION);
        check(&OVERHEAD);
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for micros in [0, 10, 11, 10_000, 10_001] {
            histogram.observe(&OVERHEAD, Duration::from_micros(micros));
        }
        histogram.observe(&OVERHEAD, Duration::from_nanos(10_001));
        let totals = Totals::of([&histogram].into_iter());
        assert_eq!((totals.within, totals.beyond), ([2, 2, 0, 0, 0, 0, 0, 0, 0, 1], 1));
        assert_eq!(totals.sum, Duration::from_nanos(20_022_000 + 10_001));
    }
}
