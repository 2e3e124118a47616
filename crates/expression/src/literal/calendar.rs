//! Days of the Gregorian calendar, also from before there was one.

/// A day that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
}

/// Days in 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// From 0000-03-01 to 1970-01-01. Years that begin in March end with their leap day, so that all months before it have
/// a fixed place.
const EPOCH: i64 = 719_468;

// === impl Date ===

impl Date {
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u8::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days).contains(&day).then_some(Self { year: year.into(), month, day })
    }

    /// Reads `YYYY-MM-DD` (RFC 3339, `full-date`).
    pub fn read(text: &[u8]) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return None };
        let (century, year) = (two_digits(y1, y2)?, two_digits(y3, y4)?);
        Self::new(u16::from(century) * 100 + u16::from(year), two_digits(m1, m2)?, two_digits(d1, d2)?)
    }

    /// Days since 1970-01-01.
    pub fn since_1970(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = self.year - i64::from(month <= 2);
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        // From March on, months of 31 and 30 days alternate so that five of them have 153 days.
        let day = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * ERA + year * 365 + year / 4 - year / 100 + day - EPOCH
    }

    /// The day so many days after 1970-01-01.
    pub fn after_1970(days: i64) -> Self {
        let days = days + EPOCH;
        let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        // Days that leap days have added so far: one in 4 years, none in 100, one in 400.
        let year = (day - day / 1_460 + day / 36_524 - day / (ERA - 1)) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        Self { year, month: u8::try_from(month).unwrap_or(12), day: u8::try_from(day).unwrap_or(31) }
    }
}

/// Two decimal digits.
pub fn two_digits(tens: u8, units: u8) -> Option<u8> {
    (tens.is_ascii_digit() && units.is_ascii_digit()).then(|| (tens - b'0') * 10 + (units - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_there_and_back() {
        let day = |text: &str| Date::read(text.as_bytes()).map(Date::since_1970);
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("1969-12-31"), Some(-1));
        assert_eq!(day("2000-02-29"), Some(11_016));
        assert_eq!(day("2026-08-05"), Some(20_670));
        let first = Date::new(1, 1, 1).map(Date::since_1970);
        assert_eq!(first, Some(-719_162));
        let mut expected = -719_528;
        for (year, month) in (0..2_500).flat_map(|year| (1..=12).map(move |month| (year, month))) {
            for date in (1..=31).filter_map(|day| Date::new(year, month, day)) {
                assert_eq!((date.since_1970(), Date::after_1970(expected)), (expected, date));
                expected += 1;
            }
        }
    }

    #[test]
    fn days_that_there_are_not() {
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-02-30",
            "2024-04-31",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-1-1",
            "24-01-01",
            "2024/01/01",
            "2024-01-01T",
            "+024-01-01",
            "",
        ] {
            assert_eq!(Date::read(text.as_bytes()), None, "{text}");
        }
    }
}
