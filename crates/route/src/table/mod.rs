//! The table: from hosts to groups, from paths to leaves, from leaves to the route with the greatest precedence.
//!
//! Every route is ranked once, when the table is built: [`Rank`] is the place of its [`Precedence`] among all. Whatever
//! is built from routes (groups of hosts, nodes, patterns, leaves) knows the greatest rank that lies within, and a
//! search never enters what cannot be greater than what it holds. So the order in which places are searched is a matter
//! of speed alone, and `priority`, which may lift a route over others with a closer host or path, needs no case of its
//! own.
//!
//! Costs follow from the request, not from the number of routes: one probe for the host and for each of its wildcards,
//! one for the path and for each of its segments, one pass over the path for all regexes, one probe for each value of a
//! field that tells many routes apart. Every probe is one cache miss at worst.

mod build;
mod explain;
mod literal;
mod nearest;
mod patterns;
mod switch;
mod tree;
mod words;

use message::Captures;
use model::{HostPattern, PathPattern};

use crate::{Ask, Precedence, capture::Plan, predicate::Predicate};

pub use build::{BuildError, Excess};
pub use explain::{Candidate, Nearness};

use nearest::Neighbours;
use patterns::Patterns;
use switch::Switches;
use tree::{Node, Tree};
use words::{Lengths, Words};

/// Finds the route for a request. Built once, never changed.
#[derive(Debug, Default)]
pub struct Table {
    hosts: Words<Group, 64>,
    wildcard_hosts: bool,
    /// Routes without hosts.
    any_host: Option<Group>,
    /// Leaves by group and path.
    exact: Words<u32, 48>,
    tree: Tree,
    patterns: Vec<Patterns>,
    switches: Switches,
    links: Vec<Link>,
    predicates: Vec<Predicate>,
    routes: Vec<Wanted>,
    neighbours: Neighbours,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Index in the routes that the table was built from.
    pub route: usize,
    pub captures: Captures,
}

/// Place in the order of precedence among all routes, from 1; 0 is less than every route.
type Rank = u32;

/// No node, no leaf, no patterns.
const NONE: u32 = u32::MAX;

/// Scopes of [`Table::hosts`].
const EXACT_HOST: u32 = 0;
const WILDCARD_HOST: u32 = 1;

/// The routes that share a host, a wildcard or the lack of both.
#[derive(Debug, Clone, Copy)]
struct Group {
    id: u32,
    /// The greatest rank within, and that of some parts.
    top: Rank,
    exact_top: Rank,
    patterns_top: Rank,
    /// Lengths of the paths in [`Table::exact`].
    exact: Lengths,
    /// Index in [`Table::patterns`].
    patterns: u32,
    /// The leaf of routes without path.
    any_path: u32,
    /// Of prefixes and templates.
    root: Node,
}

/// A route within a leaf.
///
/// A leaf is the index of its greatest link, from where each leads to the next lesser one; or, from
/// [`switch::FIRST`], the number of a switch between lesser leaves.
#[derive(Debug, Clone, Copy)]
struct Link {
    rank: Rank,
    next: u32,
    route: u32,
    /// Where in [`Table::predicates`] those of the route are.
    predicates: (u32, u32),
    captures: Plan,
}

/// What a route wants of host and path, kept for captures and for [`Table::candidates`].
#[derive(Debug)]
struct Wanted {
    hosts: Box<[HostPattern]>,
    path: Option<PathPattern>,
    precedence: Precedence,
    predicates: (u32, u32),
}

/// One search: what is looked for, and the best so far.
struct Search<'t> {
    table: &'t Table,
    ask: &'t Ask<'t>,
    best: Rank,
    link: u32,
}

// === impl Table ===

impl Table {
    /// The route with the greatest precedence among all that match.
    ///
    /// Allocates only for what is rare: a regex with named groups that wins, more captures or turnings than there is
    /// room for on the stack, many patterns that need the same text, an encoded parameter that a regex looks at.
    pub fn find(&self, ask: &Ask<'_>) -> Option<Found> {
        let mut search = Search { table: self, ask, best: 0, link: NONE };
        search.hosts();
        let link = self.links.get(search.link as usize)?;
        let route = link.route as usize;
        let path = || self.routes.get(route)?.path.as_ref();
        Some(Found { route, captures: link.captures.take(path, ask.path) })
    }

    fn predicates(&self, (start, end): (u32, u32)) -> &[Predicate] {
        &self.predicates[start as usize..end as usize]
    }
}

// === impl Search ===

impl Search<'_> {
    /// Searches the group of the host, then those of its wildcards, the longest first, then that of no host.
    fn hosts(&mut self) {
        let Self { table, ask, .. } = *self;
        if let Some(group) = table.hosts.get(EXACT_HOST, ask.host) {
            self.group(group);
        }
        if table.wildcard_hosts {
            let dots = ask.host.bytes().enumerate().skip(1).filter(|(_, byte)| *byte == b'.');
            for (dot, _) in dots {
                if let Some(group) = table.hosts.get(WILDCARD_HOST, &ask.host[dot + 1..]) {
                    self.group(group);
                }
            }
        }
        if let Some(group) = &table.any_host {
            self.group(group);
        }
    }

    /// Searches a group from the closest kind of path to none.
    fn group(&mut self, group: &Group) {
        let Self { table, ask, .. } = *self;
        if group.top <= self.best {
            return;
        }
        if group.exact_top > self.best
            && group.exact.may_be(ask.path.len())
            && let Some(leaf) = table.exact.get(group.id, ask.path)
        {
            self.offer(*leaf);
        }
        if group.root.top > self.best {
            table.tree.walk(&group.root, ask.path, self);
        }
        if group.patterns_top > self.best {
            table.patterns[group.patterns as usize].walk(ask.path, self);
        }
        self.offer(group.any_path);
    }

    /// Takes the greatest route of a leaf whose predicates hold, if it is greater than the best so far.
    #[inline]
    fn offer(&mut self, leaf: u32) {
        if leaf >= switch::FIRST {
            if leaf != NONE {
                self.table.switches.walk(leaf, self);
            }
            return;
        }
        let mut next = leaf;
        while let Some(link) = self.table.links.get(next as usize) {
            if link.rank <= self.best {
                return;
            }
            if self.table.predicates(link.predicates).iter().all(|predicate| predicate.holds(self.ask)) {
                self.best = link.rank;
                self.link = next;
                return;
            }
            next = link.next;
        }
    }
}
