//! What a lookup costs among 50, 1,000 and 50,000 routes, and what it costs to build a table: means and allocations.
//!
//! Requests go round over 50 routes in a table of any size, or over the whole of it: the first shows what more routes
//! cost, the second adds what it costs that no cache holds them. The request itself is always warm, as if it had just
//! been parsed. `cargo xtask bench --case lookup` has the percentiles of single lookups in the same tables.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up fails")]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../../../bench/src/routes.rs"]
mod routes;

use std::{cell::Cell, fmt};

use common::{Request, request, route};
use divan::{AllocProfiler, Bencher};
use model::{Placed, Report, Route};
use route::Table;
use routes::{Asked, missed, mixed};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const SIZES: [usize; 3] = [50, 1_000, 50_000];

/// Routes in the table, and how many of them are asked for.
const CASES: [Case; 5] = [Case(50, 50), Case(1_000, 50), Case(50_000, 50), Case(1_000, 1_000), Case(50_000, 50_000)];

#[derive(Clone, Copy)]
struct Case(usize, usize);

/// A table of so many routes, and what is asked of it.
struct Kind(fn(usize) -> Table, fn(usize) -> Request);

const HIT: Kind = Kind(|size| table(&mix(size)), |index| ask(&mixed(index).asked));
const MISS: Kind = Kind(|size| table(&mix(size)), |index| ask(&missed(index)));
const CROWD: Kind = Kind(|size| table(&crowd(size)), of_crowd);

fn main() {
    divan::main();
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_hit(bencher: Bencher, case: Case) {
    lookup(bencher, case, &HIT);
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_miss(bencher: Bencher, case: Case) {
    lookup(bencher, case, &MISS);
}

#[divan::bench(args = CASES, sample_count = 1_000, sample_size = 50)]
fn lookup_crowd(bencher: Bencher, case: Case) {
    lookup(bencher, case, &CROWD);
}

/// Which routes came near to a request that none takes.
#[divan::bench(args = SIZES, sample_count = 100, sample_size = 10)]
fn nearest(bencher: Bencher, size: usize) {
    let (table, request) = (table(&mix(size)), ask(&missed(size / 2)));
    bencher.bench_local(|| table.nearest(&request.ask(), 3));
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn build(bencher: Bencher, size: usize) {
    let routes = mix(size);
    bencher.bench(|| Table::build(&routes));
}

/// Through the document, which is how the mix is written.
fn mix(size: usize) -> Vec<Placed<Route>> {
    let item = |index| format!("  - {{ name: r{index}, match: {}, respond: {{}} }}\n", mixed(index).matching);
    let text: String = ["version: 1\nroutes:\n".to_owned()].into_iter().chain((0..size).map(item)).collect();
    let mut report = Report::default();
    let tree = model::parse("mix.yaml", &text, &|_| None, &mut report).unwrap();
    model::check(&tree, &mut report).unwrap().routes
}

fn ask(asked: &Asked) -> Request {
    let Asked { method, host, path, query, field } = asked;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let field = field.map(|(name, value)| format!(" {name}={value}")).unwrap_or_default();
    request(&format!("{method} {host}{path}{query}{field}"))
}

fn table<R: AsRef<Route>>(routes: &[R]) -> Table {
    Table::build(routes).unwrap()
}

/// All routes for one path, told apart by a header.
fn crowd(size: usize) -> Vec<Route> {
    let line = |index| format!("prefix:/api method:GET header:x-tenant=tenant{index}");
    (0..size).map(|index| route(&format!("r{index}"), &line(index))).collect()
}

fn of_crowd(index: usize) -> Request {
    request(&format!("GET www.example.com/api/users x-tenant=tenant{index}"))
}

fn lookup(bencher: Bencher, case: Case, kind: &Kind) {
    let (table, requests) = (kind.0(case.0), case.requests(kind));
    let next = Cell::new(0);
    let request = || {
        let index = next.get();
        next.set((index + 1) % requests.len());
        requests[index].clone()
    };
    bencher.with_inputs(request).bench_local_refs(|request| table.find(&request.ask()));
}

// === impl Case ===

impl Case {
    /// A stride that shares no factor with the sizes leads over all of them, but not in the order of memory.
    fn requests(self, kind: &Kind) -> Vec<Request> {
        (0..self.1).map(|index| kind.1(index * 7_919 % self.0)).collect()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} of {:>5} routes", self.1, self.0)
    }
}
