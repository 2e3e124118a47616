//! What it costs to choose a side, beside finding the route.

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin has nothing to say")]

use std::{hint::black_box, net::IpAddr};

use divan::Bencher;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use message::{Captures, Random};
use model::{ListenerId, Report};
use policy::Registry;
use snapshot::{Asking, Snapshot};

fn main() {
    divan::main();
}

const SPLIT: &str = "split: { force: { header: x-version }, sticky: { header: x-user-id }, to: [
    { name: stable, upstream: orders, weight: 95 },
    { name: canary, upstream: orders, labels: { version: v2 }, weight: 5, cohort: { headers: [{ name: x-beta, exact: 'yes' }] } } ] }";

const VERSIONS: &str = "versions: { from: [{ header: x-version }, { media_type: version }], default: '2', known: [
    { name: '1', upstream: orders }, { name: '2', upstream: orders } ] }";

fn snapshot(action: &str) -> Snapshot {
    let document = format!(
        "version: 1\nupstreams: [{{ name: orders, endpoints: [{{ address: a:1, labels: {{ version: v2 }} }}] }}]\n\
         routes: [{{ name: r, {action} }}]\n"
    );
    let mut report = Report::default();
    let root = model::parse("bench", &document, &|_| None, &mut report).expect("a document");
    let model = model::check(&root, &mut report).expect("a good document");
    snapshot::compile(&model, &Registry::new(Vec::new()), 1, None, &mut report).expect("a snapshot")
}

/// As browsers send them, and one more.
fn headers(name: &'static str, value: &'static str) -> HeaderMap {
    let common = [("accept", "*/*"), ("user-agent", "bench"), ("accept-encoding", "gzip"), ("accept-language", "en")];
    let all = common.into_iter().chain([(name, value)]);
    all.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[divan::bench(args = [
    ("no key: chance", SPLIT, "x-other", ""),
    ("key of 36 bytes", SPLIT, "x-user-id", "01920ae7-54d3-7c2a-8f00-2f3b9c1d7e55"),
    ("forced", SPLIT, "x-version", "canary"),
    ("version by header", VERSIONS, "x-version", "1"),
    ("version by default", VERSIONS, "x-other", ""),
])]
fn choose(bencher: Bencher<'_, '_>, (_, action, name, value): (&str, &str, &'static str, &'static str)) {
    let snapshot = snapshot(action);
    let sides = snapshot.routes[0].sides().expect("a route with sides");
    let headers = headers(name, value);
    let (mut worker, captures) = (Random::seeded(7), Captures::default());
    bencher.bench_local(|| {
        let ask = route::Ask {
            listener: ListenerId(0),
            host: "",
            path: "/",
            query: None,
            method: &Method::GET,
            headers: black_box(&headers),
            client_ip: IpAddr::from([192, 0, 2, 1]),
            scheme: "http",
            sni: None,
            now: &std::time::SystemTime::now,
        };
        let decided = sides.decide(&Asking { ask, captures: &captures, consumer: None }).expect("a side");
        decided.unwrap_or_else(|| sides.draw(&mut worker.split()).expect("a weight"))
    });
}
