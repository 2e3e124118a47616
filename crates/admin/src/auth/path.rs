use std::borrow::Cow;

/// The segments of a path, decoded once (RFC 3986, 2.4).
///
/// `None`: the path is written in a way that others may read otherwise. What is decoded holds no `/`, no `%` and no control
/// character, none of it is empty, `.` or `..`.
pub(super) fn segments(path: &str) -> Option<Vec<Cow<'_, str>>> {
    let rest = path.strip_prefix('/')?;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    rest.split('/').map(segment).collect()
}

/// The same as one text, for people.
pub(crate) fn decoded(path: &str) -> Option<String> {
    segments(path).map(|segments| format!("/{}", segments.join("/")))
}

fn segment(text: &str) -> Option<Cow<'_, str>> {
    let decoded = if text.contains('%') { Cow::Owned(text_of(text.as_bytes())?) } else { Cow::Borrowed(text) };
    let is_odd = |c: char| matches!(c, '/' | '\\' | '%') || c.is_control();
    let is_exact = !matches!(&*decoded, "" | "." | "..") && !decoded.contains(is_odd);
    is_exact.then_some(decoded)
}

fn text_of(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            // Two digits make a byte.
            b'%' => (digit(rest.next())? << 4 | digit(rest.next())?) as u8,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        for (path, expected) in [
            ("/", Some(vec![])),
            ("/operators", Some(vec!["operators"])),
            ("/%6fperators/%41dmin", Some(vec!["operators", "Admin"])),
            ("/routes/b%C3%BCcher%20a+b", Some(vec!["routes", "bücher a+b"])),
            ("", None),
            ("routes", None),
            ("//routes", None),
            ("/routes/", None),
            ("/routes//a", None),
            ("/routes/.", None),
            ("/routes/../operators", None),
            ("/routes/%2e%2e/operators", None),
            ("/routes%2foperators", None),
            ("/routes%5coperators", None),
            ("/%256fperators", None),
            ("/a%00", None),
            ("/a%0d%0a", None),
            ("/a%c2%85", None),
            ("/a%", None),
            ("/a%4", None),
            ("/a%4g", None),
            ("/a%ff", None),
            ("/a%c0%af", None),
        ] {
            let found = segments(path);
            let found = found.as_ref().map(|found| found.iter().map(|part| &**part).collect::<Vec<_>>());
            assert_eq!(found, expected, "{path}");
        }
    }
}
