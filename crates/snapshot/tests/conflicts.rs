//! What a report says of routes that are in each other's way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

use model::{Model, Report};
use policy::Registry;
use snapshot::Snapshot;

const HEAD: &str = "\
version: 1
listeners:
  - { name: web, address: 127.0.0.1:0 }
  - { name: internal, address: \"[::1]:0\" }
upstreams:
  - { name: one, endpoints: [one.example:80] }
  - { name: two, endpoints: [two.example:80] }
routes:
";

fn model(routes: &[&str]) -> Model {
    let lines: String = routes.iter().map(|route| format!("  - {{ {route} }}\n")).collect();
    let mut report = Report::default();
    let root = model::parse("doc", &(HEAD.to_owned() + &lines), &|_| None, &mut report).expect("the document is YAML");
    model::check(&root, &mut report).unwrap_or_else(|| panic!("{:#?}", report.problems))
}

fn compile(model: &Model, previous: Option<&Snapshot>) -> (Option<Snapshot>, Vec<String>) {
    let mut report = Report::default();
    let snapshot = snapshot::compile(model, &Registry::new(Vec::new()), 1, previous, &mut report);
    report.sort();
    (snapshot, report.problems.iter().map(ToString::to_string).collect())
}

/// Routes, of which the first stands in line 9, have these conflicts and no others.
#[track_caller]
fn check(routes: &[&str], wanted: &[&str]) {
    let (snapshot, problems) = compile(&model(routes), None);
    assert_eq!(problems, wanted);
    assert_eq!(snapshot.is_none(), wanted.iter().any(|line| line.contains(": error: ")), "errors refuse the document");
}

#[test]
fn never_taken() {
    check(
        &[
            "name: files, match: { path: { prefix: /files } }, upstream: one",
            "name: raw, match: { path: { wildcard: \"/files/*/raw\" } }, upstream: two",
        ],
        &[
            "doc:10:5: error: route `raw` is never taken: `files` (doc:9:5) takes all that it matches, such as `GET http://example.com/files/a/raw`; a prefix goes before a wildcard; leave it out, or give it a `priority`",
        ],
    );
    check(
        &["name: a, upstream: one", "name: b, upstream: two"],
        &[
            "doc:10:5: error: route `b` is never taken: `a` (doc:9:5) takes all that it matches, such as `GET http://example.com/`; it stands first; leave it out, or tell them apart by another matcher or a `priority`",
        ],
    );
    check(
        &["name: a, match: { path: /x }, upstream: one", "name: closed, priority: 9, respond: { status: 503 }"],
        &[
            "doc:9:5: error: route `a` is never taken: `closed` (doc:10:5) takes all that it matches, such as `GET http://example.com/x`; its `priority` is higher; leave it out, or give it a `priority` above 9",
        ],
    );
    check(
        &[
            "name: a, match: { methods: [GET] }, upstream: one",
            "name: b, match: { methods: [POST] }, upstream: one",
            "name: c, match: { methods: [GET, POST] }, upstream: two",
        ],
        &[
            "doc:11:5: error: route `c` is never taken: `a` (doc:9:5) and `b` (doc:10:5) together take all that it matches, such as `GET http://example.com/`; leave it out, or tell them apart by another matcher or a `priority`",
        ],
    );
    check(
        &[
            "name: a, listeners: [internal], upstream: one",
            "name: b, listeners: [internal], match: { path: { prefix: / }, client_ip: [10.0.0.0/8] }, upstream: two",
            "name: c, listeners: [internal], match: { client_ip: [10.1.0.0/16] }, upstream: one",
        ],
        &[
            "doc:11:5: warning: route `c` ties with `b` (doc:10:5): only their order decides who gets `GET http://example.com/ --client-ip 10.1.0.1` on the listener `internal`; give the one that is meant a higher `priority`, or tell them apart by another matcher",
        ],
    );
}

/// Nobody is hurt where it makes no difference.
#[test]
fn never_taken_and_not_missed() {
    let wanted = |to: &str| {
        format!(
            "doc:10:5: {to}: route `b` is never taken: `a` (doc:9:5) takes all that it matches, such as `GET http://example.com/x`; it stands first; leave it out, or tell them apart by another matcher or a `priority`"
        )
    };
    let path = "match: { path: /x }";
    check(
        &[&format!("name: a, {path}, upstream: one"), &format!("name: b, {path}, upstream: one")],
        &[&wanted("warning")],
    );
    check(
        &[&format!("name: a, {path}, respond: {{ body: x }}"), &format!("name: b, {path}, respond: {{ body: x }}")],
        &[&wanted("warning")],
    );
    check(
        &[&format!("name: a, {path}, respond: {{ body: x }}"), &format!("name: b, {path}, respond: {{ body: y }}")],
        &[&wanted("error")],
    );
    check(
        &[
            &format!("name: a, {path}, upstream: one"),
            &format!("name: b, {path}, upstream: one, rewrite: {{ path: /y }}"),
        ],
        &[&wanted("error")],
    );
    check(
        &[&format!("name: a, {path}, redirect: {{ to: /y }}"), &format!("name: b, {path}, redirect: {{ to: /y }}")],
        &[&wanted("error")],
    );
}

#[test]
fn told_apart_by_their_order_alone() {
    check(
        &[
            "name: a, match: { path: \"/users/{id}\" }, upstream: one",
            "name: b, match: { path: { prefix: /users } }, upstream: two",
        ],
        &[
            "doc:10:5: warning: route `b` ties with `a` (doc:9:5): only their order decides who gets `GET http://example.com/users/a`; give the one that is meant a higher `priority`, or tell them apart by another matcher",
        ],
    );
    check(
        &[
            "name: a, match: { headers: [{ name: x, present: true }] }, upstream: one",
            "name: b, match: { headers: [{ name: y, present: true }] }, upstream: one",
            "name: c, match: { headers: [{ name: z, present: true }] }, upstream: one, priority: -1",
            "name: d, match: { headers: [{ name: z, exact: \"2\" }] }, upstream: one",
        ],
        &[
            "doc:10:5: warning: route `b` ties with `a` (doc:9:5): only their order decides who gets `GET http://example.com/ -H 'y: 1' -H 'x: 1'`; give the one that is meant a higher `priority`, or tell them apart by another matcher",
            "doc:12:5: warning: route `d` ties with `a` (doc:9:5) and another one: only their order decides who gets `GET http://example.com/ -H 'z: 2' -H 'x: 1'`; give the one that is meant a higher `priority`, or tell them apart by another matcher",
        ],
    );
}

#[test]
fn won_by_the_one_that_is_not_expected() {
    check(
        &[
            "name: a, match: { path: /x, methods: [GET, PUT] }, upstream: one",
            "name: b, match: { methods: [PUT] }, priority: 1, upstream: two",
        ],
        &[
            "doc:9:5: warning: route `a` loses `PUT http://example.com/x` to the `priority` of `b` (doc:10:5), though it is closer; give `a` that priority too, or only the hosts and methods that remain",
        ],
    );
    check(
        &[
            "name: health, match: { hosts: [\"*.example.org\"], path: /health }, upstream: one",
            "name: shop, match: { hosts: [shop.example.org] }, upstream: two",
        ],
        &[
            "doc:9:5: warning: route `health` loses `GET http://shop.example.org/health` to `shop` (doc:10:5): the host decides before the path; write a route like `health` for that host too, or give it a `priority`",
        ],
    );
    check(
        &[
            "name: files, match: { path: { prefix: /files }, methods: [GET] }, upstream: one",
            "name: ids, match: { path: { regex: \"^/files/[0-9]+$\" } }, upstream: two",
        ],
        &[
            "doc:10:5: warning: route `ids` loses `GET http://example.com/files/1` to `files` (doc:9:5), though it is narrower: a prefix goes before a regex; give `ids` a `priority`",
        ],
    );
    check(
        &[
            "name: api, match: { path: { prefix: /api } }, upstream: one",
            "name: canary, match: { headers: [{ name: x-canary, present: true }] }, upstream: two",
        ],
        &[
            "doc:10:5: warning: route `canary` loses `GET http://example.com/api -H 'x-canary: 1'` to `api` (doc:9:5), though it asks for more: the path decides before headers, query, cookies and `client_ip`; give `canary` a `priority`, or `api` if that is meant to win",
        ],
    );
    check(
        &[
            "name: users, match: { methods: [GET] }, upstream: one",
            "name: beta, match: { cookies: [{ name: beta, present: true }] }, upstream: two",
        ],
        &[
            "doc:10:5: warning: route `beta` loses `GET http://example.com/ -H 'cookie: beta=1'` to `users` (doc:9:5), though it asks for more: methods decide before headers, query, cookies and `client_ip`; give `beta` a `priority`, or `users` if that is meant to win",
        ],
    );
}

#[test]
fn twenty_of_a_kind_are_told_and_the_rest_is_counted() {
    let routes: Vec<_> = (0..60)
        .map(|number| {
            format!(
                "name: r{number}, match: {{ path: /{} }}, upstream: {}",
                number / 2,
                if number % 4 == 3 { "two" } else { "one" }
            )
        })
        .collect();
    let (_, problems) = compile(&model(&routes.iter().map(String::as_str).collect::<Vec<_>>()), None);
    assert_eq!(problems.len(), 21);
    // What is an error is told first.
    assert_eq!(problems.iter().filter(|line| line.contains("error: route")).count(), 15);
    let last: Vec<_> = problems.iter().filter(|line| line.contains("further")).collect();
    assert_eq!(
        last,
        ["doc:30:5: warning: further routes that are never taken: 10; see to those that are told, then check again"]
    );
}

/// Places and actions may change while conflicts are kept.
#[test]
fn a_reload_tells_of_conflicts_that_it_did_not_look_for_again() {
    let (a, b) = ("name: a, match: { path: /x }, upstream: one", "name: b, match: { path: /x }, upstream: one");
    let (first, problems) = compile(&model(&[a, b]), None);
    assert!(problems[0].starts_with("doc:10:5: warning: "), "{problems:?}");
    let (second, problems) = compile(&model(&[a, b]), first.as_ref());
    assert_eq!((second.is_some(), problems.len()), (true, 1));
    let (third, problems) = compile(&model(&[a, &b.replace("one", "two")]), second.as_ref());
    assert!(third.is_none() && problems[0].starts_with("doc:10:5: error: "), "{problems:?}");
    let (fourth, problems) = compile(&model(&[a, &b.replace("/x", "/y")]), second.as_ref());
    assert!(fourth.is_some() && problems.is_empty(), "{problems:?}");
}
