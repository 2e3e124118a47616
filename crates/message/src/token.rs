//! What shows that a caller is an operator of this gateway.

use std::{fmt, hint::black_box, io, sync::Arc};

use http::HeaderName;
use rustix::rand::{GetRandomFlags, getrandom};

/// The header field by which a request on any listener shows the admin token. It never goes further than the gateway.
pub const TOKEN_FIELD: HeaderName = HeaderName::from_static("sluice-token");

/// The admin token. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

/// 256 bits of the operating system, to make a token or a key of: nobody guesses them.
///
/// # Errors
/// It gives none.
pub fn secret() -> io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    let mut filled = 0;
    while filled < secret.len() {
        filled += getrandom(&mut secret[filled..], GetRandomFlags::empty())?;
    }
    Ok(secret)
}

// === impl Token ===

impl Token {
    /// `None`: a header field could not hold it, so nobody could show it.
    pub fn new(text: &str) -> Option<Self> {
        let is_good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then(|| Self(text.into()))
    }

    /// Whether this is what was shown. How long that takes depends on what was shown, and not on how much of it is right.
    pub fn is(&self, shown: &[u8]) -> bool {
        let token = self.0.as_bytes();
        let mut differs = u8::from(shown.len() != token.len());
        for (shown, wanted) in shown.iter().zip(token.iter().cycle()) {
            // Opaque, so that nothing learns to stop early.
            differs = black_box(differs | (shown ^ wanted));
        }
        differs == 0
    }

    /// For those who must show it themselves, or keep it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_made_twice() {
        let made: std::collections::HashSet<_> = (0..100).map(|_| secret().unwrap()).collect();
        assert_eq!(made.len(), 100);
        assert!(!made.contains(&[0; 32]));
    }

    #[test]
    fn only_the_whole_token_is_it() {
        let token = Token::new("abc").unwrap();
        assert!(token.is(b"abc"));
        for other in ["", "a", "ab", "abd", "abcabc", "abca", "ABC", "bbc"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_nobody_could_show_is_none() {
        for text in ["", " ", "a b", "a\n", "ä"] {
            assert_eq!(Token::new(text), None, "{text:?}");
        }
        assert_eq!(format!("{:?}", Token::new("secret")), "Some(Token(…))");
    }
}
