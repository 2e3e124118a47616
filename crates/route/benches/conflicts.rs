//! What it costs to look for conflicts among 1,000 and 50,000 routes.
//!
//! Beside routes as they are written, sets that are made to meet: all for one path, all below one capture, and a few
//! wildcards and regexes that every route has to be held against.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up fails")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::route;
use divan::Bencher;
use model::Route;
use route::{Example, Table, analyse};

const SIZES: [usize; 2] = [1_000, 50_000];

fn main() {
    divan::main();
}

/// Half of the routes on hosts of their own, the other half on any host.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn mixed(bencher: Bencher, size: usize) {
    look(bencher, size, |index| match index % 10 {
        0 => format!("host:h{}.example.org", index / 20),
        1 => format!("host:h{}.example.org prefix:/api/v1/service{index}", index / 20),
        2 => format!("host:h{}.example.org template:/api/v1/users/{{id}}/orders/{{order{index}}}/{index}", index / 20),
        3 => format!("host:h{}.example.org exact:/healthz{index} method:GET", index / 20),
        4 => format!("host:*.h{}.example.org prefix:/static method:GET header:x-version=2", index / 20),
        5 | 6 => format!("prefix:/svc{index}/v1 method:GET,POST"),
        7 => format!("template:/svc{index}/v1/items/{{id}}"),
        8 => format!("template:/svc{index}/{{version}}/items/{{id}}/parts/{{rest...}}"),
        _ => format!("exact:/svc{index}/status query:full=1"),
    });
}

/// All for one path, told apart by a header.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn crowd(bencher: Bencher, size: usize) {
    look(bencher, size, |index| format!("prefix:/api method:GET header:x-tenant=tenant{index}"));
}

/// All behind a capture.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn behind_a_capture(bencher: Bencher, size: usize) {
    look(bencher, size, |index| format!("template:/orgs/{{org}}/thing{index}/{{id}}"));
}

/// Twenty patterns without a beginning, and routes that none of them has to do with.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn patterns(bencher: Bencher, size: usize) {
    look(bencher, size, |index| match index {
        0..10 => format!("wildcard:/**/thing{index}.png"),
        10..20 => format!("regex:/other{index}$"),
        _ => format!("prefix:/svc{index}"),
    });
}

/// Every route meets every other one, and hardly anything tells which of them wins.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn hostile(bencher: Bencher, size: usize) {
    look(bencher, size, |index| format!("template:/{{a}}/{{b}} header:x{index}"));
}

#[divan::bench]
fn example(bencher: Bencher) {
    let route = route("it", "host:a.org template:/users/{id} method:GET header:x=1");
    bencher.bench(|| Example::of(&route));
}

#[divan::bench]
fn example_of_a_regex(bencher: Bencher) {
    let route = route("it", "regex:^/v[0-9]+/(?:users|groups)/[a-z]{2,}$");
    bencher.bench(|| Example::of(&route));
}

fn routes(size: usize, line: impl Fn(usize) -> String) -> Vec<Route> {
    (0..size).map(|index| route(&format!("r{index}"), &line(index))).collect()
}

fn look(bencher: Bencher, size: usize, line: fn(usize) -> String) {
    let routes = routes(size, line);
    let table = Table::build(&routes).unwrap_or_default();
    let conflicts = analyse(&routes, &table);
    println!("{size}: {} findings, cut off: {}", conflicts.findings.len(), conflicts.cut_off);
    bencher.bench_local(|| analyse(&routes, &table));
}
