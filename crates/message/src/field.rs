//! Values of headers, query parameters and cookies. Nothing is parsed before it is asked for.

use std::{borrow::Cow, str};

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// One value as it arrived.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Plain(&'a [u8]),
    /// From a query (WHATWG URL, 5.1): `%41` stands for `A` and `+` for a space.
    Encoded(&'a [u8]),
}

/// Every line of a header: a field that is repeated has several values, and a comma within one does not divide it.
pub fn headers<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Value<'a>> {
    headers.get_all(name).iter().map(|value| Value::Plain(value.as_bytes()))
}

/// Every value of a query parameter; `a` without `=` has the empty one.
pub fn parameters<'a>(query: Option<&'a str>, name: &str) -> impl Iterator<Item = Value<'a>> {
    let pairs = query.into_iter().flat_map(|query| query.as_bytes().split(|byte| *byte == b'&'));
    pairs.filter_map(move |pair| {
        let (key, value) = divide(pair).unwrap_or((pair, b""));
        (!pair.is_empty() && Value::Encoded(key).is(name)).then_some(Value::Encoded(value))
    })
}

/// Every value of a cookie (RFC 6265, 4.2), quotes included, from all `Cookie` headers: HTTP/2 may divide them
/// (RFC 9113, 8.2.3).
pub fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = Value<'a>> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let (key, value) = divide(pair)?;
        (key.trim_ascii() == name.as_bytes()).then_some(Value::Plain(value.trim_ascii()))
    })
}

/// The query without the parameters of this name; the others stay as they are written.
pub fn without_parameter(query: &str, name: &str) -> String {
    let is_other = |pair: &&str| {
        let key = pair.split('=').next().unwrap_or_default();
        pair.is_empty() || !Value::Encoded(key.as_bytes()).is(name)
    };
    query.split('&').filter(is_other).collect::<Vec<_>>().join("&")
}

/// The value of a `Cookie` field without the cookies of this name; `None` if there are no others.
pub fn without_cookie(line: &HeaderValue, name: &str) -> Option<HeaderValue> {
    let pairs = line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let is_other = |pair: &&[u8]| divide(pair).is_none_or(|(key, _)| key.trim_ascii() != name.as_bytes());
    let left: Vec<_> = pairs.filter(is_other).collect();
    HeaderValue::from_bytes(&left.join(&b"; "[..])).ok().filter(|left| !left.is_empty())
}

fn divide(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    Some((&pair[..at], &pair[at + 1..]))
}

// === impl Value ===

impl<'a> Value<'a> {
    /// The bytes, if they need no decoding.
    fn plain(self) -> Result<&'a [u8], Decoded<'a>> {
        match self {
            Self::Encoded(bytes) if bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) => Err(Decoded(bytes)),
            Self::Encoded(bytes) | Self::Plain(bytes) => Ok(bytes),
        }
    }

    /// Whether it stands for this text.
    pub fn is(self, text: &str) -> bool {
        match self.plain() {
            Ok(bytes) => bytes == text.as_bytes(),
            Err(decoded) => decoded.eq(text.bytes()),
        }
    }

    pub fn is_empty(self) -> bool {
        let (Self::Plain(bytes) | Self::Encoded(bytes)) = self;
        bytes.is_empty()
    }

    pub fn begins_with(self, text: &str) -> bool {
        match self.plain() {
            Ok(bytes) => bytes.starts_with(text.as_bytes()),
            Err(mut decoded) => text.bytes().all(|byte| decoded.next() == Some(byte)),
        }
    }

    /// The decoded value.
    pub fn bytes(self) -> Cow<'a, [u8]> {
        match self.plain() {
            Ok(bytes) => Cow::Borrowed(bytes),
            Err(decoded) => Cow::Owned(decoded.collect()),
        }
    }

    /// The decoded value, if it is text.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.plain() {
            Ok(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Err(decoded) => String::from_utf8(decoded.collect()).ok().map(Cow::Owned),
        }
    }
}

/// Decodes as it goes, so that a comparison needs no memory. A `%` without two hex digits stands for itself.
struct Decoded<'a>(&'a [u8]);

// === impl Decoded ===

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match *self.0 {
            [b'%', high, low, ref rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (nibble(high) << 4 | nibble(low), rest)
            }
            [b'+', ref rest @ ..] => (b' ', rest),
            [byte, ref rest @ ..] => (byte, rest),
            [] => return None,
        };
        self.0 = rest;
        Some(byte)
    }
}

/// The value of an ASCII hex digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_taken_out() {
        for (line, left) in [
            ("a=1; key=2; b=3", Some("a=1; b=3")),
            ("key=2", None),
            ("key=1;key=2", None),
            ("KEY=2;a", Some("KEY=2; a")),
            (" key =2; keys=3", Some("keys=3")),
        ] {
            let without = without_cookie(&HeaderValue::from_static(line), "key");
            assert_eq!(without.as_ref().map(HeaderValue::as_bytes), left.map(str::as_bytes), "{line}");
        }
    }
}
