//! What is told of requests that nobody sends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Two documents side by side.
mod compare;
/// The tests that a document holds.
mod expected;
/// How a request is read, and on which listener it arrives.
mod requests;
/// Who wins, who lost, and what is done.
mod routes;
/// Routes with several sides, and what depends on the time.
mod sides;

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::{FromText, Report, values::Moment};
use policy::Registry;
use snapshot::{Explanation, Question, QuestionError, Snapshot};

/// A little of everything.
const DOCUMENT: &str = r#"
version: 1
gateway:
  trusted_proxies: [10.0.0.0/8]
  policies:
    - request_id: {}
listeners:
  - { name: web, address: 127.0.0.1:0 }
  - name: internal
    address: 127.0.0.1:0
    policies:
      - headers: { response: { set: { x-internal: "1" } } }
upstreams:
  - name: users
    endpoints: [127.0.0.1:9001, { address: 127.0.0.1:9002, weight: 3, labels: { version: v2, zone: a } }]
  - name: shop
    endpoints: [shop.internal:80]
    host: endpoint
    timeouts: { first_byte: 250ms, total: 1m }
    policies:
      - headers: { request: { remove: [x-debug] } }
routes:
  - { name: everything, upstream: shop }
  - { name: users, match: { path: { prefix: /users } }, upstream: users }
  - name: user
    match: { path: "/users/{id}", methods: [GET, HEAD] }
    policies:
      - compress: {}
    upstream: users
    rewrite: { path: "/internal/{id}?from=gateway", host: users.internal }
  - { name: canary, match: { path: "/users/{id}", headers: [{ name: x-canary, present: true }] }, upstream: users, priority: 1 }
  - { name: old, match: { path: { prefix: /old } }, redirect: { to: "/new{rest}", status: 308 } }
  - { name: ping, match: { path: { exact: /ping } }, respond: { headers: { x-a: [b, c] }, body: pong } }
  - { name: reports, listeners: [internal], match: { hosts: [reports.test], client_ip: [192.0.2.0/24] }, respond: { status: 204 } }
"#;

fn kinds() -> Registry {
    Registry::new(policies::kinds())
}

/// The snapshot of a document, or all that is wrong with it, one problem to a line.
fn compile(document: &str) -> Result<Snapshot, String> {
    let mut report = Report::default();
    let root = model::parse("test.yaml", document, &|_| None, &mut report);
    let model = root.and_then(|root| model::check(&root, &mut report));
    let snapshot = model.and_then(|model| snapshot::compile(&model, &kinds(), 1, None, &mut report));
    report.sort();
    let problems = || report.problems.iter().map(|problem| format!("{problem}\n")).collect();
    snapshot.ok_or_else(problems)
}

/// `GET http://a.test/path`, and then words: `name=value` is a header field, `ip:`, `listener:` and `at:` are what they say.
fn question(line: &str) -> Question {
    let mut words = line.split(' ');
    let method = Method::from_str(words.next().unwrap()).unwrap();
    let mut question = Question::new(method, words.next().unwrap());
    for word in words {
        if let Some(address) = word.strip_prefix("ip:") {
            question.client_ip = Some(address.parse().unwrap());
        } else if let Some(name) = word.strip_prefix("listener:") {
            question.listener = Some(name.into());
        } else if let Some(moment) = word.strip_prefix("at:") {
            question.at = Some(Moment::from_text(moment).unwrap().0);
        } else if word == "all" {
            question.all = true;
        } else {
            let (name, value) = word.split_once('=').unwrap();
            let name = HeaderName::from_str(name).unwrap();
            question.headers.append(name, HeaderValue::from_str(value).unwrap());
        }
    }
    question
}

fn explain(document: &str, line: &str) -> Result<Explanation, QuestionError> {
    snapshot::explain(&compile(document).unwrap(), &question(line))
}

/// Compares the whole explanation; the first and last line break of `expected` are for the eye.
#[track_caller]
fn check(document: &str, line: &str, expected: &str) {
    let told = explain(document, line).unwrap().to_string();
    assert_eq!(told.trim_end(), expected.trim(), "of {line}:\n{told}");
}

/// Finds these lines in the explanation, in this order.
#[track_caller]
fn tells(document: &str, line: &str, expected: &[&str]) {
    let told = explain(document, line).unwrap().to_string();
    let mut rest = &*told;
    for wanted in expected {
        let Some(at) = rest.find(wanted) else { panic!("no `{wanted}` there in what is told of {line}:\n{told}") };
        rest = &rest[at + wanted.len()..];
    }
}

/// A document of these routes, each a YAML map, with one listener and one upstream.
fn routes(routes: &[&str]) -> String {
    let mut document = "version: 1\nlisteners: [{ name: web, address: 127.0.0.1:0 }]\n\
                        upstreams: [{ name: app, endpoints: [127.0.0.1:9001] }]\nroutes:\n"
        .to_owned();
    for route in routes {
        document += &format!("  - {route}\n");
    }
    document
}

#[test]
fn what_is_told_can_be_read_back() {
    for line in ["GET /users/7", "GET /old/1", "GET /ping", "GET /a%2fb", "GET http://reports.test/"] {
        let told = explain(DOCUMENT, line).unwrap();
        let json = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), told, "{json}");
    }
    let asked = Question {
        headers: HeaderMap::new(),
        ..question("PUT http://a.test/ ip:192.0.2.7 listener:web x=1 x=2 at:2026-01-31T21:00:00.5Z all")
    };
    let json = serde_json::to_string(&asked).unwrap();
    assert_eq!(serde_json::from_str::<Question>(&json).unwrap(), asked, "{json}");
}
