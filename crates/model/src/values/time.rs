//! Moments, hours and days, as documents write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{not_expected, text_value};
use crate::{
    FromText,
    calendar::{Date, two_digits},
};

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
        let bad = |hint: &str| format!("{}{hint}", not_expected::<Self>(text));
        let Some((date, rest)) = text.split_at_checked(10) else { return Err(bad("")) };
        let Some(date) = Date::read(date.as_bytes()) else {
            let is_date = date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            return Err(bad(if is_date {
                "; there is no such day: write year, month and day, as in `2026-01-31`"
            } else {
                ""
            }));
        };
        let Some(rest) = rest.strip_prefix(['T', 't']) else {
            return Err(bad("; put a `T` and the time behind the date, as in `2026-01-31T09:00:00Z`"));
        };
        let Some((time, rest)) = rest.split_at_checked(8) else { return Err(bad("; the time needs its seconds")) };
        let second =
            second_of_day(time.as_bytes()).ok_or_else(|| bad("; the time is from `00:00:00` to `23:59:59`"))?;
        let (nanos, offset) = fraction(rest).ok_or_else(|| bad("; a second has at most 9 decimal places"))?;
        let offset = match offset {
            "" => return Err(bad("; end it with `Z`, or with the offset of its clock, such as `+01:00`")),
            offset => minutes_ahead(offset).ok_or_else(|| bad("; an offset is `Z`, or written as in `+01:00`"))?,
        };
        let seconds = date.since_1970() * 86_400 + second - i64::from(offset) * 60;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let moment = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        moment.and_then(|moment| moment.checked_add(nanos)).map(Self).ok_or_else(|| bad(""))
    }
}

/// Reads `HH:MM:SS`.
fn second_of_day(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *text else { return None };
    let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then(|| i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second))
}

/// The fraction of a second, if there is one, and what follows it.
fn fraction(text: &str) -> Option<(Duration, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Some((Duration::ZERO, text)) };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let places = u32::try_from(digits.len()).ok().filter(|places| (1..=9).contains(places))?;
    let nanos = digits.parse::<u64>().ok()? * 10_u64.pow(9 - places);
    Some((Duration::from_nanos(nanos), rest))
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

/// Reads `HH:MM`.
fn minute_of_day(text: &[u8]) -> Option<u16> {
    let [h1, h2, b':', m1, m2] = *text else { return None };
    let (hour, minute) = (u16::from(two_digits(h1, h2)?), u16::from(two_digits(m1, m2)?));
    (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
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

fn minutes_ahead(text: &str) -> Option<i16> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (is_behind, clock) = match text.as_bytes() {
        [b'+', clock @ ..] => (false, clock),
        [b'-', clock @ ..] => (true, clock),
        _ => return None,
    };
    let minutes = i16::try_from(minute_of_day(clock)?).ok().filter(|minutes| *minutes < 24 * 60)?;
    Some(if is_behind { -minutes } else { minutes })
}

#[cfg(test)]
mod tests {
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
