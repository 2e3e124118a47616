//! Who wins. The first half are golden cases for the rules of the Kubernetes Gateway API for `HTTPRoute` (`hostnames` of
//! `HTTPRouteSpec`, `matches` of `HTTPRouteRule`); the second half is what this gateway adds.

mod common;

use common::check;
use model::HostPattern;
use route::Precedence;

// --- Gateway API: hosts ---

#[test]
fn an_exact_host_goes_before_a_wildcard() {
    let routes = [("wildcard", "host:*.example.com exact:/a"), ("exact", "host:foo.example.com prefix:/")];
    check(&routes, "GET foo.example.com/a", "exact");
    check(&routes, "GET bar.example.com/a", "wildcard");
}

#[test]
fn a_longer_wildcard_goes_before_a_shorter_one() {
    let routes = [("short", "host:*.com"), ("long", "host:*.example.com"), ("none", "")];
    check(&routes, "GET foo.example.com/", "long");
    check(&routes, "GET example.com/", "short");
    check(&routes, "GET com/", "none");
}

#[test]
fn a_wildcard_stands_for_one_label_or_more() {
    let routes = [("wildcard", "host:*.example.com")];
    check(&routes, "GET test.example.com/", "wildcard");
    check(&routes, "GET foo.test.example.com/", "wildcard");
    check(&routes, "GET example.com/", "");
    check(&routes, "GET testexample.com/", "");
    check(&routes, "GET .example.com/", "");
}

#[test]
fn a_route_without_hosts_is_for_all_of_them() {
    let routes = [("none", "exact:/a method:GET header:x"), ("wildcard", "host:*.example.com prefix:/")];
    check(&routes, "GET other.org/a x=1", "none");
    check(&routes, "GET www.example.com/a x=1", "wildcard");
}

// --- Gateway API: paths ---

#[test]
fn an_exact_path_goes_before_the_longest_prefix() {
    let routes = [("prefix", "prefix:/foo/bar method:GET header:x query:y"), ("exact", "exact:/foo/bar")];
    check(&routes, "GET h/foo/bar?y x=1", "exact");
    check(&routes, "GET h/foo/bar/?y x=1", "prefix");
}

#[test]
fn the_longest_prefix_wins() {
    let routes = [("root", "prefix:/"), ("foo", "prefix:/foo"), ("foo_bar", "prefix:/foo/bar"), ("f", "prefix:/f")];
    check(&routes, "GET h/foo/bar/baz", "foo_bar");
    check(&routes, "GET h/foo/barbaz", "foo");
    check(&routes, "GET h/f", "f");
    check(&routes, "GET h/", "root");
}

/// The table of the specification: a prefix is matched element by element.
#[test]
fn a_prefix_ends_on_a_segment() {
    for (prefix, path, matches) in [
        ("/foo", "/foo", true),
        ("/foo", "/foo/", true),
        ("/foo", "/foo/bar", true),
        ("/foo", "/foobar", false),
        ("/foo", "/fo", false),
        ("/foo", "/FOO", false),
        ("/foo", "/bar/foo", false),
        ("/foo/bar", "/foo", false),
        ("/", "/", true),
        ("/", "/anything/at/all", true),
    ] {
        let line = format!("prefix:{prefix}");
        check(&[("it", &line)], &format!("GET h{path}"), if matches { "it" } else { "" });
    }
}

#[test]
fn an_exact_path_is_exact() {
    for path in ["/foo/", "/foo/bar", "/Foo", "/fo", "/"] {
        check(&[("it", "exact:/foo")], &format!("GET h{path}"), "");
    }
    check(&[("it", "exact:/foo")], "GET h/foo", "it");
}

/// No path is the same as the prefix `/`, which the specification takes for it.
#[test]
fn no_path_is_the_prefix_of_all() {
    check(&[("none", ""), ("root", "prefix:/")], "GET h/a", "none");
    check(&[("root", "prefix:/"), ("none", "")], "GET h/a", "root");
    check(&[("root", "prefix:/"), ("none", "method:GET")], "GET h/a", "none");
}

// --- Gateway API: method, headers, query, and ties ---

#[test]
fn a_method_goes_before_any_number_of_headers() {
    let routes = [("headers", "prefix:/a header:x header:y header:z"), ("method", "prefix:/a method:GET")];
    check(&routes, "GET h/a x=1 y=1 z=1", "method");
    check(&routes, "PUT h/a x=1 y=1 z=1", "headers");
}

#[test]
fn the_most_headers_go_before_any_number_of_query_parameters() {
    let routes = [("query", "header:x query:p query:q"), ("headers", "header:x header:y"), ("none", "")];
    check(&routes, "GET h/?p&q x=1 y=1", "headers");
    check(&routes, "GET h/?p&q x=1", "query");
    check(&routes, "GET h/?p x=1", "none");
}

#[test]
fn the_most_query_parameters_win() {
    let routes = [("one", "query:p"), ("two", "query:p query:q")];
    check(&routes, "GET h/?q&p", "two");
    check(&routes, "GET h/?p", "one");
}

#[test]
fn the_first_route_wins_a_tie() {
    check(&[("first", "prefix:/a header:x"), ("second", "prefix:/a header:y")], "GET h/a x=1 y=1", "first");
    check(&[("first", "prefix:/a"), ("second", "prefix:/a")], "GET h/a", "first");
    check(&[("first", "method:GET,POST"), ("second", "method:GET")], "GET h/a", "first");
}

/// The criteria as the specification lists them, between rules of which each is better by one criterion alone and worse
/// by all that come after it. Whichever way round they are written, the better one wins.
#[test]
fn each_criterion_goes_before_all_that_follow() {
    let ladder = [
        (
            "host characters without wildcard",
            "host:a.b.example.com",
            "host:*.b.example.com exact:/a/b method:GET header:x",
        ),
        ("host characters", "host:*.b.example.com prefix:/", "host:*.example.com exact:/a/b method:GET header:x"),
        ("exact path", "exact:/a/b", "prefix:/a/b method:GET header:x header:y query:p query:q"),
        ("longest prefix", "prefix:/a/b", "prefix:/a method:GET header:x header:y query:p query:q"),
        ("method", "prefix:/a method:GET", "prefix:/a header:x header:y query:p query:q"),
        ("headers", "prefix:/a header:x header:y", "prefix:/a header:x query:p query:q"),
        ("query parameters", "prefix:/a query:p query:q", "prefix:/a query:p"),
        ("list order", "prefix:/a", "prefix:/a"),
    ];
    for (criterion, better, worse) in ladder {
        let asked = "GET a.b.example.com/a/b?p&q x=1 y=1";
        check(&[(criterion, better), ("worse", worse)], asked, criterion);
        if criterion != "list order" {
            check(&[("worse", worse), (criterion, better)], asked, criterion);
        }
    }
}

/// The specification counts the characters of a prefix, we its segments: among prefixes of one path that is the same.
#[test]
fn the_most_characters_are_the_most_segments() {
    let prefixes =
        ["/", "/a", "/a/bbbbbbbbbb", "/a/bbbbbbbbbb/c", "/aaaaaaaaaa", "/aaaaaaaaaa/b", "/a/b", "/a/b/c/d/e"];
    let routes: Vec<_> = prefixes.iter().map(|prefix| (*prefix, format!("prefix:{prefix}"))).collect();
    let routes: Vec<_> = routes.iter().map(|(name, line)| (*name, line.as_str())).collect();
    for asked in ["/", "/a", "/a/b", "/a/b/c", "/a/b/c/d/e/f", "/a/bbbbbbbbbb/c/d", "/aaaaaaaaaa/b", "/x"] {
        let matching = prefixes.iter().filter(|prefix| {
            asked
                .strip_prefix(prefix.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let longest = matching.max_by_key(|prefix| prefix.len()).unwrap();
        check(&routes, &format!("GET h{asked}"), longest);
    }
}

/// A rule with several matches is several routes here, and each is judged by itself.
#[test]
fn a_rule_with_several_matches_is_judged_by_the_one_that_holds() {
    let routes = [
        ("first", "prefix:/a method:PUT"),
        ("first", "prefix:/a header:x"),
        ("second", "prefix:/a method:GET"),
        ("third", "exact:/a"),
    ];
    check(&routes, "PUT h/a/b x=1", "first");
    check(&routes, "GET h/a/b x=1", "second");
    check(&routes, "PUT h/a x=1", "third");
    check(&routes, "DELETE h/a/b x=1", "first");
}

/// Header values are compared as they are, names without regard to case; all that are given must hold.
#[test]
fn headers_and_query_parameters_are_exact_and_joined_by_and() {
    let routes = [("both", "header:version=one header:X-Env=two query:animal=whale"), ("none", "")];
    check(&routes, "GET h/?animal=whale Version=one x-env=two", "both");
    for other in [
        "GET h/?animal=whale version=ONE x-env=two",
        "GET h/?animal=whale version=one",
        "GET h/?Animal=whale version=one x-env=two",
        "GET h/?animal=dolphin version=one x-env=two",
        "GET h/ version=one x-env=two",
    ] {
        check(&routes, other, "none");
    }
}

#[test]
fn everything_given_must_hold_and_of_several_hosts_or_methods_one() {
    let routes = [("it", "host:a.com,b.com prefix:/x method:GET,PUT header:k=v query:q=1")];
    check(&routes, "PUT b.com/x?q=1 k=v", "it");
    for request in
        ["PUT c.com/x?q=1 k=v", "PUT b.com/y?q=1 k=v", "POST b.com/x?q=1 k=v", "PUT b.com/x k=v", "PUT b.com/x?q=1"]
    {
        check(&routes, request, "");
    }
}

// --- What is added ---

#[test]
fn priority_goes_before_all() {
    let routes = [
        ("exact", "host:a.example.org exact:/a/b method:GET header:x"),
        ("wildcard", "host:*.example.org prefix:/a priority:1"),
        ("any", "priority:2 query:beta"),
        ("last", "host:a.example.org exact:/a/b priority:-1"),
    ];
    check(&routes, "GET a.example.org/a/b?beta x=1", "any");
    check(&routes, "GET a.example.org/a/b x=1", "wildcard");
    check(&routes, "GET a.example.org/b", "");
    check(&routes[..1], "GET a.example.org/a/b x=1", "exact");
    check(&routes[3..], "GET a.example.org/a/b", "last");
}

#[test]
fn priority_lifts_one_route_over_another_on_the_same_path() {
    let routes = [("first", "template:/a/{x}"), ("second", "template:/{x}/b priority:1"), ("third", "exact:/a/b")];
    check(&routes, "GET h/a/b", "second");
    check(&routes, "GET h/a/c", "first");
}

#[test]
fn the_kinds_of_path_in_order() {
    let routes = [
        ("none", "method:GET header:x"),
        ("regex", "regex:^/a/.*"),
        ("wildcard", "wildcard:/a/*/c"),
        ("one", "prefix:/a"),
        ("two", "template:/a/{x}/c"),
        ("three", "template:/a/b/c/{rest...}"),
        ("exact", "exact:/a/b/c"),
    ];
    for number in (0..routes.len()).rev() {
        check(&routes[..=number], "GET h/a/b/c x=1", routes[number].0);
    }
}

#[test]
fn a_prefix_and_a_template_with_as_many_literals_are_equal() {
    check(&[("prefix", "prefix:/users"), ("template", "template:/users/{id}")], "GET h/users/1", "prefix");
    check(&[("template", "template:/users/{id}"), ("prefix", "prefix:/users")], "GET h/users/1", "template");
    check(&[("prefix", "prefix:/users"), ("template", "template:/users/{id} method:GET")], "GET h/users/1", "template");
    check(&[("left", "template:/a/{x}"), ("right", "template:/{x}/b method:GET")], "GET h/a/b", "right");
}

#[test]
fn a_template_without_captures_is_exact() {
    check(&[("template", "template:/a/b"), ("exact", "exact:/a/b")], "GET h/a/b", "template");
    check(&[("prefix", "prefix:/a/b method:GET"), ("template", "template:/a/b")], "GET h/a/b", "template");
}

/// A catch-all, however it is written, leaves every other kind of path its turn.
#[test]
fn what_refuses_no_path_comes_last() {
    for catch_all in ["prefix:/", "template:/{rest...}", ""] {
        for other in ["regex:^/v[0-9]+/", "wildcard:/v1/*", "template:/{x}/{y}", "prefix:/v1"] {
            check(&[("catch_all", &format!("{catch_all} method:GET")), ("other", other)], "GET h/v1/x", "other");
        }
    }
}

#[test]
fn a_wildcard_with_more_literal_segments_goes_first() {
    let routes = [("open", "wildcard:/** method:GET"), ("protected", "wildcard:/admin/**")];
    check(&routes, "GET h/admin/x", "protected");
    check(&routes, "GET h/x", "open");
}

#[test]
fn after_query_come_cookies_and_then_client_ip() {
    let routes = [("ip", "ip:10.0.0.0/8"), ("cookie", "cookie:c"), ("query", "query:q")];
    check(&routes, "GET h/?q cookie=c=1 ip:10.0.0.1", "query");
    check(&routes, "GET h/ cookie=c=1 ip:10.0.0.1", "cookie");
    check(&routes, "GET h/ ip:10.0.0.1", "ip");
}

#[test]
fn client_ip_sni_time_and_expressions_count_together() {
    let routes = [
        ("none", ""),
        ("time", "time:600"),
        ("sni", "sni:a.org"),
        ("ip", "ip:10.0.0.0/8"),
        ("two", "sni:a.org,b.org time:600"),
        ("three", "ip:10.0.0.0/8 sni:a.org time:600"),
        ("four", "ip:10.0.0.0/8 sni:a.org time:600 when:request.path=='/'"),
        ("cookie", "cookie:c"),
    ];
    let request = "GET h/ ip:10.0.0.1 sni:a.org now:700";
    check(&routes, &format!("{request} cookie=c=1"), "cookie");
    check(&routes, request, "four");
    check(&routes[..6], request, "three");
    check(&routes[..5], request, "two");
    check(&routes[..4], request, "time");
    check(&routes[..4], "GET h/ ip:10.0.0.1 sni:a.org", "sni");
    check(&routes[..4], "GET h/ ip:10.0.0.1", "ip");
    check(&routes[..1], request, "none");
}

#[test]
fn among_as_many_literals_more_types_go_first() {
    let routes = [
        ("any", "template:/users/{id}/{part} method:GET header:x"),
        ("prefix", "prefix:/users method:GET header:x"),
        ("one", "template:/users/{id:int}/{part} method:GET"),
        ("two", "template:/users/{id:int}/{part:slug}"),
        ("literal", "template:/users/{id}/posts"),
    ];
    check(&routes, "GET h/users/7/posts x=1", "literal");
    check(&routes[..4], "GET h/users/7/posts x=1", "two");
    check(&routes[..3], "GET h/users/7/posts x=1", "one");
    check(&routes[..2], "GET h/users/7/posts x=1", "any");
    check(&routes[..4], "GET h/users/anna/posts x=1", "any");
    // Where the types stand does not matter, nor which they are.
    check(&[("left", "template:/{a:int}/{b}"), ("right", "template:/{a}/{b:date}")], "GET h/7/2026-08-05", "left");
    check(&[("right", "template:/{a}/{b:date}"), ("left", "template:/{a:int}/{b}")], "GET h/7/2026-08-05", "right");
    // A type is no literal, and no more than a path is.
    check(&[("typed", "template:/{a:int}/{b:int}"), ("prefix", "prefix:/7")], "GET h/7/8", "prefix");
    check(&[("wildcard", "wildcard:/7/8*"), ("typed", "template:/{a:int}/{b:int}")], "GET h/7/8", "typed");
    check(&[("host", "host:*.org"), ("typed", "template:/{a:int}")], "GET a.org/7", "host");
    check(&[("typed", "template:/{a:int}"), ("priority", "priority:1")], "GET h/7", "priority");
}

#[test]
fn a_listener_does_not_count() {
    let routes = [("all", ""), ("one", "listener:0")];
    check(&routes, "GET h/", "all");
    check(&[("one", "listener:0"), ("all", "")], "GET h/ listener:1", "all");
}

#[test]
fn a_route_has_the_precedence_of_the_host_that_matched() {
    let routes =
        [("both", "host:a.org,*.b.org prefix:/"), ("wildcard", "host:*.org exact:/x"), ("b", "host:*.b.org exact:/x")];
    check(&routes, "GET a.org/x", "both");
    check(&routes, "GET c.b.org/x", "b");
    check(&routes, "GET c.b.org/y", "both");
    check(&routes, "GET c.org/x", "wildcard");
}

#[test]
fn precedence_tells_itself() {
    let shown =
        |line: &str, host: Option<HostPattern>| Precedence::of(&common::route("r", line), host.as_ref(), 4).to_string();
    assert_eq!(shown("", None), "priority 0, any host, any path, route number 5");
    assert_eq!(
        shown(
            "prefix:/a/b method:GET header:x query:p query:q cookie:c ip:10.0.0.0/8 time:600 priority:-3",
            Some(HostPattern::Suffix("example.org".into()))
        ),
        "priority -3, wildcard host of 11 characters, path with 2 literal segments, method, 1 header, \
         2 query parameters, 1 cookie, 2 further matchers, route number 5"
    );
    let path = |line: &str| Precedence::of(&common::route("r", line), None, 0).path.to_string();
    assert_eq!(path("template:/{a:int}/{b}"), "path with 0 literal segments and 1 typed capture");
    assert_eq!(path("template:/a/{a:int}/{b:hex}"), "path with 1 literal segment and 2 typed captures");
}
