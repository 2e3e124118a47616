//! The routes that came nearest to a request that none takes, at a cost that is bounded.

use std::cmp::Reverse;

use model::{HostPattern, PathPattern, Segment};

use super::{Candidate, Table, Wanted};
use crate::Ask;

/// No more routes than this are asked, however many there are.
const ASKED: usize = 1024;

/// Of a host with more labels, only the last ones are looked for as wildcards.
const LABELS: usize = 8;

/// The routes of a table that has more than may be asked, by host and literal beginning of the path: what has most in
/// common with a request is beside the place where the request would be.
#[derive(Debug, Default)]
pub(super) struct Neighbours(Box<[Neighbour]>);

/// A route with one of its hosts, or with none.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    route: u32,
    /// Index of the host, or [`super::NONE`].
    host: u32,
}

// === impl Table ===

impl Table {
    /// The routes that came nearest to a request, the nearest first, at most `limit` of them.
    ///
    /// Asks some hundred routes at most: those with the host of the request, one of its wildcards or none, and of these
    /// those that share the most of its path. Of a small table, all. So a flood of requests that no route takes costs
    /// what it costs, whatever the number of routes; how many of them are looked at is for the caller to bound.
    pub fn nearest(&self, ask: &Ask<'_>, limit: usize) -> Vec<Candidate> {
        let candidate = |index: usize| Some(self.candidate(index, self.routes.get(index)?, ask));
        let mut candidates: Vec<_> = if self.routes.len() <= ASKED {
            (0..self.routes.len()).filter_map(candidate).collect()
        } else {
            self.neighbours
                .around(&self.routes, ask)
                .into_iter()
                .filter_map(|route| candidate(route as usize))
                .collect()
        };
        candidates.sort_by_key(|candidate| Reverse((candidate.nearness, candidate.precedence)));
        candidates.truncate(limit);
        candidates
    }
}

// === impl Neighbours ===

impl Neighbours {
    pub(super) fn of(routes: &[Wanted]) -> Self {
        if routes.len() <= ASKED {
            return Self::default();
        }
        let mut neighbours = Vec::with_capacity(routes.len());
        for (route, wanted) in (0..).zip(routes) {
            if wanted.hosts.is_empty() {
                neighbours.push(Neighbour { route, host: super::NONE });
            }
            neighbours.extend((0..).zip(&wanted.hosts).map(|(host, _)| Neighbour { route, host }));
        }
        neighbours.sort_by_cached_key(|neighbour| {
            let wanted = &routes[neighbour.route as usize];
            // No host and no path holds a byte 0, so that hosts with a common beginning stay apart.
            [neighbour.host(wanted).as_bytes(), b"\0", &literal(wanted.path.as_ref())].concat()
        });
        Self(neighbours.into())
    }

    /// The routes beside the places where a request would be, each once.
    fn around(&self, routes: &[Wanted], ask: &Ask<'_>) -> Vec<u32> {
        let labels = ask.host.match_indices('.').map(|(dot, _)| &ask.host[dot + 1..]);
        let mut hosts: Vec<&str> = labels.collect();
        hosts.drain(..hosts.len().saturating_sub(LABELS));
        hosts.extend([ask.host, ""]);
        let room = ASKED / hosts.len() / 2;
        let mut found = Vec::with_capacity(ASKED);
        for host in hosts {
            let place = self.0.partition_point(|neighbour| {
                let wanted = &routes[neighbour.route as usize];
                (neighbour.host(wanted), &*literal(wanted.path.as_ref())) < (host, ask.path.as_bytes())
            });
            let around = &self.0[place.saturating_sub(room)..self.0.len().min(place + room)];
            found.extend(around.iter().map(|neighbour| neighbour.route));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

// === impl Neighbour ===

impl Neighbour {
    fn host(self, wanted: &Wanted) -> &str {
        match wanted.hosts.get(self.host as usize) {
            Some(HostPattern::Exact(text) | HostPattern::Suffix(text)) => text,
            None => "",
        }
    }
}

/// What every path that a pattern matches begins with, as far as it is known at a glance.
fn literal(path: Option<&PathPattern>) -> Vec<u8> {
    match path {
        None | Some(PathPattern::Regex(_)) => Vec::new(),
        Some(PathPattern::Exact(text) | PathPattern::Prefix(text)) => text.as_bytes().to_vec(),
        Some(PathPattern::Wildcard { pattern, .. }) => pattern.bytes().take_while(|byte| *byte != b'*').collect(),
        Some(PathPattern::Template(segments)) => {
            let mut literal = Vec::new();
            for segment in segments {
                literal.push(b'/');
                let Segment::Literal(text) = segment else { break };
                literal.extend_from_slice(text.as_bytes());
            }
            literal
        }
    }
}
