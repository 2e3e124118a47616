//! What is found of routes that are in each other's way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::route;
use model::Route;
use route::{Conflicts, Finding, Table, analyse};

fn conflicts(lines: &[&str]) -> (Vec<Route>, Conflicts) {
    let names = ["a", "b", "c", "d", "e"].into_iter();
    let routes: Vec<_> = lines.iter().zip(names).map(|(line, name)| route(name, line)).collect();
    let conflicts = analyse(&routes, &Table::build(&routes).unwrap());
    (routes, conflicts)
}

/// `b < a Path: GET http://…` for a route `b` that loses to `a`, after what is odd about it.
fn shown(routes: &[Route], finding: &Finding) -> String {
    let Finding { kind, route, winners, others, decided_by, example } = finding;
    let winners: Vec<_> = winners.iter().map(|winner| &*routes[*winner].name).collect();
    let others = if *others == 0 { String::new() } else { format!(" +{others}") };
    let example = example.as_ref().map(|example| format!(": {example}")).unwrap_or_default();
    format!("{kind:?} {} < {}{others} {decided_by:?}{example}", routes[*route].name, winners.join(","))
}

/// Routes by line, called `a`, `b` and so on, have these conflicts and no others.
#[track_caller]
fn check(lines: &[&str], wanted: &[&str]) {
    let (routes, conflicts) = conflicts(lines);
    let found: Vec<_> = conflicts.findings.iter().map(|finding| shown(&routes, finding)).collect();
    assert_eq!(found, wanted, "{lines:#?}");
    assert!(!conflicts.cut_off);
}

#[track_caller]
fn clean(lines: &[&str]) {
    check(lines, &[]);
}

#[test]
fn unreachable_for_its_path() {
    check(&["prefix:/a", "prefix:/a"], &["Unreachable b < a Position: GET http://example.com/a"]);
    check(&["prefix:/a", "template:/a/{x}"], &["Unreachable b < a Position: GET http://example.com/a/a"]);
    check(&["template:/a/{x}", "template:/a/{y}"], &["Unreachable b < a Position: GET http://example.com/a/a"]);
    check(&["template:/a/{rest...}", "template:/a/{y}"], &["Unreachable b < a Position: GET http://example.com/a/a"]);
    check(&["template:/a/{rest...}", "prefix:/a"], &["Unreachable b < a Position: GET http://example.com/a"]);
    check(&["exact:/a/b", "template:/a/b"], &["Unreachable b < a Position: GET http://example.com/a/b"]);
    check(&["", ""], &["Unreachable b < a Position: GET http://example.com/"]);
    check(&["", "prefix:/"], &["Unreachable b < a Position: GET http://example.com/"]);
    check(&["wildcard:/a/*", "wildcard:/a/*"], &["Unreachable b < a Position: GET http://example.com/a/a"]);
}

#[test]
fn unreachable_for_the_order_of_kinds_of_path() {
    check(&["prefix:/files", "wildcard:/files/*/raw"], &["Unreachable b < a Path: GET http://example.com/files/a/raw"]);
    check(&["prefix:/users", "regex:^/users/[0-9]+$"], &["Unreachable b < a Path: GET http://example.com/users/1"]);
    check(&["wildcard:/a/*", "regex:^/a/[a-z]+$"], &["Unreachable b < a Path: GET http://example.com/a/a"]);
    check(&["regex:^/a/.*$", "regex:^/a/[a-z]+$"], &["Unreachable b < a Position: GET http://example.com/a/a"]);
    check(&["exact:/a", "regex:^/a$"], &["Unreachable b < a Path: GET http://example.com/a"]);
    clean(&["regex:^/a/[a-z]+$", "prefix:/"]);
    clean(&["wildcard:/files/*/raw", "template:/files/{x}"]);
}

#[test]
fn unreachable_for_a_priority() {
    check(&["exact:/a", "priority:1"], &["Unreachable a < b Priority: GET http://example.com/a"]);
    check(&["host:a.org exact:/a", "host:*.org priority:1"], &["Unreachable a < b Priority: GET http://a.org/a"]);
    check(
        &["template:/v1/users/{x}", "regex:^/v[0-9]+/.*$ priority:1"],
        &["Unreachable a < b Priority: GET http://example.com/v1/users/a"],
    );
    check(&["host:*.a.org", "host:*.org priority:1"], &["Unreachable a < b Priority: GET http://a.a.org/"]);
    clean(&["host:*.org", "host:a.org priority:1"]);
    clean(&["priority:-1", "exact:/a"]);
}

#[test]
fn unreachable_for_all_else() {
    check(&["method:GET,PUT", "method:PUT"], &["Unreachable b < a Position: PUT http://example.com/"]);
    check(&["listener:0,1 exact:/a", "listener:1 exact:/a"], &["Unreachable b < a Position: GET http://example.com/a"]);
    check(
        &["ip:10.0.0.0/8", "ip:10.1.0.0/16,10.2.0.0/16"],
        &["Unreachable b < a Position: GET http://example.com/ --client-ip 10.1.0.1"],
    );
    check(&["header:x^=a", "header:x=ab|ac"], &["Unreachable b < a Position: GET http://example.com/ -H 'x: ab'"]);
    check(&["header:x", "header:x~=^a"], &["Unreachable b < a Position: GET http://example.com/ -H 'x: a'"]);
    check(&["header:x header:x^=a", "header:x=ab"], &["Unreachable b < a Headers: GET http://example.com/ -H 'x: ab'"]);
    check(&["query:x~=^a", "query:x=ab"], &["Unreachable b < a Position: GET 'http://example.com/?x=ab'"]);
    check(&["host:a.org,b.org", "host:b.org"], &["Unreachable b < a Position: GET http://b.org/"]);
}

#[test]
fn unreachable_for_several_together() {
    check(
        &["method:GET", "method:POST", "method:POST,GET"],
        &["Unreachable c < b,a Position: POST http://example.com/"],
    );
    check(&["host:a.org", "host:b.org", "host:b.org,a.org"], &["Unreachable c < a,b Position: GET http://a.org/"]);
    check(
        &[
            "host:a.org method:GET",
            "host:a.org,b.org method:PUT",
            "host:b.org method:GET",
            "host:a.org,b.org method:GET,PUT",
        ],
        &["Unreachable d < a,b,c Position: GET http://a.org/"],
    );
    // One that takes it all is enough.
    check(
        &["method:GET", "method:GET,POST", "method:POST,GET"],
        &["Unreachable c < b Position: POST http://example.com/", "Tie b < a Position: GET http://example.com/"],
    );
    check(
        &["host:a.org priority:1", "host:a.org,b.org", "host:b.org priority:1"],
        &["Unreachable b < a,c Priority: GET http://a.org/"],
    );
    check(&["method:GET", "method:PUT,GET"], &["Tie b < a Position: GET http://example.com/"]);
}

#[test]
fn ties() {
    check(&["template:/a/{x}", "template:/{y}/b"], &["Tie b < a Position: GET http://example.com/a/b"]);
    check(&["template:/users/{x}", "prefix:/users"], &["Tie b < a Position: GET http://example.com/users/a"]);
    check(&["header:x", "header:y=2"], &["Tie b < a Position: GET http://example.com/ -H 'y: 2' -H 'x: 1'"]);
    check(&["method:GET,POST", "method:PUT,POST"], &["Tie b < a Position: POST http://example.com/"]);
    check(&["host:a.org,b.org", "host:c.org,b.org"], &["Tie b < a Position: GET http://b.org/"]);
    check(&["regex:^/[a-m]+$", "regex:^/[k-z]{2,}$"], &["Tie b < a Position: GET http://example.com/kk"]);
    check(&["wildcard:/a/*/c", "wildcard:/a/b/*", "exact:/a/b/c"], &[]);
    // The one path without a slash.
    check(&["prefix:/", ""], &["Tie b < a Position: GET http://example.com/"]);
    check(
        &["header:x", "header:y", "header:z"],
        &[
            "Tie b < a Position: GET http://example.com/ -H 'y: 1' -H 'x: 1'",
            "Tie c < a +1 Position: GET http://example.com/ -H 'z: 1' -H 'x: 1'",
        ],
    );
}

#[test]
fn no_tie_where_no_single_request_is_both() {
    clean(&["header:x=1", "header:x=2"]);
    clean(&["header:x=1|2", "header:x=3"]);
    clean(&["header:x", "header:x!"]);
    clean(&["header:x~=^a", "header:x~=^b"]);
    clean(&["listener:0", "listener:1"]);
    clean(&["method:GET", "method:HEAD"]);
    clean(&["ip:10.0.0.0/8", "ip:192.168.0.0/16"]);
    clean(&["host:*.a.org", "host:*.b.org"]);
    clean(&["regex:^/[a-f]+$", "regex:^/[k-z]+$"]);
    clean(&["template:/a/{x}", "template:/{y}/b", "exact:/a/b"]);
}

#[test]
fn a_priority_that_nothing_else_speaks_for() {
    check(&["host:a.org,b.org exact:/x", "host:a.org priority:1"], &["Priority a < b Priority: GET http://a.org/x"]);
    check(
        &["exact:/x method:GET,PUT", "method:PUT priority:1"],
        &["Priority a < b Priority: PUT http://example.com/x"],
    );
    // What it is for: exceptions by something that the others do not ask for.
    clean(&["exact:/x", "header:canary priority:1"]);
    clean(&["exact:/x", "method:POST,PUT priority:1"]);
    clean(&["exact:/x", "listener:1 prefix:/ priority:1"]);
    clean(&["prefix:/files", "wildcard:/files/*/raw priority:1"]);
    clean(&["host:*.example.com", "prefix:/users", "prefix:/users/closed priority:1"]);
}

#[test]
fn a_closer_host_with_a_wider_path() {
    check(&["host:*.org prefix:/health", "host:a.org"], &["Host a < b Host: GET http://a.org/health"]);
    check(&["host:*.org exact:/a/b", "host:*.a.org prefix:/a"], &["Host a < b Host: GET http://a.a.org/a/b"]);
    check(&["host:*.org exact:/a", "host:a.org", "host:b.org"], &["Host a < b +1 Host: GET http://a.org/a"]);
    clean(&["exact:/health", "host:a.org"]);
    clean(&["host:*.org", "host:a.org"]);
    clean(&["host:*.org exact:/a", "host:a.org header:x"]);
    clean(&["host:*.org exact:/a", "host:a.org", "host:a.org exact:/a"]);
}

#[test]
fn a_pattern_that_loses_to_a_prefix() {
    check(
        &["prefix:/files method:GET", "wildcard:/files/*/raw"],
        &["Pattern b < a Path: GET http://example.com/files/a/raw"],
    );
    check(
        &["prefix:/files listener:0", "regex:^/files/[0-9]+$"],
        &["Pattern b < a Path: GET http://example.com/files/1"],
    );
    clean(&["prefix:/files", "wildcard:/**/raw"]);
    clean(&["prefix:/files header:x", "wildcard:/files/*/raw"]);
}

#[test]
fn fields_that_count_only_after_the_path_and_the_method() {
    check(&["prefix:/a", "header:canary"], &["Fields b < a Path: GET http://example.com/a -H 'canary: 1'"]);
    check(&["prefix:/a/b", "prefix:/a cookie:c"], &["Fields b < a Path: GET http://example.com/a/b -H 'cookie: c=1'"]);
    check(&["method:GET", "header:canary"], &["Fields b < a Method: GET http://example.com/ -H 'canary: 1'"]);
    check(&["prefix:/a", "ip:10.0.0.0/8"], &["Fields b < a Path: GET http://example.com/a --client-ip 10.0.0.1"]);
    check(&["prefix:/a", "prefix:/b", "header:x"], &["Fields c < a +1 Path: GET http://example.com/a -H 'x: 1'"]);
    clean(&["prefix:/a", "header:canary priority:1"]);
    clean(&["prefix:/a", "prefix:/a header:canary", "header:canary"]);
    clean(&["prefix:/a header:y", "header:canary"]);
}

#[test]
fn what_people_usually_write() {
    clean(&["", "prefix:/api", "exact:/healthz", "host:shop.example.com"]);
    clean(&["exact:/a method:GET", "exact:/a method:POST", "exact:/a", "prefix:/"]);
    clean(&["template:/users/{id}", "template:/users/{id}/posts/{rest...}", "exact:/users/me", "prefix:/"]);
    clean(&["prefix:/orders", "prefix:/orders header:x-version=2", "prefix:/orders header:x-version=3"]);
    clean(&["listener:0,1", "listener:2 prefix:/"]);
}
