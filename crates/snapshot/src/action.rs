//! What a route does, ready to be done.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use message::{Cause, Error, Exchange, Result};
use policy::Template;
use regex::Regex;
use telemetry::SideMetrics;

use crate::{Destination, Sides};

pub enum Action {
    Upstream { to: To, rewrite: Option<Rewrite> },
    Redirect(Redirect),
    Respond(Respond),
}

/// Who gets the request.
pub enum To {
    One(Destination),
    /// One of several, chosen for each exchange.
    Side(Box<Sides>),
    Named(NamedUpstream),
}

/// The upstream whose name the path fills in.
///
/// The one place where the path of a request looks something up by text: which names there are is known when the document
/// is compiled, which one a request means is not.
pub struct NamedUpstream {
    name: Template,
    /// Those whose names fit, sorted.
    known: Box<[(Arc<str>, Destination)]>,
}

pub struct Rewrite {
    pub path: Option<NewPath>,
    pub query: Option<QueryEdits>,
    pub host: Option<NewHost>,
    pub method: Option<Method>,
}

pub enum NewPath {
    Whole(Target),
    Regex(Substitution),
}

/// A path, and the query that is written behind it; that of the request stays if there is none.
pub struct Target {
    path: Template,
    query: Option<Template>,
}

/// What stands instead of paths that a regex matches; others stay as they are.
pub struct Substitution {
    regex: Regex,
    /// Of the named groups, in the order of their captures.
    groups: Box<[usize]>,
    to: Target,
}

/// Made in this order: remove, set, add.
pub struct QueryEdits {
    pub remove: Box<[Arc<str>]>,
    pub set: Box<[(Arc<str>, Template)]>,
    pub add: Box<[(Arc<str>, Template)]>,
}

pub enum NewHost {
    Fixed(HeaderValue),
    Template(Template),
}

pub struct Redirect {
    pub to: Location,
    pub status: StatusCode,
}

pub struct Respond {
    pub status: StatusCode,
    headers: Fields,
    body: Content,
}

enum Fields {
    Fixed(HeaderMap),
    Made(Box<[(HeaderName, Template)]>),
}

enum Content {
    Fixed(Bytes),
    Made(Template),
}

pub enum Location {
    /// A path, or an address with its scheme.
    Whole {
        to: Target,
        /// The host in it, if there are holes in that: what fills them must leave it one.
        host: Option<Template>,
    },
    Parts(LocationParts),
}

/// `None`: as it was asked for.
pub struct LocationParts {
    pub scheme: Option<&'static str>,
    pub host: Option<Arc<str>>,
    pub port: Option<u16>,
    pub path: Option<NewPath>,
    pub drop_query: bool,
}

// === impl Action ===

impl Action {
    /// `metrics` gives the counters of the side with this name.
    pub(crate) fn new(
        route: &model::Route,
        upstreams: &[model::Upstream],
        metrics: impl Fn(&str) -> Arc<SideMetrics>,
    ) -> Self {
        let upstream = |to| Self::Upstream { to, rewrite: route.rewrite.as_ref().map(Rewrite::new) };
        match &route.action {
            model::Action::Upstream(to) => upstream(To::One((*to).into())),
            model::Action::Named(named) => upstream(To::Named(NamedUpstream::new(named, upstreams))),
            model::Action::Split(split) => upstream(To::Side(Box::new(Sides::of_split(split, metrics)))),
            model::Action::Versions(versions) => upstream(To::Side(Box::new(Sides::of_versions(versions, metrics)))),
            model::Action::Redirect(redirect) => {
                Self::Redirect(Redirect { to: Location::new(&redirect.to), status: redirect.status })
            }
            model::Action::Respond(respond) => Self::Respond(Respond::new(respond)),
        }
    }
}

// === impl NamedUpstream ===

impl NamedUpstream {
    fn new(named: &model::NamedUpstream, upstreams: &[model::Upstream]) -> Self {
        let entry = |to: &model::Destination| (upstreams[to.upstream.0 as usize].name.clone(), Destination::from(*to));
        let mut known: Vec<_> = named.known.iter().map(entry).collect();
        known.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Self { name: named.name.clone().into(), known: known.into() }
    }

    /// The upstream that the path of `exchange` names.
    ///
    /// # Errors
    /// [`Cause::UnknownUpstream`] if it names none.
    pub fn find(&self, exchange: &Exchange) -> Result<Destination> {
        let name = self.name.render(exchange);
        match self.known.binary_search_by(|(known, _)| (**known).cmp(&name)) {
            Ok(index) => Ok(self.known[index].1),
            Err(_) => Err(Error::new(Cause::UnknownUpstream, format!("there is no upstream `{name}`"))),
        }
    }
}

// === impl Respond ===

impl Respond {
    pub(crate) fn new(respond: &model::Respond) -> Self {
        let body = match respond.body.fixed() {
            Some(text) => Content::Fixed(Bytes::copy_from_slice(text.as_bytes())),
            None => Content::Made(respond.body.clone().into()),
        };
        Self { status: respond.status, headers: Fields::new(&respond.headers), body }
    }

    /// The header fields of the answer to `exchange`.
    ///
    /// # Errors
    /// [`Cause::RewriteFailed`] if captures make a value that no field can have.
    pub fn headers(&self, exchange: &Exchange) -> Result<HeaderMap> {
        let made = match &self.headers {
            Fields::Fixed(headers) => return Ok(headers.clone()),
            Fields::Made(made) => made,
        };
        let mut headers = HeaderMap::with_capacity(made.len());
        for (name, template) in made {
            headers.append(name, value(&template.render(exchange))?);
        }
        Ok(headers)
    }

    pub fn body(&self, exchange: &Exchange) -> Bytes {
        match &self.body {
            Content::Fixed(bytes) => bytes.clone(),
            Content::Made(template) => template.render(exchange).into(),
        }
    }
}

// === impl Fields ===

impl Fields {
    fn new(fields: &[(HeaderName, model::Template)]) -> Self {
        let mut headers = HeaderMap::with_capacity(fields.len());
        for (name, template) in fields {
            match template.fixed().map(value) {
                Some(Ok(value)) => headers.append(name, value),
                _ => {
                    let made = fields.iter().map(|(name, template)| (name.clone(), template.clone().into()));
                    return Self::Made(made.collect());
                }
            };
        }
        Self::Fixed(headers)
    }
}

/// A hole at an end may be empty, and no value ends in white space (RFC 9113, 8.2.1).
fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_bytes(text.trim_matches([' ', '\t']).as_bytes()).map_err(|error| {
        Error::new(Cause::RewriteFailed, "what was captured cannot stand in a header field").with_source(error)
    })
}

// === impl Rewrite ===

impl Rewrite {
    fn new(rewrite: &model::Rewrite) -> Self {
        Self {
            path: rewrite.path.as_ref().map(NewPath::new),
            query: rewrite.query.as_ref().map(QueryEdits::new),
            host: rewrite.host.clone().map(|host| match host {
                model::NewHost::Fixed(host) => NewHost::Fixed(host),
                model::NewHost::Template(template) => NewHost::Template(template.into()),
            }),
            method: rewrite.method.clone(),
        }
    }
}

// === impl NewPath ===

impl NewPath {
    fn new(path: &model::NewPath) -> Self {
        match path {
            model::NewPath::Template(template) => Self::Whole(Target::new(template)),
            model::NewPath::Regex { regex, to } => {
                let names = regex.capture_names().enumerate();
                let groups = names.filter_map(|(group, name)| name.map(|_| group)).collect();
                Self::Regex(Substitution { regex: regex.clone(), groups, to: Target::new(to) })
            }
        }
    }

    /// The new path of `exchange`, not yet in canonical form, and its own query if it has one; `None`: it stays.
    pub fn render(&self, exchange: &Exchange) -> Option<(String, Option<String>)> {
        match self {
            Self::Whole(target) => Some(target.render(exchange)),
            Self::Regex(Substitution { regex, groups, to }) => {
                let taken = regex.captures(exchange.head.uri.path())?;
                // A group that took no part holds nothing.
                let group = |index: usize| taken.get(index).map_or("", |group| group.as_str());
                Some(to.render_with(|index| match groups.get(index) {
                    Some(index) => group(*index),
                    None => exchange.capture(index - groups.len()),
                }))
            }
        }
    }
}

// === impl Target ===

impl Target {
    fn new(template: &model::Template) -> Self {
        let (path, query) = Template::from(template.clone()).split_query();
        Self { path, query }
    }

    /// The path, or address, and the query that comes with it.
    pub fn render(&self, exchange: &Exchange) -> (String, Option<String>) {
        self.render_with(|index| exchange.capture(index))
    }

    fn render_with<'c>(&self, capture: impl Fn(usize) -> &'c str) -> (String, Option<String>) {
        (self.path.render_with(&capture), self.query.as_ref().map(|query| query.render_query(&capture)))
    }
}

// === impl QueryEdits ===

impl QueryEdits {
    fn new(edits: &model::QueryEdits) -> Self {
        let values = |values: &[(Arc<str>, model::Template)]| {
            values.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
        };
        Self { remove: edits.remove.clone().into(), set: values(&edits.set), add: values(&edits.add) }
    }
}

// === impl Location ===

impl Location {
    fn new(location: &model::Location) -> Self {
        match location {
            model::Location::Whole { to, host } => {
                Self::Whole { to: Target::new(to), host: host.clone().map(Template::from) }
            }
            model::Location::Parts(parts) => Self::Parts(LocationParts {
                scheme: parts.scheme,
                host: parts.host.clone(),
                port: parts.port,
                path: parts.path.as_ref().map(NewPath::new),
                drop_query: parts.drop_query,
            }),
        }
    }
}
