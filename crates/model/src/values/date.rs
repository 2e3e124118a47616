use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{not_expected, text_value};
use crate::FromText;

/// A day, which begins at midnight in UTC, or a moment (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateOrTime(pub SystemTime);

text_value!(DateOrTime, {
    "type": "string",
    "description": "A day, which begins at midnight in UTC, as in `2026-01-31`; or a moment (RFC 3339), as in `2026-01-31T09:00:00+01:00`.",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].*)?$",
    "examples": ["2026-01-31", "2026-01-31T08:00:00Z"],
});

// === impl DateOrTime ===

impl FromText for DateOrTime {
    const EXPECTED: &'static str = "a date such as `2026-01-31`, or a moment such as `2026-01-31T09:00:00Z`";

    fn from_text(text: &str) -> Result<Self, String> {
        let seconds = seconds(text.as_bytes()).ok_or_else(|| not_expected::<Self>(text))?;
        let since = u64::try_from(seconds).map_err(|_| format!("`{text}` is before 1970"))?;
        Ok(Self(UNIX_EPOCH + Duration::from_secs(since)))
    }
}

/// Seconds since 1970. A fraction of a second is left out.
fn seconds(text: &[u8]) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let (year, month, day) = (number([y1, y2])? * 100 + number([y3, y4])?, number([m1, m2])?, number([d1, d2])?);
    let midnight = days(year, month, day)? * 86_400;
    match time {
        [] => Some(midnight),
        [b'T' | b't', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] => {
            let (hour, minute, second) = (number([*h1, *h2])?, number([*m1, *m2])?, number([*s1, *s2])?);
            let is_time = hour < 24 && minute < 60 && second < 60;
            is_time.then_some(midnight + hour * 3600 + minute * 60 + second - ahead(rest)?)
        }
        _ => None,
    }
}

/// How many seconds a clock is ahead of UTC; what stands before is a fraction of a second.
fn ahead(text: &[u8]) -> Option<i64> {
    let text = match text.strip_prefix(b".") {
        Some(fraction) => {
            let end = fraction.iter().position(|byte| !byte.is_ascii_digit()).filter(|end| *end > 0)?;
            &fraction[end..]
        }
        None => text,
    };
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number([h1, h2])?, number([m1, m2])?);
            let seconds = hours * 3600 + minutes * 60;
            (hours < 24 && minutes < 60).then_some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// Days since 1970 of a day that there is, in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // Years are counted from March, so that the leap day is the last of its year.
    let from_march = year - i64::from(month <= 2);
    let leap_days = from_march.div_euclid(4) - from_march.div_euclid(100) + from_march.div_euclid(400);
    let within = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (1..=last).contains(&day).then_some(from_march * 365 + leap_days + within - 719_468)
}

fn number(digits: [u8; 2]) -> Option<i64> {
    let [tens, units] = digits;
    (tens.is_ascii_digit() && units.is_ascii_digit()).then(|| i64::from((tens - b'0') * 10 + (units - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments() {
        let seconds = |text: &str| {
            let DateOrTime(time) = DateOrTime::from_text(text).ok()?;
            Some(time.duration_since(UNIX_EPOCH).unwrap().as_secs())
        };
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400)),
            ("2026-06-01", Some(1_780_272_000)),
            ("2026-12-31T23:59:59Z", Some(1_798_761_599)),
            ("2026-01-31t09:00:00.25+01:00", Some(1_769_846_400)),
            ("1970-01-01T00:00:00-05:30", Some(19_800)),
            ("1969-12-31", None),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-6-1", None),
            ("2026-01-31 09:00:00Z", None),
            ("2026-01-31T09:00:00", None),
            ("2026-01-31T24:00:00Z", None),
            ("2026-01-31T09:00:00.Z", None),
            ("2026-01-31T09:00:00+24:00", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
