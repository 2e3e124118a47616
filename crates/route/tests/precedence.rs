//! Who wins. The first half are golden cases for the rules of the Kubernetes Gateway API for `HTTPRoute`; the second
//! half is what this gateway adds.

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
            "prefix:/a/b method:GET header:x query:p query:q cookie:c ip:10.0.0.0/8 priority:-3",
            Some(HostPattern::Suffix("example.org".into()))
        ),
        "priority -3, wildcard host of 11 characters, path with 2 literal segments, method, 1 header, \
         2 query parameters, 1 cookie, client_ip, route number 5"
    );
}
