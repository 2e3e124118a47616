use super::text_value;
use crate::FromText;

/// A part of a whole, in per cent: `20%` or `0.5%`, from nothing to all.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Ratio(f64);

text_value!(Ratio, {
    "type": "string",
    "description": "A part of a whole in per cent, from `0%` to `100%`.",
    "pattern": "^[0-9]+(\\.[0-9]+)?%$",
    "examples": ["20%", "0.5%"],
});

// === impl Ratio ===

impl Ratio {
    /// From 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0
    }
}

impl FromText for Ratio {
    const EXPECTED: &'static str = "a ratio such as `20%`";

    fn from_text(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').filter(|number| {
            number.starts_with(|c: char| c.is_ascii_digit())
                && number.ends_with(|c: char| c.is_ascii_digit())
                && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        });
        match number.and_then(|number| number.parse::<f64>().ok()) {
            Some(number) if number <= 100.0 => Ok(Self(number / 100.0)),
            Some(_) => Err(format!("expected a ratio from `0%` to `100%`, found the text `{text}`")),
            None => Err(format!("expected {}, found the text `{text}`", Self::EXPECTED)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios() {
        let cases = [
            ("20%", Some(0.2)),
            ("0%", Some(0.0)),
            ("100%", Some(1.0)),
            ("0.5%", Some(0.005)),
            ("101%", None),
            ("20", None),
            ("-1%", None),
            ("1.%", None),
            ("1..2%", None),
            ("%", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Ratio::from_text(text).ok().map(Ratio::fraction), expected, "{text}");
        }
    }
}
