//! The patterns of paths, in the normal form that requests are brought into.
//!
//! A pattern that is not in normal form could never match, so whatever no request can hold is refused with the reason.

use std::{collections::HashSet, sync::Arc};

use expression::literal;

use super::{not_expected, text_value};
use crate::{CaptureType, FromText, PathPattern, Segment, nearest};

/// One path.
#[derive(Debug, Clone)]
pub struct ExactPath(pub PathPattern);

/// A path and all below it.
#[derive(Debug, Clone)]
pub struct PrefixPath(pub PathPattern);

/// A path with names for some of its segments.
#[derive(Debug, Clone)]
pub struct PathTemplate(pub PathPattern);

/// A path with `*` and `**`.
#[derive(Debug, Clone)]
pub struct WildcardPath(pub PathPattern);

text_value!(ExactPath, {
    "type": "string",
    "description": "One path, as in `/a/b`.",
    "pattern": "^/",
});

text_value!(PrefixPath, {
    "type": "string",
    "description": "A path and all below it: `/a` stands for `/a` and `/a/b`, not for `/ab`. What follows is captured as `{rest}`.",
    "pattern": "^/",
});

text_value!(PathTemplate, {
    "type": "string",
    "description": "A path with names for some of its segments: in `/users/{id}` the name takes one whole segment, in `/users/{id:int}` one of that type (`alpha`, `date`, `hex`, `int`, `slug` or `uuid`); `{name...}` at the end takes all the rest, and may be empty.",
    "pattern": "^/",
});

text_value!(WildcardPath, {
    "type": "string",
    "description": "A path in which `*` stands for any run of characters but `/`, and `**` for any run at all, as in `/files/*/raw`.",
    "pattern": "^/",
});

// === impl ExactPath ===

impl FromText for ExactPath {
    const EXPECTED: &'static str = "a path such as `/a/b`";

    fn from_text(text: &str) -> Result<Self, String> {
        starts_with_slash::<Self>(text)?;
        Ok(Self(PathPattern::Exact(Arc::from(canonical(text)?))))
    }
}

// === impl PrefixPath ===

impl FromText for PrefixPath {
    const EXPECTED: &'static str = "a path such as `/a/b`";

    fn from_text(text: &str) -> Result<Self, String> {
        starts_with_slash::<Self>(text)?;
        let prefix = canonical(text)?;
        let prefix = match prefix.strip_suffix('/') {
            Some("") | None => &*prefix,
            Some(prefix) => prefix,
        };
        Ok(Self(PathPattern::Prefix(Arc::from(prefix))))
    }
}

// === impl PathTemplate ===

impl FromText for PathTemplate {
    const EXPECTED: &'static str = "a path template such as `/users/{id}`";

    fn from_text(text: &str) -> Result<Self, String> {
        starts_with_slash::<Self>(text)?;
        template_segments(text).map(PathPattern::Template).map(Self)
    }
}

// === impl WildcardPath ===

impl FromText for WildcardPath {
    const EXPECTED: &'static str = "a path such as `/files/*/raw`";

    fn from_text(text: &str) -> Result<Self, String> {
        starts_with_slash::<Self>(text)?;
        if text.contains("***") {
            return Err("`***` means nothing; write `*` for a run without `/`, `**` for any run".to_owned());
        }
        // An asterisk is a plain character of paths, so it goes through unchanged.
        let path = canonical(text)?;
        let mut regex = String::from("^(?s:");
        for (index, run) in path.split("**").enumerate() {
            regex.push_str(if index == 0 { "" } else { ".*" });
            let literals: Vec<String> = run.split('*').map(regex::escape).collect();
            regex.push_str(&literals.join("[^/]*"));
        }
        regex.push_str(")$");
        let regex = literal::pattern(&regex)?;
        Ok(Self(PathPattern::Wildcard { pattern: Arc::from(path), regex }))
    }
}

fn starts_with_slash<T: FromText>(text: &str) -> Result<(), String> {
    if text.starts_with('/') {
        return Ok(());
    }
    Err(match text {
        "" => not_expected::<T>(text),
        _ => format!("a path begins with `/`, and `{}` does not; did you mean `/{0}`?", super::shortened(text)),
    })
}

/// The segments of a template that begins with `/`.
fn template_segments(text: &str) -> Result<Vec<Segment>, String> {
    let mut names = HashSet::new();
    let mut segments = Vec::new();
    let mut parts = text[1..].split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
            if part.contains(['{', '}']) {
                return Err(format!(
                    "`{part}`: a name in `{{}}` takes one whole segment; use `regex` for parts of one"
                ));
            }
            if part.is_empty() && !is_last {
                return Err(EMPTY_SEGMENT.to_owned());
            }
            segments.push(Segment::Literal(Arc::from(segment(part)?)));
            continue;
        };
        let (name, takes_rest) = match name.strip_suffix("...") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (name, typed) = match name.split_once(':') {
            Some((name, _)) if takes_rest => {
                return Err(format!(
                    "`{part}`: a type is for one segment, and `...` takes any number of them; write `{{{name}...}}`"
                ));
            }
            Some((name, typed)) => (name, Some(capture_type(part, typed)?)),
            None => (name, None),
        };
        if !is_capture_name(name) {
            return Err(format!(
                "`{{{name}}}` is no name; begin it with a letter and go on with letters, digits or `_`"
            ));
        }
        if takes_rest && !is_last {
            return Err(format!("`{{{name}...}}` takes all the rest, so nothing can follow it; put it at the end"));
        }
        if !names.insert(name) {
            return Err(format!("the name `{name}` is given twice in one template"));
        }
        let name = Arc::from(name);
        segments.push(match typed {
            Some(typed) => Segment::Typed(name, typed),
            None if takes_rest => Segment::Rest(name),
            None => Segment::Capture(name),
        });
    }
    Ok(segments)
}

fn capture_type(part: &str, name: &str) -> Result<CaptureType, String> {
    if let Some(known) = CaptureType::ALL.into_iter().find(|known| known.name() == name) {
        return Ok(known);
    }
    let known = CaptureType::ALL.map(CaptureType::name);
    let meant = nearest(name, known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let (part, name) = (super::shortened(part), super::shortened(name));
    let known = known.map(|name| format!("`{name}`")).join(", ");
    Err(format!("`{part}`: unknown type `{name}`; {meant}the types are {known}; for other forms use `regex`"))
}

pub fn is_capture_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

const EMPTY_SEGMENT: &str =
    "the path holds `//`, and could never match: in requests slashes are merged first; write a single `/`";

/// The normal form of a path that begins with `/` (RFC 3986, 6.2.2).
fn canonical(path: &str) -> Result<String, String> {
    let mut normal = String::with_capacity(path.len());
    let mut parts = path[1..].split('/').peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() && parts.peek().is_some() {
            return Err(EMPTY_SEGMENT.to_owned());
        }
        normal.push('/');
        normal.push_str(&segment(part)?);
    }
    Ok(normal)
}

/// The normal form of one segment: encoded is what must be, in upper case.
fn segment(text: &str) -> Result<String, String> {
    let never = |what: &str| Err(format!("the path holds {what}, and could never match: such requests are refused"));
    if text.contains(['?', '#']) {
        return Err("a path holds neither `?` nor `#`; match the query with `query`".to_owned());
    }
    if text.contains(['{', '}']) {
        return Err("names in `{}` stand in templates only; write the path as `{ template: … }`".to_owned());
    }
    let bytes = decoded(text)?;
    for (byte, is_encoded) in &bytes {
        match byte {
            0..=0x1f | 0x7f => return never("a control character"),
            b'/' => return never("an encoded slash (`%2F`)"),
            b'\\' => return never("a backslash"),
            b';' if *is_encoded => return never("an encoded semicolon (`%3B`)"),
            _ => {}
        }
    }
    let plain: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit();
    if plain.windows(3).any(|run| run[0] == b'%' && run[1..].iter().all(is_hex)) {
        return never("a percent sign that is encoded twice");
    }
    if str::from_utf8(&plain).is_err() {
        return never("bytes that are no UTF-8");
    }
    if matches!(plain.split(|b| *b == b';').next(), Some(b"." | b"..")) {
        return Err("the path holds a dot segment (`.` or `..`), and could never match: \
                    in requests they are resolved first; write the path without it"
            .to_owned());
    }
    let mut normal = String::with_capacity(text.len());
    for (byte, is_encoded) in bytes {
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if unreserved || !is_encoded && b"!$&'()*+,;=:@".contains(&byte) {
            normal.push(char::from(byte));
        } else {
            normal.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(normal)
}

/// The bytes that a text stands for, and whether each was percent-encoded.
fn decoded(text: &str) -> Result<Vec<(u8, bool)>, String> {
    let hex =
        |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'%' {
            decoded.push((byte, false));
            at += 1;
            continue;
        }
        match (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (Some(high), Some(low)) => decoded.push((high << 4 | low, true)),
            _ => {
                return Err("`%` must be followed by two hexadecimal digits; write `%25` for a percent sign".to_owned());
            }
        }
        at += 3;
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_held_in_normal_form() {
        let cases = [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/", "/a/"),
            ("/%7euser/%61", "/~user/a"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a b", "/a%20b"),
            ("/a;v=1", "/a;v=1"),
            ("/%2a", "/%2A"),
            ("/100%25", "/100%25"),
            ("/.well-known/x", "/.well-known/x"),
            ("/...", "/..."),
        ];
        for (text, expected) in cases {
            let path = canonical(text).expect(text);
            assert_eq!(path, expected, "{text}");
            assert_eq!(canonical(&path), Ok(path), "{text} is not stable");
        }
    }

    #[test]
    fn what_no_request_can_hold_is_refused() {
        let paths = [
            "//",
            "/a//b",
            "/a/../b",
            "/.",
            "/%2e%2E/a",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/a%00",
            "/a\tb",
            "/a%3b",
            "/a?b",
            "/a#b",
            "/%",
            "/%zz",
            "/%2561",
            "/%ff",
            "/..;x",
        ];
        for path in paths {
            assert!(canonical(path).is_err(), "{path}");
        }
    }

    #[test]
    fn wildcards_match_within_their_segments() {
        let regex = |text: &str| match WildcardPath::from_text(text) {
            Ok(WildcardPath(PathPattern::Wildcard { regex, .. })) => regex,
            other => panic!("{other:?}"),
        };
        let cases = [
            ("/files/*/raw", "/files/a/raw", true),
            ("/files/*/raw", "/files//raw", true),
            ("/files/*/raw", "/files/a/b/raw", false),
            ("/files/*/raw", "/files/a/rawer", false),
            ("/files/**/raw", "/files/a/b/raw", true),
            ("/*.png", "/a.png", true),
            ("/*.png", "/apng", false),
            ("/**", "/", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(regex(pattern).is_match(path), expected, "{pattern} {path}");
        }
    }
}
