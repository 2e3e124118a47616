//! Messages written field by field into a buffer, for whoever has no time to build them first.
//!
//! What comes of it is what [`messages`](crate::messages) read. Fields are named by their numbers.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

/// A number.
pub fn integer(out: &mut Vec<u8>, field: u32, value: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(value, out);
}

pub fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    encode_key(field, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    fixed64(out, field, value.to_bits());
}

/// A text, or bytes.
pub fn bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A message, a text or bytes, of which nobody knows how long it is until it is written.
pub fn nested(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    encode_key(field, WireType::LengthDelimited, out);
    // Most are short: then nothing has to make room for their length.
    let at = out.len();
    out.push(0);
    write(out);
    let (begin, end) = (at + 1, out.len());
    let length = (end - begin) as u64;
    let more = encoded_len_varint(length) - 1;
    if more > 0 {
        out.resize(end + more, 0);
        out.copy_within(begin..end, begin + more);
    }
    let mut place = &mut out[at..];
    encode_varint(length, &mut place);
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::messages::{AnyValue, KeyValue, LogRecord, Value};

    #[test]
    fn fields_make_the_message_that_is_read() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let text = "x".repeat(length);
            let mut written = Vec::new();
            fixed64(&mut written, 1, u64::MAX);
            integer(&mut written, 2, 300);
            bytes(&mut written, 3, b"WARN");
            for (key, value) in [("a", 0.5), ("b", -7.25)] {
                nested(&mut written, 6, |out| {
                    bytes(out, 1, key.as_bytes());
                    nested(out, 2, |out| double(out, 4, value));
                });
            }
            nested(&mut written, 5, |out| nested(out, 1, |out| out.extend_from_slice(text.as_bytes())));
            let expected = LogRecord {
                time_unix_nano: u64::MAX,
                severity_number: 300,
                severity_text: "WARN".to_owned(),
                attributes: vec![KeyValue::new("a", 0.5), KeyValue::new("b", -7.25)],
                body: Some(AnyValue { value: Some(Value::Text(text)) }),
                ..LogRecord::default()
            };
            assert_eq!(LogRecord::decode(&*written), Ok(expected), "{length}");
        }
    }
}
