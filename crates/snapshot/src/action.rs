//! What a route does, ready to be done.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use message::Exchange;
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
}

pub struct Rewrite {
    pub path: Option<NewPath>,
    pub query: Option<QueryEdits>,
    pub host: Option<NewHost>,
    pub method: Option<Method>,
}

pub enum NewPath {
    /// The query stays unless the template holds a `?`.
    Template(Template),
    Regex(Substitution),
}

/// What stands instead of paths that a regex matches; others stay as they are.
pub struct Substitution {
    regex: Regex,
    /// Of the named groups, in the order of their captures.
    groups: Box<[usize]>,
    to: Template,
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
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub enum Location {
    /// A path, or an address with its scheme.
    Whole(Template),
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
    pub(crate) fn new(route: &model::Route, metrics: impl Fn(&str) -> Arc<SideMetrics>) -> Self {
        let upstream = |to| Self::Upstream { to, rewrite: route.rewrite.as_ref().map(Rewrite::new) };
        match &route.action {
            model::Action::Upstream(to) => upstream(To::One((*to).into())),
            model::Action::Split(split) => upstream(To::Side(Box::new(Sides::of_split(split, metrics)))),
            model::Action::Versions(versions) => upstream(To::Side(Box::new(Sides::of_versions(versions, metrics)))),
            model::Action::Redirect(redirect) => {
                Self::Redirect(Redirect { to: Location::new(&redirect.to), status: redirect.status })
            }
            model::Action::Respond(respond) => Self::Respond(Respond {
                status: respond.status,
                headers: respond.headers.clone(),
                body: respond.body.clone(),
            }),
        }
    }
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
            model::NewPath::Template(template) => Self::Template(template.clone().into()),
            model::NewPath::Regex { regex, to } => {
                let names = regex.capture_names().enumerate();
                let groups = names.filter_map(|(group, name)| name.map(|_| group)).collect();
                Self::Regex(Substitution { regex: regex.clone(), groups, to: to.clone().into() })
            }
        }
    }

    /// The new path of `exchange`, not yet in canonical form; `None`: it stays.
    pub fn render(&self, exchange: &Exchange) -> Option<String> {
        match self {
            Self::Template(template) => Some(template.render_target(|index| exchange.capture(index))),
            Self::Regex(Substitution { regex, groups, to }) => {
                let taken = regex.captures(exchange.head.uri.path())?;
                // A group that took no part holds nothing.
                let group = |index: usize| taken.get(index).map_or("", |group| group.as_str());
                Some(to.render_target(|index| match groups.get(index) {
                    Some(index) => group(*index),
                    None => exchange.capture(index - groups.len()),
                }))
            }
        }
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
            model::Location::Whole(template) => Self::Whole(template.clone().into()),
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
