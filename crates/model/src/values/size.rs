use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::described;
use crate::FromText;

/// A number of bytes: `64KiB`, `10MiB`, `1GB`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

described!(Size, {
    "description": "A number of bytes: a number and a unit, as in `64KiB`, `10MiB` or `1GB`, or a plain number.",
    "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$" },
    ],
    "examples": ["64KiB", "10MiB", 4096],
});

// === impl Size ===

impl Size {
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromText for Size {
    const EXPECTED: &'static str = "a size such as `64KiB` or `10MiB`, or a number of bytes";

    fn from_text(text: &str) -> Result<Self, String> {
        let bad = || format!("expected {}, found the text `{text}`", Self::EXPECTED);
        let unit_start = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_start);
        let factor = match unit {
            "" => 1,
            _ => match UNITS.iter().find(|(name, _)| *name == unit) {
                Some((_, factor)) => *factor,
                None => match UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
                    Some((name, _)) => return Err(format!("{}; did you mean `{number}{name}`?", bad())),
                    None => return Err(bad()),
                },
            },
        };
        scaled(number.trim_end(), factor).map(Self).ok_or_else(bad)
    }
}

/// `number` times `factor`, if that is a whole number of bytes.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor);
    if fraction % scale != 0 {
        return None;
    }
    let bytes = u128::from(whole.parse::<u64>().ok()?) * u128::from(factor) + fraction / scale;
    u64::try_from(bytes).ok().filter(|bytes| i64::try_from(*bytes).is_ok())
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl de::Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Size::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        Size::from_text(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
        u64::try_from(bytes).map(Size).map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
        Ok(Size(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("0", Some(0)),
            ("512", Some(512)),
            ("512B", Some(512)),
            ("64KiB", Some(65_536)),
            ("10MiB", Some(10 << 20)),
            ("1.5KiB", Some(1536)),
            ("2GB", Some(2_000_000_000)),
            ("1kB", Some(1000)),
            ("1KB", None),
            ("1mib", None),
            ("1.0001KiB", None),
            ("", None),
            ("KiB", None),
            ("-1KiB", None),
            ("1KiBs", None),
            ("99999999999999999999", None),
            ("9999999TiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Size::from_text(text).ok().map(Size::bytes), expected, "{text}");
        }
    }
}
