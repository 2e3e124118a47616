//! From routes to a table.

use std::{collections::HashMap, error, fmt, sync::Arc};

use model::{HostPattern, PathPattern, Place, Route, Segment};

use super::{
    EXACT_HOST, Group, Link, NONE, Rank, Table, WILDCARD_HOST, Wanted,
    patterns::{Pattern, Patterns, TooLarge},
    words::Full,
};
use crate::{HostRank, Precedence, predicate::Predicate};

/// Routes that do not make a table, and the one with which it became too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// Index of the route.
    pub route: usize,
    pub name: Arc<str>,
    pub place: Place,
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
    /// The patterns of each group that has some, and where to find one by its text.
    patterns: Vec<Vec<Pattern>>,
    pattern_of: HashMap<(u32, Arc<str>), usize>,
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
    pub fn build(routes: &[Route]) -> Result<Self, BuildError> {
        let failed = |excess, route: u32| {
            let (name, place) = (routes[route as usize].name.clone(), routes[route as usize].place.clone());
            BuildError { route: route as usize, name, place, excess }
        };
        let mut builder = Builder::default();
        for (position, route) in routes.iter().enumerate() {
            builder.want(route, position).map_err(|Full| failed(Excess::Routes, 0))?;
        }
        for (entry, rank) in entries(routes).iter().zip(1..) {
            let route = &routes[entry.route as usize];
            builder.insert(route, entry, rank).map_err(|Full| failed(Excess::Routes, entry.route))?;
        }
        builder.finish().map_err(|(excess, route)| failed(excess, route))
    }
}

/// Every route once for each rank of its hosts, the least precedence first.
fn entries(routes: &[Route]) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(routes.len());
    for (position, route) in (0..).zip(routes) {
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
            let group = match self.table.any_host {
                Some(group) => group,
                None => self.group()?,
            };
            self.table.any_host = Some(group);
            return self.insert_path(group, route, entry, rank);
        }
        for host in route.matching.hosts.iter().filter(|host| HostRank::of(Some(host)) == entry.precedence.host) {
            let (scope, text) = match host {
                HostPattern::Exact(text) => (EXACT_HOST, text),
                HostPattern::Suffix(text) => (WILDCARD_HOST, text),
            };
            self.table.wildcard_hosts |= scope == WILDCARD_HOST;
            let group = match self.table.hosts.get(scope, text) {
                Some(group) => group,
                None => {
                    let group = self.group()?;
                    *self.table.hosts.entry(scope, text, group)?
                }
            };
            self.insert_path(group, route, entry, rank)?;
        }
        Ok(())
    }

    fn group(&mut self) -> Result<u32, Full> {
        let id = number(self.table.groups.len())?;
        self.table.groups.push(Group {
            top: 0,
            exact_top: 0,
            tree_top: 0,
            patterns_top: 0,
            root: NONE,
            patterns: NONE,
            any_path: NONE,
        });
        Ok(id)
    }

    /// Puts a route into the leaf of its path. Routes come in the order of rank, so each becomes the greatest.
    fn insert_path(&mut self, group: u32, route: &Route, entry: &Entry, rank: Rank) -> Result<(), Full> {
        let link = number(self.table.links.len())?;
        let leaf = self.leaf(group, route.matching.path.as_ref(), rank)?;
        let next = std::mem::replace(leaf, link);
        let predicates = self.table.routes[entry.route as usize].predicates;
        self.table.links.push(Link { rank, next, route: entry.route, predicates });
        Ok(())
    }

    /// Where the leaf of a path is kept.
    fn leaf(&mut self, id: u32, path: Option<&PathPattern>, rank: Rank) -> Result<&mut u32, Full> {
        self.table.groups[id as usize].top = rank;
        match path {
            None => Ok(&mut self.table.groups[id as usize].any_path),
            Some(PathPattern::Exact(text)) => {
                self.table.groups[id as usize].exact_top = rank;
                self.table.exact.entry(id, text, NONE)
            }
            Some(PathPattern::Template(segments)) => self.template_leaf(id, segments, rank),
            Some(PathPattern::Prefix(prefix)) => {
                let segments = prefix.trim_end_matches('/').split('/').skip(1).map(Some);
                Ok(&mut self.grow(id, segments, rank)?.rest)
            }
            Some(PathPattern::Wildcard { regex, .. } | PathPattern::Regex(regex)) => self.pattern_leaf(id, regex, rank),
        }
    }

    fn template_leaf(&mut self, id: u32, segments: &[Segment], rank: Rank) -> Result<&mut u32, Full> {
        let rest = segments.iter().position(|segment| matches!(segment, Segment::Rest(_)));
        let fixed = segments[..rest.unwrap_or(segments.len())].iter().map(|segment| match segment {
            Segment::Literal(text) => Some(&**text),
            Segment::Capture(_) | Segment::Rest(_) => None,
        });
        // The path `/` has one segment, and that is empty.
        let root = segments.is_empty().then_some(Some(""));
        let node = self.grow(id, fixed.chain(root), rank)?;
        Ok(if rest.is_some() { &mut node.rest } else { &mut node.ends })
    }

    fn grow<'p>(
        &mut self,
        id: u32,
        segments: impl Iterator<Item = Option<&'p str>>,
        rank: Rank,
    ) -> Result<&mut super::tree::Node, Full> {
        let group = &mut self.table.groups[id as usize];
        group.tree_top = rank;
        if group.root == NONE {
            group.root = self.table.tree.plant()?;
        }
        self.table.tree.grow(group.root, segments, rank)
    }

    fn pattern_leaf(&mut self, id: u32, regex: &regex::Regex, rank: Rank) -> Result<&mut u32, Full> {
        let group = &mut self.table.groups[id as usize];
        group.patterns_top = rank;
        if group.patterns == NONE {
            group.patterns = number(self.patterns.len())?;
            self.patterns.push(Vec::new());
        }
        let patterns = &mut self.patterns[group.patterns as usize];
        let index = *self.pattern_of.entry((id, regex.as_str().into())).or_insert(patterns.len());
        if index == patterns.len() {
            patterns.push(Pattern { regex: regex.clone(), top: rank, leaf: NONE });
        }
        patterns[index].top = rank;
        Ok(&mut patterns[index].leaf)
    }

    fn finish(self) -> Result<Table, (Excess, u32)> {
        let mut table = self.table;
        let mut spent = 0;
        for patterns in self.patterns {
            let patterns = Patterns::new(patterns, &mut spent).map_err(|error| match error {
                TooLarge::One { leaf } => (Excess::Regex, table.links[leaf as usize].route),
                TooLarge::Together { leaf } => (Excess::Regexes, table.links[leaf as usize].route),
            })?;
            table.patterns.push(patterns);
        }
        table.hosts.shrink();
        table.exact.shrink();
        table.tree.shrink();
        table.groups.shrink_to_fit();
        table.links.shrink_to_fit();
        table.predicates.shrink_to_fit();
        Ok(table)
    }
}

fn number(length: usize) -> Result<u32, Full> {
    u32::try_from(length).ok().filter(|number| *number != NONE).ok_or(Full)
}

// === impl BuildError ===

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, place, .. } = self;
        let (what, instead) = match self.excess {
            Excess::Regex => (
                "makes too large an automaton of the regex of its path",
                "bound its repetitions, or use a template or a prefix",
            ),
            Excess::Regexes => (
                "takes the regexes of all paths over what they may need together",
                "begin them with literal text, or use templates and prefixes",
            ),
            Excess::Routes => ("goes beyond the number of routes, hosts and segments that a table holds", "divide it"),
        };
        write!(f, "{place}: route {name:?} {what}; {instead}")
    }
}

impl error::Error for BuildError {}
