use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Date, not_expected, two_digits};

/// Reads a moment: a date and a time with its distance from UTC (RFC 3339).
///
/// # Errors
/// A text that is none.
pub fn moment(text: &str) -> Result<SystemTime, String> {
    let bad = |hint: &str| not_expected("a moment such as `2026-01-31T09:00:00Z`", text) + hint;
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
    let second = second_of_day(time.as_bytes()).ok_or_else(|| bad("; the time is from `00:00:00` to `23:59:59`"))?;
    let (nanos, offset) = fraction(rest).ok_or_else(|| bad("; a second has at most 9 decimal places"))?;
    let offset = match offset {
        "" => return Err(bad("; end it with `Z`, or with the offset of its clock, such as `+01:00`")),
        offset => minutes_ahead(offset).ok_or_else(|| bad("; an offset is `Z`, or written as in `+01:00`"))?,
    };
    let seconds = date.since_1970() * 86_400 + second - i64::from(offset) * 60;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    moment.and_then(|moment| moment.checked_add(nanos)).ok_or_else(|| bad(""))
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

/// Reads a time of the day, `HH:MM` up to `24:00`, in minutes since midnight.
pub fn minute_of_day(text: &[u8]) -> Option<u16> {
    let [h1, h2, b':', m1, m2] = *text else { return None };
    let (hour, minute) = (u16::from(two_digits(h1, h2)?), u16::from(two_digits(m1, m2)?));
    (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
}

/// Reads how many minutes a clock is ahead of UTC: `+01:00`, `-05:30`, `Z`.
pub fn minutes_ahead(text: &str) -> Option<i16> {
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
