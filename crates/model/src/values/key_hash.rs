use std::fmt;

use super::text_value;
use crate::FromText;

/// What a document holds of a key: its BLAKE3 hash, from which nobody finds the key.
///
/// That is so for keys that nobody can guess: 256 random bits need no slow hash, and no salt.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

text_value!(KeyHash, {
    "type": "string",
    "description": "The BLAKE3 hash of a key: `blake3:` and 64 hexadecimal digits, as `printf %s \"$KEY\" | b3sum` prints them.",
    "pattern": "^blake3:[0-9a-fA-F]{64}$",
});

const ALGORITHM: &str = "blake3:";

// === impl KeyHash ===

impl KeyHash {
    pub fn of(key: &[u8]) -> Self {
        Self(*blake3::hash(key).as_bytes())
    }

    /// What people call the key by: the first eight digits.
    pub fn id(&self) -> String {
        hex(&self.0[..4])
    }
}

impl FromText for KeyHash {
    const EXPECTED: &'static str = "the hash of a key: `blake3:` and 64 hexadecimal digits";

    /// The message does not repeat the text, which may be the key itself.
    fn from_text(text: &str) -> Result<Self, String> {
        read(text).map(Self).ok_or_else(|| {
            let hint = "it is what `printf %s \"$KEY\" | b3sum` prints, and not the key itself";
            format!("expected {}; {hint}", Self::EXPECTED)
        })
    }
}

/// As documents have it.
impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", hex(&self.0))
    }
}

/// Marked as [`Secret`](crate::Secret) is: two that look the same here need not be.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({}, redacted)", self.id())
    }
}

/// The hash that is written as documents have it.
pub(super) fn read(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(ALGORITHM).filter(|digits| digits.len() == 64)?;
    blake3::Hash::from_hex(digits).ok().map(|hash| *hash.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the empty input, from the authors' test vectors.
    const OF_NOTHING: &str = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        assert_eq!(KeyHash::of(b"").to_string(), OF_NOTHING);
        for text in [OF_NOTHING, &OF_NOTHING.to_uppercase().replace("BLAKE3", "blake3")] {
            assert_eq!(KeyHash::from_text(text), Ok(KeyHash::of(b"")), "{text}");
        }
        assert_eq!(KeyHash::of(b"").id(), "af1349b9");
        assert_ne!(KeyHash::of(b"a"), KeyHash::of(b"b"));
    }

    #[test]
    fn what_is_no_hash_is_not_repeated() {
        let short = &OF_NOTHING[..70];
        let odd = OF_NOTHING.replace('f', "g");
        for text in ["", "slk_secret", "sha256:af", short, &odd, &OF_NOTHING[7..], &OF_NOTHING.to_uppercase()] {
            let message = KeyHash::from_text(text).unwrap_err();
            assert!(text.is_empty() || !message.contains(text), "{message}");
        }
        assert_eq!(format!("{:?}", KeyHash::of(b"")), "KeyHash(af1349b9, redacted)");
    }
}
