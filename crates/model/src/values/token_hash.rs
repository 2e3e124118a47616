use std::fmt;

use super::{KeyHash, key_hash, not_expected, text_value};
use crate::FromText;

/// The BLAKE3 hash of a token, which is worth nothing to whoever reads it: `blake3:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

text_value!(TokenHash, {
    "type": "string",
    "description": "The BLAKE3 hash of a token: `blake3:` and 64 hexadecimal digits.",
    "pattern": "^blake3:[0-9A-Fa-f]{64}$",
});

// === impl TokenHash ===

impl FromText for TokenHash {
    const EXPECTED: &'static str = "`blake3:` and 64 hexadecimal digits, as `sluice operator new` prints them";

    fn from_text(text: &str) -> Result<Self, String> {
        // Somebody may have written the token itself: it is not to be repeated.
        let bad = || format!("expected {}, found another text", Self::EXPECTED);
        if text.is_empty() {
            return Err(not_expected::<Self>(text));
        }
        key_hash::read(text).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&KeyHash(self.0), f)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_and_tokens_are_not_repeated() {
        let text = format!("blake3:{}", "0aF1".repeat(16));
        let hash = TokenHash::from_text(&text).unwrap();
        assert_eq!((hash.0[0], hash.0[31]), (0x0a, 0xf1));
        assert_eq!(hash.to_string(), text.to_lowercase());
        for bad in [
            "slo_secret".to_owned(),
            text.replace("blake3", "sha256"),
            text[..text.len() - 1].to_owned(),
            format!("{text}0"),
            format!("blake3:{}", "g".repeat(64)),
            format!("blake3:{}", "ä".repeat(32)),
        ] {
            let error = TokenHash::from_text(&bad).unwrap_err();
            assert!(error.starts_with("expected `blake3:`") && !error.contains(&*bad), "{error}");
        }
    }
}
