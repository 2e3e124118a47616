//! Which exchanges get a line.

use std::ops::RangeInclusive;

use http::StatusCode;
use message::{Random, Record};

use super::line;

/// Decided before a line is put together.
#[derive(Debug)]
pub(super) struct Taken {
    /// A bit for each status below 640; `None`: all.
    statuses: Option<Box<[u64; 10]>>,
    /// The part of them that gets a line.
    sample: f64,
}

// === impl Taken ===

impl Taken {
    pub(super) fn of(statuses: &[RangeInclusive<u16>], sample: f64) -> Self {
        let mut bits = Box::new([0_u64; 10]);
        for status in statuses.iter().cloned().flatten() {
            if let Some(word) = bits.get_mut(usize::from(status / 64)) {
                *word |= 1 << (status % 64);
            }
        }
        Self { statuses: (!statuses.is_empty()).then_some(bits), sample }
    }

    /// What went wrong is not left to chance.
    pub(super) fn takes(&self, record: &Record, random: &mut Random) -> bool {
        let status = line::status(record);
        let is_meant = match (&self.statuses, status) {
            (None, _) => true,
            (Some(bits), Some(status)) => has(bits, status),
            (Some(_), None) => false,
        };
        let went_wrong = || record.cause.is_some() || status.is_some_and(|status| status.as_u16() >= 500);
        is_meant && (self.sample >= 1.0 || went_wrong() || random.hits(self.sample))
    }
}

fn has(bits: &[u64; 10], status: StatusCode) -> bool {
    let status = status.as_u16();
    bits.get(usize::from(status / 64)).is_some_and(|word| word >> (status % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use message::Cause;

    use super::*;

    fn record(status: u16, cause: Option<Cause>) -> Record {
        let mut record = Record::new(Instant::now());
        (record.status, record.cause) = (StatusCode::from_u16(status).ok(), cause);
        record
    }

    #[test]
    fn statuses_are_those_that_are_given() {
        let taken = Taken::of(&[400..=499, 503..=503], 1.0);
        let mut random = Random::seeded(0);
        for (status, cause, expected) in [
            (200, None, false),
            (400, None, true),
            (499, None, true),
            (500, None, false),
            (503, Some(Cause::NoEndpoint), true),
            (502, Some(Cause::ConnectRefused), false),
            // The client left without an answer.
            (0, Some(Cause::ClientClosed), true),
            (0, None, false),
        ] {
            assert_eq!(taken.takes(&record(status, cause), &mut random), expected, "{status}");
        }
    }

    #[test]
    fn samples_hold_a_part_and_whatever_went_wrong() {
        let taken = Taken::of(&[], 0.1);
        let mut random = Random::seeded(7);
        let mut count = |status, cause| {
            let record = record(status, cause);
            (0..10_000).filter(|_| taken.takes(&record, &mut random)).count()
        };
        let well = count(200, None);
        assert!((900..1_100).contains(&well), "{well}");
        assert_eq!((count(500, None), count(404, Some(Cause::NoRoute))), (10_000, 10_000));
        assert!(!Taken::of(&[], 0.0).takes(&record(200, None), &mut Random::seeded(1)));
    }
}
