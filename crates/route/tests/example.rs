//! Requests that are made for routes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{naive, random::Random, route};
use model::Route;
use route::{Example, examples};

/// The plainest request that all routes match; `""`: none is found.
#[track_caller]
fn check(lines: &[&str], wanted: &str) {
    let routes: Vec<_> = lines.iter().map(|line| route("it", line)).collect();
    let found = examples(&routes.iter().collect::<Vec<_>>()).next();
    assert_eq!(found.map(|example| example.to_string()).unwrap_or_default(), wanted, "{lines:?}");
}

/// Every request that is made for a route, by its target alone.
#[track_caller]
fn check_all(line: &str, wanted: &[&str]) {
    let route = route("it", line);
    let found: Vec<_> = examples(&[&route]).take(8).collect();
    let shown: Vec<_> =
        found.iter().map(|example| format!("{} {}{}", example.method, example.host, example.path)).collect();
    assert_eq!(shown, wanted, "{line}");
}

#[test]
fn one_route() {
    check(&[""], "GET http://example.com/");
    check(&["exact:/a/b"], "GET http://example.com/a/b");
    check(&["prefix:/a"], "GET http://example.com/a");
    check(&["prefix:/"], "GET http://example.com/");
    check(&["template:/users/{id}/posts/{post}"], "GET http://example.com/users/a/posts/b");
    check(&["template:/files/{rest...}"], "GET http://example.com/files");
    check(&["template:/a/"], "GET http://example.com/a/");
    check(&["host:api.example.org,b.org method:PUT,GET"], "PUT http://api.example.org/");
    check(&["host:*.example.org"], "GET http://a.example.org/");
    check(&["ip:10.0.0.0/8"], "GET http://example.com/ --client-ip 10.0.0.1");
    check(&["ip:10.1.2.3/32,2001:db8::/32"], "GET http://example.com/ --client-ip 10.1.2.3");
    check(&["ip:0.0.0.0/0"], "GET http://example.com/ --client-ip 192.0.2.1");
    check(&["listener:1 exact:/a"], "GET http://example.com/a");
}

#[test]
fn patterns_have_their_shortest_path() {
    check(&["wildcard:/files/*/raw"], "GET http://example.com/files/a/raw");
    check(&["wildcard:/files/**"], "GET http://example.com/files/a");
    check(&["wildcard:/a*b"], "GET http://example.com/ab");
    check(&["wildcard:/**/*.png"], "GET http://example.com/a/.png");
    check(&["regex:^/v[0-9]+/.*$"], "GET http://example.com/v1/");
    check(&[r"regex:^/(?:users|groups)/\d{3}$"], "GET http://example.com/users/111");
    check(&["regex:(?i)^/users$"], "GET http://example.com/users");
    check(&["regex:raw$"], "GET http://example.com/raw");
    check(&[r"regex:\braw\b"], "GET http://example.com/raw");
    check(&["regex:"], "GET http://example.com/");
    check(&["regex:^/caf%C3%A9"], "GET http://example.com/caf%C3%A9");
    // Without comments at its end, what is joined to it would be one.
    check(&["regex:(?x)^/a#b"], "GET http://example.com/a");
}

#[test]
fn what_no_request_can_hold_has_no_example() {
    check(&["regex:^/a//b$"], "");
    check(&[r"regex:^/\.\./a$"], "");
    check(&["regex:^a"], "");
    check(&[r"regex:^\*$"], "");
    check(&["header:x header:x!"], "");
    check(&["header:x=1 header:x=2"], "");
    check(&["cookie:x=a;b"], "");
    check(&["header:host=a"], "");
}

#[test]
fn fields() {
    check(&["header:x=1"], "GET http://example.com/ -H 'x: 1'");
    check(&["header:x"], "GET http://example.com/ -H 'x: 1'");
    check(&["header:x!"], "GET http://example.com/");
    check(&["header:x^=ab"], "GET http://example.com/ -H 'x: ab'");
    check(&["header:x=b|c"], "GET http://example.com/ -H 'x: b'");
    check(&["header:x~=(?i)mobile header:y"], "GET http://example.com/ -H 'x: mobile' -H 'y: 1'");
    check(&["header:x^=ab header:x~=[0-9]{2}$"], "GET http://example.com/ -H 'x: ab11'");
    check(&["header:x=b|c header:x=c|d"], "GET http://example.com/ -H 'x: c'");
    check(&["query:debug=1 query:q=a&b"], "GET 'http://example.com/?debug=1&q=a%26b'");
    check(&["cookie:beta=1 cookie:x"], "GET http://example.com/ -H 'cookie: beta=1; x=1'");
    check(&["header:x=it's"], r"GET http://example.com/ -H 'x: it'\''s'");
}

#[test]
fn several_of_one_route() {
    check_all(
        "prefix:/a",
        &[
            "GET example.com/a",
            "GET example.com/a/a",
            "GET example.com/a/1/2",
            "GET www.example.org/a",
            "POST example.com/a",
        ],
    );
    check_all("host:a.org,*.b.org template:/{x} method:PUT", &["PUT a.org/a", "PUT a.org/1", "PUT a.b.org/a"]);
}

#[test]
fn two_routes_at_once() {
    check(&["prefix:/a", "prefix:/b"], "");
    check(&["prefix:/a", "prefix:/a/b"], "GET http://example.com/a/b");
    check(&["template:/a/{x}", "template:/{y}/b"], "GET http://example.com/a/b");
    check(&["template:/a/{x}/c", "prefix:/a/b"], "GET http://example.com/a/b/c");
    check(&["template:/a/{x}", "prefix:/a/b/c"], "");
    check(&["wildcard:/**/raw", "prefix:/files"], "GET http://example.com/files/raw");
    check(&["regex:^/v[0-9]+/.*$", "template:/v1/users/{id}"], "GET http://example.com/v1/users/a");
    check(&["regex:^/[a-m]+$", "regex:^/[k-z]{2,}$"], "GET http://example.com/kk");
    check(&["regex:^/[a-f]+$", "regex:^/[k-z]{2,}$"], "");
    check(&["host:a.b.org", "host:*.b.org,c.org"], "GET http://a.b.org/");
    check(&["host:*.b.org", "host:*.a.b.org"], "GET http://a.a.b.org/");
    check(&["host:a.org", "host:b.org"], "");
    check(&["method:GET,PUT", "method:POST,PUT"], "PUT http://example.com/");
    check(&["method:GET", "method:POST"], "");
    check(&["listener:0,1", "listener:2"], "");
    check(&["ip:10.0.0.0/8", "ip:10.1.0.0/16,192.168.0.0/16"], "GET http://example.com/ --client-ip 10.1.0.1");
    check(&["ip:10.0.0.0/8", "ip:192.168.0.0/16"], "");
    check(&["header:x", "header:y=2"], "GET http://example.com/ -H 'x: 1' -H 'y: 2'");
    check(&["header:x=1", "header:x=2"], "");
    check(&["header:x~=^a", "header:x~=b$"], "GET http://example.com/ -H 'x: ab'");
}

/// Every example is one by the rules of the naive matcher, and most routes have some.
#[test]
fn examples_at_random_hold() {
    let (mut asked, mut found) = (0, 0);
    for seed in 0..300 {
        let mut random = Random(seed);
        let flavour = random.flavour();
        let routes = random.routes(8, flavour);
        let singly = routes.iter().map(|route| vec![route]);
        let pairs = routes.iter().zip(&routes[1..]).map(|(one, other)| vec![one, other]);
        for routes in singly.chain(pairs) {
            let examples: Vec<_> = examples(&routes).take(4).collect();
            if let [route] = *routes {
                // What an expression wants, nobody guesses.
                let is_counted = route.matching.when.is_none();
                asked += usize::from(is_counted);
                found += usize::from(is_counted && !examples.is_empty());
                assert_eq!(Example::of(route).as_ref(), examples.first());
            }
            for example in examples {
                routes.iter().for_each(|route| holds(route, &example));
            }
        }
    }
    assert!(found * 20 > asked * 19, "too few routes have an example: {found} of {asked}");
}

#[track_caller]
fn holds(route: &Route, example: &Example) {
    assert!(naive::find(std::slice::from_ref(route), &example.into()).is_some(), "{example} of {:#?}", route.matching);
}
