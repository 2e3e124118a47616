//! Messages written field by field into a buffer, for whoever has no time to build them first. Fields are named by their numbers.

use std::{fmt::Display, io::Write as _};

use prost::encoding::{WireType, encode_varint, encoded_len_varint, key_len};

/// Numbers of fields: of `KeyValue`,
const KEY: u32 = 1;
const VALUE: u32 = 2;
/// and of `AnyValue`.
const STRING: u32 = 1;
const INTEGER: u32 = 3;
const DOUBLE: u32 = 4;

/// Numbers from here on take more than one byte.
const LARGE: usize = 0x80;

/// A number.
pub fn integer(out: &mut Vec<u8>, field: u32, value: u64) {
    key(out, field, WireType::Varint);
    varint(out, value);
}

pub fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    key(out, field, WireType::ThirtyTwoBit);
    out.extend_from_slice(&value.to_le_bytes());
}

pub fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    key(out, field, WireType::SixtyFourBit);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A text, or bytes.
pub fn bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    head(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// What comes before a message, a text or bytes that is so long.
pub(crate) fn head(out: &mut Vec<u8>, field: u32, length: usize) {
    key(out, field, WireType::LengthDelimited);
    varint(out, length as u64);
}

/// Of [`head`].
pub(crate) fn head_length(field: u32, length: usize) -> usize {
    key_len(field) + encoded_len_varint(length as u64)
}

/// A message, a text or bytes, of which nobody knows how long it is until it is written.
pub fn nested(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    key(out, field, WireType::LengthDelimited);
    // Most are short: then nothing has to make room for their length.
    let at = out.len();
    out.push(0);
    write(out);
    let (begin, end) = (at + 1, out.len());
    let length = end - begin;
    if length < LARGE {
        out[at] = length as u8;
        return;
    }
    let more = encoded_len_varint(length as u64) - 1;
    out.resize(end + more, 0);
    out.copy_within(begin..end, begin + more);
    let mut place = &mut out[at..];
    encode_varint(length as u64, &mut place);
}

#[inline]
fn key(out: &mut Vec<u8>, field: u32, kind: WireType) {
    varint(out, u64::from(field << 3 | kind as u32));
}

/// Nearly all are keys and lengths of one byte.
#[inline]
fn varint(out: &mut Vec<u8>, value: u64) {
    if value < LARGE as u64 {
        out.push(value as u8);
    } else {
        encode_varint(value, out);
    }
}

/// An attribute (`KeyValue`), whose value one of the functions below writes.
pub fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: impl FnOnce(&mut Vec<u8>)) {
    nested(out, field, |out| {
        bytes(out, KEY, key.as_bytes());
        nested(out, VALUE, value);
    });
}

/// The value of an attribute, as are those that follow.
pub fn text(out: &mut Vec<u8>, value: &str) {
    bytes(out, STRING, value.as_bytes());
}

/// A text that `write` writes.
pub fn written(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    nested(out, STRING, write);
}

/// As a text.
pub fn display(out: &mut Vec<u8>, value: impl Display) {
    // Writing to a vector cannot fail.
    written(out, |out| _ = write!(out, "{value}"));
}

pub fn number(out: &mut Vec<u8>, value: u64) {
    integer(out, INTEGER, value);
}

pub fn double(out: &mut Vec<u8>, value: f64) {
    fixed64(out, DOUBLE, value.to_bits());
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, KeyValue, any_value::Value},
        logs::v1::LogRecord,
    };
    use prost::Message as _;

    use super::*;

    fn any(value: Value) -> Option<AnyValue> {
        Some(AnyValue { value: Some(value) })
    }

    #[test]
    fn fields_make_the_message_that_is_read() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let long = "x".repeat(length);
            let mut out = Vec::new();
            fixed64(&mut out, 1, u64::MAX);
            integer(&mut out, 2, 300);
            bytes(&mut out, 3, b"WARN");
            fixed32(&mut out, 8, 0x301);
            attribute(&mut out, 6, "text", |out| text(out, "a"));
            attribute(&mut out, 6, "display", |out| display(out, 7.5));
            attribute(&mut out, 6, "number", |out| number(out, 1 << 40));
            attribute(&mut out, 6, "double", |out| double(out, -7.25));
            nested(&mut out, 5, |out| written(out, |out| out.extend_from_slice(long.as_bytes())));
            let attributes = [
                ("text", Value::StringValue("a".to_owned())),
                ("display", Value::StringValue("7.5".to_owned())),
                ("number", Value::IntValue(1 << 40)),
                ("double", Value::DoubleValue(-7.25)),
            ];
            let attribute =
                |(key, value): (&str, _)| KeyValue { key: key.to_owned(), value: any(value), key_strindex: 0 };
            let expected = LogRecord {
                time_unix_nano: u64::MAX,
                severity_number: 300,
                severity_text: "WARN".to_owned(),
                flags: 0x301,
                attributes: attributes.map(attribute).into(),
                body: any(Value::StringValue(long)),
                ..LogRecord::default()
            };
            assert_eq!(LogRecord::decode(&*out), Ok(expected), "{length}");
        }
    }
}
