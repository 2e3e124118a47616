//! What somebody has seen of a thing (RFC 9110, 13.1).

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    operation::{Answer, JSON, Shape},
    query::bad,
};
use listen::Problem;

/// What must be so for something to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) seen: Option<Seen>,
    /// There is nothing yet.
    pub(super) is_new: bool,
}

/// What is named in `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// Whatever it is.
    Any,
    /// One with one of these tags.
    Tags(Vec<String>),
}

/// A thing with its tag; without the thing for those who have seen it already.
pub(super) struct Tagged<T> {
    tag: String,
    body: Option<Vec<u8>>,
    told: PhantomData<fn() -> T>,
}

// === impl Conditions ===

impl Conditions {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let seen = tags(headers, &header::IF_MATCH)?;
        let is_new = match tags(headers, &header::IF_NONE_MATCH)? {
            None => false,
            Some(Seen::Any) => true,
            Some(Seen::Tags(_)) => {
                return Err(bad("`If-None-Match` of a change is `*`: that there is nothing yet".to_owned()));
            }
        };
        Ok(Self { seen, is_new })
    }
}

/// The tags of a field. Weak ones are none: what is to be changed must be the very same (RFC 9110, 13.1.1).
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Seen>, Problem> {
    let mut found = None;
    for value in headers.get_all(name) {
        let mut rest = value.as_bytes().trim_ascii();
        if rest == b"*" {
            found = Some(Seen::Any);
            continue;
        }
        let Seen::Tags(tags) = found.get_or_insert(Seen::Tags(Vec::new())) else { continue };
        while !rest.is_empty() {
            let (tag, behind) = next(rest).ok_or_else(|| {
                let value = String::from_utf8_lossy(value.as_bytes());
                bad(format!("`{name}` is `*`, or what `ETag` said, in quotes; not `{value}`"))
            })?;
            tags.extend(tag);
            rest = behind;
        }
    }
    Ok(found)
}

/// The first tag of a list, if it is not weak, and what is behind it.
fn next(list: &[u8]) -> Option<(Option<String>, &[u8])> {
    let (is_weak, quoted) = match list.strip_prefix(b"W/") {
        Some(quoted) => (true, quoted),
        None => (false, list),
    };
    let inner = quoted.strip_prefix(b"\"")?;
    let end = inner.iter().position(|byte| *byte == b'"')?;
    let tag = (!is_weak).then(|| String::from_utf8_lossy(&inner[..end]).into_owned());
    let behind = inner[end + 1..].trim_ascii_start();
    match behind.strip_prefix(b",") {
        Some(behind) => Some((tag, behind.trim_ascii_start())),
        None if behind.is_empty() => Some((tag, behind)),
        None => None,
    }
}

/// `tag` as a field.
pub(super) fn field(tag: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{tag}\"")).ok()
}

// === impl Tagged ===

impl<T: Serialize> Tagged<T> {
    /// `headers` are those of the request. Takes a moment for a document of some megabytes.
    pub(super) fn new(tag: String, told: &T, headers: &HeaderMap) -> Result<Self, Problem> {
        let is_known = match tags(headers, &header::IF_NONE_MATCH) {
            Ok(Some(Seen::Tags(known))) => known.contains(&tag),
            // Nonsense in a question about a thing that is there anyhow does no harm.
            _ => false,
        };
        let body = (!is_known).then(|| serde_json::to_vec(told)).transpose();
        let body = body.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        Ok(Self { tag, body, told: PhantomData })
    }
}

impl<T> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => ([(header::CONTENT_TYPE, JSON)], body).into_response(),
            None => StatusCode::NOT_MODIFIED.into_response(),
        };
        if let Some(field) = field(&self.tag) {
            response.headers_mut().insert(header::ETAG, field);
        }
        response
    }
}

impl<T: JsonSchema> Answer for Tagged<T> {
    fn shape() -> Shape {
        Shape::told::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read() {
        let check = |values: &[&'static str], expected: Option<Option<Seen>>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(tags(&headers, &header::IF_MATCH).ok(), expected, "{values:?}");
        };
        let some = |tags: &[&str]| Some(Some(Seen::Tags(tags.iter().map(|tag| (*tag).to_owned()).collect())));
        check(&[], Some(None));
        check(&["*"], Some(Some(Seen::Any)));
        check(&[r#""a""#], some(&["a"]));
        check(&[r#""a", "b,c" ,"d""#, r#""e""#], some(&["a", "b,c", "d", "e"]));
        check(&[r#"W/"a", "b""#], some(&["b"]));
        check(&[r#"W/"a""#], some(&[]));
        check(&[r#""""#], some(&[""]));
        for bad in ["a", "7", r#""a"#, r#""a" "b""#, r#"w/"a""#, r#""a";"#] {
            check(&[bad], None);
        }
    }
}
