use std::fmt;

use super::text_value;
use crate::FromText;

/// What a document holds of a key or a token: its BLAKE3 hash, from which nobody finds the secret.
///
/// That is so for secrets that nobody can guess: 256 random bits need no slow hash, and no salt.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

text_value!(SecretHash, {
    "type": "string",
    "description": "A BLAKE3 hash: `blake3:` and 64 hexadecimal digits, as `printf %s \"$SECRET\" | b3sum` prints them.",
    "pattern": "^blake3:[0-9a-fA-F]{64}$",
});

const ALGORITHM: &str = "blake3:";

// === impl SecretHash ===

impl SecretHash {
    pub fn of(secret: &[u8]) -> Self {
        Self(*blake3::hash(secret).as_bytes())
    }

    /// What people call the secret by: the first eight digits.
    pub fn id(&self) -> String {
        hex(&self.0[..4])
    }
}

impl FromText for SecretHash {
    const EXPECTED: &'static str = "a BLAKE3 hash: `blake3:` and 64 hexadecimal digits";

    /// The message does not repeat the text, which may be the secret itself.
    fn from_text(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix(ALGORITHM).filter(|digits| digits.len() == 64);
        let hash = digits.and_then(|digits| blake3::Hash::from_hex(digits).ok());
        hash.map(|hash| Self(*hash.as_bytes())).ok_or_else(|| {
            let hint = "it is what `printf %s \"$SECRET\" | b3sum` prints, and not the secret itself";
            format!("expected {}; {hint}", Self::EXPECTED)
        })
    }
}

/// As documents have it.
impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", hex(&self.0))
    }
}

/// Marked as [`Secret`](crate::Secret) is: two that look the same here need not be.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({}, redacted)", self.id())
    }
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
        assert_eq!(SecretHash::of(b"").to_string(), OF_NOTHING);
        for text in [OF_NOTHING, &OF_NOTHING.to_uppercase().replace("BLAKE3", "blake3")] {
            assert_eq!(SecretHash::from_text(text), Ok(SecretHash::of(b"")), "{text}");
        }
        assert_eq!(SecretHash::of(b"").id(), "af1349b9");
        assert_ne!(SecretHash::of(b"a"), SecretHash::of(b"b"));
    }

    #[test]
    fn what_is_no_hash_is_not_repeated() {
        let short = &OF_NOTHING[..70];
        let odd = OF_NOTHING.replace('f', "g");
        let foreign = format!("blake3:{}", "ä".repeat(32));
        for text in [
            "",
            "slk_secret",
            "slo_secret",
            &foreign,
            "sha256:af",
            short,
            &odd,
            &OF_NOTHING[7..],
            &OF_NOTHING.to_uppercase(),
        ] {
            let message = SecretHash::from_text(text).unwrap_err();
            assert!(text.is_empty() || !message.contains(text), "{message}");
        }
        assert_eq!(format!("{:?}", SecretHash::of(b"")), "SecretHash(af1349b9, redacted)");
    }
}
