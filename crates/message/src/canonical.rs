//! The one canonical form of a request.
//!
//! Router, policies, cache key, log and upstream all see what this module leaves, so that no two of them can read the
//! same request differently. What has no canonical form is refused: the class of faults behind most authorization
//! bypasses of other gateways is a path that matcher and backend decode differently.
//!
//! After [`request`]: the URI is `path?query` in origin form (or `*`), the path is in normal form (RFC 3986, 6.2.2 and
//! 5.2.4, slashes merged), `Host` stands exactly once and in lower case (not at all if an HTTP/1.0 client sent none),
//! and `Cookie` at most once.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderValue, Method, Uri, Version, header,
    request::Parts,
    uri::{Authority, PathAndQuery},
};

use crate::{Cause, Error, Result};

/// Brings a request head into canonical form and returns its authority (`Host`), empty if there is none.
///
/// # Errors
/// [`Cause::InvalidHost`], [`Cause::InvalidPath`], [`Cause::UnsupportedMethod`].
pub fn request(head: &mut Parts) -> Result<HeaderValue> {
    let authority = authority(head)?;
    if head.uri.authority().is_some() || head.uri.scheme().is_some() {
        reduce_to_origin_form(head)?;
    } else if head.method == Method::CONNECT {
        return Err(Error::new(Cause::UnsupportedMethod, "this gateway is no forward proxy"));
    }
    if let Cow::Owned(path) = path(head.uri.path())? {
        head.uri = uri(&path, head.uri.query())?;
    }
    join_cookies(&mut head.headers);
    Ok(authority)
}

/// The host of an authority: without port, IPv6 addresses in their brackets.
pub fn host(authority: &str) -> &str {
    match authority.rfind(':') {
        // A colon inside of brackets belongs to an IPv6 address.
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    }
}

/// The normal form of a path; borrowed when it is in normal form already, which is found in one pass.
///
/// # Errors
/// [`Cause::InvalidPath`] for whatever two parsers could read differently.
pub fn path(path: &str) -> Result<Cow<'_, str>> {
    if is_normal(path.as_bytes()) { Ok(Cow::Borrowed(path)) } else { normalize(path).map(Cow::Owned) }
}

/// The origin form of a path in normal form and a query.
///
/// # Errors
/// [`Cause::RewriteFailed`] if the result is no URI.
pub fn uri(path: &str, query: Option<&str>) -> Result<Uri> {
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    PathAndQuery::try_from(text)
        .map(Uri::from)
        .map_err(|error| Error::new(Cause::RewriteFailed, "the new target is no request target").with_source(error))
}

// === the authority ===

/// Settles who is asked for: the target's own authority wins (RFC 9112, 3.2.2), and leaves exactly one `Host`.
fn authority(head: &mut Parts) -> Result<HeaderValue> {
    let given = head.headers.get(header::HOST);
    // Only a map that holds anything twice can hold this twice.
    let has_repeated = head.headers.len() != head.headers.keys_len();
    if has_repeated && head.headers.get_all(header::HOST).iter().nth(1).is_some() {
        return Err(Error::new(Cause::InvalidHost, "there are several host fields"));
    }
    let authority = match (head.uri.authority(), given) {
        (Some(target), given) => from_target(target, given, head.version)?,
        (None, Some(given)) if is_canonical(given.as_bytes()) => return Ok(given.clone()),
        (None, Some(given)) => lower_case(given.as_bytes())?,
        (None, None) if head.version < Version::HTTP_11 => return Ok(HeaderValue::from_static("")),
        (None, None) => return Err(Error::new(Cause::InvalidHost, "the host field is missing")),
    };
    head.headers.insert(header::HOST, authority.clone());
    Ok(authority)
}

fn from_target(target: &Authority, given: Option<&HeaderValue>, version: Version) -> Result<HeaderValue> {
    let contradicted = given.is_some_and(|given| !given.as_bytes().eq_ignore_ascii_case(target.as_str().as_bytes()));
    if contradicted && version == Version::HTTP_2 {
        return Err(Error::new(Cause::InvalidHost, "host contradicts :authority"));
    }
    lower_case(target.as_str().as_bytes())
}

/// A name or IPv4 address, lower case, perhaps with a port: as nearly all are.
fn is_canonical(authority: &[u8]) -> bool {
    let is_name = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    match authority.iter().position(|byte| !is_name(byte)) {
        None => is_name_length(authority.len()),
        Some(colon) => {
            let port = &authority[colon + 1..];
            authority[colon] == b':'
                && is_name_length(colon)
                && (1..=5).contains(&port.len())
                && port.iter().fold(0, |port, digit| port * 10 + u32::from(digit.wrapping_sub(b'0'))) <= 65_535
                && port.iter().all(u8::is_ascii_digit)
        }
    }
}

fn is_name_length(length: usize) -> bool {
    (1..=255).contains(&length)
}

fn lower_case(host: &[u8]) -> Result<HeaderValue> {
    let invalid = || Error::new(Cause::InvalidHost, "the host is not a name or an address with an optional port");
    let lower = host.to_ascii_lowercase();
    let text = str::from_utf8(&lower).map_err(|_| invalid())?;
    let (name, port) = match self::host(text) {
        name if name.len() < text.len() => (name, Some(&text[name.len() + 1..])),
        name => (name, None),
    };
    let name_is_valid = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_canonical(name.as_bytes()) && !name.contains(':'),
    };
    let port_is_valid = port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
    if name_is_valid && port_is_valid { HeaderValue::from_bytes(&lower).map_err(|_| invalid()) } else { Err(invalid()) }
}

fn reduce_to_origin_form(head: &mut Parts) -> Result<()> {
    let path_and_query = head.uri.path_and_query().cloned();
    if head.method == Method::CONNECT && path_and_query.is_none() {
        return Err(Error::new(Cause::UnsupportedMethod, "this gateway is no forward proxy"));
    }
    head.uri = Uri::from(path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Ok(())
}

/// Puts together what HTTP/2 clients divide for better compression (RFC 9113, 8.2.3): for everybody else several lines
/// are several answers to one question.
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(header::COOKIE).iter();
    if let (Some(first), Some(_)) = (lines.next(), lines.next()) {
        let mut whole = first.as_bytes().to_vec();
        for line in headers.get_all(header::COOKIE).iter().skip(1) {
            whole.extend_from_slice(b"; ");
            whole.extend_from_slice(line.as_bytes());
        }
        // Valid values joined by valid characters are a valid value.
        if let Ok(whole) = HeaderValue::from_bytes(&whole) {
            headers.insert(header::COOKIE, whole);
        }
    }
}

// === the path ===

/// Whether a path can be taken as it is: only plain characters, no empty and no dot segment.
fn is_normal(path: &[u8]) -> bool {
    if path == b"*" {
        return true;
    }
    if path.first() != Some(&b'/') {
        return false;
    }
    let mut previous = 0;
    for &byte in path {
        if !PLAIN[byte as usize] || (previous == b'/' && (byte == b'/' || byte == b'.')) {
            return false;
        }
        previous = byte;
    }
    true
}

/// Characters of a path that need no second look, by their code.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let allowed = b"/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=:@";
    let mut index = 0;
    while index < allowed.len() {
        plain[allowed[index] as usize] = true;
        index += 1;
    }
    plain
};

#[cold]
fn normalize(path: &str) -> Result<String> {
    let refuse = |why: &'static str| Err(Error::new(Cause::InvalidPath, why));
    if !path.starts_with('/') {
        return refuse("the path does not begin with a slash");
    }
    let mut segments: Vec<String> = Vec::new();
    let mut ends_in_slash = false;
    for segment in path[1..].split('/') {
        // The part before `;` is what a servlet container takes for the segment.
        let name = segment.split(';').next().unwrap_or_default();
        ends_in_slash = true;
        match name {
            "" if segment.is_empty() => {}
            "." | ".." if name.len() < segment.len() => return refuse("a dot segment hides behind a path parameter"),
            "." => {}
            ".." if segments.pop().is_none() => return refuse("the path leads above the root"),
            ".." => {}
            _ => {
                segments.push(normalize_segment(segment)?);
                ends_in_slash = false;
            }
        }
    }
    let mut normal = String::with_capacity(path.len());
    for segment in &segments {
        normal.push('/');
        normal.push_str(segment);
    }
    if ends_in_slash || segments.is_empty() {
        normal.push('/');
    }
    Ok(normal)
}

/// Decodes what needs no encoding, encodes what does, in upper case; refuses what could be decoded once more.
fn normalize_segment(segment: &str) -> Result<String> {
    let refuse = |why: &'static str| Err(Error::new(Cause::InvalidPath, why));
    let bytes = segment.as_bytes();
    let (mut normal, mut decoded) = (String::with_capacity(bytes.len()), Vec::with_capacity(bytes.len()));
    let mut at = 0;
    while at < bytes.len() {
        let encoded = bytes[at] == b'%';
        let byte = if encoded {
            match (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return refuse("a percent sign is not followed by two hexadecimal digits"),
            }
        } else {
            bytes[at]
        };
        at += if encoded { 3 } else { 1 };
        match byte {
            0..=0x1f | 0x7f => return refuse("the path holds a control character"),
            b'\\' => return refuse("the path holds a backslash"),
            b'/' => return refuse("the path holds an encoded slash"),
            b';' if encoded => return refuse("the path holds an encoded semicolon"),
            _ => {}
        }
        decoded.push(byte);
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if unreserved || (!encoded && (PLAIN[byte as usize] || byte == b';')) {
            normal.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            normal.extend(['%', char::from(HEX[usize::from(byte >> 4)]), char::from(HEX[usize::from(byte & 15)])]);
        }
    }
    let is_escape = |run: &[u8]| run[0] == b'%' && hex(run.get(1)).is_some() && hex(run.get(2)).is_some();
    if decoded.windows(3).any(is_escape) {
        return refuse("the path is encoded twice");
    }
    if matches!(&*decoded, b"." | b"..") {
        return refuse("the path holds an encoded dot segment");
    }
    if str::from_utf8(&decoded).is_err() { refuse("the path is not UTF-8") } else { Ok(normal) }
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    // The cast keeps the value: a hexadecimal digit is below 16.
    byte.and_then(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expected: Option<&str>) {
        assert_eq!(path(given).ok().as_deref(), expected, "{given}");
    }

    #[test]
    fn paths_have_one_form() {
        for (given, expected) in [
            ("/", "/"),
            ("*", "*"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("/a//b", "/a/b"),
            ("//a", "/a"),
            ("/a/./b/.", "/a/b/"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/.well-known/x", "/.well-known/x"),
            ("/..a/b", "/..a/b"),
            ("/%7euser/%41", "/~user/A"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/a;v=1/b", "/a;v=1/b"),
            ("/100%25", "/100%25"),
        ] {
            check(given, Some(expected));
        }
    }

    #[test]
    fn what_can_be_read_twice_is_refused() {
        // Each of these was a way around some gateway's access rules.
        for given in [
            "",
            "a",
            "/..",
            "/a/../..",
            "/%2e%2e/a",
            "/a/%2E./b",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0d%0a",
            "/a%3bb",
            "/..;/a",
            "/.;x/a",
            "/%252e",
            "/%25%32%65",
            "/%",
            "/%4",
            "/%zz",
            "/%c0%ae",
            "/%ff",
            "/a%7f",
        ] {
            check(given, None);
        }
    }

    #[test]
    fn the_normal_form_is_a_fixed_point() {
        for given in ["/a//b/%7e/../c%c3%a9;p", "/x/./y/", "/100%25"] {
            let once = path(given).unwrap().into_owned();
            assert_eq!(path(&once).unwrap(), once, "{given}");
        }
    }

    #[track_caller]
    fn check_host(target: &str, hosts: &[&str], version: Version, expected: Option<&str>) {
        let mut builder = http::Request::builder().uri(target).version(version);
        for host in hosts {
            builder = builder.header("host", *host);
        }
        let (mut head, ()) = builder.body(()).unwrap().into_parts();
        let authority = request(&mut head).ok();
        assert_eq!(authority.as_ref().map(|value| value.to_str().unwrap()), expected, "{target} {hosts:?}");
        if let Some(expected) = expected.filter(|expected| !expected.is_empty()) {
            assert_eq!(head.headers.get_all("host").iter().collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn a_divided_cookie_is_one() {
        for (lines, expected) in
            [(&[][..], None), (&["a=1"], Some("a=1")), (&["a=1", "b=2; c=3", "d"], Some("a=1; b=2; c=3; d"))]
        {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| _ = headers.append(header::COOKIE, HeaderValue::from_static(line)));
            join_cookies(&mut headers);
            assert_eq!(headers.get_all(header::COOKIE).iter().collect::<Vec<_>>(), Vec::from_iter(expected));
        }
    }

    #[test]
    fn hosts_have_one_form() {
        let v11 = Version::HTTP_11;
        check_host("/", &["Example.COM:80"], v11, Some("example.com:80"));
        check_host("/", &["[::1]:8080"], v11, Some("[::1]:8080"));
        check_host("http://a.test/x", &["b.test"], v11, Some("a.test"));
        check_host("http://a.test/x", &["b.test"], Version::HTTP_2, None);
        check_host("/", &["a", "a"], v11, None);
        check_host("/", &[], v11, None);
        check_host("/", &[], Version::HTTP_10, Some(""));
        for host in ["", "a b", "a@b", "a/b", "a:x", "a:99999", "a:+1", "[::g]", "[::1]x", "a,b", "ä"] {
            check_host("/", &[host], v11, None);
        }
        assert_eq!(host("a:1"), "a");
        assert_eq!(host("[::1]"), "[::1]");
        assert_eq!(host("[::1]:1"), "[::1]");
    }
}
