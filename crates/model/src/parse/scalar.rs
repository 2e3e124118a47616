//! What a scalar without quotes means: the core schema of YAML 1.2 (section 10.3.2).
//!
//! `yes`, `no`, `on` and `off` are texts, as in YAML 1.2.

use crate::Value;

pub(super) fn plain(text: String) -> Value {
    let Some(first) = text.bytes().next() else { return Value::Null };
    // Most scalars are words: only these can begin anything else.
    if !matches!(first, b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'+' | b'-' | b'.' | b'0'..=b'9') {
        return Value::Text(text);
    }
    match text.as_str() {
        "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(&text).unwrap_or(Value::Text(text)),
    }
}

/// A number, or `None`. An integer that 64 bits do not hold becomes a float, as in JSON.
pub(super) fn number(text: &str) -> Option<Value> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Value::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(Value::Integer).or_else(|_| text.parse().map(Value::Float)).ok();
    }
    // The standard library also reads `1.`, `inf` and `infinity`: the first is a float here, the others are words.
    let float = unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if float && unsigned.bytes().any(|b| b.is_ascii_digit()) { text.parse().map(Value::Float).ok() } else { None }
}

fn based(digits: &str, base: u32) -> Option<Value> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, base).map(Value::Integer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema_is_followed() {
        let cases = [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("True", Value::Bool(true)),
            ("tRue", Value::Text("tRue".into())),
            ("yes", Value::Text("yes".into())),
            ("off", Value::Text("off".into())),
            ("12", Value::Integer(12)),
            ("-7", Value::Integer(-7)),
            ("+7", Value::Integer(7)),
            ("007", Value::Integer(7)),
            ("0o17", Value::Integer(15)),
            ("0xff", Value::Integer(255)),
            ("0x-1", Value::Text("0x-1".into())),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("1e3", Value::Float(1000.0)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
            ("18446744073709551616", Value::Float(18_446_744_073_709_551_616.0)),
            ("1.2.3", Value::Text("1.2.3".into())),
            ("10.0.0.0/8", Value::Text("10.0.0.0/8".into())),
            ("127.0.0.1:80", Value::Text("127.0.0.1:80".into())),
            ("1s", Value::Text("1s".into())),
            ("-", Value::Text("-".into())),
            (".", Value::Text(".".into())),
            ("e", Value::Text("e".into())),
            ("infinity", Value::Text("infinity".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text.to_owned()), expected, "{text}");
        }
    }
}
