//! What a route does with a request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Split, SubsetId, UpstreamId, Versions};

#[derive(Debug, Clone)]
pub enum Action {
    Upstream(Destination),
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
pub struct Redirect {
    pub to: Template,
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
}

#[derive(Debug, Clone)]
pub struct Respond {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: bytes::Bytes,
}

/// Changes to the request before it is forwarded.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// The new path; the query stays unless the template holds a `?`.
    pub path: Option<Template>,
    pub host: Option<HeaderValue>,
}

/// Text with holes that the captures of a route's path fill: `/internal/{id}`.
///
/// Every name was checked against what the route's path captures; a prefix captures `{rest}`, a regex its named groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(pub Vec<TemplatePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    Literal(Arc<str>),
    /// Index into [`PathPattern::captures`].
    Capture(usize),
}

// === impl Action ===

impl Action {
    /// Where requests may go: in the order of the sides, if there are several.
    pub fn destinations(&self) -> Vec<Destination> {
        match self {
            Self::Upstream(to) => vec![*to],
            Self::Split(split) => split.sides.iter().map(|side| side.to).collect(),
            Self::Versions(versions) => versions.known.iter().map(|version| version.to).collect(),
            Self::Redirect(_) | Self::Respond(_) => Vec::new(),
        }
    }
}
