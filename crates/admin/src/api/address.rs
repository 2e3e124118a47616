//! Addresses below `/api/v1`: which operation a request names. This is found out once, and whoever needs to know is told: a gate
//! that read an address otherwise than what is behind it would be none.

use std::{collections::BTreeSet, sync::LazyLock};

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};

use super::{BASE, Operation, table::operations};
use listen::Problem;

/// All that may be asked for.
static TABLE: LazyLock<Vec<Operation>> = LazyLock::new(operations);

/// What a request names, among its extensions.
#[derive(Clone)]
pub(crate) struct Sought(pub(crate) Result<Found, Missing>);

/// An operation, and the ids in its address.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) operation: &'static Operation,
    /// In the order of the path, decoded.
    pub(super) ids: Vec<String>,
}

/// Why there is none.
#[derive(Clone)]
pub(crate) enum Missing {
    /// Nothing is there.
    Address(String),
    /// Something is there, which is asked for otherwise: how.
    Method(&'static str, BTreeSet<&'static str>),
}

// === impl Sought ===

impl Sought {
    /// Finds out what a request names, before anybody decides about it.
    pub(crate) async fn note(mut request: Request, next: Next) -> Response {
        let path = request.uri().path();
        let sought = Self(find(request.method(), path.strip_prefix(BASE).unwrap_or(path)));
        request.extensions_mut().insert(sought);
        next.run(request).await
    }
}

/// All that may be asked for, in the order of the documents about it.
pub(super) fn all() -> &'static [Operation] {
    &TABLE
}

/// The operation that a method and a path below `/api/v1` name.
fn find(method: &Method, path: &str) -> Result<Found, Missing> {
    let nothing = || Missing::Address(path.to_owned());
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let mut there = TABLE.iter().filter_map(|operation| Some((operation, ids(operation, &segments)?))).peekable();
    let (first, _) = there.peek().ok_or_else(nothing)?;
    let pattern = &*first.path;
    let asked = if method == Method::HEAD { &Method::GET } else { method };
    let mut methods = BTreeSet::new();
    for (operation, ids) in there {
        if operation.method == *asked {
            // However it is asked for, what no id can be is nowhere.
            return Ok(Found { operation, ids: ids.ok_or_else(nothing)? });
        }
        ids.ok_or_else(nothing)?;
        methods.insert(operation.method.as_str());
        if operation.method == Method::GET {
            methods.insert(Method::HEAD.as_str());
        }
    }
    Err(Missing::Method(pattern, methods))
}

/// The ids in an address of an operation. `None`: it is none of its addresses; `Some(None)`: it is, but for an id that is none.
fn ids(operation: &Operation, segments: &[&str]) -> Option<Option<Vec<String>>> {
    let is_id = |pattern: &str| pattern.starts_with('{');
    let patterns: Vec<_> = operation.segments().collect();
    let fits = patterns.len() == segments.len()
        && patterns.iter().zip(segments).all(|(pattern, segment)| is_id(pattern) || pattern == segment);
    let found = || patterns.iter().zip(segments).filter(|(pattern, _)| is_id(pattern)).map(|(_, segment)| id(segment));
    fits.then(|| found().collect())
}

/// A segment, decoded once (RFC 3986, 2.1). `None`: it is no id, because something before or behind us may read it otherwise.
fn id(segment: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => (hex(rest.next()?)? << 4) | hex(rest.next()?)?,
            byte => byte,
        });
    }
    let id = String::from_utf8(decoded).ok()?;
    let is_odd = |c: char| c.is_control() || matches!(c, '/' | '%' | '\\');
    (!matches!(&*id, "" | "." | "..") && !id.contains(is_odd)).then_some(id)
}

/// A path, decoded once, for people. `None`: something in it is no id.
pub(crate) fn decoded(path: &str) -> Option<String> {
    if path == "/" {
        return Some(path.to_owned());
    }
    let segments: Option<Vec<_>> = path.strip_prefix('/')?.split('/').map(id).collect();
    segments.map(|segments| format!("/{}", segments.join("/")))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// `name` as a segment. `None`: it cannot be one.
pub(super) fn segment(name: &str) -> Option<String> {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
                segment.push(char::from(byte));
            }
            byte => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    (id(&segment).as_deref() == Some(name)).then_some(segment)
}

// === impl Missing ===

impl Missing {
    /// Says what there is instead.
    pub(super) fn answer(self, method: &Method) -> Response {
        match self {
            Self::Address(path) => {
                let known: BTreeSet<&str> = TABLE.iter().filter_map(|operation| operation.segments().next()).collect();
                let asked = path.split('/').nth(1).unwrap_or_default();
                let hint = match model::nearest(asked, known.iter().copied()).filter(|nearest| *nearest != asked) {
                    Some(nearest) => format!("; did you mean `/api/v1/{nearest}`?"),
                    None => String::new(),
                };
                let known: Vec<_> = known.into_iter().map(|first| format!("/api/v1/{first}")).collect();
                let detail = format!("there is nothing at `/api/v1{path}`; there are {}{hint}", known.join(", "));
                Problem::new(StatusCode::NOT_FOUND, detail).into_response()
            }
            Self::Method(pattern, methods) => {
                let methods: Vec<_> = methods.into_iter().collect();
                let detail = format!("`/api/v1{pattern}` is asked with {}, there is no {method}", methods.join(" or "));
                let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response();
                if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
                response
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_decoded_once_and_has_no_tricks() {
        for (segment, expected) in [
            ("orders", Some("orders")),
            ("%6frders", Some("orders")),
            ("Orders", Some("Orders")),
            ("a%20b", Some("a b")),
            ("m%C3%BCll", Some("müll")),
            ("10.0.0.7:80", Some("10.0.0.7:80")),
            // tidy-allow fixed-port: data, never bound
            ("%5B::1%5D:80", Some("[::1]:80")),
            ("...", Some("...")),
            ("", None),
            (".", None),
            ("..", None),
            ("%2e", None),
            ("%2E%2e", None),
            (".%2e", None),
            ("a%2fb", None),
            ("a%2Fb", None),
            ("a%5cb", None),
            ("%252f", None),
            ("a%25", None),
            ("a%00", None),
            ("a%0a", None),
            ("a%7f", None),
            ("a%C2%85", None),
            ("%ff", None),
            ("%c0%af", None),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%+1", None),
        ] {
            assert_eq!(id(segment).as_deref(), expected, "{segment}");
        }
    }

    #[test]
    fn paths_are_decoded_once() {
        for (path, expected) in [
            ("/", Some("/")),
            ("/operators", Some("/operators")),
            ("/%6fperators/%41dmin", Some("/operators/Admin")),
            ("/routes/b%C3%BCcher%20a+b", Some("/routes/bücher a+b")),
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
            assert_eq!(decoded(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn names_become_segments_that_name_them() {
        for (name, expected) in [("a b", Some("a%20b")), ("ü?#", Some("%C3%BC%3F%23")), ("a/b", None), ("..", None)] {
            assert_eq!(segment(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn an_address_names_one_operation() {
        let found = find(&Method::DELETE, "/routes/a%20b").ok().unwrap();
        assert_eq!((&*found.operation.id, &*found.ids), ("delete_route", &["a b".to_owned()][..]));
        assert_eq!(find(&Method::HEAD, "/routes").ok().unwrap().operation.id, "list_routes");
        for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
            for path in
                ["", "/", "/routes/", "/Routes", "/%72outes", "/routes/a/b", "/routes/a%2fb", "/routes/..", "//routes"]
            {
                assert!(matches!(find(&method, path), Err(Missing::Address(_))), "{method} {path}");
            }
        }
        let Err(Missing::Method(pattern, methods)) = find(&Method::TRACE, "/routes/a") else { panic!("found") };
        assert_eq!(pattern, "/routes/{name}");
        assert_eq!(methods.into_iter().collect::<Vec<_>>(), ["DELETE", "GET", "HEAD", "PATCH", "PUT"]);
    }

    #[test]
    fn nothing_is_in_the_table_twice() {
        let mut seen = BTreeSet::new();
        for operation in all() {
            let shape: Vec<_> =
                operation.segments().map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect();
            assert!(seen.insert(format!("{} {}", operation.method, shape.join("/"))), "{}", operation.path);
            assert!(seen.insert(operation.id.clone()), "{}", operation.id);
        }
    }
}
