use std::time::{Duration, SystemTime, UNIX_EPOCH};

use expression::literal::Date;

use super::{Moment, not_expected, text_value};
use crate::FromText;

/// A day, which begins at midnight in UTC, or a moment (RFC 3339); from 1970 to 9999, as an HTTP date can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateOrTime(pub SystemTime);

text_value!(DateOrTime, {
    "type": "string",
    "description": "A day, which begins at midnight in UTC, as in `2026-01-31`; or a moment (RFC 3339), as in `2026-01-31T09:00:00+01:00`.",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].*)?$",
    "examples": ["2026-01-31", "2026-01-31T08:00:00Z"],
});

/// The first second of the year 10000.
const END: Duration = Duration::from_secs(253_402_300_800);

// === impl DateOrTime ===

impl FromText for DateOrTime {
    const EXPECTED: &'static str = "a date such as `2026-01-31`, or a moment such as `2026-01-31T09:00:00Z`";

    fn from_text(text: &str) -> Result<Self, String> {
        let midnight = Date::read(text.as_bytes()).map(|date| date.since_1970() * 86_400);
        let since = match midnight {
            Some(seconds) => u64::try_from(seconds).ok().map(Duration::from_secs),
            None => {
                let Moment(moment) = Moment::from_text(text).map_err(|_| not_expected::<Self>(text))?;
                moment.duration_since(UNIX_EPOCH).ok()
            }
        };
        match since.filter(|since| *since < END) {
            Some(since) => Ok(Self(UNIX_EPOCH + since)),
            None => Err(format!("`{text}` is not within the years from 1970 to 9999")),
        }
    }
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
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("9999-12-31T23:59:59-01:00", None),
            ("1969-12-31", None),
            ("1970-01-01T00:00:00+00:01", None),
            ("2026-02-29", None),
            ("2026-6-1", None),
            ("2026-01-31 09:00:00Z", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
