//! From what was seen to what is said: what is proved, and what an example shows.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use http::Method;
use model::Route;

use super::{
    Conflicts, Finding, Kind,
    pairs::{Candidate, Cover, Met},
};
use crate::{Criterion, Example, Precedence, Table, examples};

/// So many requests are tried for two routes, until one goes where it should.
const TRIES: usize = 6;

/// For so many pairs.
const PAIRS: usize = 2_000;

/// So many of the routes that are unreachable get an example. That they are needs none.
const SHOWN: usize = 100;

struct Judge<'r> {
    routes: &'r [&'r Route],
    table: &'r Table,
    met: &'r Met,
    /// What is left of [`PAIRS`] and [`SHOWN`].
    pairs: usize,
    unreachable: usize,
}

pub(super) fn settle(routes: &[&Route], table: &Table, met: &Met) -> Conflicts {
    let mut judge = Judge { routes, table, met, pairs: PAIRS, unreachable: SHOWN };
    let mut findings = judge.unreachable();
    let lost: HashSet<_> = findings.iter().map(|finding| finding.route).collect();
    let mut odd: BTreeMap<(Kind, usize), Vec<usize>> = BTreeMap::new();
    for Candidate { kind, loser, winner } in &met.candidates {
        if !lost.contains(loser) && !lost.contains(winner) {
            odd.entry((*kind, *loser)).or_default().push(*winner);
        }
    }
    for ((kind, loser), winners) in odd {
        findings.extend(judge.shown(kind, loser, winners));
    }
    let cut_off = met.cut_off || judge.pairs == 0;
    Conflicts { findings, cut_off }
}

// === impl Judge ===

impl Judge<'_> {
    fn unreachable(&mut self) -> Vec<Finding> {
        let mut covered: Vec<_> = self.met.covers.iter().collect();
        covered.sort_unstable_by_key(|(loser, _)| **loser);
        covered.into_iter().filter_map(|(loser, covers)| self.lost(*loser, covers)).collect()
    }

    /// A route that is lost: for each of its hosts and methods there is one that takes it.
    fn lost(&mut self, loser: usize, covers: &[Cover]) -> Option<Finding> {
        let methods = &self.routes[loser].matching.methods;
        let has = |cover: &Cover, method: Option<&Method>| {
            let has = &self.routes[cover.winner].matching.methods;
            has.is_empty() || method.is_some_and(|method| has.contains(method))
        };
        let methods: Vec<_> = if methods.is_empty() { vec![None] } else { methods.iter().map(Some).collect() };
        let mut covers = covers.to_vec();
        covers.sort_unstable_by_key(|cover| (cover.group, Reverse(self.met.ranks[cover.winner])));
        let mut by_part: Vec<HashSet<usize>> = Vec::new();
        let mut winners = Vec::new();
        for group in &self.met.groups[loser] {
            let start = covers.partition_point(|cover| cover.group < *group);
            let of_group = || covers[start..].iter().take_while(|cover| cover.group == *group);
            for method in &methods {
                let part: Vec<_> = of_group().filter(|cover| has(cover, *method)).map(|cover| cover.winner).collect();
                winners.push(*part.first()?);
                by_part.push(part.into_iter().collect());
            }
        }
        // One that takes it all, if there is one.
        let alone = by_part[0].iter().filter(|winner| by_part.iter().all(|part| part.contains(winner)));
        match alone.max_by_key(|winner| self.met.ranks[**winner]) {
            Some(winner) => winners = vec![*winner],
            None => {
                let mut known = HashSet::new();
                winners.retain(|winner| known.insert(*winner));
            }
        }
        let winner = winners[0];
        let example = if self.unreachable > 0 { self.example(winner, loser, Kind::Unreachable) } else { None };
        self.unreachable = self.unreachable.saturating_sub(1);
        let by = self.met.ranks[winner].decided_by(&self.met.ranks[loser]);
        let (example, decided_by) = example.map_or((None, by), |(example, by)| (Some(example), by));
        Some(Finding { kind: Kind::Unreachable, route: loser, winners, others: 0, decided_by, example })
    }

    /// A route that loses to some of `winners`, as examples show.
    fn shown(&mut self, kind: Kind, loser: usize, mut winners: Vec<usize>) -> Option<Finding> {
        winners.sort_unstable_by_key(|winner| Reverse(self.met.ranks[*winner]));
        let mut finding: Option<Finding> = None;
        for winner in winners {
            if self.pairs == 0 {
                break;
            }
            self.pairs -= 1;
            match (self.example(winner, loser, kind), &mut finding) {
                (None, _) => {}
                (Some(_), Some(finding)) => finding.others += 1,
                (Some((example, decided_by)), None) => {
                    let (winners, example) = (vec![winner], Some(example));
                    finding = Some(Finding { kind, route: loser, winners, others: 0, decided_by, example });
                }
            }
        }
        finding
    }

    /// A request that both match and that goes to `winner` for a reason that fits, with that reason.
    fn example(&self, winner: usize, loser: usize, kind: Kind) -> Option<(Example, Criterion)> {
        let both = [self.routes[loser], self.routes[winner]];
        let claim = |route: usize, example: &Example| {
            let now = || example.now();
            Precedence::claim(self.routes[route], route, &example.ask(&now))
        };
        let decided = |example: Example| {
            let (wins, loses) = (claim(winner, &example)?, claim(loser, &example)?);
            (wins > loses).then(|| (example, wins.decided_by(&loses)))
        };
        let mut fitting = examples(&both).take(TRIES).filter_map(decided).filter(|(_, by)| kind.is_by(*by)).peekable();
        // What is unreachable because of one may be so because of a third one as well, in all that is tried.
        let second = if kind == Kind::Unreachable { fitting.peek().cloned() } else { None };
        fitting.find(|(example, _)| self.takes(example) == Some(winner)).or(second)
    }

    /// The route that really takes a request, be it a third one.
    fn takes(&self, example: &Example) -> Option<usize> {
        let now = || example.now();
        self.table.find(&example.ask(&now)).map(|found| found.route)
    }
}

// === impl Kind ===

impl Kind {
    /// Whether this is odd about a route that loses by a criterion.
    fn is_by(self, by: Criterion) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Tie => by == Criterion::Position,
            Self::Priority => by == Criterion::Priority,
            Self::Host => by == Criterion::Host,
            Self::Pattern => by == Criterion::Path,
            Self::Fields => matches!(by, Criterion::Path | Criterion::Method),
        }
    }
}
