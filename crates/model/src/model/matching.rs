//! What must hold of a request for a route to take it.

use std::sync::Arc;

use expression::Condition;
use http::{HeaderName, Method};
use ipnet::IpNet;

use super::{CaptureType, TimeMatch};

/// What must hold. Everything given must hold at once; within a list of hosts, methods, networks or server names one is
/// enough.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Match {
    /// Empty: any.
    pub hosts: Vec<HostPattern>,
    pub path: Option<PathPattern>,
    /// Empty: any.
    pub methods: Vec<Method>,
    pub headers: Vec<HeaderMatch>,
    pub query: Vec<FieldMatch>,
    pub cookies: Vec<FieldMatch>,
    /// Empty: any.
    pub client_ip: Vec<IpNet>,
    /// The name of the TLS handshake. Empty: any, or none, or no TLS.
    pub sni: Vec<HostPattern>,
    pub time: Option<TimeMatch>,
    pub when: Option<Condition>,
}

/// Lower case, without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    Exact(Arc<str>),
    /// `*.example.org` is held as `example.org`; stands for one or more labels in front (Gateway API).
    Suffix(Arc<str>),
}

/// How a path is matched. All patterns are in normal form: begin with `/`, percent-encoding only where it must be.
#[derive(Debug, Clone)]
pub enum PathPattern {
    Exact(Arc<str>),
    /// Ends on a segment border: `/a` stands for `/a` and `/a/b`, not for `/ab`. Without trailing slash, but for `/` itself.
    Prefix(Arc<str>),
    /// `/users/{id}`: a name takes one whole segment, with a type only one that looks like it; `{name...}` at the end
    /// takes all the rest, and may be empty.
    Template(Vec<Segment>),
    /// `*` stands for any run of characters but `/`, `**` for any run at all. Held as a regex that is anchored on both sides.
    Wildcard {
        pattern: Arc<str>,
        regex: regex::Regex,
    },
    /// Anchored only where the writer did so.
    Regex(regex::Regex),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    Literal(Arc<str>),
    Capture(Arc<str>),
    /// As `Capture`, of a segment that looks like its type.
    Typed(Arc<str>, CaptureType),
    Rest(Arc<str>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct HeaderMatch {
    pub name: HeaderName,
    pub value: ValueMatch,
}

/// A query parameter or a cookie.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldMatch {
    pub name: Arc<str>,
    pub value: ValueMatch,
}

#[derive(Debug, Clone)]
pub enum ValueMatch {
    Exact(Arc<str>),
    Prefix(Arc<str>),
    Regex(regex::Regex),
    AnyOf(Vec<Arc<str>>),
    Present,
    Absent,
}

// === impl PathPattern ===

impl PartialEq for PathPattern {
    /// Regexes are the same if they are written the same.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(own), Self::Exact(other)) | (Self::Prefix(own), Self::Prefix(other)) => own == other,
            (Self::Template(own), Self::Template(other)) => own == other,
            (Self::Wildcard { pattern: own, .. }, Self::Wildcard { pattern: other, .. }) => own == other,
            (Self::Regex(own), Self::Regex(other)) => own.as_str() == other.as_str(),
            _ => false,
        }
    }
}

impl PathPattern {
    /// The names that a match of this pattern captures, in the order of their index.
    ///
    /// A prefix has one, `rest`: what follows the prefix, empty or with its leading slash.
    pub fn captures(&self) -> Vec<&str> {
        match self {
            Self::Exact(_) | Self::Wildcard { .. } => Vec::new(),
            Self::Prefix(_) => vec!["rest"],
            Self::Template(segments) => segments
                .iter()
                .filter_map(|segment| match segment {
                    Segment::Literal(_) => None,
                    Segment::Capture(name) | Segment::Typed(name, _) | Segment::Rest(name) => Some(&**name),
                })
                .collect(),
            Self::Regex(regex) => regex.capture_names().flatten().collect(),
        }
    }
}

// === impl ValueMatch ===

impl PartialEq for ValueMatch {
    /// Regexes are the same if they are written the same.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(own), Self::Exact(other)) | (Self::Prefix(own), Self::Prefix(other)) => own == other,
            (Self::Regex(own), Self::Regex(other)) => own.as_str() == other.as_str(),
            (Self::AnyOf(own), Self::AnyOf(other)) => own == other,
            (Self::Present, Self::Present) | (Self::Absent, Self::Absent) => true,
            _ => false,
        }
    }
}

// === impl HostPattern ===

impl HostPattern {
    /// Whether `host` (lower case, without port) is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *host,
            Self::Suffix(suffix) => {
                host.strip_suffix(&**suffix).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
            }
        }
    }
}
