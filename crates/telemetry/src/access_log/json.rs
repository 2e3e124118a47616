//! Just enough JSON (RFC 8259) to write a line.

use std::{fmt::Display, io::Write, time::Duration};

/// Appends a string. Whatever a client sent comes out as valid JSON that is safe on a terminal: control characters are
/// escaped, also those above ASCII, and what is not UTF-8 becomes U+FFFD.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    if bytes.iter().all(|byte| is_plain(*byte)) {
        out.extend_from_slice(bytes);
    } else {
        for chunk in bytes.utf8_chunks() {
            chunk.valid().chars().for_each(|character| escaped(out, character));
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }
    out.push(b'"');
}

/// Appends what displays itself without anything to escape, as a string.
pub(super) fn display(out: &mut Vec<u8>, value: impl Display) {
    // A vector takes everything.
    let _ = write!(out, "\"{value}\"");
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

/// Appends `null` for nothing.
pub(super) fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => write(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
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
            let text = written(|out| string(out, bytes));
            let back: String = serde_json::from_str(&text).unwrap();
            assert_eq!(back, String::from_utf8_lossy(bytes));
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn milliseconds_have_three_decimals() {
        for (nanos, text) in [(0, "0.000"), (999, "0.000"), (83_000, "0.083"), (12_345_678_901, "12345.678")] {
            assert_eq!(written(|out| millis(out, Duration::from_nanos(nanos))), text);
        }
    }
}
