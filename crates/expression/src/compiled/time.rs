//! Moments and durations.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Result, Span, Time};
use crate::{
    Failure, Subject,
    literal::{self, Date},
};

pub(super) const SECOND: i128 = 1_000_000_000;
pub(super) const MILLISECOND: i128 = 1_000_000;

/// The longest duration, either way: ten thousand years, as in Protocol Buffers.
const LONGEST: i128 = 315_576_000_000 * SECOND;

/// From 0001-01-01 to just before 10000-01-01, as in Protocol Buffers.
const EARLIEST: i128 = -62_135_596_800 * SECOND;
const LATEST: i128 = 253_402_300_800 * SECOND;

/// What a clock and a calendar show.
pub(super) struct Clock {
    pub(super) date: Date,
    days_since_1970: i64,
    pub(super) second_of_day: i64,
    pub(super) milliseconds: i64,
}

/// A moment that types have room for.
pub(crate) fn moment(nanos: i128) -> Result<i128> {
    if (EARLIEST..LATEST).contains(&nanos) { Ok(nanos) } else { Err(Failure::Overflow) }
}

/// A duration that types have room for.
pub(crate) fn span(nanos: i128) -> Result<i128> {
    if (-LONGEST..=LONGEST).contains(&nanos) { Ok(nanos) } else { Err(Failure::Overflow) }
}

/// Nanoseconds since 1970. No clock goes so far that they overflow.
pub(crate) fn since_1970(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i128::try_from(since.as_nanos()).unwrap_or(i128::MAX),
        Err(before) => i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |nanos| -nanos),
    }
}

// === impl Time ===

impl Time {
    pub(crate) fn value(&self, subject: &dyn Subject) -> Result<i128> {
        moment(match self {
            Self::Constant(nanos) => *nanos,
            Self::Variable(variable) => since_1970(subject.time(*variable)?),
            Self::Later(parts) => parts.0.value(subject)? + parts.1.value(subject)?,
            Self::Earlier(parts) => parts.0.value(subject)? - parts.1.value(subject)?,
            Self::If(choice) => choice.chosen(subject)?.value(subject)?,
            Self::OfText(text) => since_1970(literal::moment(&text.value(subject)?).map_err(|_| Failure::Unreadable)?),
            Self::OfInt(seconds) => i128::from(seconds.value(subject)?) * SECOND,
        })
    }
}

// === impl Span ===

impl Span {
    pub(crate) fn value(&self, subject: &dyn Subject) -> Result<i128> {
        span(match self {
            Self::Constant(nanos) => *nanos,
            Self::Between(times) => times.0.value(subject)? - times.1.value(subject)?,
            Self::Sum(spans) => spans.0.value(subject)? + spans.1.value(subject)?,
            Self::Difference(spans) => spans.0.value(subject)? - spans.1.value(subject)?,
            Self::If(choice) => choice.chosen(subject)?.value(subject)?,
            Self::OfText(text) => literal::duration(&text.value(subject)?).map_err(|_| Failure::Unreadable)?,
        })
    }
}

// === impl Clock ===

impl Clock {
    /// At a moment, so many minutes ahead of UTC.
    pub(super) fn at(nanos: i128, ahead: i16) -> Result<Self> {
        let whole = |number: i128| i64::try_from(number).map_err(|_| Failure::Overflow);
        let seconds = whole(nanos.div_euclid(SECOND))? + i64::from(ahead) * 60;
        let days_since_1970 = seconds.div_euclid(86_400);
        Ok(Self {
            date: Date::after_1970(days_since_1970),
            days_since_1970,
            second_of_day: seconds.rem_euclid(86_400),
            milliseconds: whole(nanos.rem_euclid(SECOND) / MILLISECOND)?,
        })
    }

    /// From 0, a Sunday.
    pub(super) fn day_of_week(&self) -> i64 {
        // The first day of 1970 was a Thursday.
        (self.days_since_1970 + 4).rem_euclid(7)
    }

    /// From 0.
    pub(super) fn day_of_year(&self) -> i64 {
        self.days_since_1970 - Date { month: 1, day: 1, ..self.date }.since_1970()
    }
}
