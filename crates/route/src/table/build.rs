//! From routes to a table.

use std::{error, fmt, sync::Arc};

use model::{HostPattern, PathPattern, Route};

use super::{
    EXACT_HOST, Group, Link, NONE, Rank, Table, WILDCARD_HOST, Wanted,
    nearest::Neighbours,
    patterns::{CollectedPatterns, Patterns, TooLarge},
    switch::{self, Divider},
    tree::Saplings,
    words::{Collected, Full, Lengths},
};
use crate::{HostRank, Precedence, capture::Plan, predicate::Predicate};

/// Routes that do not make a table, and the one with which it became too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// Index of the route.
    pub route: usize,
    pub name: Arc<str>,
    pub excess: Excess,
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// The regex of this route, by itself.
    Regex,
    /// The wildcards and regexes of all routes that have to be tried together.
    Regexes,
    /// Routes, hosts or path segments: more than 32 bits can number.
    Routes,
}

/// A table in the making.
#[derive(Default)]
struct Builder {
    table: Table,
    groups: Vec<Group>,
    hosts: Collected<u32>,
    any_host: Option<u32>,
    exact: Collected<u32>,
    trees: Saplings,
    patterns: CollectedPatterns,
}

/// A route with one rank of its hosts: what is put into the table in one go.
struct Entry {
    precedence: Precedence,
    route: u32,
}

// === impl Table ===

impl Table {
    /// Compiles routes, whose order is the last criterion of precedence.
    ///
    /// # Errors
    ///
    /// When the regexes of the routes, alone or together, make automata that are too large.
    pub fn build<R: AsRef<Route>>(routes: &[R]) -> Result<Self, BuildError> {
        let failed = |excess, route: u32| {
            let name = routes[route as usize].as_ref().name.clone();
            BuildError { route: route as usize, name, excess }
        };
        let mut builder = Builder::default();
        for (position, route) in routes.iter().enumerate() {
            builder.want(route.as_ref(), position).map_err(|Full| failed(Excess::Routes, 0))?;
        }
        for (entry, rank) in entries(routes).iter().zip(1..) {
            let route = routes[entry.route as usize].as_ref();
            builder.insert(route, entry, rank).map_err(|Full| failed(Excess::Routes, entry.route))?;
        }
        builder.finish().map_err(|(excess, route)| failed(excess, route))
    }
}

/// Every route once for each rank of its hosts, the least precedence first.
fn entries<R: AsRef<Route>>(routes: &[R]) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(routes.len());
    for (position, route) in (0..).zip(routes.iter().map(AsRef::as_ref)) {
        let precedence = Precedence::of(route, None, position as usize);
        let mut ranks: Vec<_> = route.matching.hosts.iter().map(|host| HostRank::of(Some(host))).collect();
        if ranks.is_empty() {
            ranks.push(HostRank::Any);
        }
        ranks.sort_unstable();
        ranks.dedup();
        entries.extend(
            ranks.into_iter().map(|host| Entry { precedence: Precedence { host, ..precedence }, route: position }),
        );
    }
    entries.sort_unstable_by_key(|entry| entry.precedence);
    entries
}

// === impl Builder ===

impl Builder {
    /// Keeps what a route wants.
    fn want(&mut self, route: &Route, position: usize) -> Result<(), Full> {
        let table = &mut self.table;
        let start = number(table.predicates.len())?;
        table.predicates.extend(Predicate::of(route));
        table.routes.push(Wanted {
            hosts: route.matching.hosts.as_slice().into(),
            path: route.matching.path.clone(),
            precedence: Precedence::of(route, None, position),
            predicates: (start, number(table.predicates.len())?),
        });
        Ok(())
    }

    /// Puts a route into the groups of those hosts that have the rank of the entry.
    fn insert(&mut self, route: &Route, entry: &Entry, rank: Rank) -> Result<(), Full> {
        if entry.precedence.host == HostRank::Any {
            let group = match self.any_host {
                Some(group) => group,
                None => self.group()?,
            };
            self.any_host = Some(group);
            return self.insert_path(group, route, entry, rank);
        }
        for host in route.matching.hosts.iter().filter(|host| HostRank::of(Some(host)) == entry.precedence.host) {
            let (scope, text) = match host {
                HostPattern::Exact(text) => (EXACT_HOST, text),
                HostPattern::Suffix(text) => (WILDCARD_HOST, text),
            };
            self.table.wildcard_hosts |= scope == WILDCARD_HOST;
            let group = match self.hosts.get(scope, text) {
                Some(group) => *group,
                None => {
                    let group = self.group()?;
                    *self.hosts.entry(scope, text, group)?
                }
            };
            self.insert_path(group, route, entry, rank)?;
        }
        Ok(())
    }

    fn group(&mut self) -> Result<u32, Full> {
        let id = number(self.groups.len())?;
        self.groups.push(Group {
            id,
            top: 0,
            exact_top: 0,
            patterns_top: 0,
            exact: Lengths::default(),
            patterns: NONE,
            any_path: NONE,
            root: self.trees.plant()?,
        });
        Ok(id)
    }

    /// Puts a route into the leaf of its path. Routes come in the order of rank, so each becomes the greatest.
    fn insert_path(&mut self, group: u32, route: &Route, entry: &Entry, rank: Rank) -> Result<(), Full> {
        let path = route.matching.path.as_ref();
        let link = number(self.table.links.len())?;
        let next = std::mem::replace(self.leaf(group, path, rank)?, link);
        let predicates = self.table.routes[entry.route as usize].predicates;
        self.table.links.push(Link { rank, next, route: entry.route, predicates, captures: Plan::of(path) });
        Ok(())
    }

    /// Where the leaf of a path is kept.
    fn leaf(&mut self, id: u32, path: Option<&PathPattern>, rank: Rank) -> Result<&mut u32, Full> {
        let group = &mut self.groups[id as usize];
        group.top = rank;
        match path {
            None => Ok(&mut group.any_path),
            Some(PathPattern::Exact(text)) => {
                group.exact_top = rank;
                group.exact.add(text.len());
                self.exact.entry(id, text, NONE)
            }
            Some(PathPattern::Prefix(prefix)) => self.trees.prefix(group.root.id, prefix, rank),
            Some(PathPattern::Template(segments)) => self.trees.template(group.root.id, segments, rank),
            Some(PathPattern::Wildcard { regex, .. } | PathPattern::Regex(regex)) => {
                group.patterns_top = rank;
                self.patterns.entry(&mut group.patterns, regex, rank)
            }
        }
    }

    fn finish(mut self) -> Result<Table, (Excess, u32)> {
        let patterns = std::mem::take(&mut self.patterns).compile();
        self.table.patterns = patterns.map_err(|error| match error {
            TooLarge::One { leaf } => (Excess::Regex, self.table.links[leaf as usize].route),
            TooLarge::Together { leaf } => (Excess::Regexes, self.table.links[leaf as usize].route),
        })?;
        self.lay_out().map_err(|Full| (Excess::Routes, 0))
    }

    fn lay_out(mut self) -> Result<Table, Full> {
        self.divide()?;
        for group in &mut self.groups {
            group.root = *self.trees.node(group.root.id);
        }
        let groups = self.groups;
        let mut table = self.table;
        table.hosts = self.hosts.lay_out(|group| groups[group as usize])?;
        table.any_host = self.any_host.map(|group| groups[group as usize]);
        table.exact = self.exact.lay_out(|leaf| leaf)?;
        table.tree = self.trees.grown()?;
        table.links.shrink_to_fit();
        table.predicates.shrink_to_fit();
        table.neighbours = Neighbours::of(&table.routes);
        Ok(table)
    }

    /// Divides the leaves that are crowded.
    fn divide(&mut self) -> Result<(), Full> {
        let table = &mut self.table;
        let mut divider = Divider::new(&mut table.links, &table.predicates);
        let leaves = (self.groups.iter_mut().map(|group| &mut group.any_path))
            .chain(self.exact.values())
            .chain(self.trees.leaves())
            .chain(table.patterns.iter_mut().flat_map(Patterns::leaves));
        for leaf in leaves.filter(|leaf| **leaf != NONE) {
            *leaf = divider.divide(*leaf)?;
        }
        table.switches = divider.lay_out()?;
        Ok(())
    }
}

fn number(length: usize) -> Result<u32, Full> {
    u32::try_from(length).ok().filter(|number| *number < switch::FIRST).ok_or(Full)
}

// === impl BuildError ===

impl BuildError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.excess {
            Excess::Regex => "bound its repetitions, or use a template or a prefix",
            Excess::Regexes => "begin them with literal text, or use templates and prefixes",
            Excess::Routes => "divide it",
        }
    }
}

impl fmt::Display for BuildError {
    /// What is wrong. Where, and what to do about it, is told beside.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.excess {
            Excess::Regex => "makes too large an automaton of the regex of its path",
            Excess::Regexes => "takes the regexes of all paths over what they may need together",
            Excess::Routes => "goes beyond the number of routes, hosts and segments that a table holds",
        };
        write!(f, "route `{}` {what}", self.name)
    }
}

impl error::Error for BuildError {}
