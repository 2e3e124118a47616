//! What is asked: a request that nobody has sent.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, request, uri::PathAndQuery};
use message::{Cause, Error, Peer, Tls, canonical, forwarded};
use model::{FromText, ListenerId, values::Moment};
use route::Example;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Snapshot;

/// A request to be explained, as a client would send it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    #[serde(default, serialize_with = "as_text", deserialize_with = "method")]
    #[schemars(with = "String")]
    pub method: Method,
    /// `http://HOST/PATH?QUERY`, with `https` for a listener with TLS; or a path alone, which asks for the host of the
    /// field `host`, or else for `localhost`.
    pub url: String,
    #[serde(default, serialize_with = "fields_as_map", deserialize_with = "fields")]
    #[schemars(with = "BTreeMap<String, Values>")]
    pub headers: HeaderMap,
    /// Where the connection comes from. `X-Forwarded-For` counts if that is a trusted proxy. Default: nobody known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<IpAddr>,
    /// By name. Default: whichever listener speaks what the URL says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Arc<str>>,
    /// The name that the client asks for in the TLS handshake. Default: the host of the URL, if the listener has TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// When it arrives. Default: now.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_moment",
        deserialize_with = "moment"
    )]
    #[schemars(with = "Option<String>")]
    pub at: Option<SystemTime>,
    /// Every candidate is to be told, not only the nearest.
    #[serde(default)]
    pub all: bool,
}

/// A question that has no answer, because it makes no sense for this gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionError {
    Url {
        url: String,
        why: &'static str,
    },
    UnknownListener {
        name: Arc<str>,
        nearest: Option<String>,
    },
    /// The document has none.
    NoListener,
}

/// Of whom nothing is known (RFC 5737).
const ANYBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A URL, taken apart where a client takes it apart.
struct Parsed<'q> {
    is_secure: Option<bool>,
    authority: Option<&'q str>,
    target: String,
}

// === impl Question ===

impl From<&Example> for Question {
    /// On whichever listener; the example knows a number only.
    fn from(example: &Example) -> Self {
        let Example { listener: _, host, path, query, method, headers, client_ip, sni, at } = example;
        let scheme = if sni.is_some() { "https" } else { "http" };
        let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        Self {
            headers: headers.clone(),
            client_ip: *client_ip,
            sni: sni.clone(),
            at: *at,
            ..Self::new(method.clone(), format!("{scheme}://{host}{path}{query}"))
        }
    }
}

impl Question {
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            client_ip: None,
            listener: None,
            sni: None,
            at: None,
            all: false,
        }
    }

    /// The request as a client writes it, whose target may be one that no parser takes.
    pub(super) fn head(&self) -> Result<Result<request::Parts, Error>, QuestionError> {
        let Parsed { authority, target, .. } = self.parse()?;
        let malformed = |_| Error::new(Cause::MalformedRequest, "the request target holds a character that it cannot");
        let uri = match PathAndQuery::try_from(target) {
            Ok(target) => Uri::from(target),
            Err(error) => return Ok(Err(malformed(error))),
        };
        let (mut head, ()) = Request::new(()).into_parts();
        (head.method, head.uri, head.headers) = (self.method.clone(), uri, self.headers.clone());
        if !head.headers.contains_key(header::HOST) {
            // As curl has it: a field that is given goes before the URL.
            let host = HeaderValue::from_str(authority.unwrap_or("localhost"));
            let host = host.map_err(|_| self.bad_url("its host holds a character that none can"))?;
            head.headers.insert(header::HOST, host);
        }
        Ok(Ok(head))
    }

    /// The listeners that may be meant: the one that is named, or all that speak what the URL says; if none does, all,
    /// because something in front may end TLS.
    pub(super) fn listeners(&self, snapshot: &Snapshot) -> Result<Vec<ListenerId>, QuestionError> {
        let all = || (0..).map(ListenerId).zip(&snapshot.listeners);
        if let Some(name) = &self.listener {
            let found = all().find(|(_, listener)| listener.name == *name);
            return found.map(|(id, _)| vec![id]).ok_or_else(|| {
                let names = snapshot.listeners.iter().map(|listener| &*listener.name);
                QuestionError::UnknownListener {
                    name: name.clone(),
                    nearest: model::nearest(name, names).map(Into::into),
                }
            });
        }
        let is_secure = self.parse()?.is_secure;
        let fits = |listener: &crate::Listener| is_secure.is_none_or(|is_secure| is_secure == listener.tls.is_some());
        let fitting: Vec<_> = all().filter(|(_, listener)| fits(listener)).map(|(id, _)| id).collect();
        let listeners = if fitting.is_empty() { all().map(|(id, _)| id).collect() } else { fitting };
        if listeners.is_empty() { Err(QuestionError::NoListener) } else { Ok(listeners) }
    }

    /// The other end of the connection.
    pub(super) fn peer(&self, snapshot: &Snapshot, has_tls: bool) -> Peer {
        let asked = self.parse().ok().and_then(|parsed| parsed.authority).map(canonical::host);
        let name = self.sni.as_deref().or(asked).filter(|name| name.parse::<IpAddr>().is_err() && !name.contains(':'));
        let server_name = name.map(|name| name.to_ascii_lowercase().into());
        let tls = has_tls.then_some(Tls { server_name, client_subject: None });
        let address = self.client_ip.unwrap_or(ANYBODY);
        let trusted = forwarded::is_trusted(address, &snapshot.settings.trusted_proxies);
        Peer::new(SocketAddr::new(address, 0), SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0), trusted, tls)
    }

    fn parse(&self) -> Result<Parsed<'_>, QuestionError> {
        // A client keeps the fragment to itself.
        let url = self.url.split('#').next().unwrap_or_default();
        if url.starts_with('/') || url == "*" {
            return Ok(Parsed { is_secure: None, authority: None, target: url.to_owned() });
        }
        let without = |schemes: [&str; 2]| schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
        let (is_secure, rest) = match (without(["http://", "ws://"]), without(["https://", "wss://"])) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(self.bad_url("it must begin with `http://`, `https://` or `/`")),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(self.bad_url("it has no host"));
        }
        if authority.contains('@') {
            return Err(self.bad_url("it holds a user, which clients send in the field `authorization`"));
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Parsed { is_secure: Some(is_secure), authority: Some(authority), target: format!("{slash}{target}") })
    }

    fn bad_url(&self, why: &'static str) -> QuestionError {
        QuestionError::Url { url: self.url.clone(), why }
    }
}

fn as_text<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    let text = String::deserialize(deserializer)?;
    Method::from_str(&text).map_err(|_| de::Error::custom(format!("`{text}` is no method")))
}

#[expect(clippy::ref_option, reason = "what serde hands over")]
fn as_moment<S: Serializer>(moment: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => serializer.collect_str(&Moment(*moment)),
        None => serializer.serialize_none(),
    }
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Moment::from_text(&text).map(|Moment(moment)| Some(moment)).map_err(de::Error::custom)
}

/// A field has one value, or a list of them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

fn fields_as_map<S: Serializer>(headers: &HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        (name.as_str(), values.collect::<Vec<_>>())
    }))
}

fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    let fields = BTreeMap::<String, Values>::deserialize(deserializer)?;
    let mut headers = HeaderMap::new();
    for (name, values) in fields {
        let bad = |what: &str| de::Error::custom(format!("{what} of the field `{name}` is none"));
        let parsed = HeaderName::from_str(&name).map_err(|_| bad("the name"))?;
        let values = match values {
            Values::One(value) => vec![value],
            Values::Several(values) => values,
        };
        for value in values {
            let value = HeaderValue::from_str(&value).map_err(|_| bad("a value"))?;
            headers.try_append(&parsed, value).map_err(|_| de::Error::custom("there are too many fields"))?;
        }
    }
    Ok(headers)
}

// === impl QuestionError ===

impl fmt::Display for QuestionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, why } => write!(f, "the URL `{url}` cannot be asked for: {why}"),
            Self::UnknownListener { name, nearest: None } => write!(f, "unknown listener `{name}`"),
            Self::UnknownListener { name, nearest: Some(nearest) } => {
                write!(f, "unknown listener `{name}`; did you mean `{nearest}`?")
            }
            Self::NoListener => f.write_str("the document has no listener that could take the request"),
        }
    }
}

impl std::error::Error for QuestionError {}
