//! What it costs to evaluate a condition, and to check one.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up fails")]

use std::{borrow::Cow, net::IpAddr};

use divan::{AllocProfiler, Bencher, black_box};
use expression::{AddressVariable, EntryKey, Environment, Failure, MapVariable, Subject, TextVariable};
use http::{HeaderMap, HeaderValue};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const ENVIRONMENT: Environment = Environment::request();

const CONDITIONS: &[&str] = &[
    "request.method == 'GET'",
    "request.headers['x-a'] == 'b' && request.path.startsWith('/a')",
    "request.headers['x-z'] == 'b' || client.ip.within('10.0.0.0/8')",
    "request.path.matches('^/a/[0-9]+$')",
];

fn main() {
    divan::main();
}

/// A request with a dozen header fields.
struct Request {
    path: &'static str,
    headers: HeaderMap,
}

#[divan::bench(args = CONDITIONS)]
fn evaluate(bencher: Bencher, text: &str) {
    let (condition, request) = (ENVIRONMENT.condition(text).unwrap(), Request::new());
    bencher.bench_local(|| black_box(&condition).holds(black_box(&request)));
}

#[divan::bench(args = CONDITIONS)]
fn check(bencher: Bencher, text: &str) {
    bencher.bench_local(|| ENVIRONMENT.condition(black_box(text)));
}

// === impl Request ===

impl Request {
    fn new() -> Self {
        let names =
            ["host", "user-agent", "accept", "accept-encoding", "accept-language", "cookie", "referer", "origin"];
        let mut headers = HeaderMap::new();
        for name in names.into_iter().chain(["x-a", "x-request-id", "traceparent", "via"]) {
            headers.insert(name, HeaderValue::from_static("b"));
        }
        Self { path: "/a/17", headers }
    }
}

impl Subject for Request {
    fn text(&self, variable: TextVariable) -> Result<Cow<'_, str>, Failure> {
        match variable {
            TextVariable::RequestMethod => Ok(Cow::Borrowed("GET")),
            TextVariable::RequestPath => Ok(Cow::Borrowed(self.path)),
            _ => Err(Failure::Undeclared),
        }
    }

    fn address(&self, AddressVariable::ClientIp: AddressVariable) -> Result<IpAddr, Failure> {
        Ok(IpAddr::from([10, 1, 2, 3]))
    }

    fn entry(&self, _: MapVariable, key: EntryKey<'_>) -> Result<Cow<'_, str>, Failure> {
        let value = match key {
            EntryKey::Header(name) => self.headers.get(name),
            EntryKey::Text(text) => self.headers.get(text),
        };
        let text = std::str::from_utf8(value.ok_or(Failure::Missing)?.as_bytes());
        text.map(Cow::Borrowed).map_err(|_| Failure::NotText)
    }
}
