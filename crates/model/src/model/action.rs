//! What a route does with a request.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::{Split, SubsetId, UpstreamId, Versions};

#[derive(Debug, Clone)]
pub enum Action {
    Upstream(Destination),
    /// The upstream whose name the path fills in.
    Named(NamedUpstream),
    Split(Split),
    Versions(Versions),
    Redirect(Redirect),
    Respond(Respond),
}

/// An upstream, or those of its endpoints that are in a subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Destination {
    pub upstream: UpstreamId,
    /// `None`: every endpoint will do.
    pub subset: Option<SubsetId>,
}

#[derive(Debug, Clone)]
pub struct NamedUpstream {
    pub name: Template,
    /// Those whose names fit, at least one. All have the same policies.
    pub known: Vec<Destination>,
}

#[derive(Debug, Clone)]
pub struct Redirect {
    pub to: Location,
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
}

/// Where a client is sent.
#[derive(Debug, Clone)]
pub enum Location {
    /// A path, or an address with its scheme.
    Whole {
        to: Template,
        /// The host in it, if there are holes in that.
        host: Option<Template>,
    },
    /// The address that was asked for, in parts of which some are replaced.
    Parts(LocationParts),
}

/// `None`: as it was asked for.
#[derive(Debug, Clone, Default)]
pub struct LocationParts {
    /// `http` or `https`.
    pub scheme: Option<&'static str>,
    pub host: Option<Arc<str>>,
    pub port: Option<u16>,
    pub path: Option<NewPath>,
    pub drop_query: bool,
}

#[derive(Debug, Clone)]
pub struct Respond {
    pub status: StatusCode,
    /// In the order written; several lines of one name follow each other.
    pub headers: Vec<(HeaderName, Template)>,
    pub body: Template,
}

/// Changes to the request before it is forwarded.
#[derive(Debug, Clone)]
pub struct Rewrite {
    pub path: Option<NewPath>,
    pub query: Option<QueryEdits>,
    pub host: Option<NewHost>,
    pub method: Option<Method>,
}

/// The path of a request, made anew.
#[derive(Debug, Clone)]
pub enum NewPath {
    /// The query stays unless the template holds a `?`.
    Template(Template),
    /// Paths that `regex` does not match stay as they are. `to` has first the named groups of `regex`, then what the route's
    /// path captures.
    Regex { regex: regex::Regex, to: Template },
}

/// Made in this order: remove, set, add. Names and values are decoded.
#[derive(Debug, Clone, Default)]
pub struct QueryEdits {
    pub remove: Vec<Arc<str>>,
    pub set: Vec<(Arc<str>, Template)>,
    pub add: Vec<(Arc<str>, Template)>,
}

#[derive(Debug, Clone)]
pub enum NewHost {
    Fixed(HeaderValue),
    Template(Template),
}

/// Text with holes that the captures of a route's path fill: `/internal/{id}`.
///
/// Every name was checked against what the route's path captures; a prefix captures `{rest}`, a regex its named groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(pub Vec<TemplatePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    Literal(Arc<str>),
    /// Index among the names that the template was checked against: mostly [`PathPattern::captures`](super::PathPattern).
    Capture(usize),
}

// === impl Respond ===

impl Respond {
    /// Whether it is the same for every request.
    pub fn is_fixed(&self) -> bool {
        self.body.fixed().is_some() && self.headers.iter().all(|(_, value)| value.fixed().is_some())
    }
}

// === impl Action ===

impl Action {
    /// Where requests may go: in the order of the sides, if there are several.
    pub fn destinations(&self) -> Vec<Destination> {
        match self {
            Self::Upstream(to) => vec![*to],
            Self::Named(named) => named.known.clone(),
            Self::Split(split) => split.sides.iter().map(|side| side.to).collect(),
            Self::Versions(versions) => versions.known.iter().map(|version| version.to).collect(),
            Self::Redirect(_) | Self::Respond(_) => Vec::new(),
        }
    }
}
