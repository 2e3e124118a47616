//! Traces that show what a bucket is made of.

use std::{
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
        fence,
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use message::TraceId;

/// The last trace of each bucket of a histogram with `N` bounds, as one worker saw it.
///
/// Each slot is written by its worker and no other, and read by scrapes: a sequence lock, whose writer never waits and
/// whose reader goes without what is being written just then.
#[derive(Debug)]
pub(crate) struct Exemplars<const N: usize> {
    within: [Slot; N],
    beyond: Slot,
}

/// A trace that fell into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exemplar {
    pub(crate) trace: TraceId,
    pub(crate) took: Duration,
    pub(crate) when: Duration,
}

#[derive(Debug, Default)]
struct Slot {
    /// Odd while it is written; 0 if it never was.
    sequence: AtomicU64,
    trace: [AtomicU64; 2],
    nanos: AtomicU64,
    /// Milliseconds since 1970.
    when: AtomicU64,
}

// === impl Exemplars ===

impl<const N: usize> Exemplars<N> {
    /// To be called by the one writer only.
    pub(crate) fn note(&self, bucket: usize, trace: TraceId, took: Duration, now: SystemTime) {
        self.within.get(bucket).unwrap_or(&self.beyond).write(trace, took, now);
    }

    /// Of the bucket with this index; the one beyond all bounds is the last.
    pub(crate) fn of(&self, bucket: usize) -> Option<Exemplar> {
        self.within.get(bucket).unwrap_or(&self.beyond).read()
    }
}

impl<const N: usize> Default for Exemplars<N> {
    fn default() -> Self {
        Self { within: std::array::from_fn(|_| Slot::default()), beyond: Slot::default() }
    }
}

// === impl Slot ===

impl Slot {
    fn write(&self, trace: TraceId, took: Duration, now: SystemTime) {
        let sequence = self.sequence.load(Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Relaxed);
        // What follows is not seen before the sequence is odd.
        fence(Release);
        let [high, low] = halves(trace);
        self.trace[0].store(high, Relaxed);
        self.trace[1].store(low, Relaxed);
        self.nanos.store(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        self.when.store(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64, Relaxed);
        self.sequence.store(sequence.wrapping_add(2), Release);
    }

    fn read(&self) -> Option<Exemplar> {
        let before = self.sequence.load(Acquire);
        let (high, low) = (self.trace[0].load(Relaxed), self.trace[1].load(Relaxed));
        let (nanos, when) = (self.nanos.load(Relaxed), self.when.load(Relaxed));
        // What came before is read before the sequence is looked at again.
        fence(Acquire);
        if before % 2 == 1 || before != self.sequence.load(Relaxed) {
            return None;
        }
        let mut id = [0; 16];
        id[..8].copy_from_slice(&high.to_be_bytes());
        id[8..].copy_from_slice(&low.to_be_bytes());
        // All zero if it was never written.
        let trace = TraceId::new(id)?;
        Some(Exemplar { trace, took: Duration::from_nanos(nanos), when: Duration::from_millis(when) })
    }
}

fn halves(trace: TraceId) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *trace.bytes();
    [u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes([i, j, k, l, m, n, o, p])]
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn id(byte: u8) -> TraceId {
        TraceId::new([byte; 16]).unwrap()
    }

    #[test]
    fn a_bucket_shows_its_last_trace() {
        let exemplars = Exemplars::<2>::default();
        assert_eq!(exemplars.of(0), None);
        let now = UNIX_EPOCH + Duration::from_secs(100);
        exemplars.note(0, id(1), Duration::from_millis(5), now);
        exemplars.note(0, id(2), Duration::from_millis(6), now);
        exemplars.note(2, id(3), Duration::from_secs(9), now);
        let of = |bucket| exemplars.of(bucket).map(|exemplar| (exemplar.trace, exemplar.took.as_millis()));
        assert_eq!([of(0), of(1), of(2)], [Some((id(2), 6)), None, Some((id(3), 9_000))]);
    }

    /// Id and duration say the same number, so that halves of two writes would be noticed.
    #[test]
    fn nobody_reads_halves() {
        let (exemplars, done) = (Exemplars::<1>::default(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..200_000_u64 {
                    let byte = (round % 250) as u8 + 1;
                    exemplars.note(0, id(byte), Duration::from_nanos(u64::from(byte)), UNIX_EPOCH);
                }
                done.store(true, Relaxed);
            });
            let mut seen = 0;
            while !done.load(Relaxed) || seen == 0 {
                if let Some(exemplar) = exemplars.of(0) {
                    assert_eq!(exemplar.trace, id(exemplar.took.as_nanos() as u8));
                    seen += 1;
                }
            }
        });
    }
}
