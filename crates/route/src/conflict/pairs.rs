//! Every two routes that may meet, looked at once for each group of hosts in which they do.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use model::{PathPattern, Route};

use super::{
    Kind,
    covers::{self, Paths},
    groups::{self, Group, Meeting},
    tree::{Steps, Trees},
};
use crate::{Criterion, Precedence, shape::Shape};

/// What was seen of all pairs.
#[derive(Debug)]
pub(super) struct Met {
    /// By route: the groups that it is in.
    pub(super) groups: Vec<Vec<u32>>,
    /// By route: what others take of it.
    pub(super) covers: HashMap<usize, Vec<Cover>, FixedState>,
    pub(super) candidates: HashSet<Candidate, FixedState>,
    /// By route, as if every host were the same.
    pub(super) ranks: Vec<Precedence>,
    pub(super) cut_off: bool,
}

/// For the hosts of a group, `winner` takes all that another route matches, as far as it has the methods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cover {
    pub(super) group: u32,
    pub(super) winner: usize,
}

/// Something odd about two routes, if there is a request that both match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Candidate {
    pub(super) kind: Kind,
    pub(super) loser: usize,
    pub(super) winner: usize,
}

/// So many steps may be taken in trees: pairs looked at, and nodes gone through.
const STEPS: usize = 10_000_000;

/// So many pairs may be candidates.
const CANDIDATES: usize = 100_000;

/// More hosts than this, multiplied, are not compared with one another.
const HOSTS: usize = 10_000;

struct Look<'r> {
    routes: &'r [&'r Route],
    shapes: Vec<Shape<'r>>,
    paths: Paths<'r>,
    /// What was proved, of pairs that meet in several groups.
    proved: HashMap<(usize, usize), bool, FixedState>,
    met: Met,
}

/// Looks at all routes.
pub(super) fn meet(routes: &[&Route]) -> Met {
    let all = groups::of(routes);
    let mut look = Look::new(routes, &all);
    let mut trees = Trees::default();
    let roots: Vec<_> =
        all.iter().map(|group| trees.plant(routes, &look.shapes, group.routes.iter().copied())).collect();
    let mut steps = Steps(STEPS);
    for (index, group) in all.iter().enumerate() {
        for &route in &group.routes {
            let (shape, route) = (look.shapes[route as usize].clone(), route as usize);
            trees.visit(roots[index], routes[route], &shape, &mut steps, &mut |other| {
                look.in_group(index, route, other as usize);
            });
        }
    }
    let highest: Vec<_> = all.iter().map(|group| look.priorities(group).max()).collect();
    for Meeting { closer, wider } in groups::meetings(&all) {
        let below = |route: &&u32| Some(routes[**route as usize].priority) < highest[wider];
        for &route in all[closer].routes.iter().filter(below) {
            let (shape, route) = (look.shapes[route as usize].clone(), route as usize);
            trees.visit(roots[wider], routes[route], &shape, &mut steps, &mut |other| {
                look.by_priority(&all[closer], closer, route, other as usize);
            });
        }
        // Between a host and none, nobody expects the path to decide.
        for &route in all[wider].routes.iter().filter(|_| wider != 0) {
            let (shape, route) = (look.shapes[route as usize].clone(), route as usize);
            trees.visit(roots[closer], routes[route], &shape, &mut steps, &mut |other| {
                look.by_host(route, other as usize);
            });
        }
    }
    look.met.cut_off |= !steps.take();
    look.met
}

// === impl Look ===

impl<'r> Look<'r> {
    fn new(routes: &'r [&'r Route], all: &[Group<'r>]) -> Self {
        let shape = |route: &'r Route| route.matching.path.as_ref().map_or_else(Shape::all, Shape::around);
        let mut groups = vec![Vec::new(); routes.len()];
        for (number, group) in (0..).zip(all) {
            group.routes.iter().for_each(|route| groups[*route as usize].push(number));
        }
        let ranks = routes.iter().enumerate().map(|(position, route)| Precedence::of(route, None, position)).collect();
        let met = Met { groups, covers: HashMap::default(), candidates: HashSet::default(), ranks, cut_off: false };
        Self {
            routes,
            shapes: routes.iter().map(|route| shape(route)).collect(),
            paths: Paths::new(routes),
            proved: HashMap::default(),
            met,
        }
    }

    fn priorities(&self, group: &Group<'_>) -> impl Iterator<Item = i32> {
        group.routes.iter().map(|route| self.routes[*route as usize].priority)
    }

    /// Two routes with a host in common. `other` has no more segments than `route`.
    fn in_group(&mut self, group: usize, route: usize, other: usize) {
        // With as many segments, each is visited for the other.
        let as_many = self.shapes[route].parts.len() == self.shapes[other].parts.len();
        if route == other || as_many && other > route {
            return;
        }
        let ranks = &self.met.ranks;
        let (winner, loser) = if ranks[route] > ranks[other] { (route, other) } else { (other, route) };
        let by = ranks[winner].decided_by(&ranks[loser]);
        if !self.is_of_interest(by, loser) || covers::are_apart(self.routes[winner], self.routes[loser]) {
            return;
        }
        if self.covers(winner, loser) {
            self.met.covers.entry(loser).or_default().push(Cover { group: group as u32, winner });
        }
        if let Some(kind) = self.odd(by, winner, loser) {
            self.keep(Candidate { kind, loser, winner });
        }
    }

    /// A route, and one for hosts that stand for those of its group.
    fn by_priority(&mut self, group: &Group<'_>, number: usize, loser: usize, winner: usize) {
        let (wanted, wider) = (self.routes[loser], self.routes[winner]);
        if winner == loser || wider.priority <= wanted.priority || covers::are_apart(wider, wanted) {
            return;
        }
        let hosts = &wider.matching.hosts;
        let few = hosts.len() * group.hosts.len() <= HOSTS;
        let has_hosts = hosts.is_empty() || few && group.hosts.iter().all(|host| groups::covers(hosts, host));
        if has_hosts && self.covers(winner, loser) {
            self.met.covers.entry(loser).or_default().push(Cover { group: number as u32, winner });
        }
        if self.is_lifted(winner, loser) {
            self.keep(Candidate { kind: Kind::Priority, loser, winner });
        }
    }

    /// A route for a wildcard, and one for a host that the wildcard stands for.
    fn by_host(&mut self, loser: usize, winner: usize) {
        let (wider, closer) = (self.routes[loser], self.routes[winner]);
        let is_odd = winner != loser
            && wider.priority == closer.priority
            && !covers::asks_for_more(closer, wider)
            && !covers::are_apart(closer, wider)
            && self.paths.nearly_within(loser, winner)
            && !self.paths.nearly_within(winner, loser);
        if is_odd {
            self.keep(Candidate { kind: Kind::Host, loser, winner });
        }
    }

    /// Whether anything could be odd about a route that loses by this criterion: a quick look, since most pairs are a
    /// route and a catch-all.
    fn is_of_interest(&self, by: Criterion, loser: usize) -> bool {
        let loser = self.routes[loser];
        match by {
            Criterion::Priority | Criterion::Host | Criterion::Position => true,
            Criterion::Path => is_pattern(loser) || covers::asks_for_fields(loser),
            _ => covers::asks_for_fields(loser),
        }
    }

    fn odd(&mut self, by: Criterion, winner: usize, loser: usize) -> Option<Kind> {
        let (wins, loses) = (self.routes[winner], self.routes[loser]);
        match by {
            Criterion::Position => Some(Kind::Tie),
            Criterion::Priority => self.is_lifted(winner, loser).then_some(Kind::Priority),
            Criterion::Path | Criterion::Method if !covers::asks_for_more(wins, loses) => {
                if by == Criterion::Path && is_pattern(loses) && self.paths.nearly_within(loser, winner) {
                    return Some(Kind::Pattern);
                }
                let asks_for_more = covers::asks_for_more(loses, wins);
                let is_odd = asks_for_more && (by == Criterion::Method || self.paths.nearly_within(winner, loser));
                is_odd.then_some(Kind::Fields)
            }
            _ => None,
        }
    }

    /// Whether nothing but its priority speaks for `winner`.
    fn is_lifted(&mut self, winner: usize, loser: usize) -> bool {
        let (wins, loses) = (self.routes[winner], self.routes[loser]);
        let level = |route: usize| Precedence { priority: 0, ..self.met.ranks[route] };
        let names_closer = match (wins.matching.hosts.is_empty(), loses.matching.hosts.is_empty()) {
            (true, false) => true,
            _ => level(loser) > level(winner) && level(loser).decided_by(&level(winner)) == Criterion::Path,
        };
        names_closer
            && (wins.listeners.is_empty() || !loses.listeners.is_empty())
            && (wins.matching.methods.is_empty() || !loses.matching.methods.is_empty())
            && !covers::asks_for_more(wins, loses)
            && self.paths.nearly_within(loser, winner)
    }

    /// Whether `winner` takes all that `loser` matches, hosts and methods left aside.
    fn covers(&mut self, winner: usize, loser: usize) -> bool {
        let (outer, inner) = (self.routes[winner], self.routes[loser]);
        if !outer.matching.methods.is_empty() && inner.matching.methods.is_empty() {
            return false;
        }
        let mut prove = || covers::covers(outer, inner) && self.paths.within(loser, winner);
        match self.met.groups[loser].len() {
            1 => prove(),
            _ => *self.proved.entry((winner, loser)).or_insert_with(prove),
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        if self.met.candidates.len() < CANDIDATES {
            self.met.candidates.insert(candidate);
        } else {
            self.met.cut_off = true;
        }
    }
}

fn is_pattern(route: &Route) -> bool {
    matches!(route.matching.path, Some(PathPattern::Wildcard { .. } | PathPattern::Regex(_)))
}
