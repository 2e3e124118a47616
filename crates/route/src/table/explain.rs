//! The same answer at length: every route in order of precedence, and why it lost.

use model::{HostPattern, PathPattern, Segment};

use super::{Table, Wanted};
use crate::{Ask, HostRank, Miss, PathRank, Precedence, capture::match_path};

/// A route that a request might have taken.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Index in the routes that the table was built from.
    pub route: usize,
    /// With the closest host that matched; if none did, with the closest that the route has.
    pub precedence: Precedence,
    /// `None`: the route matches. The first such candidate is the one that [`Table::find`] finds.
    pub miss: Option<Miss>,
    pub nearness: Nearness,
}

/// How near a route came to a request: the greater, the nearer, and a route that matches is greater than all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nearness {
    /// How far the request came before it missed, in halves of [`Miss::stage`].
    stage: u8,
    /// Of routes that missed at the same stage: how much of what was missed is as wanted.
    shared: u32,
}

/// So many hosts of a route are compared, letter by letter, with one that none of them matches.
const COMPARED: usize = 16;

// === impl Table ===

impl Table {
    /// Every route, the greatest precedence first, with the first thing that it misses.
    ///
    /// Asks each route by itself instead of searching, and so costs what the number of routes costs.
    pub fn candidates(&self, ask: &Ask<'_>) -> Vec<Candidate> {
        let candidate = |(route, wanted)| self.candidate(route, wanted, ask);
        let mut candidates: Vec<_> = self.routes.iter().enumerate().map(candidate).collect();
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.precedence));
        candidates
    }

    /// What the captures of a route are called, in the order of their index.
    pub fn capture_names(&self, route: usize) -> Vec<&str> {
        let path = self.routes.get(route).and_then(|wanted| wanted.path.as_ref());
        path.map(PathPattern::captures).unwrap_or_default()
    }

    pub(super) fn candidate(&self, route: usize, wanted: &Wanted, ask: &Ask<'_>) -> Candidate {
        let matching = || wanted.hosts.iter().filter(|host| host.matches(ask.host));
        let missed = !wanted.hosts.is_empty() && matching().next().is_none();
        let host = if missed { closest(wanted.hosts.iter()) } else { closest(matching()) };
        let precedence = Precedence { host, ..wanted.precedence };
        let miss = if missed { Some(Miss::Host { wanted: wanted.hosts.to_vec() }) } else { self.miss(wanted, ask) };
        let nearness = Nearness::of(miss.as_ref(), wanted, ask);
        Candidate { route, precedence, miss, nearness }
    }

    /// The first thing beside the host that a request misses.
    fn miss(&self, wanted: &Wanted, ask: &Ask<'_>) -> Option<Miss> {
        match &wanted.path {
            Some(path) if match_path(path, ask.path).is_none() => Some(Miss::Path { wanted: path.clone() }),
            _ => self.predicates(wanted.predicates).iter().find_map(|predicate| predicate.miss(ask)),
        }
    }
}

fn closest<'h>(hosts: impl Iterator<Item = &'h HostPattern>) -> HostRank {
    hosts.map(|host| HostRank::of(Some(host))).max().unwrap_or(HostRank::Any)
}

// === impl Nearness ===

impl Nearness {
    fn of(miss: Option<&Miss>, wanted: &Wanted, ask: &Ask<'_>) -> Self {
        let Some(miss) = miss else { return Self { stage: u8::MAX, shared: 0 } };
        let stage = miss.stage() * 2;
        let path = wanted.path.as_ref().filter(|_| wanted.precedence.path != PathRank::Any);
        match miss {
            Miss::Host { wanted } => {
                let alike = wanted.iter().take(COMPARED).map(|host| alike(host, ask.host)).max().unwrap_or(0);
                match path {
                    // The right path at the wrong host: more likely what was meant than a wrong path at the right one.
                    Some(path) if match_path(path, ask.path).is_some() => {
                        Self { stage: Miss::Path { wanted: path.clone() }.stage() * 2 + 1, shared: alike }
                    }
                    path => Self { stage, shared: path.map_or(0, |path| common(path, ask.path)) << 8 | alike },
                }
            }
            Miss::Path { wanted } => Self { stage, shared: common(wanted, ask.path) },
            _ => Self { stage, shared: 0 },
        }
    }
}

/// The length of what a path and the literal beginning of a pattern have in common.
fn common(pattern: &PathPattern, path: &str) -> u32 {
    let literal: &str = match pattern {
        PathPattern::Exact(text) | PathPattern::Prefix(text) => text,
        PathPattern::Wildcard { pattern, .. } => pattern.split('*').next().unwrap_or_default(),
        PathPattern::Template(segments) => return common_segments(segments, path),
        PathPattern::Regex(_) => "",
    };
    prefix(literal.bytes(), path.bytes())
}

fn common_segments(segments: &[Segment], path: &str) -> u32 {
    let literals = segments.iter().map_while(|segment| match segment {
        Segment::Literal(text) => Some(text),
        Segment::Capture(_) | Segment::Typed(..) | Segment::Rest(_) => None,
    });
    prefix(literals.flat_map(|text| std::iter::once(b'/').chain(text.bytes())), path.bytes())
}

/// How much two hosts have in common at their beginning or their end.
fn alike(pattern: &HostPattern, host: &str) -> u32 {
    let (HostPattern::Exact(text) | HostPattern::Suffix(text)) = pattern;
    prefix(text.bytes(), host.bytes()).max(prefix(text.bytes().rev(), host.bytes().rev())).min(u8::MAX.into())
}

/// Counts as far as there is room beside [`alike`].
fn prefix(one: impl Iterator<Item = u8>, other: impl Iterator<Item = u8>) -> u32 {
    let equal = one.zip(other).take(usize::from(u16::MAX) - 1).take_while(|(one, other)| one == other);
    equal.map(|_| 1).sum()
}
