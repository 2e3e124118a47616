//! Whether one route takes all that another one matches: proved criterion by criterion, or not claimed.
//!
//! A criterion that is added to routes must be thought of here: the fields of [`Match`] are taken apart by name, so that
//! the compiler says so.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use http::Method;
use ipnet::IpNet;
use model::{FieldMatch, HeaderMatch, HostPattern, ListenerId, Match, PathPattern, Route, ValueMatch};

use crate::{
    capture::match_path,
    example,
    language::{Language, within},
    shape::Shape,
};

/// What the paths of routes have in common, with what it took to find out.
#[derive(Debug)]
pub(super) struct Paths<'r> {
    routes: &'r [&'r Route],
    /// By route: exactly what it matches, if segments say that.
    shapes: Vec<Option<Shape<'r>>>,
    /// By route: `None` of what makes too large an automaton.
    languages: HashMap<usize, Option<Language>, FixedState>,
    /// By route: some paths that it matches.
    samples: HashMap<usize, Vec<String>, FixedState>,
    /// So many searches may still be made.
    searches: usize,
}

/// A search takes up to some milliseconds, if patterns are made for it.
const SEARCHES: usize = 500;

/// The one path without a slash, of `OPTIONS *`.
const ASTERISK: &str = "*";

// === impl Paths ===

impl<'r> Paths<'r> {
    pub(super) fn new(routes: &'r [&'r Route]) -> Self {
        let shape = |route: &'r Route| route.matching.path.as_ref().and_then(Shape::of);
        Self {
            routes,
            shapes: routes.iter().map(|route| shape(route)).collect(),
            languages: HashMap::default(),
            samples: HashMap::default(),
            searches: SEARCHES,
        }
    }

    /// Whether every path that `inner` matches is one that `outer` matches, `*` left aside: a route without path takes
    /// `OPTIONS *` as well, and hardly anybody who leaves the path out thinks of it.
    pub(super) fn nearly_within(&mut self, inner: usize, outer: usize) -> bool {
        match &self.routes[inner].matching.path {
            None => self.shapes[outer].as_ref().is_none_or(|outer| Shape::all().within(outer)),
            Some(_) => self.within(inner, outer),
        }
    }

    /// Whether every path that `inner` matches is one that `outer` matches.
    pub(super) fn within(&mut self, inner: usize, outer: usize) -> bool {
        let path = |route: usize| self.routes[route].matching.path.as_ref();
        match (path(inner), path(outer)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(inner_path), Some(outer_path)) => match (&self.shapes[inner], &self.shapes[outer]) {
                (Some(inner), Some(outer)) => inner.within(outer),
                (None, None) if is_same(inner_path, outer_path) => true,
                _ => self.search(inner, inner_path, outer, outer_path),
            },
        }
    }

    fn search(&mut self, inner: usize, inner_path: &PathPattern, outer: usize, outer_path: &PathPattern) -> bool {
        // Most answers are no, and one path tells.
        let samples = self.samples.entry(inner).or_insert_with(|| {
            let mut samples = example::paths(&[inner_path]);
            samples.extend(match_path(inner_path, ASTERISK).map(|_| ASTERISK.to_owned()));
            samples
        });
        if samples.is_empty() || samples.iter().any(|path| match_path(outer_path, path).is_none()) {
            return false;
        }
        if let PathPattern::Exact(_) = inner_path {
            return true;
        }
        if self.searches == 0 {
            return false;
        }
        self.searches -= 1;
        for (route, path) in [(inner, inner_path), (outer, outer_path)] {
            self.languages.entry(route).or_insert_with(|| Language::of_path(path));
        }
        match (&self.languages[&inner], &self.languages[&outer]) {
            (Some(inner), Some(outer)) => within(inner, outer) == Some(true),
            _ => false,
        }
    }
}

/// Whether two patterns that are no shapes are written alike.
fn is_same(one: &PathPattern, other: &PathPattern) -> bool {
    let text = |path: &PathPattern| match path {
        PathPattern::Wildcard { regex, .. } | PathPattern::Regex(regex) => Some(regex.as_str().to_owned()),
        PathPattern::Exact(_) | PathPattern::Prefix(_) | PathPattern::Template(_) => None,
    };
    match (one, other) {
        (PathPattern::Template(one), PathPattern::Template(other)) => one == other,
        _ => text(one).is_some_and(|one| text(other) == Some(one)),
    }
}

// === beside host and path ===

/// Whether `outer` asks for nothing that `inner` does not make sure of. Hosts, paths and methods are left to others.
pub(super) fn covers(outer: &Route, inner: &Route) -> bool {
    let Match { hosts: _, path: _, methods: _, headers, query, cookies, client_ip, sni, time, when } = &outer.matching;
    covers_listeners(&outer.listeners, &inner.listeners)
        && headers.iter().all(|wanted| {
            inner.matching.headers.iter().any(|it| it.name == wanted.name && implies(&it.value, &wanted.value))
        })
        && covers_fields(query, &inner.matching.query)
        && covers_fields(cookies, &inner.matching.cookies)
        && covers_networks(client_ip, &inner.matching.client_ip)
        && covers_names(sni, &inner.matching.sni)
        // That some hours are within others is not looked at.
        && (time.is_none() || *time == inner.matching.time)
        // What follows from an expression is not looked at either.
        && (when.is_none() || *when == inner.matching.when)
}

fn covers_names(outer: &[HostPattern], inner: &[HostPattern]) -> bool {
    outer.is_empty() || !inner.is_empty() && inner.iter().all(|name| outer.contains(name))
}

fn covers_listeners(outer: &[ListenerId], inner: &[ListenerId]) -> bool {
    outer.is_empty() || !inner.is_empty() && inner.iter().all(|listener| outer.contains(listener))
}

fn covers_networks(outer: &[IpNet], inner: &[IpNet]) -> bool {
    let is_covered = |network: &IpNet| outer.iter().any(|wider| wider.contains(network));
    outer.is_empty() || !inner.is_empty() && inner.iter().all(is_covered)
}

fn covers_fields(outer: &[FieldMatch], inner: &[FieldMatch]) -> bool {
    outer.iter().all(|wanted| inner.iter().any(|it| it.name == wanted.name && implies(&it.value, &wanted.value)))
}

/// Whether a field of which `given` holds is what `wanted` wants, whatever else it holds.
fn implies(given: &ValueMatch, wanted: &ValueMatch) -> bool {
    let each = |holds: &dyn Fn(&str) -> bool| match given {
        ValueMatch::Exact(text) => holds(text),
        ValueMatch::AnyOf(texts) => !texts.is_empty() && texts.iter().all(|text| holds(text)),
        _ => false,
    };
    match wanted {
        ValueMatch::Present => !matches!(given, ValueMatch::Absent),
        ValueMatch::Absent => matches!(given, ValueMatch::Absent),
        ValueMatch::Exact(wanted) => each(&|text| *text == **wanted),
        ValueMatch::AnyOf(wanted) => each(&|text| wanted.iter().any(|wanted| *text == **wanted)),
        ValueMatch::Prefix(wanted) => match given {
            ValueMatch::Prefix(text) => text.starts_with(&**wanted),
            _ => each(&|text| text.starts_with(&**wanted)),
        },
        ValueMatch::Regex(wanted) => match given {
            ValueMatch::Regex(regex) => regex.as_str() == wanted.as_str(),
            _ => each(&|text| wanted.is_match(text)),
        },
    }
}

// === what two routes ask for ===

/// Whether no single request could be what both ask for, as far as that is seen at once.
pub(super) fn are_apart(one: &Route, other: &Route) -> bool {
    fn apart<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        !one.is_empty() && !other.is_empty() && !one.iter().any(|item| other.contains(item))
    }
    let (a, b) = (&one.matching, &other.matching);
    apart(&one.listeners, &other.listeners)
        || apart::<Method>(&a.methods, &b.methods)
        || fields(&a.headers, &b.headers, |it: &HeaderMatch| &it.name, |it| &it.value)
        || fields(&a.query, &b.query, |it: &FieldMatch| &it.name, |it| &it.value)
        || fields(&a.cookies, &b.cookies, |it: &FieldMatch| &it.name, |it| &it.value)
}

/// Whether a field that stands in a request once cannot be what both want.
fn fields<T, N: PartialEq>(one: &[T], other: &[T], name: impl Fn(&T) -> &N, value: impl Fn(&T) -> &ValueMatch) -> bool {
    let are_apart = |one: &ValueMatch, other: &ValueMatch| match (one, other) {
        (ValueMatch::Exact(one), ValueMatch::Exact(other)) => one != other,
        (ValueMatch::Exact(one), ValueMatch::AnyOf(some)) | (ValueMatch::AnyOf(some), ValueMatch::Exact(one)) => {
            !some.contains(one)
        }
        (ValueMatch::Absent, other) | (other, ValueMatch::Absent) => !matches!(other, ValueMatch::Absent),
        _ => false,
    };
    one.iter().any(|a| other.iter().any(|b| name(a) == name(b) && are_apart(value(a), value(b))))
}

/// Whether a route asks for any header, parameter, cookie, client, time or expression.
pub(super) fn asks_for_fields(route: &Route) -> bool {
    let Match { hosts: _, path: _, methods: _, headers, query, cookies, client_ip, sni, time, when } = &route.matching;
    let asks_for_client = !client_ip.is_empty() || !sni.is_empty() || time.is_some();
    !headers.is_empty() || !query.is_empty() || !cookies.is_empty() || asks_for_client || when.is_some()
}

/// Whether `one` asks for a header, parameter, cookie, client, time or expression that `other` leaves open.
pub(super) fn asks_for_more(one: &Route, other: &Route) -> bool {
    let Match { hosts: _, path: _, methods: _, headers, query, cookies, client_ip, sni, time, when } = &one.matching;
    let other = &other.matching;
    let unnamed = |fields: &[FieldMatch], others: &[FieldMatch]| {
        fields.iter().any(|field| !others.iter().any(|other| other.name == field.name))
    };
    headers.iter().any(|header| !other.headers.iter().any(|other| other.name == header.name))
        || unnamed(query, &other.query)
        || unnamed(cookies, &other.cookies)
        || !client_ip.is_empty() && other.client_ip.is_empty()
        || !sni.is_empty() && other.sni.is_empty()
        || time.is_some() && other.time.is_none()
        || when.is_some() && *when != other.when
}
