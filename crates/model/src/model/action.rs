//! What a route does with a request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::UpstreamId;

#[derive(Debug, Clone)]
pub enum Action {
    Upstream(UpstreamId),
    Redirect(Redirect),
    Respond(Respond),
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
