//! Moments, hours and days, as documents write them.

use std::time::SystemTime;

use expression::literal::{self, minute_of_day, minutes_ahead};

use super::{not_expected, text_value};
use crate::FromText;

/// A moment: a date and a time with its distance from UTC (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub SystemTime);

/// A time of the day in minutes since midnight, up to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(pub u16);

/// How far a clock is ahead of UTC, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offset(pub i16);

text_value!(Moment, {
    "type": "string",
    "format": "date-time",
    "description": "A moment (RFC 3339): a date, a time and its offset from UTC, as in `2026-01-31T09:00:00+01:00` or `2026-01-31T08:00:00Z`.",
    "examples": ["2026-01-31T08:00:00Z"],
});

text_value!(TimeOfDay, {
    "type": "string",
    "description": "A time of the day, from `00:00` to `24:00`.",
    "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
    "examples": ["09:00"],
});

text_value!(Offset, {
    "type": "string",
    "description": "How far a clock is ahead of UTC, as in `+01:00` or `-05:30`; `Z` for UTC itself.",
    "pattern": "^Z$|^[+-]([01][0-9]|2[0-3]):[0-5][0-9]$",
    "examples": ["+01:00"],
});

// === impl Moment ===

impl FromText for Moment {
    const EXPECTED: &'static str = "a moment such as `2026-01-31T09:00:00Z`";

    fn from_text(text: &str) -> Result<Self, String> {
        literal::moment(text).map(Self)
    }
}

// === impl TimeOfDay ===

impl FromText for TimeOfDay {
    const EXPECTED: &'static str = "a time of the day such as `09:00`";

    fn from_text(text: &str) -> Result<Self, String> {
        minute_of_day(text.as_bytes()).map(Self).ok_or_else(|| {
            let hint = match text.split_once(':') {
                Some((hour, minute)) if hour.len() == 1 && minute.len() == 2 => format!("; write `0{text}`"),
                _ => "; write hours and minutes from `00:00` to `24:00`".to_owned(),
            };
            not_expected::<Self>(text) + &hint
        })
    }
}

// === impl Offset ===

impl FromText for Offset {
    const EXPECTED: &'static str = "an offset from UTC such as `+01:00`, or `Z`";

    fn from_text(text: &str) -> Result<Self, String> {
        let is_name = text.len() > 1 && text.starts_with(|c: char| c.is_ascii_alphabetic());
        let hint = if is_name { "; a zone by its name is not known here, so give the offset that it has" } else { "" };
        minutes_ahead(text).map(Self).ok_or_else(|| not_expected::<Self>(text) + hint)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn moments() {
        let millis = |text: &str| {
            let Moment(moment) = Moment::from_text(text).ok()?;
            let millis = |duration: Duration| i128::try_from(duration.as_millis()).unwrap();
            Some(moment.duration_since(UNIX_EPOCH).map_or_else(|error| -millis(error.duration()), millis))
        };
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01t00:00:00z", Some(0)),
            ("1970-01-01T00:00:01.5Z", Some(1_500)),
            ("1969-12-31T23:59:59.5Z", Some(-500)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1969-12-31T18:30:00-05:30", Some(0)),
            ("2026-08-05T12:34:56Z", Some(1_785_933_296_000)),
            ("0000-01-01T00:00:00Z", Some(-62_167_219_200_000)),
            ("2026-01-31", None),
            ("2026-01-31 09:00:00Z", None),
            ("2026-01-31T09:00:00", None),
            ("2026-01-31T09:00Z", None),
            ("2026-01-31T24:00:00Z", None),
            ("2026-01-31T23:59:60Z", None),
            ("2026-01-31T09:00:00+0100", None),
            ("2026-01-31T09:00:00+24:00", None),
            ("2026-01-31T09:00:00.Z", None),
            ("2026-01-31T09:00:00.1234567890Z", None),
            ("2026-02-29T09:00:00Z", None),
            ("2026-01-3éT09:00:00Z", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(millis(text), expected, "{text}");
        }
    }

    #[test]
    fn times_of_the_day_and_offsets() {
        let minutes = |text: &str| TimeOfDay::from_text(text).ok().map(|TimeOfDay(minutes)| minutes);
        for (text, expected) in [
            ("00:00", Some(0)),
            ("09:05", Some(545)),
            ("24:00", Some(1_440)),
            ("24:01", None),
            ("9:05", None),
            ("09:60", None),
            ("09:00:00", None),
            ("", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
        let ahead = |text: &str| Offset::from_text(text).ok().map(|Offset(minutes)| minutes);
        for (text, expected) in [
            ("Z", Some(0)),
            ("+00:00", Some(0)),
            ("+05:45", Some(345)),
            ("-12:00", Some(-720)),
            ("+24:00", None),
            ("01:00", None),
            ("+1", None),
            ("Europe/Berlin", None),
        ] {
            assert_eq!(ahead(text), expected, "{text}");
        }
    }
}
