//! Values as text that nobody can break out of.

use std::{io::Write, net::IpAddr, time::Duration};

/// Appends what comes of `bytes` between two quotes: JSON (RFC 8259), and as much in logfmt and templates.
///
/// Whatever a client sent comes out as valid UTF-8 that is safe on a terminal and cannot end its line or its quotes: control
/// characters are escaped, also those above ASCII, and what is not UTF-8 becomes U+FFFD.
pub(in crate::access_log) fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    if are_plain(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| escaped(out, character));
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Appends them as they are; what is not UTF-8 becomes U+FFFD.
pub(super) fn lossy(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Whether it stands for itself in logfmt, without quotes.
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    !bytes.is_empty() && are_plain(bytes) && !bytes.iter().any(|byte| matches!(byte, b' ' | b'='))
}

pub(super) fn integer(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends milliseconds with three decimals, that is, to the microsecond.
pub(super) fn millis(out: &mut Vec<u8>, value: Duration) {
    let micros = value.as_micros() as u64;
    integer(out, micros / 1_000);
    let decimals = (micros % 1_000) as u16;
    out.extend_from_slice(&[b'.', digit(decimals / 100), digit(decimals / 10), digit(decimals)]);
}

pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        // A vector takes everything.
        IpAddr::V6(address) => _ = write!(out, "{address}"),
    }
}

/// Whether they stand for themselves. Looks at all of them, sixteen at a time: most texts are plain to their end.
fn are_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & is_plain(*byte))
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\')
}

const fn digit(value: u16) -> u8 {
    b'0' + (value % 10) as u8
}

fn escaped(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\t' => out.extend_from_slice(b"\\t"),
        control if control.is_control() => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            // All control characters are below U+00A0.
            let code = control as usize;
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[code >> 4 & 15], HEX[code & 15]]);
        }
        // Ends a line for whoever reads JSON as JavaScript.
        '\u{2028}' => out.extend_from_slice(b"\\u2028"),
        '\u{2029}' => out.extend_from_slice(b"\\u2029"),
        other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn any_bytes_become_the_json_that_others_read_back() {
        let every_byte: Vec<u8> = (0..=255).collect();
        for bytes in [
            &b"plain /path?x=1"[..],
            "quote\" back\\ ä 漢 🦀\u{85}\u{2028}".as_bytes(),
            b"\xf0\x9f bad \xff",
            &every_byte,
        ] {
            let text = written(|out| escape(out, bytes));
            let back: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(back, String::from_utf8_lossy(bytes));
            assert!(!text.chars().any(|it| it.is_control() || it == '\u{2028}'), "{text:?}");
        }
    }

    #[test]
    fn milliseconds_have_three_decimals() {
        for (nanos, text) in [(0, "0.000"), (999, "0.000"), (83_000, "0.083"), (12_345_678_901, "12345.678")] {
            assert_eq!(written(|out| millis(out, Duration::from_nanos(nanos))), text);
        }
    }

    #[test]
    fn addresses_are_written_as_usual() {
        for text in ["0.0.0.0", "192.0.2.17", "255.255.255.255", "2001:db8::1", "::ffff:1.2.3.4"] {
            assert_eq!(written(|out| address(out, text.parse().unwrap())), text);
        }
    }
}
