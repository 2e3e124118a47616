//! One request on its way through the gateway.

use std::{net::IpAddr, rc::Rc, sync::Arc, time::SystemTime};

use http::{HeaderName, HeaderValue, Method, Uri, request};
use smallvec::SmallVec;

use crate::{Body, Consumer, Facts, Peer, Random, Record, Trace, Upload, canonical, field};

pub type Response = http::Response<Body>;

pub type RequestId = HeaderValue;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request in canonical form, who sent it, and what was found out about it so far.
///
/// Lives on one worker from begin to finish and is never shared, so that policies may change it freely.
#[derive(Debug)]
pub struct Exchange {
    pub head: request::Parts,
    pub body: Body,
    /// `None`: the request has no body.
    pub upload: Option<Rc<Upload>>,
    pub peer: Rc<Peer>,
    /// The client's address, through trusted proxies.
    pub client_ip: IpAddr,
    /// Who calls; set by policies that identify callers, and by nobody else.
    pub consumer: Option<Arc<Consumer>>,
    /// An HTTP/1.1 client waits for leave to send the body (RFC 9110, 10.1.1).
    pub expects_continue: bool,
    /// What the path of the route captured; [`Exchange::capture`] reads it.
    pub captures: Captures,
    pub record: Record,
    /// `None`: the document asks for no traces.
    pub trace: Option<Trace>,
    /// For what is left to chance.
    pub random: Random,
    authority: HeaderValue,
    /// What the client asked for; `None`: the endpoint is asked for the same.
    asked: Option<Box<Asked>>,
    request_id: Option<RequestId>,
}

/// What a client asked for, before a rewrite.
#[derive(Debug)]
struct Asked {
    method: Method,
    uri: Uri,
    authority: HeaderValue,
}

/// Parts of a path, as byte ranges, by the index of the capture in its pattern.
///
/// Ranges instead of text: they outlive the request that they were taken from without borrowing it, and up to four of
/// them need no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures(SmallVec<[(u32, u32); 4]>);

// === impl Exchange ===

impl Exchange {
    /// `head` is in canonical form and `authority` is what [`canonical::request`] said of it.
    pub fn new(
        head: request::Parts,
        body: Body,
        peer: Rc<Peer>,
        client_ip: IpAddr,
        authority: HeaderValue,
        record: Record,
        random: Random,
    ) -> Self {
        Self {
            head,
            body,
            upload: None,
            expects_continue: false,
            peer,
            client_ip,
            consumer: None,
            captures: Captures::default(),
            record,
            trace: None,
            random,
            authority,
            asked: None,
            request_id: None,
        }
    }

    /// Who is asked for, with port, in lower case; empty if an HTTP/1.0 client did not say.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Has the endpoint asked for somebody else.
    pub fn set_authority(&mut self, authority: HeaderValue) {
        self.remember();
        self.authority = authority;
    }

    /// Whom the client asked for, whatever became of it.
    pub fn asked_authority(&self) -> &HeaderValue {
        self.asked.as_ref().map_or(&self.authority, |asked| &asked.authority)
    }

    /// The method that the client used, whatever became of it.
    pub fn asked_method(&self) -> &Method {
        self.asked.as_ref().map_or(&self.head.method, |asked| &asked.method)
    }

    /// The target that the client asked for, whatever became of it.
    pub fn asked_uri(&self) -> &Uri {
        self.asked.as_ref().map_or(&self.head.uri, |asked| &asked.uri)
    }

    fn remember(&mut self) {
        if self.asked.is_none() {
            let (method, uri) = (self.head.method.clone(), self.head.uri.clone());
            self.asked = Some(Box::new(Asked { method, uri, authority: self.authority.clone() }));
        }
    }

    /// Who is asked for, without port.
    pub fn host(&self) -> &str {
        canonical::host(self.authority.to_str().unwrap_or_default())
    }

    /// What is known of the request, for expressions; `now` gives the same moment however often it is asked.
    pub fn facts<'a>(&'a self, now: &'a dyn Fn() -> SystemTime) -> Facts<'a> {
        Facts {
            method: &self.head.method,
            scheme: self.peer.scheme(),
            host: self.host(),
            path: self.head.uri.path(),
            query: self.head.uri.query(),
            headers: &self.head.headers,
            client_ip: self.client_ip,
            sni: self.peer.sni(),
            now,
        }
    }

    /// Whether the client wants the head of the response alone.
    pub fn is_head_only(&self) -> bool {
        *self.asked_method() == Method::HEAD
    }

    /// What the path of the route captured under this index; empty for one that there is not.
    pub fn capture(&self, index: usize) -> &str {
        self.captures.get(index, self.asked_uri().path())
    }

    /// Has the endpoint asked for something else. What was captured stays.
    pub fn set_target(&mut self, target: Uri) {
        self.remember();
        self.head.uri = target;
    }

    /// Takes a parameter out of the query: of what is told of the request afterwards, and of what the endpoint is asked for,
    /// unless that `keeps` it.
    pub fn hide_parameter(&mut self, name: &str, keeps: bool) {
        if keeps {
            self.remember();
        }
        let asked = self.asked.as_mut().map(|asked| &mut asked.uri);
        let sent = (!keeps).then_some(&mut self.head.uri);
        for uri in asked.into_iter().chain(sent) {
            let Some(query) = uri.query() else { continue };
            let left = field::without_parameter(query, name);
            let left = Some(&*left).filter(|left| !left.is_empty());
            if let Ok(without) = canonical::uri(uri.path(), left) {
                *uri = without;
            }
        }
    }

    /// Has the endpoint asked by another method.
    pub fn set_method(&mut self, method: Method) {
        self.remember();
        self.head.method = method;
    }

    /// The id of this exchange: a trusted proxy's, or one made (UUIDv7) when it is first asked for.
    pub fn request_id(&mut self) -> RequestId {
        if self.request_id.is_none() {
            self.request_id = Some(self.given_request_id().unwrap_or_else(new_request_id));
        }
        // Set just above.
        self.request_id.clone().unwrap_or_else(new_request_id)
    }

    /// The id, if anybody asked for it.
    pub fn known_request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    fn given_request_id(&self) -> Option<RequestId> {
        let given = self.head.headers.get(X_REQUEST_ID)?;
        let fits = given.len() <= 128 && given.as_bytes().iter().all(u8::is_ascii_graphic);
        (self.peer.trusted && fits && !given.is_empty()).then(|| given.clone())
    }
}

/// A fresh UUIDv7 (RFC 9562) as a header value.
pub fn new_request_id() -> RequestId {
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = uuid::Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown"))
}

// === impl Captures ===

impl Captures {
    /// A single one, from byte `start` to byte `end`.
    pub fn one(start: usize, end: usize) -> Self {
        let mut captures = Self::default();
        captures.push(start, end);
        captures
    }

    /// A path of 4 GiB does not get here; if one did, its captures would be empty.
    pub fn push(&mut self, start: usize, end: usize) {
        self.0.push(u32::try_from(start).and_then(|start| Ok((start, u32::try_from(end)?))).unwrap_or_default());
    }

    /// What was taken of `path`, which must be the path that was asked for; empty for an index that there is not.
    pub fn get<'p>(&self, index: usize, path: &'p str) -> &'p str {
        let (start, end) = self.0.get(index).copied().unwrap_or_default();
        path.get(start as usize..end as usize).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use http::Request;

    use super::*;

    fn exchange(target: &str) -> Exchange {
        let (head, ()) = Request::head(target).body(()).unwrap().into_parts();
        let peer = Peer::new("192.0.2.1:1000".parse().unwrap(), "192.0.2.2:80".parse().unwrap(), false, None);
        let client_ip = peer.address.ip();
        let authority = HeaderValue::from_static("api.example");
        let (record, random) = (Record::new(Instant::now()), Random::seeded(0));
        Exchange::new(head, Body::empty(), Rc::new(peer), client_ip, authority, record, random)
    }

    #[test]
    fn a_parameter_is_hidden() {
        for (target, hidden) in [
            ("/a?key=1", "/a"),
            ("/a?key=1&b=2&key=3", "/a?b=2"),
            ("/a?b=%20&k%65y=1&c", "/a?b=%20&c"),
            ("/a?keys=1&&monkey", "/a?keys=1&&monkey"),
            ("/a", "/a"),
        ] {
            for keeps in [false, true] {
                let mut exchange = exchange(target);
                exchange.hide_parameter("key", keeps);
                let (asked, sent) = (exchange.asked_uri().to_string(), exchange.head.uri.to_string());
                assert_eq!((&*asked, &*sent), (hidden, if keeps { target } else { hidden }), "{target}");
            }
        }
        let mut exchange = exchange("/a?key=1&b=2");
        exchange.set_target(Uri::from_static("/new?key=1"));
        exchange.hide_parameter("key", false);
        assert_eq!(
            (exchange.asked_uri(), &exchange.head.uri),
            (&Uri::from_static("/a?b=2"), &Uri::from_static("/new"))
        );
    }

    #[test]
    fn a_rewrite_leaves_captures_and_what_was_asked_for() {
        let mut exchange = exchange("/users/7?a=b");
        exchange.captures = Captures::one(7, 8);
        let seen = |exchange: &Exchange| {
            let authority = exchange.asked_authority().to_str().unwrap().to_owned();
            let asked = format!("{} {authority}{}", exchange.asked_method(), exchange.asked_uri());
            (exchange.capture(0).to_owned(), exchange.capture(1).to_owned(), exchange.is_head_only(), asked)
        };
        let before = seen(&exchange);
        assert_eq!(before, ("7".to_owned(), String::new(), true, "HEAD api.example/users/7?a=b".to_owned()));
        exchange.set_target(Uri::from_static("/x"));
        assert_eq!(seen(&exchange), before);
        exchange.set_method(Method::POST);
        exchange.set_authority(HeaderValue::from_static("other.example"));
        exchange.set_target(Uri::from_static("/y"));
        assert_eq!(seen(&exchange), before);
        let found = (&exchange.head.method, exchange.head.uri.path(), exchange.host());
        assert_eq!(found, (&Method::POST, "/y", "other.example"));
    }
}
