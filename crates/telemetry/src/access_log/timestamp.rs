//! RFC 3339 with milliseconds, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Writes times, and remembers the second: most lines of a busy worker share it with the line before.
#[derive(Debug, Default)]
pub(super) struct Timestamp {
    second: u64,
    /// `2026-08-05T12:34:56`, or nothing yet.
    text: Option<[u8; 19]>,
}

// === impl Timestamp ===

impl Timestamp {
    /// Appends `2026-08-05T12:34:56.789Z`. Times before 1970 are written as 1970, after 9999 as something wrong.
    pub(super) fn format(&mut self, time: SystemTime, out: &mut Vec<u8>) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.second != since.as_secs() {
            self.text = None;
        }
        self.second = since.as_secs();
        out.extend_from_slice(self.text.get_or_insert_with(|| seconds(since.as_secs())));
        let mut millis = *b".000Z";
        digits(&mut millis[1..4], u64::from(since.subsec_millis()));
        out.extend_from_slice(&millis);
    }
}

/// As the access log writes times.
pub fn rfc3339(time: SystemTime) -> String {
    let mut text = Vec::new();
    Timestamp::default().format(time, &mut text);
    // It is ASCII.
    String::from_utf8(text).unwrap_or_default()
}

fn seconds(since_1970: u64) -> [u8; 19] {
    let (year, month, day) = date(since_1970 / 86_400);
    let second = since_1970 % 86_400;
    let mut text = *b"0000-00-00T00:00:00";
    for (range, value) in [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, second / 3_600),
        (14..16, second / 60 % 60),
        (17..19, second % 60),
    ] {
        digits(&mut text[range], value);
    }
    text
}

/// Year, month and day of the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year and all months before it have a fixed
/// place.
fn date(since_1970: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097; // 400 years, after which the calendar repeats
    let day = since_1970 + 719_468; // since 0000-03-01
    let (era, day) = (day / DAYS_PER_ERA, day % DAYS_PER_ERA);
    // Days that leap days have added so far: one in 4 years, none in 100, one in 400.
    let year = (day - day / 1_460 + day / 36_524 - day / (DAYS_PER_ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, months of 31 and 30 days alternate so that five of them have 153 days.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year + next, month, day)
}

/// Fills `text` with the last digits of `value`.
fn digits(text: &mut [u8], mut value: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let mut timestamp = Timestamp::default();
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_786_019_696_789, "2026-08-06T12:34:56.789Z"),
            (1_786_019_696_790, "2026-08-06T12:34:56.790Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            let mut out = Vec::new();
            timestamp.format(UNIX_EPOCH + Duration::from_millis(millis), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for since_1970 in 0..200_000 {
            assert_eq!(date(since_1970), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (day == last, month) {
                (false, _) => (year, month, day + 1),
                (true, 12) => (year + 1, 1, 1),
                (true, _) => (year, month + 1, 1),
            };
        }
    }
}
