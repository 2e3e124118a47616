//! What a lookup costs among 50, 1,000 and 50,000 routes, and what it costs to build a table.
//!
//! Requests go round over 50 routes in a table of any size, or over the whole of it: the first shows what more routes
//! cost, the second adds what it costs that no cache holds them. The request itself is always warm, as if it had just
//! been parsed. Before the means that divan takes, the percentiles of single lookups are printed, the clock's own time included.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up fails")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{cell::Cell, fmt, hint::black_box, time::Instant};

use common::{Request, request, route};
use divan::{AllocProfiler, Bencher};
use model::Route;
use route::Table;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const SIZES: [usize; 3] = [50, 1_000, 50_000];

/// Routes in the table, and how many of them are asked for.
const CASES: [Case; 5] = [Case(50, 50), Case(1_000, 50), Case(50_000, 50), Case(1_000, 1_000), Case(50_000, 50_000)];

#[derive(Clone, Copy)]
struct Case(usize, usize);

/// Single lookups for the percentiles.
const LOOKUPS: usize = 200_000;

type Line = fn(usize) -> String;

/// A name, the routes of a table, and what is asked of it.
struct Kind(&'static str, Line, Line);

const KINDS: [Kind; 5] = [
    Kind("hit", mixed, hit),
    Kind("template", mixed, template),
    Kind("miss", mixed, miss),
    Kind("one_host", mixed, one_host),
    Kind("crowd", crowd, of_crowd),
];

fn main() {
    if std::env::args().any(|argument| argument == "--bench") {
        KINDS.iter().for_each(percentiles);
    }
    divan::main();
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_hit(bencher: Bencher, case: Case) {
    lookup(bencher, case, &KINDS[0]);
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_template(bencher: Bencher, case: Case) {
    lookup(bencher, case, &KINDS[1]);
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_miss(bencher: Bencher, case: Case) {
    lookup(bencher, case, &KINDS[2]);
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_one_host(bencher: Bencher, case: Case) {
    lookup(bencher, case, &KINDS[3]);
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_crowd(bencher: Bencher, case: Case) {
    lookup(bencher, case, &KINDS[4]);
}

/// Which routes came near to a request that none takes.
#[divan::bench(args = SIZES, sample_count = 100, sample_size = 10)]
fn nearest(bencher: Bencher, size: usize) {
    let (table, request) = (Table::build(&routes(size, mixed)).unwrap(), request(&miss(size / 2)));
    bencher.bench_local(|| table.nearest(&request.ask(), 3));
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn build(bencher: Bencher, size: usize) {
    let routes = routes(size, mixed);
    bencher.bench(|| Table::build(&routes));
}

/// Half of the routes on hosts of their own, up to ten each; the other half on any host.
fn mixed(index: usize) -> String {
    match index % 10 {
        0 => format!("host:h{}.example.org", index / 20),
        1 => format!("host:h{}.example.org prefix:/api/v1/service{index}", index / 20),
        2 => format!("host:h{}.example.org template:/api/v1/users/{{id}}/orders/{{order}}", index / 20),
        3 => format!("host:h{}.example.org exact:/healthz method:GET", index / 20),
        4 => format!("host:*.h{}.example.org prefix:/static method:GET header:x-version=2", index / 20),
        5 | 6 => format!("prefix:/svc{index}/v1 method:GET,POST"),
        7 => format!("template:/svc{index}/v1/items/{{id}}"),
        8 => format!("template:/svc{index}/{{version}}/items/{{id}}/parts/{{rest...}}"),
        _ => format!("exact:/svc{index}/status query:full=1"),
    }
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

/// All routes for one path, told apart by a header.
fn crowd(index: usize) -> String {
    format!("prefix:/api method:GET header:x-tenant=tenant{index}")
}

fn of_crowd(index: usize) -> String {
    format!("GET www.example.com/api/users x-tenant=tenant{index}")
}

fn routes(size: usize, line: Line) -> Vec<Route> {
    (0..size).map(|index| route(&format!("r{index}"), &line(index))).collect()
}

fn lookup(bencher: Bencher, case: Case, kind: &Kind) {
    let (table, requests) = (case.table(kind), case.requests(kind));
    let next = Cell::new(0);
    let request = || {
        let index = next.get();
        next.set((index + 1) % requests.len());
        requests[index].clone()
    };
    bencher.with_inputs(request).bench_local_refs(|request| table.find(&request.ask()));
}

fn percentiles(kind: &Kind) {
    for case in CASES {
        let (table, requests) = (case.table(kind), case.requests(kind));
        let mut times: Vec<_> = (0..LOOKUPS)
            .map(|index| {
                let request = requests[index % requests.len()].clone();
                let ask = black_box(request.ask());
                let start = Instant::now();
                black_box(table.find(black_box(&ask)));
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        let at = |per_mille: usize| times[LOOKUPS * per_mille / 1_000];
        println!("{:>8}, {case}: p50 {:>8?}  p99 {:>8?}  p99.9 {:>8?}", kind.0, at(500), at(990), at(999));
    }
}

// === impl Case ===

impl Case {
    fn table(self, kind: &Kind) -> Table {
        Table::build(&routes(self.0, kind.1)).unwrap()
    }

    /// A stride that shares no factor with the sizes leads over all of them, but not in the order of memory.
    fn requests(self, kind: &Kind) -> Vec<Request> {
        (0..self.1).map(|index| request(&kind.2(index * 7_919 % self.0))).collect()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} of {:>5} routes", self.1, self.0)
    }
}
