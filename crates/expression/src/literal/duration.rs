use super::not_expected;

/// What the units of a duration are, in nanoseconds.
const UNITS: [(&str, i128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration as CEL writes it, `1h30m` or `-1.5s`, in nanoseconds. It has no days: those of a calendar differ.
pub(crate) fn duration(text: &str) -> Result<i128, String> {
    let bad = |hint: &str| not_expected("a duration such as `1h30m` or `1.5s`", text) + hint;
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    let mut nanos = 0;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(bad(if unit == "d" { "; a day is `24h`" } else { "" }));
        };
        nanos += scaled(number, *unit).ok_or_else(|| bad(""))?;
        rest = after;
        if rest.is_empty() {
            return Ok(sign * nanos);
        }
    }
}

/// A decimal number of units, in nanoseconds. Digits beyond the nanosecond are dropped.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 15 || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()? };
    let fraction = fraction.get(..15).unwrap_or(fraction);
    let part = if fraction.is_empty() { 0 } else { fraction.parse::<i128>().ok()? };
    // At most 15 digits each, so that nothing here can overflow.
    let places = u32::try_from(fraction.len()).ok()?;
    Some(whole * unit + part * unit / 10_i128.pow(places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_cel() {
        for (text, expected) in [
            ("1s", Some(1_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            (".5s", Some(500_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("-1m2s", Some(-62_000_000_000)),
            ("+3ms", Some(3_000_000)),
            ("2us", Some(2_000)),
            ("7ns", Some(7)),
            ("0", Some(0)),
            ("0.0000000001s", Some(0)),
            ("", None),
            ("-", None),
            ("1", None),
            ("1d", None),
            ("s", None),
            (".s", None),
            ("1.2.3s", None),
            ("1s ", None),
            ("9999999999999999s", None),
        ] {
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }
}
