//! The table against the naive matcher, on routes and requests at random (fault 24).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{
    Request, naive,
    random::{Flavour, Random},
};
use model::Route;
use route::Table;

/// How many pairs of a set of routes and a request are compared. `SLUICE_ROUTE_PAIRS` raises it.
const PAIRS: usize = 20_000;

#[test]
fn finds_what_the_naive_matcher_finds() {
    let pairs = std::env::var("SLUICE_ROUTE_PAIRS").map_or(PAIRS, |number| number.parse().unwrap());
    let (mut seed, mut compared, mut hits) = (0, 0, 0);
    while compared < pairs {
        seed += 1;
        let mut random = Random(seed);
        let flavour = random.flavour();
        // Few routes most of the time: then a single one decides, and a set is quickly asked everything.
        let (most, requests) = random.pick(&[(4, 20), (12, 50), (12, 50), (40, 50), (40, 50), (300, 100)]);
        let number = 1 + random.below(most) as usize;
        hits += compare(&mut random, number, requests, flavour);
        compared += requests;
    }
    assert!(hits * 3 > compared, "too few requests match anything: {hits} of {compared}");
}

/// Sizes at which a structure may change: around a hundred, and thousands.
#[test]
fn finds_what_the_naive_matcher_finds_at_any_size() {
    for (size, requests) in
        [(1, 50), (2, 50), (8, 50), (9, 50), (99, 50), (100, 50), (101, 50), (1_000, 40), (10_000, 10)]
    {
        for words in [3, 40, 2_000] {
            let mut random = Random(size as u64 * words);
            let flavour =
                Flavour { priorities: size % 2 == 1, predicates: true, patterns: size < 5_000, crowd: false, words };
            compare(&mut random, size, requests, flavour);
        }
    }
}

/// Many routes in one place, which only their fields tell apart.
#[test]
fn finds_what_the_naive_matcher_finds_in_a_crowd() {
    for size in [16, 17, 40, 400, 4_000] {
        for predicates in [false, true] {
            let flavour = Flavour { priorities: false, predicates, patterns: false, crowd: true, words: 2 };
            let hits = compare(&mut Random(size as u64), size, 200, flavour);
            assert!(hits > 4, "too few requests match anything: {hits}");
        }
    }
}

/// One route with so many hosts, each asked for.
#[test]
fn host_lists_of_any_length() {
    for length in [1, 99, 100, 101, 10_000] {
        let exact: Vec<_> = (0..length).map(|number| format!("h{number}.example.org")).collect();
        let wildcards: Vec<_> = (0..length).map(|number| format!("*.w{number}.example.org")).collect();
        let line = format!("host:{},{} prefix:/", exact.join(","), wildcards.join(","));
        let routes = [common::route("long", &line), common::route("any", "priority:-1")];
        let table = Table::build(&routes).unwrap();
        let ask = |host: &str| table.find(&common::request(&format!("GET {host}/")).ask()).unwrap().route;
        for number in (0..length).step_by(1 + length / 500).chain([length - 1]) {
            assert_eq!(ask(&format!("h{number}.example.org")), 0, "{number} of {length}");
            assert_eq!(ask(&format!("a.b.w{number}.example.org")), 0, "{number} of {length}");
            assert_eq!(ask(&format!("w{number}.example.org")), 1, "{number} of {length}");
            assert_eq!(ask(&format!("a.h{number}.example.org")), 1, "{number} of {length}");
        }
    }
}

/// Returns how many requests matched anything.
fn compare(random: &mut Random, number: usize, requests: usize, flavour: Flavour) -> usize {
    let seed = random.0;
    let routes = random.routes(number, flavour);
    let table = Table::build(&routes).unwrap();
    let mut hits = 0;
    for _ in 0..requests {
        let request = random.request(flavour);
        let (found, wanted) = (by_table(&table, &request), naive::find(&routes, &request));
        if found != wanted {
            let routes = shrink(routes, &request);
            let (found, wanted) = (by_table(&Table::build(&routes).unwrap(), &request), naive::find(&routes, &request));
            panic!("seed {seed}: found {found:?}, wanted {wanted:?}\n{request:#?}\n{:#?}", shown(&routes));
        }
        if number <= 12 {
            let explained = table.candidates(&request.ask()).into_iter().find(|candidate| candidate.miss.is_none());
            assert_eq!(explained.map(|one| one.route), found.as_ref().map(|one| one.0), "seed {seed}: {request:#?}");
        }
        hits += usize::from(found.is_some());
    }
    hits
}

fn by_table(table: &Table, request: &Request) -> Option<(usize, Vec<String>)> {
    let found = table.find(&request.ask())?;
    let captures = (0..found.captures.len()).map(|index| found.captures.get(index, &request.path).to_owned());
    Some((found.route, captures.collect()))
}

/// The fewest routes on which the two still differ.
fn shrink(mut routes: Vec<Route>, request: &Request) -> Vec<Route> {
    let mut index = 0;
    while index < routes.len() {
        let mut fewer = routes.clone();
        fewer.remove(index);
        if by_table(&Table::build(&fewer).unwrap(), request) == naive::find(&fewer, request) {
            index += 1;
        } else {
            routes = fewer;
        }
    }
    routes
}

fn shown(routes: &[Route]) -> Vec<(i32, &Vec<model::ListenerId>, &model::Match)> {
    routes.iter().map(|route| (route.priority, &route.listeners, &route.matching)).collect()
}
