//! What is found of random routes, held to the naive matcher.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{
    Request, naive,
    random::{Flavour, Random},
};
use model::{PathPattern, Route, Segment};
use route::{Finding, Kind, Precedence, Table, analyse};

/// How many sets of routes are looked at. `SLUICE_ROUTE_SETS` raises it.
const SETS: u64 = 150;

/// Segments and labels that are tried; `z` stands for those that no route names.
const WORDS: [&str; 3] = ["a", "b", "z"];

fn sets() -> u64 {
    std::env::var("SLUICE_ROUTE_SETS").map_or(SETS, |number| number.parse().unwrap())
}

/// No request takes a route that is called unreachable.
#[test]
fn what_is_called_unreachable_is() {
    let (mut found, mut matched) = (0, 0);
    for seed in 0..sets() {
        let mut random = Random(seed);
        let flavour = random.flavour();
        let number = random.pick(&[3, 8, 20, 60]);
        let routes = random.routes(number, flavour);
        let lost = unreachable(&routes);
        found += lost.len();
        for _ in 0..300 {
            let request = random.request(flavour);
            if message::canonical::path(&request.path).is_ok_and(|path| path == request.path) {
                let taken = naive::find(&routes, &request).map(|(route, _)| route);
                assert!(
                    !lost.iter().any(|lost| Some(lost.route) == taken),
                    "seed {seed}: {request:#?} takes {taken:?}"
                );
                matched += lost
                    .iter()
                    .filter(|lost| naive::find(&routes[lost.route..=lost.route], &request).is_some())
                    .count();
            }
        }
    }
    assert!(found as u64 > sets(), "too few are found: {found}");
    assert!(matched > found * 5, "too few requests would match them: {matched} of {found}");
}

/// Every example is a request that both match, and that the winner takes.
#[test]
fn examples_show_what_is_said() {
    let mut found = std::collections::BTreeMap::new();
    for seed in 0..sets() {
        let mut random = Random(seed);
        let flavour = random.flavour();
        let number = random.pick(&[3, 8, 20]);
        let routes = random.routes(number, flavour);
        for finding in analyse(&routes, &Table::build(&routes).unwrap()).findings {
            let Finding { kind, route, winners, decided_by, example, .. } = &finding;
            *found.entry(*kind).or_insert(0) += 1;
            let Some(example) = example else {
                assert_eq!(*kind, Kind::Unreachable);
                continue;
            };
            let claim = |route: usize| Precedence::claim(&routes[route], route, &example.ask(&|| example.now()));
            let (wins, loses) =
                (claim(winners[0]).expect("the winner matches"), claim(*route).expect("the loser matches"));
            assert!(wins > loses, "{example} of {finding:#?}");
            assert_eq!(wins.decided_by(&loses), *decided_by);
            for route in [*route, winners[0]] {
                assert!(naive::find(&routes[route..=route], &example.into()).is_some(), "{example} of {finding:#?}");
            }
            if *kind != Kind::Unreachable {
                let taken = naive::find(&routes, &example.into()).map(|(route, _)| route);
                assert_eq!(taken, Some(winners[0]), "{example} of {finding:#?}");
            }
        }
    }
    for kind in [Kind::Unreachable, Kind::Tie, Kind::Priority, Kind::Host, Kind::Pattern, Kind::Fields] {
        assert!(found.get(&kind).is_some_and(|number| *number > 0), "too few of {kind:?}: {found:?}");
    }
}

/// If one route takes every request of another one, it is found: all hosts and paths are tried that could make a
/// difference to routes without further criteria.
#[test]
fn what_one_route_takes_from_another_is_found() {
    let hosts = words(4).map(|words| words.join(".") + ".t").chain(["t", "example.com", "a"].map(str::to_owned));
    let hosts: Vec<_> = hosts.collect();
    let paths = words(5).map(|words| format!("/{}", words.join("/"))).flat_map(|path| [path.clone() + "/", path]);
    let paths: Vec<_> = paths.chain(["/", "*"].map(str::to_owned)).collect();
    let (mut tried, mut found) = (0, 0);
    for seed in 0..sets() {
        let mut random = Random(seed);
        let flavour = Flavour {
            priorities: random.one_in(2),
            predicates: false,
            patterns: seed % 4 == 0,
            crowd: false,
            words: 2,
        };
        let routes = random.routes(4, flavour);
        if !routes.iter().all(is_tried) {
            continue;
        }
        tried += 1;
        let reach: Vec<_> =
            routes.iter().enumerate().map(|(index, route)| Reach::of(route, index, &hosts, &paths)).collect();
        let lost = unreachable(&routes);
        for (index, inner) in reach.iter().enumerate() {
            let is_lost = reach.iter().any(|outer| outer.takes_all_of(inner));
            let is_found = lost.iter().any(|finding| finding.route == index && finding.winners.len() == 1);
            // The paths that are tried are all that matter to segments, but not to wildcards and regexes.
            let agrees = is_found == is_lost || flavour.patterns && is_lost;
            assert!(agrees, "seed {seed}, found: {is_found}: {:#?} of {routes:#?}", routes[index].matching);
            found += u64::from(is_found);
        }
    }
    assert!(tried * 10 > sets() && found * 10 > tried, "too few are found: {found} in {tried}");
}

/// Whether the paths that are tried are those that matter to the segments of a route: types want other words.
fn is_tried(route: &Route) -> bool {
    let is_word = |text: &str| text.is_empty() || WORDS.contains(&text);
    match &route.matching.path {
        Some(PathPattern::Template(segments)) => segments.iter().all(|segment| match segment {
            Segment::Literal(text) => is_word(text),
            Segment::Typed(..) => false,
            Segment::Capture(_) | Segment::Rest(_) => true,
        }),
        Some(PathPattern::Exact(path) | PathPattern::Prefix(path)) => path.split('/').all(is_word),
        Some(PathPattern::Wildcard { .. } | PathPattern::Regex(_)) | None => true,
    }
}

/// Which of some hosts and paths a route matches.
struct Reach {
    hosts: Vec<Option<Precedence>>,
    paths: Vec<bool>,
}

// === impl Reach ===

impl Reach {
    fn of(route: &Route, index: usize, hosts: &[String], paths: &[String]) -> Self {
        let request =
            |host: &str, path: &str| Request { path: path.to_owned(), ..common::request(&format!("GET {host}/")) };
        let matching = |hosts, path| model::Match { hosts, path, ..model::Match::default() };
        let by_host = Route { matching: matching(route.matching.hosts.clone(), None), ..route.clone() };
        let by_path = Route { matching: matching(Vec::new(), route.matching.path.clone()), ..route.clone() };
        let has_host = |host: &String| {
            let request = request(host, "/");
            naive::find(std::slice::from_ref(&by_host), &request)?;
            Precedence::claim(&by_host, index, &request.ask())
        };
        let has_path = |path: &String| naive::find(std::slice::from_ref(&by_path), &request("h", path)).is_some();
        let closest = Precedence::of(route, None, index);
        let claims =
            hosts.iter().map(has_host).map(|claim| claim.map(|claim| Precedence { host: claim.host, ..closest }));
        Self { hosts: claims.collect(), paths: paths.iter().map(has_path).collect() }
    }

    fn takes_all_of(&self, other: &Self) -> bool {
        let mut hosts = self.hosts.iter().zip(&other.hosts).filter(|(_, other)| other.is_some()).peekable();
        let mut paths = self.paths.iter().zip(&other.paths).filter(|(_, other)| **other).peekable();
        hosts.peek().is_some()
            && paths.peek().is_some()
            && hosts.all(|(one, other)| one > other)
            && paths.all(|(one, _)| *one)
    }
}

/// Up to so many words, in every order.
fn words(most: u32) -> impl Iterator<Item = Vec<&'static str>> {
    (1..=most).flat_map(|length| {
        (0..3_usize.pow(length)).map(move |number| (0..length).map(|at| WORDS[number / 3_usize.pow(at) % 3]).collect())
    })
}

fn unreachable(routes: &[Route]) -> Vec<Finding> {
    let conflicts = analyse(routes, &Table::build(routes).unwrap());
    assert!(!conflicts.cut_off);
    conflicts.findings.into_iter().filter(|finding| finding.kind == Kind::Unreachable).collect()
}
