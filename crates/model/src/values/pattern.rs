use regex::{Regex, RegexBuilder};

use super::text_value;
use crate::FromText;

/// A regular expression. It is matched in linear time, and anchored only where the writer did so.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

text_value!(Pattern, {
    "type": "string",
    "description": "A regular expression, in the syntax of the Rust regex crate: no look-around, no back references. Anchored only where `^` or `$` say so.",
    "maxLength": 4096,
});

/// Longest pattern, in bytes.
const LONGEST: usize = 4096;

/// What one compiled pattern may take, in bytes: documents are untrusted, and `a{9999}{9999}` is short.
const LARGEST: usize = 1 << 20;

// === impl Pattern ===

impl FromText for Pattern {
    const EXPECTED: &'static str = "a regular expression";

    fn from_text(text: &str) -> Result<Self, String> {
        compile(text).map(Self)
    }
}

pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST {
        return Err(format!("a regular expression of {} bytes; at most {LONGEST} are allowed", pattern.len()));
    }
    let regex = RegexBuilder::new(pattern).size_limit(LARGEST).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "a regular expression that takes more than 1 MiB; lower its counted repetitions".to_owned()
        }
        regex::Error::Syntax(message) => syntax(pattern, &message),
        error => format!("no regular expression: {error}"),
    })
}

/// The last line of the library's message says what is wrong; the others draw the pattern again.
fn syntax(pattern: &str, message: &str) -> String {
    let last = message.lines().last().unwrap_or_default();
    let last = last.strip_prefix("error: ").unwrap_or(last);
    let hint = if last.contains("look-around") || last.contains("backreference") {
        "; split the condition into several matchers, or routes"
    } else {
        ""
    };
    format!("`{}` is no regular expression: {last}{hint}", super::shortened(pattern))
}
