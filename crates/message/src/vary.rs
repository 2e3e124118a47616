//! What a response depends on, for caches (RFC 9110, 12.5.5).

use http::{HeaderMap, HeaderValue, header};

/// Whether `Vary` names this request field, or all of them.
pub fn names(headers: &HeaderMap, field: &str) -> bool {
    headers.get_all(header::VARY).iter().any(|line| line_names(line, field))
}

fn line_names(line: &HeaderValue, wanted: &str) -> bool {
    let mut names = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    names.any(|name| name == b"*" || name.eq_ignore_ascii_case(wanted.as_bytes()))
}
