//! How long an exchange may take, by the document and by the caller.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use message::{Cause, Error, Exchange, Result};
use upstream::Rules;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// When an exchange must be over, and how endpoints are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline<'r> {
    /// `None`: nobody said.
    pub(super) at: Option<Instant>,
    /// It is sooner than the document says, because the caller said so.
    pub(super) is_callers: bool,
    /// The caller said so in a field of this name, which is set to what is left.
    told_by: Option<&'r HeaderName>,
}

// === impl Deadline ===

impl<'r> Deadline<'r> {
    pub(super) fn of(exchange: &Exchange, rules: &'r Rules) -> Self {
        let timeouts = &rules.timeouts;
        let headers = &exchange.head.headers;
        let asked = match &timeouts.header {
            Some(name) => asked(headers, name, wait).map(|wait| (name, wait)),
            None => None,
        };
        // Only calls over HTTP/2 can be gRPC, so others are not looked at.
        let asked = match asked {
            None if exchange.head.version == Version::HTTP_2 => {
                asked_by_grpc(headers).map(|wait| (&GRPC_TIMEOUT_NAME, wait))
            }
            asked => asked,
        };
        let started = exchange.record.started;
        let total = timeouts.total.map(|total| started + total);
        match asked {
            None => Self { at: total, is_callers: false, told_by: None },
            Some((name, wait)) => {
                let wanted = started.checked_add(wait);
                let at = match (total, wanted) {
                    (Some(total), Some(wanted)) => Some(total.min(wanted)),
                    (total, wanted) => total.or(wanted),
                };
                Self { at, is_callers: at != total, told_by: Some(name) }
            }
        }
    }

    /// Hands the deadline on, reduced by what is gone. Does nothing if the caller named none.
    ///
    /// # Errors
    /// [`Cause::TotalTimeout`] if nothing is left.
    pub(super) fn tell(&self, exchange: &mut Exchange, now: Instant) -> Result<()> {
        let Some(at) = self.at else { return Ok(()) };
        if at <= now {
            return Err(Error::new(Cause::TotalTimeout, "no time is left for an attempt"));
        }
        if let Some(name) = self.told_by {
            let left = at - now;
            let value = if *name == GRPC_TIMEOUT { grpc_timeout(left) } else { left.as_millis().max(1).to_string() };
            if let Ok(value) = HeaderValue::try_from(value) {
                exchange.head.headers.insert(name.clone(), value);
            }
        }
        Ok(())
    }
}

static GRPC_TIMEOUT_NAME: HeaderName = GRPC_TIMEOUT;

fn asked_by_grpc(headers: &HeaderMap) -> Option<Duration> {
    asked(headers, &GRPC_TIMEOUT_NAME, grpc_wait)
}

/// What a field asks for; one that cannot be read asks for nothing.
fn asked(headers: &HeaderMap, name: &HeaderName, read: fn(&str) -> Option<Duration>) -> Option<Duration> {
    read(headers.get(name)?.to_str().ok()?.trim())
}

/// Milliseconds, or a number with a unit.
fn wait(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    match &text[digits..] {
        "" | "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// Up to eight digits and a unit (gRPC over HTTP/2, "Requests").
fn grpc_wait(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > 8 || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// The finest unit in which eight digits are enough; never nothing.
fn grpc_timeout(left: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let units = [(left.as_micros(), 'u'), (left.as_millis(), 'm'), (u128::from(left.as_secs()), 'S')];
    match units.into_iter().find(|(number, _)| *number <= MOST) {
        Some((number, unit)) => format!("{}{unit}", number.max(1)),
        None => format!("{}H", (left.as_secs() / 3600).min(MOST as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read() {
        for (text, millis) in [("250", 250), ("250ms", 250), ("2s", 2000), ("1m", 60_000), ("0", 0)] {
            assert_eq!(wait(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1", "1.5s", "2 s", "1h", "99999999999999999999", "999999999999999999m"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    #[test]
    fn grpc_timeouts_are_read_and_written() {
        for (text, micros) in
            [("1H", 3_600_000_000), ("2M", 120_000_000), ("5S", 5_000_000), ("10m", 10_000), ("7u", 7)]
        {
            assert_eq!(grpc_wait(text), Some(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", "S", "5", "5s", "123456789m", "+5S", "-5S", "5 S"] {
            assert_eq!(grpc_wait(text), None, "{text}");
        }
        for (left, text) in [
            (Duration::from_micros(7), "7u"),
            (Duration::from_nanos(7), "1u"),
            (Duration::from_secs(99), "99000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::from_secs(u64::MAX), "99999999H"),
        ] {
            assert_eq!(grpc_timeout(left), text);
        }
    }
}
