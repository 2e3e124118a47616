//! The field that tells caches what an answer depends on (RFC 9110, 12.5.5).

use http::{HeaderMap, HeaderValue, header};
use message::{Result, vary::names};

use super::add;

/// Adds the name of a request field to `Vary`, unless it is there already.
pub(crate) fn vary(headers: &mut HeaderMap, on: &'static str) -> Result<()> {
    if names(headers, on) {
        return Ok(());
    }
    add(headers, &header::VARY, HeaderValue::from_static(on))
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
