//! The field that tells caches what an answer depends on (RFC 9110, 12.5.5).

use http::{HeaderMap, HeaderValue, header};
use message::Result;

use super::add;

/// Adds the name of a request field to `Vary`, unless it is there already.
pub(crate) fn vary(headers: &mut HeaderMap, on: &'static str) -> Result<()> {
    if headers.get_all(header::VARY).iter().any(|line| names(line, on)) {
        return Ok(());
    }
    add(headers, &header::VARY, HeaderValue::from_static(on))
}

fn names(line: &HeaderValue, wanted: &str) -> bool {
    let mut names = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    names.any(|name| name == b"*" || name.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_once() {
        for (before, after) in [
            (&[][..], &["Origin"][..]),
            (&["Accept"], &["Accept", "Origin"]),
            (&["accept , origin"], &["accept , origin"]),
            (&["Accept", "ORIGIN"], &["Accept", "ORIGIN"]),
            (&["*"], &["*"]),
            (&["X-Origin"], &["X-Origin", "Origin"]),
        ] {
            let mut headers = HeaderMap::new();
            for line in before {
                headers.append(header::VARY, HeaderValue::from_static(line));
            }
            vary(&mut headers, "Origin").unwrap();
            assert_eq!(headers.get_all(header::VARY).iter().collect::<Vec<_>>(), after);
        }
    }
}
