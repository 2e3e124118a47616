use std::{ops::Deref, time};

use super::text_value;
use crate::FromText;

/// A span of time: a number and a unit, `ms`, `s`, `m`, `h` or `d`, as in `250ms`, `1.5s` or `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub time::Duration);

/// A [`Duration`] above zero: how long something may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout(pub time::Duration);

/// Milliseconds of each unit, the larger first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Far beyond any use, and far below what clocks can add.
const LONGEST: time::Duration = time::Duration::from_hours(24 * 3650);

text_value!(Duration, {
    "type": "string",
    "description": "A span of time: a number and a unit, as in `250ms`, `5s`, `2m`, `1h`, `1d` or `1m30s`.",
    "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$",
    "examples": ["250ms", "5s", "2m"],
});

text_value!(Timeout, {
    "type": "string",
    "description": "A span of time above zero: a number and a unit, as in `250ms`, `5s`, `2m`, `1h`, `1d` or `1m30s`.",
    "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$",
    "examples": ["250ms", "5s", "2m"],
});

// === impl Duration ===

impl FromText for Duration {
    const EXPECTED: &'static str = "a duration such as `250ms`, `5s` or `2m`";

    fn from_text(text: &str) -> Result<Self, String> {
        let bad = || format!("expected {}, found the text `{text}`", Self::EXPECTED);
        let mut rest = text;
        let mut sum = time::Duration::ZERO;
        let mut units = UNITS.iter();
        loop {
            let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
            let (number, behind) = rest.split_at(number_end);
            let unit_end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(unit_end);
            // Each unit at most once, in falling order: anything else is a slip.
            let (_, milliseconds) = units.find(|(name, _)| *name == unit).ok_or_else(bad)?;
            let part = part(number, *milliseconds).ok_or_else(bad)?;
            sum = sum.checked_add(part).filter(|sum| *sum <= LONGEST).ok_or("a duration of more than ten years")?;
            rest = behind;
            if rest.is_empty() {
                return Ok(Self(sum));
            }
        }
    }
}

/// `number` times a unit, exact to the nanosecond.
fn part(number: &str, milliseconds: u64) -> Option<time::Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let nanoseconds = u128::from(milliseconds) * 1_000_000;
    let whole = u128::from(whole.parse::<u64>().ok()?).checked_mul(nanoseconds)?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = u128::from(fraction.parse::<u64>().ok()?) * nanoseconds / scale;
    u64::try_from(whole + fraction).ok().map(time::Duration::from_nanos)
}

impl Deref for Duration {
    type Target = time::Duration;

    fn deref(&self) -> &time::Duration {
        &self.0
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

// === impl Timeout ===

impl FromText for Timeout {
    const EXPECTED: &'static str = Duration::EXPECTED;

    fn from_text(text: &str) -> Result<Self, String> {
        match Duration::from_text(text)? {
            Duration(time::Duration::ZERO) => Err(format!("expected a duration above zero, found `{text}`")),
            Duration(duration) => Ok(Self(duration)),
        }
    }
}

impl Deref for Timeout {
    type Target = time::Duration;

    fn deref(&self) -> &time::Duration {
        &self.0
    }
}

impl From<Timeout> for time::Duration {
    fn from(timeout: Timeout) -> Self {
        timeout.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let milliseconds = |text: &str| Duration::from_text(text).map(|duration| duration.as_millis()).ok();
        let cases = [
            ("250ms", Some(250)),
            ("2s", Some(2000)),
            ("0s", Some(0)),
            ("1.5s", Some(1500)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("1m30s", Some(90_000)),
            ("1s1m", None),
            ("1s1s", None),
            ("5", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1 s", None),
            ("1.s", None),
            (".5s", None),
            ("1.2.3s", None),
            ("1e3s", None),
            ("5sec", None),
            ("99999999999999999999s", None),
            ("4000d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
