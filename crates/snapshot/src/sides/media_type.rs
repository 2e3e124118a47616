//! Versions in the media types that a client accepts (RFC 9110, 12.5.1).
//!
//! The order written decides, not the weights `q`: a client that names two versions at once gets the first.

use http::{HeaderMap, header};

/// The value of a parameter, whose name is given in lower case, of the first media type that has it.
pub(super) fn parameter<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    media_types(headers).find_map(|media_type| {
        divided(media_type, b';').skip(1).find_map(|parameter| {
            let at = parameter.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (parameter[..at].trim_ascii(), parameter[at + 1..].trim_ascii());
            let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            let value = quoted.unwrap_or(value);
            (key.eq_ignore_ascii_case(name.as_bytes()) && !value.is_empty()).then_some(value)
        })
    })
}

/// What stands between `before` and `after` in the first media type that has both.
pub(super) fn between<'h>(headers: &'h HeaderMap, before: &str, after: &str) -> Option<&'h [u8]> {
    media_types(headers).find_map(|media_type| {
        let name = divided(media_type, b';').next()?.trim_ascii();
        let (start, rest) = name.split_at_checked(before.len())?;
        let (version, end) = rest.split_at_checked(rest.len().checked_sub(after.len())?)?;
        let is_ours = start.eq_ignore_ascii_case(before.as_bytes()) && end.eq_ignore_ascii_case(after.as_bytes());
        (is_ours && !version.is_empty()).then_some(version)
    })
}

fn media_types(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(header::ACCEPT).iter().flat_map(|line| divided(line.as_bytes(), b','))
}

/// The parts of a text between separators, apart from those within quotes.
fn divided(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        let was_escaped = escaped;
        escaped = quoted && !was_escaped && *byte == b'\\';
        quoted ^= *byte == b'"' && !was_escaped;
        !quoted && *byte == separator
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepting(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn parameters() {
        for (lines, expected) in [
            (&["application/json;version=2"][..], Some("2")),
            (&["application/json ; Version = \"2\" ; q=0.5"], Some("2")),
            (&["text/html, application/json;version=3, */*;version=4"], Some("3")),
            (&["text/html", "application/json;a=\",;version=1\";version=2"], Some("2")),
            (&["a/b;x=\"\\\";version=1\";version=2"], Some("2")),
            (&["application/json;version="], None),
            (&["application/json;versions=2"], None),
            (&["application/version=2"], None),
            (&["*/*"], None),
            (&[], None),
        ] {
            assert_eq!(parameter(&accepting(lines), "version"), expected.map(str::as_bytes), "{lines:?}");
        }
    }

    #[test]
    fn names() {
        for (lines, expected) in [
            (&["application/vnd.acme.v2+json"][..], Some("v2")),
            (&["Application/VND.acme.v2+JSON;q=0.5"], Some("v2")),
            (&["text/html, application/vnd.acme.3+json"], Some("3")),
            (&["application/vnd.acme.+json"], None),
            (&["application/vnd.acme.2+xml"], None),
            (&["application/vnd.acme+json"], None),
            (&["application/json"], None),
        ] {
            let headers = accepting(lines);
            let found = between(&headers, "application/vnd.acme.", "+json");
            assert_eq!(found, expected.map(str::as_bytes), "{lines:?}");
        }
    }
}
