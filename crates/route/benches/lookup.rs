//! What a lookup costs among 50, 1,000 and 50,000 routes, and what it costs to build a table.
//!
//! Requests go round over the whole table, so that nothing stays warm that would be cold with so many routes in use.
//! Before the means that divan takes, the percentiles of single lookups are printed, the clock's own time included.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up fails")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{cell::Cell, hint::black_box, time::Instant};

use common::{Request, request, route};
use divan::{AllocProfiler, Bencher};
use model::Route;
use route::Table;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const SIZES: [usize; 3] = [50, 1_000, 50_000];

/// Single lookups for the percentiles.
const LOOKUPS: usize = 200_000;

type Line = fn(usize) -> String;

const KINDS: [(&str, Line); 4] = [("hit", hit), ("template", template), ("miss", miss), ("one_host", one_host)];

fn main() {
    if std::env::args().any(|argument| argument == "--bench") {
        KINDS.iter().for_each(|(name, line)| percentiles(name, *line));
    }
    divan::main();
}

#[divan::bench(args = SIZES)]
fn lookup_hit(bencher: Bencher, size: usize) {
    lookup(bencher, size, hit);
}

#[divan::bench(args = SIZES)]
fn lookup_template(bencher: Bencher, size: usize) {
    lookup(bencher, size, template);
}

#[divan::bench(args = SIZES)]
fn lookup_miss(bencher: Bencher, size: usize) {
    lookup(bencher, size, miss);
}

#[divan::bench(args = SIZES)]
fn lookup_one_host(bencher: Bencher, size: usize) {
    lookup(bencher, size, one_host);
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn build(bencher: Bencher, size: usize) {
    let routes = routes(size);
    bencher.bench(|| Table::build(&routes));
}

/// Half of the routes on hosts of their own, ten each; the other half on one host.
fn routes(size: usize) -> Vec<Route> {
    let line = |index: usize| match index % 10 {
        0 => format!("host:h{}.example.org", index / 20),
        1 => format!("host:h{}.example.org prefix:/api/v1/service{index}", index / 20),
        2 => format!("host:h{}.example.org template:/api/v1/users/{{id}}/orders/{{order}}", index / 20),
        3 => format!("host:h{}.example.org exact:/healthz method:GET", index / 20),
        4 => format!("host:*.h{}.example.org prefix:/static method:GET header:x-version=2", index / 20),
        5 | 6 => format!("prefix:/svc{index}/v1 method:GET,POST"),
        7 => format!("template:/svc{index}/v1/items/{{id}}"),
        8 => format!("template:/svc{index}/{{version}}/items/{{id}}/parts/{{rest...}}"),
        _ => format!("exact:/svc{index}/status query:full=1"),
    };
    (0..size).map(|index| route(&format!("r{index}"), &line(index))).collect()
}

fn hit(index: usize) -> String {
    format!("GET h{}.example.org/api/v1/service{}/a/b", index / 20, index / 10 * 10 + 1)
}

fn template(index: usize) -> String {
    format!("GET h{}.example.org/api/v1/users/{index}/orders/7", index / 20)
}

fn miss(index: usize) -> String {
    format!("PUT x{index}.example.com/svc{index}/nothing/of/the/kind")
}

fn one_host(index: usize) -> String {
    format!("GET www.example.com/svc{}/v1/items/42", index / 10 * 10 + 7)
}

fn requests(size: usize, line: Line) -> Vec<Request> {
    // A stride that shares no factor with the sizes goes over all of them, but not in the order of memory.
    (0..size).map(|index| request(&line(index * 7_919 % size))).collect()
}

fn lookup(bencher: Bencher, size: usize, line: Line) {
    let (table, requests) = (Table::build(&routes(size)).unwrap(), requests(size, line));
    let next = Cell::new(0);
    bencher.bench_local(|| {
        let index = next.get();
        next.set(if index + 1 == size { 0 } else { index + 1 });
        table.find(&requests[index].ask())
    });
}

fn percentiles(name: &str, line: Line) {
    for size in SIZES {
        let (table, requests) = (Table::build(&routes(size)).unwrap(), requests(size, line));
        let mut times: Vec<_> = (0..LOOKUPS)
            .map(|index| {
                let ask = requests[index % size].ask();
                let start = Instant::now();
                black_box(table.find(black_box(&ask)));
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        let at = |per_mille: usize| times[LOOKUPS * per_mille / 1_000];
        println!("{name:>10} {size:>6} routes: p50 {:>8?}  p99 {:>8?}  p99.9 {:>8?}", at(500), at(990), at(999));
    }
}
