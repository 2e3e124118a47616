//! What is said of the routes that lost.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use std::cmp::Reverse;

use common::{request, route};
use route::{Candidate, Table, Verdict};

fn candidates(lines: &[&str], asked: &str) -> Vec<Candidate> {
    let routes: Vec<_> = lines.iter().map(|line| route("it", line)).collect();
    Table::build(&routes).unwrap().candidates(&request(asked).ask())
}

#[track_caller]
fn misses(line: &str, asked: &str, wanted: &str) {
    let candidate = candidates(&[line], asked).remove(0);
    assert_eq!(candidate.miss.map(|miss| miss.to_string()).as_deref(), Some(wanted), "{line} of {asked}");
}

#[test]
fn the_first_thing_that_a_route_misses() {
    misses("host:a.org,*.b.org", "GET c.org/", "host is not one of a.org, *.b.org");
    misses("prefix:/a", "GET h/b", "path does not match the prefix /a");
    misses("exact:/a", "GET h/b", "path does not match exactly /a");
    misses("template:/a/{id}/{rest...}", "GET h/b", "path does not match the template /a/{id}/{rest...}");
    misses("wildcard:/a/*", "GET h/b", "path does not match the wildcard /a/*");
    misses("regex:^/a", "GET h/b", "path does not match the regex ^/a");
    misses("listener:1 method:GET", "PUT h/b", "the route is not on this listener");
    misses("method:GET,HEAD", "PUT h/b", "method is not one of GET, HEAD");
    misses("method:GET header:x", "GET h/b", "header x is absent");
    misses("header:x=1", "GET h/b x=2", "header x is not \"1\"");
    misses("header:x=1|2", "GET h/b x=3", "header x is not one of \"1\", \"2\"");
    misses("header:x^=1", "GET h/b x=2", "header x does not begin with \"1\"");
    misses("header:x~=1", "GET h/b x=2", "header x does not match the regex \"1\"");
    misses("header:x!", "GET h/b x=2", "header x is present and must be absent");
    misses("query:q=1", "GET h/b?q=2", "query parameter q is not \"1\"");
    misses("cookie:c", "GET h/b", "cookie c is absent");
    misses("template:/a/{id:int}", "GET h/a/b", "path does not match the template /a/{id:int}");
    misses("sni:a.org,*.b.org", "GET a.org/ sni:b.org", "sni is not one of a.org, *.b.org");
    misses("sni:a.org", "GET a.org/", "no server name (sni) was given in a TLS handshake, and it must be a.org");
    misses("header:x time:2026-01-01T00:00:00Z", "GET h/", "header x is absent");
    misses("time:2026-01-01T00:00:00Z", "GET h/", "the time is not after 2026-01-01T00:00:00Z");
    misses("time:,,540-1020", "GET h/", "the time is not from 09:00 to 17:00 at +00:00");
    misses("when:request.headers.x=='1'", "GET h/ x=2", "the condition `request.headers.x=='1'` does not hold");
    misses(
        "when:request.headers.x=='1'",
        "GET h/",
        "the condition `request.headers.x=='1'` has no value: it asks for an entry that is not there",
    );
    misses("ip:10.0.0.0/8", "GET h/b", "client_ip is not within 10.0.0.0/8");
    misses(
        "host:1.org,2.org,3.org,4.org,5.org,6.org,7.org",
        "GET h/",
        "host is not one of 1.org, 2.org, 3.org, 4.org, 5.org and 2 more",
    );
}

#[test]
fn candidates_come_in_order_of_precedence() {
    let lines = ["prefix:/a", "exact:/a method:PUT", "host:b.org", "priority:1 query:x", "host:*.org,h exact:/b"];
    let found = candidates(&lines, "GET h/a");
    let order: Vec<_> = found.iter().map(|candidate| (candidate.route, candidate.miss.is_none())).collect();
    assert_eq!(order, [(3, false), (4, false), (2, false), (1, false), (0, true)]);
    assert!(found.is_sorted_by(|left, right| left.precedence > right.precedence));
}

/// The routes from the nearest to the farthest.
#[track_caller]
fn by_nearness(lines: &[&str], asked: &str, order: &[usize]) {
    let mut found = candidates(lines, asked);
    found.sort_by_key(|candidate| Reverse((candidate.nearness, candidate.precedence)));
    assert_eq!(found.iter().map(|candidate| candidate.route).collect::<Vec<_>>(), order, "{asked}");
}

#[test]
fn a_route_is_the_nearer_the_later_it_missed() {
    let lines = ["host:b.org exact:/a", "exact:/b", "exact:/a method:PUT", "exact:/a header:x", "prefix:/a query:q"];
    by_nearness(&lines, "GET h/a", &[4, 3, 2, 0, 1]);
    by_nearness(&lines, "GET h/a?q", &[4, 3, 2, 0, 1]);
}

#[test]
fn a_route_is_the_nearer_the_more_of_its_path_is_there() {
    let lines =
        ["exact:/x", "template:/users/{id}", "prefix:/user", "wildcard:/use/*", "regex:^/users$", "exact:/users/7"];
    by_nearness(&lines, "GET h/users/8/posts", &[5, 1, 2, 3, 0, 4]);
}

#[test]
fn a_right_path_at_another_host_is_nearer_than_a_wrong_one() {
    let lines = [
        "host:api.example.com exact:/b",
        "host:x.org exact:/a",
        "host:*.example.com exact:/a",
        "exact:/c",
        "host:x.org",
    ];
    by_nearness(&lines, "GET api.exmaple.com/a", &[2, 1, 3, 0, 4]);
}

#[track_caller]
fn verdict(lines: [&str; 2], asked: &str, wanted: &str) {
    let found = candidates(&lines, asked);
    let verdict = Verdict { winner: found[0].precedence, loser: found[1].precedence };
    assert_eq!(verdict.to_string(), wanted, "{lines:?}");
}

#[test]
fn what_decides_between_two_routes() {
    verdict(["priority:1", "exact:/a"], "GET h/a", "priority: 1 before 0");
    verdict(["host:*.b.org", "host:a.b.org"], "GET a.b.org/", "host: exact host before wildcard host of 5 characters");
    verdict(["prefix:/a", "exact:/a"], "GET h/a", "path: exact path before path with 1 literal segment");
    verdict(["method:GET", ""], "GET h/a", "method: given before any");
    verdict(["header:x header:y", "header:x"], "GET h/a x=1 y=1", "header matchers: 2 before 1");
    verdict(["query:q", ""], "GET h/a?q", "query matchers: 1 before 0");
    verdict(["cookie:c", ""], "GET h/a cookie=c=1", "cookie matchers: 1 before 0");
    verdict(["ip:0.0.0.0/0", ""], "GET h/a", "further matchers: 1 before 0");
    verdict(["", ""], "GET h/a", "order in the document: route number 1 before 2");
}

/// Of very many routes only some are asked, and the nearest are among them.
#[test]
fn the_nearest_of_very_many_routes() {
    let mut lines = vec!["method:PATCH header:x".to_owned()];
    for n in 0..2_000 {
        lines.push(format!("exact:/s{n}/status method:GET"));
        lines.push(format!("host:h{n}.example.org,*.h{n}.example.org template:/users/{{id}}/orders/{{order}} query:q"));
        lines.push(format!("host:h{n}.example.org prefix:/static method:GET"));
    }
    let routes: Vec<_> = lines.iter().map(|line| route("it", line)).collect();
    let table = Table::build(&routes).unwrap();
    for (asked, nearest) in [
        ("PUT h/s1234/status", "exact:/s1234/status method:GET"),
        ("GET h/s1234/statu", "exact:/s1234/status method:GET"),
        (
            "GET h777.example.org/users/1/orders/2",
            "host:h777.example.org,*.h777.example.org template:/users/{id}/orders/{order} query:q",
        ),
        (
            "GET a.h777.example.org/users/1/orders/2",
            "host:h777.example.org,*.h777.example.org template:/users/{id}/orders/{order} query:q",
        ),
        ("PUT h777.example.org/static/x", "host:h777.example.org prefix:/static method:GET"),
        ("GET h1999.example.or/static/x", "host:h1999.example.org prefix:/static method:GET"),
        ("PATCH h/", "method:PATCH header:x"),
    ] {
        let found = table.nearest(&request(asked).ask(), 3);
        // A route for every path that wants another method is always near.
        let found: Vec<_> = found.iter().map(|candidate| &*lines[candidate.route]).collect();
        assert!(found.len() == 3 && found[..2].contains(&nearest), "{asked}: {found:?}");
    }
}

#[test]
fn the_nearest_of_a_few_routes() {
    let lines = ["exact:/a method:PUT", "exact:/b", "exact:/a header:x", "host:x.org"];
    let routes: Vec<_> = lines.iter().map(|line| route("it", line)).collect();
    let table = Table::build(&routes).unwrap();
    let nearest = |asked: &str, limit| {
        table.nearest(&request(asked).ask(), limit).iter().map(|candidate| candidate.route).collect::<Vec<_>>()
    };
    assert_eq!(nearest("GET h/a", 3), [2, 0, 1]);
    assert_eq!(nearest("GET h/a", 1), [2]);
    assert_eq!(nearest("GET h/a", 9).len(), 4);
    assert!(Table::build::<model::Route>(&[]).unwrap().nearest(&request("GET h/a").ask(), 3).is_empty());
}
