use regex::{Regex, RegexBuilder};

use super::shortened;

/// Longest pattern, in bytes.
const LONGEST: usize = 4096;

/// What one compiled pattern may take, in bytes: documents are untrusted, and `a{9999}{9999}` is short.
const LARGEST: usize = 1 << 20;

/// Compiles a regular expression. It is matched in linear time, and anchored only where the writer did so.
///
/// # Errors
/// A text that is none, or one that takes too much.
pub fn pattern(text: &str) -> Result<Regex, String> {
    if text.len() > LONGEST {
        return Err(format!("a regular expression of {} bytes; at most {LONGEST} are allowed", text.len()));
    }
    let regex = RegexBuilder::new(text).size_limit(LARGEST).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "a regular expression that takes more than 1 MiB; lower its counted repetitions".to_owned()
        }
        regex::Error::Syntax(message) => syntax(text, &message),
        error => format!("no regular expression: {error}"),
    })
}

/// The last line of the library's message says what is wrong; the others draw the pattern again.
fn syntax(text: &str, message: &str) -> String {
    let last = message.lines().last().unwrap_or_default();
    let last = last.strip_prefix("error: ").unwrap_or(last);
    let hint = if last.contains("look-around") || last.contains("backreference") {
        "; split the condition into several matchers, or routes"
    } else {
        ""
    };
    format!("`{}` is no regular expression: {last}{hint}", shortened(text))
}
