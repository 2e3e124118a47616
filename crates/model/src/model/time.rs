//! When a route holds.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use expression::literal::Date;

use crate::values::Moment;

/// Times at which a request is matched: all that is given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct TimeMatch {
    /// From this moment on.
    pub after: Option<SystemTime>,
    /// Until just before this moment.
    pub before: Option<SystemTime>,
    pub weekly: Option<Weekly>,
}

/// Hours that come again every week, by a clock that is a fixed time apart from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekly {
    /// On which days the hours begin.
    pub days: Days,
    /// In minutes since midnight.
    pub from: u16,
    /// Likewise; the first minute that is out again. Before `from`: on the next day.
    pub to: u16,
    /// How far the clock is ahead of UTC, in minutes.
    pub offset: i16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A set of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Days(u8);

pub(crate) const MINUTES_OF_DAY: u16 = 24 * 60;

// === impl TimeMatch ===

impl TimeMatch {
    pub fn holds(&self, now: SystemTime) -> bool {
        self.after.is_none_or(|after| now >= after)
            && self.before.is_none_or(|before| now < before)
            && self.weekly.is_none_or(|weekly| weekly.holds(now))
    }
}

impl fmt::Display for TimeMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (word, moment) in [("after", self.after), ("before", self.before)] {
            if let Some(moment) = moment {
                write!(f, "{separator}{word} {}", Moment(moment))?;
                separator = ", ";
            }
        }
        match &self.weekly {
            Some(weekly) => write!(f, "{separator}{weekly}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Moment {
    /// As RFC 3339 writes it, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (second, nanos) = since_1970(self.0);
        let Date { year, month, day } = Date::after_1970(second.div_euclid(86_400));
        let second = second.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match nanos {
            0 => f.write_str("Z"),
            nanos => write!(f, ".{nanos:09}Z"),
        }
    }
}

/// Whole seconds, and the nanoseconds behind them.
fn since_1970(time: SystemTime) -> (i64, u32) {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (seconds(since), since.subsec_nanos()),
        Err(error) => match (seconds(error.duration()), error.duration().subsec_nanos()) {
            (second, 0) => (-second, 0),
            (second, nanos) => (-second - 1, 1_000_000_000 - nanos),
        },
    }
}

// === impl Weekly ===

impl Weekly {
    fn holds(self, now: SystemTime) -> bool {
        let minute = since_1970(now).0.div_euclid(60) + i64::from(self.offset);
        let (day, minute) = (minute.div_euclid(MINUTES_OF_DAY.into()), minute.rem_euclid(MINUTES_OF_DAY.into()));
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to {
            return (from..to).contains(&minute) && self.days.hold(day);
        }
        minute >= from && self.days.hold(day) || minute < to && self.days.hold(day - 1)
    }
}

impl fmt::Display for Weekly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, from, to, offset } = *self;
        if days != Days::ALL {
            write!(f, "on {days} ")?;
        }
        let ahead = offset.unsigned_abs();
        let sign = if offset < 0 { '-' } else { '+' };
        write!(f, "from {} to {} at {sign}{}", Clock(from), Clock(to), Clock(ahead))
    }
}

/// Minutes as hours and minutes.
struct Clock(u16);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

// === impl Day, Days ===

impl Day {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Mon, "mon"),
        (Self::Tue, "tue"),
        (Self::Wed, "wed"),
        (Self::Thu, "thu"),
        (Self::Fri, "fri"),
        (Self::Sat, "sat"),
        (Self::Sun, "sun"),
    ];
}

impl Days {
    pub const ALL: Self = Self(0b111_1111);

    /// Whether a day, counted from 1970-01-01, is one of them.
    fn hold(self, since_1970: i64) -> bool {
        /// 1970 began on a Thursday.
        const FIRST: i64 = Day::Thu as i64;
        self.0 & 1 << (since_1970 + FIRST).rem_euclid(7) != 0
    }
}

impl FromIterator<Day> for Days {
    fn from_iter<T: IntoIterator<Item = Day>>(days: T) -> Self {
        Self(days.into_iter().fold(0, |bits, day| bits | 1 << day as u8))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Day::ALL.iter().filter(|(day, _)| self.0 & 1 << *day as u8 != 0).map(|(_, name)| *name);
        f.write_str(&names.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FromText;

    fn moment(text: &str) -> SystemTime {
        Moment::from_text(text).unwrap().0
    }

    #[track_caller]
    fn check(time: TimeMatch, cases: &[(&str, bool)]) {
        for (now, expected) in cases {
            assert_eq!(time.holds(moment(now)), *expected, "{now} is {time}");
        }
    }

    #[test]
    fn from_a_moment_on_until_before_another() {
        let (after, before) = (Some(moment("2026-01-01T00:00:00Z")), Some(moment("2026-02-01T00:00:00+01:00")));
        check(
            TimeMatch { after, before, weekly: None },
            &[
                ("2025-12-31T23:59:59.999Z", false),
                ("2026-01-01T00:00:00Z", true),
                ("2026-01-31T22:59:59.999999999Z", true),
                ("2026-01-31T23:00:00Z", false),
            ],
        );
        assert!(TimeMatch { after, ..TimeMatch::default() }.holds(moment("9999-12-31T23:59:59Z")));
        assert!(TimeMatch { before, ..TimeMatch::default() }.holds(moment("1969-12-31T23:59:59.5Z")));
        assert!(TimeMatch::default().holds(UNIX_EPOCH));
    }

    #[test]
    fn hours_on_days() {
        let days = [Day::Mon, Day::Fri].into_iter().collect();
        let weekly = Some(Weekly { days, from: 9 * 60, to: 17 * 60, offset: 60 });
        check(
            TimeMatch { weekly, ..TimeMatch::default() },
            &[
                // 2026-08-03 is a Monday; nine o'clock there is eight in UTC.
                ("2026-08-03T07:59:59Z", false),
                ("2026-08-03T08:00:00Z", true),
                ("2026-08-03T15:59:59.9Z", true),
                ("2026-08-03T16:00:00Z", false),
                ("2026-08-04T12:00:00Z", false),
                ("2026-08-07T12:00:00Z", true),
                ("2026-08-09T12:00:00Z", false),
                // So are these, from before 1970.
                ("1969-12-29T08:00:00Z", true),
                ("1969-12-30T08:00:00Z", false),
            ],
        );
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
        let weekly = |offset| Weekly { days: [Day::Sun].into_iter().collect(), from: 22 * 60, to: 2 * 60, offset };
        let cases = [
            ("2026-08-02T21:59:59", false),
            ("2026-08-02T22:00:00", true),
            ("2026-08-03T00:00:00", true),
            ("2026-08-03T01:59:59", true),
            ("2026-08-03T02:00:00", false),
            ("2026-08-02T01:00:00", false),
            ("2026-08-03T22:00:00", false),
        ];
        for (offset, text) in [(0, "Z"), (-330, "-05:30"), (720, "+12:00")] {
            let cases: Vec<_> = cases.iter().map(|(now, expected)| (format!("{now}{text}"), *expected)).collect();
            let cases: Vec<_> = cases.iter().map(|(now, expected)| (&**now, *expected)).collect();
            check(TimeMatch { weekly: Some(weekly(offset)), ..TimeMatch::default() }, &cases);
        }
    }

    #[test]
    fn whole_days() {
        let days = [Day::Sat, Day::Sun].into_iter().collect();
        let weekly = Some(Weekly { days, from: 0, to: MINUTES_OF_DAY, offset: 0 });
        check(
            TimeMatch { weekly, ..TimeMatch::default() },
            &[
                ("2026-08-07T23:59:59Z", false),
                ("2026-08-08T00:00:00Z", true),
                ("2026-08-09T23:59:59Z", true),
                ("2026-08-10T00:00:00Z", false),
            ],
        );
    }

    #[test]
    fn times_tell_themselves() {
        let weekly = Weekly { days: [Day::Tue, Day::Mon].into_iter().collect(), from: 545, to: 1440, offset: -90 };
        let time = TimeMatch {
            after: Some(moment("2026-01-01T00:00:00+01:00")),
            before: Some(moment("1969-12-31T23:59:59.25Z")),
            weekly: Some(weekly),
        };
        assert_eq!(
            time.to_string(),
            "after 2025-12-31T23:00:00Z, before 1969-12-31T23:59:59.250000000Z, on mon, tue from 09:05 to 24:00 at -01:30"
        );
        let weekly = Some(Weekly { days: Days::ALL, from: 0, to: 60, offset: 0 });
        assert_eq!(TimeMatch { weekly, ..TimeMatch::default() }.to_string(), "from 00:00 to 01:00 at +00:00");
    }
}
