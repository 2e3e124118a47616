//! A target made anew: for the endpoint, or for the client that is sent elsewhere.

use std::fmt::Write;

use http::{HeaderValue, Method, Uri, uri::Authority};
use message::{Body, Cause, Error, Exchange, Result, canonical, forwarded};
use policy::Template;

use crate::{Location, LocationParts, NewHost, NewPath, QueryEdits, Redirect, Rewrite};

// === impl Rewrite ===

impl Rewrite {
    /// Changes the request as the route says. What comes out is brought into canonical form like any request. A handshake for
    /// a WebSocket stays a `GET` (RFC 6455, 4.1).
    ///
    /// # Errors
    /// [`Cause::RewriteFailed`] if captures lead to a path or a host that is none.
    pub fn apply(&self, exchange: &mut Exchange, is_handshake: bool) -> Result<()> {
        // All of it is made of the request as it came.
        let target = target(exchange, self.path.as_ref(), self.query.as_ref())?;
        let host = match &self.host {
            None => None,
            Some(NewHost::Fixed(host)) => Some(host.clone()),
            Some(NewHost::Template(template)) => Some(host(template, exchange)?),
        };
        if let Some(target) = target {
            exchange.set_target(target);
        }
        if let Some(host) = host {
            exchange.set_authority(host);
        }
        if let Some(method) = self.method.as_ref().filter(|_| !is_handshake) {
            set_method(exchange, method);
        }
        Ok(())
    }
}

// === impl Redirect ===

impl Redirect {
    /// Where the client is sent that asked for `exchange`.
    ///
    /// # Errors
    /// [`Cause::RewriteFailed`], as above, or if captures make a target that no header can hold.
    pub fn location(&self, exchange: &Exchange) -> Result<HeaderValue> {
        let target = match &self.to {
            Location::Whole { to, host } => {
                if let Some(host) = host {
                    // What fills its holes must not end it.
                    self::host(host, exchange)?;
                }
                let (target, own_query) = to.render(exchange);
                whole(target, own_query.as_deref().or(exchange.head.uri.query()))
            }
            Location::Parts(parts) => parts.location(exchange)?,
        };
        HeaderValue::try_from(target).map_err(|error| {
            Error::new(Cause::RewriteFailed, "the target of the redirect is no header value").with_source(error)
        })
    }
}

fn whole(mut target: String, query: Option<&str>) -> String {
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    // `//host` would lead to another site; captures cannot hold it, but a target may join to it.
    while target.starts_with("//") {
        target.remove(0);
    }
    target
}

impl LocationParts {
    fn location(&self, exchange: &Exchange) -> Result<String> {
        let asked = Asked::of(exchange);
        let scheme = self.scheme.unwrap_or(asked.scheme);
        let host = self.host.as_deref().unwrap_or(asked.host);
        if host.is_empty() {
            return Err(Error::new(Cause::InvalidHost, "the request names no host, and the redirect leads to it"));
        }
        let same_place = self.scheme.is_none() && self.host.is_none();
        let port = self.port.or(asked.port.filter(|_| same_place));
        let uri = target(exchange, self.path.as_ref(), None)?;
        let uri = uri.as_ref().unwrap_or(&exchange.head.uri);
        let mut location = format!("{scheme}://{host}");
        let default = if scheme == "https" { 443 } else { 80 };
        if let Some(port) = port.filter(|port| *port != default) {
            // Writing to a string cannot fail.
            _ = write!(location, ":{port}");
        }
        location.push_str(uri.path());
        if let Some(query) = uri.query().filter(|_| !self.drop_query) {
            location.push('?');
            location.push_str(query);
        }
        Ok(location)
    }
}

/// What the client asked for, as it knows it: a trusted proxy may have taken TLS away.
struct Asked<'e> {
    scheme: &'static str,
    host: &'e str,
    port: Option<u16>,
}

// === impl Asked ===

impl<'e> Asked<'e> {
    fn of(exchange: &'e Exchange) -> Self {
        let told = |name| exchange.head.headers.get(name).filter(|_| exchange.peer.trusted)?.to_str().ok();
        let scheme = match told(forwarded::X_FORWARDED_PROTO) {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
            Some(_) => "http",
            None => exchange.peer.scheme(),
        };
        let authority = exchange.authority().to_str().unwrap_or_default();
        let host = canonical::host(authority);
        let port = authority[host.len()..].strip_prefix(':').and_then(|port| port.parse().ok());
        Self { scheme, host, port }
    }
}

/// The new target; `None`: it stays as it is.
fn target(exchange: &Exchange, path: Option<&NewPath>, query: Option<&QueryEdits>) -> Result<Option<Uri>> {
    let rendered = path.and_then(|path| path.render(exchange));
    let uri = &exchange.head.uri;
    if rendered.is_none() && (query.is_none() || uri.path() == "*") {
        return Ok(None);
    }
    let (path, own_query) = match &rendered {
        Some((path, own_query)) => (&**path, own_query.as_deref()),
        None => (uri.path(), None),
    };
    let old_query = own_query.or(uri.query());
    let edited = query.map(|edits| edit(old_query, edits, exchange));
    let query = edited.as_deref().or(old_query).filter(|query| edited.is_none() || !query.is_empty());
    let invalid = |error: Error| Error::new(Cause::RewriteFailed, error.detail().to_owned());
    let path = canonical::path(path).map_err(invalid)?;
    canonical::uri(&path, query).map_err(invalid).map(Some)
}

/// The query after the edits. Parameters that are not named keep their place and spelling.
fn edit(query: Option<&str>, edits: &QueryEdits, exchange: &Exchange) -> String {
    let goes =
        |name: &str| edits.remove.iter().chain(edits.set.iter().map(|(name, _)| name)).any(|gone| **gone == *name);
    let stays = |pair: &&str| !pair.is_empty() && !goes(&decode(pair.split('=').next().unwrap_or_default()));
    let kept = query.unwrap_or_default().split('&').filter(stays).map(str::to_owned);
    let made = edits.set.iter().chain(&edits.add).map(|(name, value)| {
        // What a capture holds is spelt as in a path.
        let value = value.render_with(|index| exchange.capture(index));
        format!("{}={}", encode(name), encode(&percent_decode(&value)))
    });
    kept.chain(made).collect::<Vec<_>>().join("&")
}

/// What a name in a query stands for (WHATWG URL, 5.1).
fn decode(text: &str) -> String {
    percent_decode(&text.replace('+', " "))
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        match escaped {
            // Two digits make one byte.
            Some((high, low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = &rest[3..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

/// The host that `template` makes, with an optional port.
///
/// # Errors
/// [`Cause::RewriteFailed`] if it makes none.
fn host(template: &Template, exchange: &Exchange) -> Result<HeaderValue> {
    let host = template.render(exchange).to_ascii_lowercase();
    let port = &host[canonical::host(&host).len()..];
    let is_port = port.is_empty() || port[1..].parse::<u16>().is_ok();
    let is_host = is_port
        && host.parse::<Authority>().is_ok_and(|authority| {
            !host.contains(['@', '%', '/']) && !authority.host().is_empty() && authority.as_str() == host
        });
    match HeaderValue::try_from(&host) {
        Ok(value) if is_host => Ok(value),
        _ => Err(Error::new(Cause::RewriteFailed, format!("the rewrite makes `{host}`, which is no host"))),
    }
}

/// A request that becomes one without content has none to send; where content is expected, a request says that it has none
/// (RFC 9110, 8.6).
fn set_method(exchange: &mut Exchange, method: &Method) {
    if exchange.head.method == *method {
        return;
    }
    exchange.set_method(method.clone());
    if exchange.body.is_empty() && matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        exchange.head.headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    if matches!(*method, Method::GET | Method::HEAD) && !exchange.body.is_empty() {
        exchange.body = Body::empty();
        exchange.head.headers.remove(http::header::CONTENT_LENGTH);
        exchange.head.headers.remove(http::header::CONTENT_TYPE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for text in ["", "a b+c", "100 %", "a=b&c", "\u{e4}/\u{20ac}"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }
}
