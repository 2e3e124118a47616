//! Documents that are read again: a route that stands there as before is neither parsed nor checked a second time.
//!
//! ```text
//! file ─▶ Part ─┬ the rest, as a tree ─▶ merged and checked, always ──────┬─▶ Model
//!               └ its routes, as text ─▶ parsed and checked, if it is new ┘
//! ```
//! This is the way of good documents. At the first thing that is wrong or odd it gives up, and whoever asked reads the
//! documents as a whole ([`parse`](crate::parse()), [`merge`](crate::merge()), [`check`](crate::check())), which tells
//! all that is wrong. Where it does not give up, the model and the warnings are the same.

/// A file with its routes cut out.
mod part;
/// The routes of a file, and which of them were there before.
mod routes;

use std::{collections::HashMap, sync::Arc};

pub use self::part::Part;
use self::routes::Routes;
use crate::{
    Model, Report,
    check::{Known, Names, Rest, has_policies},
    merge::merge,
};

/// What is kept of documents until they are read again.
#[derive(Debug, Default)]
pub struct Kept {
    files: HashMap<Arc<str>, Arc<Routes>>,
    references: References,
}

/// What the routes of a document may refer to, in the order of their indices, and what is asked about it.
#[derive(Debug, Default)]
struct References {
    /// With whether they have TLS.
    listeners: Vec<(String, bool)>,
    trusts_proxies: bool,
    /// With whether they have policies.
    upstreams: Vec<(String, bool)>,
}

/// Checks a document of several files, of which the first includes the others, as [`check`](crate::check()) would.
///
/// `environment` is to answer as it did the last time. Returns what is to be kept this time; `None` at anything that is
/// not plainly good: read the document as a whole.
pub fn check_again(
    parts: Vec<Part>,
    environment: &dyn Fn(&str) -> Option<String>,
    kept: &Kept,
    report: &mut Report,
) -> Option<(Model, Kept)> {
    let mut rests = Vec::with_capacity(parts.len());
    let mut files = Vec::with_capacity(parts.len());
    for Part { rest, file } in parts {
        rests.push(rest);
        files.push(file);
    }
    let mut rests = rests.into_iter();
    let root = merge(rests.next()?, rests.collect(), report);
    let mut rest = Rest::check(&root, report)?;
    if report.has_errors() {
        return None;
    }
    let references = References::of(&rest.known);
    let is_known = kept.references.still_hold(&references);
    let mut fresh = HashMap::with_capacity(files.len());
    for file in &files {
        let before = kept.files.get(&file.name).filter(|_| is_known);
        let routes = Routes::read(file, before, &mut rest.known, environment)?;
        routes.warn(report);
        fresh.insert(file.name.clone(), routes);
    }
    let all: Vec<_> = files.iter().flat_map(|file| fresh[&file.name].all()).collect();
    let mut names = Names::of("route", all.iter().map(|route| &*route.name))?;
    rest.check_what_refers_to_routes(&mut names, report);
    let model = rest.model(Some(all), report)?;
    Some((model, Kept { files: fresh, references }))
}

// === impl References ===

impl References {
    /// Taken apart as a whole, so that nothing that routes see is forgotten here.
    fn of(known: &Known<'_>) -> Self {
        // Routes that refer to subsets or consumers are never kept.
        let Known { listeners, has_tls, trusts_proxies, upstreams, upstream_nodes, consumers: _, subsets: _ } = known;
        let list = |names: &Names<'_>, has: &mut dyn Iterator<Item = bool>| {
            let names = names.in_order().iter().map(|name| (*name).to_owned());
            names.zip(has).collect()
        };
        Self {
            listeners: list(listeners, &mut has_tls.iter().copied()),
            trusts_proxies: *trusts_proxies,
            upstreams: list(upstreams, &mut upstream_nodes.iter().map(has_policies)),
        }
    }

    /// Whether what refers to these means the same among `others`. Further upstreams do no harm; a further listener may
    /// be one that routes for all listeners are for.
    fn still_hold(&self, others: &Self) -> bool {
        let are_same = self.listeners == others.listeners && self.trusts_proxies == others.trusts_proxies;
        are_same && others.upstreams.starts_with(&self.upstreams)
    }
}
