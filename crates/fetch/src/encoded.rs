//! Text within paths and queries.

/// `text` as one segment of a path, or as one value of a query: everything encoded but what is never a delimiter (RFC 3986,
/// 2.3).
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
                encoded.extend(['%', char::from(digits[0]), char::from(digits[1])]);
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_delimit_nothing() {
        assert_eq!(encoded("a-b_c.d~9"), "a-b_c.d~9");
        assert_eq!(encoded("a/b?c=d&e#f%"), "a%2Fb%3Fc%3Dd%26e%23f%25");
        assert_eq!(encoded("ä b"), "%C3%A4%20b");
    }
}
