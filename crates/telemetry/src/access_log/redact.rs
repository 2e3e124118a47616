//! What is secret, and does not belong into a log.
//!
//! Credentials travel in parameters of queries, in fields of heads, and in addresses that stand in either. Nobody can know all
//! names of secrets, so the rules err on the side of hiding.

use std::sync::{Arc, LazyLock};

use aho_corasick::AhoCorasick;

/// What is written in place of a secret.
pub(super) const HIDDEN: &[u8] = b"[redacted]";

/// A name that holds one of these, in lower case, is that of a secret.
static PARTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let parts = [
        "token",
        "secret",
        "passw",
        "pwd",
        "apikey",
        "api_key",
        "api-key",
        "accesskey",
        "_key",
        "-key",
        "signature",
        "credential",
        "authoriz",
        "cookie",
        "session",
        "jwt",
        "assertion",
        "csrf",
        "xsrf",
        "private",
    ];
    #[expect(clippy::expect_used, reason = "what is refused are patterns longer, or more, than memory holds")]
    AhoCorasick::new(parts).expect("twenty short patterns")
});
/// So is one that is one of these.
const WHOLES: &[&[u8]] = &[
    b"key",
    b"code",
    b"sig",
    b"pass",
    b"pin",
    b"otp",
    b"sid",
    b"auth",
    b"x-auth",
    b"hmac",
    b"ticket",
    b"samlresponse",
    b"samlrequest",
    b"passphrase",
];
/// A longer name of a parameter is nobody's that means well.
const LONGEST: usize = 64;

/// Knows what is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Redaction {
    /// Beside those that are known anyway, in lower case.
    names: Vec<Arc<str>>,
}

/// Whether something of this name is secret.
pub fn is_secret(name: &str) -> bool {
    Redaction::default().hides(name.to_ascii_lowercase().as_bytes())
}

/// A query without the values of secret parameters.
pub fn without_secrets(query: &str) -> String {
    collected(|out| Redaction::default().query(query.as_bytes(), out))
}

/// A text that is, or holds, an address: without what stands before `@`, and without secret parameters.
pub fn without_credentials(text: &str) -> String {
    collected(|out| Redaction::default().address(text.as_bytes(), out))
}

fn collected(write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
    let mut text = Vec::new();
    write(&mut |piece| text.extend_from_slice(piece));
    // It was text, and what was cut off stands at ASCII.
    String::from_utf8_lossy(&text).into_owned()
}

// === impl Redaction ===

impl Redaction {
    pub(super) fn of(names: &[Arc<str>]) -> Self {
        Self { names: names.to_vec() }
    }

    /// Whether the value of a header field, or parameter, of this name is hidden. `name` is in lower case.
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        WHOLES.contains(&name) || self.names.iter().any(|known| known.as_bytes() == name) || PARTS.is_match(name)
    }

    /// Hands on a query, piece by piece, with the values of secret parameters replaced.
    pub(super) fn query(&self, query: &[u8], mut out: impl FnMut(&[u8])) {
        self.parameters(query, &mut out);
    }

    /// The same of a path, whose segments may have parameters (`;jsessionid=…`).
    pub(super) fn path(&self, path: &[u8], mut out: impl FnMut(&[u8])) {
        if !path.contains(&b';') {
            return out(path);
        }
        for (index, segment) in path.split(|byte| *byte == b'/').enumerate() {
            if index > 0 {
                out(b"/");
            }
            self.parameters(segment, &mut out);
        }
    }

    /// The same of a value that is, or holds, an address: what stands before `@`, and what stands behind `?` or `#`.
    pub(super) fn address(&self, value: &[u8], mut out: impl FnMut(&[u8])) {
        let mut rest = value;
        if let Some(at) = rest.windows(3).position(|window| window == b"://") {
            let (scheme, behind) = rest.split_at(at + 3);
            let end = behind.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(behind.len());
            if let Some(user) = behind[..end].iter().rposition(|byte| *byte == b'@') {
                out(scheme);
                out(HIDDEN);
                rest = &behind[user..];
            }
        }
        match rest.iter().position(|byte| matches!(byte, b'?' | b'#' | b';')) {
            None => out(rest),
            Some(at) => {
                out(&rest[..=at]);
                self.parameters(&rest[at + 1..], &mut out);
            }
        }
    }

    fn parameters(&self, text: &[u8], out: &mut impl FnMut(&[u8])) {
        // Without these there is neither a value nor an address that was encoded.
        if !text.iter().any(|byte| matches!(byte, b'=' | b'%')) {
            return out(text);
        }
        let mut rest = text;
        loop {
            let end = rest.iter().position(|byte| matches!(byte, b'&' | b';' | b'?' | b'#')).unwrap_or(rest.len());
            let piece = &rest[..end];
            let end = match piece.iter().position(|byte| *byte == b'=') {
                Some(at) if self.hides_encoded(&piece[..at]) => {
                    out(&piece[..=at]);
                    out(HIDDEN);
                    // Only `&` is sure to end a value.
                    rest.iter().position(|byte| *byte == b'&').unwrap_or(rest.len())
                }
                _ => {
                    match encoded_query(piece) {
                        None => out(piece),
                        Some(at) => {
                            out(&piece[..at]);
                            out(HIDDEN);
                        }
                    }
                    end
                }
            };
            let Some(separator) = rest.get(end..=end) else { return };
            out(separator);
            rest = &rest[end + 1..];
        }
    }

    /// Whoever reads the parameter decodes its name first.
    fn hides_encoded(&self, name: &[u8]) -> bool {
        let (mut decoded, mut length) = ([0; LONGEST], 0);
        let mut bytes = name.iter().copied();
        while let Some(mut byte) = bytes.next() {
            if byte == b'%' {
                let mut ahead = bytes.clone();
                let digits = ahead.next().zip(ahead.next());
                let value = |digit: u8| char::from(digit).to_digit(16);
                if let Some((high, low)) = digits.and_then(|(high, low)| Some((value(high)?, value(low)?))) {
                    // Two digits make a byte.
                    byte = (high << 4 | low) as u8;
                    bytes = ahead;
                }
            }
            match decoded.get_mut(length) {
                Some(place) => *place = byte.to_ascii_lowercase(),
                None => return true,
            }
            length += 1;
        }
        self.hides(&decoded[..length])
    }
}

/// Where the query or fragment of an address begins that is the value of a parameter, encoded once or twice.
fn encoded_query(piece: &[u8]) -> Option<usize> {
    let ends = |at: usize| {
        let behind = piece.get(at + 1..)?;
        let behind = behind.strip_prefix(b"25").unwrap_or(behind);
        let is_mark = [b"3f", b"3F", b"23"].iter().any(|mark| behind.starts_with(*mark));
        is_mark.then(|| piece.len() - behind.len() + 2)
    };
    piece.iter().enumerate().filter(|(_, byte)| **byte == b'%').find_map(|(at, _)| ends(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_parameters_are_hidden() {
        let redaction = Redaction::of(&["account".into()]);
        for (query, expected) in [
            ("", ""),
            ("a=1&b=2", "a=1&b=2"),
            ("token=abc", "token=[redacted]"),
            ("a=1&ACCESS_TOKEN=abc&b=2", "a=1&ACCESS_TOKEN=[redacted]&b=2"),
            ("a=1;password=x;y&b=2", "a=1;password=[redacted]&b=2"),
            ("%74oken=abc", "%74oken=[redacted]"),
            ("code=4/0A&state=7", "code=[redacted]&state=7"),
            ("encode=1&zipcode=2", "encode=1&zipcode=2"),
            ("X-Amz-Signature=f00&X-Amz-Date=1", "X-Amz-Signature=[redacted]&X-Amz-Date=1"),
            ("api_key=1&key=2&sig=3&account=4", "api_key=[redacted]&key=[redacted]&sig=[redacted]&account=[redacted]"),
            ("token&a=b", "token&a=b"),
            ("token=", "token=[redacted]"),
            ("to=/x?token=abc&a=b", "to=/x?token=[redacted]&a=b"),
            ("to=%2Fx%3Ftoken%3Dabc&a=b", "to=%2Fx%3F[redacted]&a=b"),
            ("to=%252Fx%253Ftoken%253Dabc&a=b", "to=%252Fx%253F[redacted]&a=b"),
            ("a=100%", "a=100%"),
            ("%=1&%7=2&%zz=3", "%=1&%7=2&%zz=3"),
        ] {
            assert_eq!(collected(|out| redaction.query(query.as_bytes(), out)), expected, "{query}");
        }
        let long = format!("{}=1", "x".repeat(LONGEST + 1));
        assert!(collected(|out| redaction.query(long.as_bytes(), out)).ends_with("=[redacted]"));
    }

    #[test]
    fn addresses_and_paths_hold_no_secrets() {
        let redaction = Redaction::default();
        for (value, expected) in [
            ("https://a.example/x", "https://a.example/x"),
            ("https://a.example/cb#access_token=abc&b=c", "https://a.example/cb#access_token=[redacted]&b=c"),
            ("https://alice:pw@a.example/x?code=1", "https://[redacted]@a.example/x?code=[redacted]"),
            ("/next?session=1", "/next?session=[redacted]"),
            ("plain", "plain"),
        ] {
            assert_eq!(collected(|out| redaction.address(value.as_bytes(), out)), expected, "{value}");
        }
        for (path, expected) in [("/a/b", "/a/b"), ("/a;jsessionid=1F/b;v=2", "/a;jsessionid=[redacted]/b;v=2")] {
            assert_eq!(collected(|out| redaction.path(path.as_bytes(), out)), expected, "{path}");
        }
    }

    #[test]
    fn fields_with_credentials_are_known() {
        let redaction = Redaction::of(&["x-internal".into()]);
        for name in [
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "x-auth-token",
            "x-csrf-token",
            "x-internal",
        ] {
            assert!(redaction.hides(name.as_bytes()), "{name}");
        }
        for name in ["accept", "content-type", "x-tenant", "x-request-id", "user-agent"] {
            assert!(!redaction.hides(name.as_bytes()), "{name}");
        }
    }
}
