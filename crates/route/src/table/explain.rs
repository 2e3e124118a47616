//! The same answer at length: every route in order of precedence, and why it lost.

use model::HostPattern;

use super::{Table, Wanted};
use crate::{Ask, HostRank, Miss, Precedence, capture::match_path};

/// A route that a request might have taken.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Index in the routes that the table was built from.
    pub route: usize,
    /// With the closest host that matched; if none did, with the closest that the route has.
    pub precedence: Precedence,
    /// `None`: the route matches. The first such candidate is the one that [`Table::find`] finds.
    pub miss: Option<Miss>,
}

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

    fn candidate(&self, route: usize, wanted: &Wanted, ask: &Ask<'_>) -> Candidate {
        let matching = || wanted.hosts.iter().filter(|host| host.matches(ask.host));
        let missed = !wanted.hosts.is_empty() && matching().next().is_none();
        let host = if missed { closest(wanted.hosts.iter()) } else { closest(matching()) };
        let precedence = Precedence { host, ..wanted.precedence };
        let miss = if missed { Some(Miss::Host { wanted: wanted.hosts.to_vec() }) } else { self.miss(wanted, ask) };
        Candidate { route, precedence, miss }
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
