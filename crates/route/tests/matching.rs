//! What a route's matchers mean, and what they capture.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{check, request, route};
use route::{Excess, Table};

/// Whether a route made of one line takes a request.
#[track_caller]
fn matches(line: &str, request: &str, wanted: bool) {
    check(&[("it", line)], request, if wanted { "it" } else { "" });
}

#[track_caller]
fn captures(path: &str, asked: &str, wanted: &[&str]) {
    let routes = [route("it", path)];
    let table = Table::build(&routes).unwrap();
    let request = request(&format!("GET h{asked}"));
    let found = table.find(&request.ask()).expect("the route matches");
    let taken: Vec<_> = (0..found.captures.len()).map(|index| found.captures.get(index, asked)).collect();
    assert_eq!(taken, wanted, "{path} of {asked}");
    assert_eq!(taken.len(), routes[0].matching.path.as_ref().unwrap().captures().len());
    assert_eq!(found.captures.get(taken.len(), asked), "");
}

#[test]
fn templates() {
    matches("template:/users/{id}", "GET h/users/1", true);
    matches("template:/users/{id}", "GET h/users/", false);
    matches("template:/users/{id}", "GET h/users", false);
    matches("template:/users/{id}", "GET h/users/1/", false);
    matches("template:/users/{id}/", "GET h/users/1/", true);
    matches("template:/users/{id}", "GET h/users/1/2", false);
    matches("template:/{a}/x/{b}", "GET h/1/x/2", true);
    matches("template:/{a}/x/{b}", "GET h/1/y/2", false);
    matches("template:/", "GET h/", true);
    matches("template:/files/{rest...}", "GET h/files", true);
    matches("template:/files/{rest...}", "GET h/files/", true);
    matches("template:/files/{rest...}", "GET h/files/a/b", true);
    matches("template:/files/{rest...}", "GET h/filesystem", false);
}

#[test]
fn typed_captures() {
    matches("template:/users/{id:int}", "GET h/users/42", true);
    matches("template:/users/{id:int}", "GET h/users/-42", true);
    matches("template:/users/{id:int}", "GET h/users/4x", false);
    matches("template:/users/{id:int}", "GET h/users/", false);
    matches("template:/users/{id:int}", "GET h/users", false);
    matches("template:/users/{id:int}", "GET h/users/42/", false);
    matches("template:/users/{id:uuid}", "GET h/users/0b5a3f04-7c36-4a51-8e0f-2f5d1f6f9a77", true);
    matches("template:/users/{id:uuid}", "GET h/users/0b5a3f04", false);
    matches("template:/{slug:slug}/{rest...}", "GET h/red-shoes-2/a/b", true);
    matches("template:/{slug:slug}/{rest...}", "GET h/Red-Shoes/a/b", false);
    matches("template:/{v:alpha}/x", "GET h/aZ/x", true);
    matches("template:/{v:alpha}/x", "GET h/a1/x", false);
    matches("template:/{x:hex}", "GET h/00fF", true);
    matches("template:/{x:hex}", "GET h/0x1", false);
    matches("template:/log/{d:date}", "GET h/log/2024-02-29", true);
    matches("template:/log/{d:date}", "GET h/log/2023-02-29", false);
}

/// What does not look like the type of one route is left to the others, down to one that wants less.
#[test]
fn a_segment_of_another_type_falls_through() {
    let routes = [
        ("any", "template:/users/{name}"),
        ("int", "template:/users/{id:int}"),
        ("uuid", "template:/users/{id:uuid}"),
        ("posts", "template:/users/{id:int}/posts"),
        ("all", "template:/users/{name}/{rest...}"),
        ("below", "prefix:/users"),
    ];
    check(&routes, "GET h/users/7", "int");
    check(&routes, "GET h/users/0b5a3f04-7c36-4a51-8e0f-2f5d1f6f9a77", "uuid");
    check(&routes, "GET h/users/anna", "any");
    check(&routes, "GET h/users/7/posts", "posts");
    check(&routes, "GET h/users/anna/posts", "all");
    check(&routes, "GET h/users/7/x", "all");
    check(&routes[1..3], "GET h/users/anna", "");
    check(&routes[5..], "GET h/users/7", "below");
}

#[test]
fn a_search_turns_back_from_a_literal_that_leads_nowhere() {
    let routes =
        [("deep", "template:/a/b/{x}/d"), ("wide", "template:/{x}/b/c/{y}"), ("any", "template:/{x}/{rest...}")];
    check(&routes, "GET h/a/b/c/d", "deep");
    check(&routes, "GET h/a/b/c/e", "wide");
    check(&routes, "GET h/a/b/x/e", "any");
    check(&routes, "GET h/a", "any");
    check(&routes, "GET h/", "");
}

#[test]
fn a_search_turns_back_from_a_predicate_that_does_not_hold() {
    let routes =
        [("exact", "exact:/a/b method:PUT"), ("long", "prefix:/a/b header:x"), ("short", "prefix:/a"), ("any", "")];
    check(&routes, "PUT h/a/b x=1", "exact");
    check(&routes, "GET h/a/b x=1", "long");
    check(&routes, "GET h/a/b", "short");
    check(&routes, "GET h/b", "any");
}

#[test]
fn a_closer_host_that_does_not_take_the_path_leaves_it_to_the_next() {
    let routes = [("exact", "host:a.b.org exact:/x"), ("wildcard", "host:*.b.org exact:/y"), ("none", "exact:/z")];
    check(&routes, "GET a.b.org/x", "exact");
    check(&routes, "GET a.b.org/y", "wildcard");
    check(&routes, "GET a.b.org/z", "none");
    check(&routes, "GET a.b.org/", "");
}

#[test]
fn wildcards_and_regexes() {
    matches("wildcard:/files/*/raw", "GET h/files/a/raw", true);
    matches("wildcard:/files/*/raw", "GET h/files/a/b/raw", false);
    matches("wildcard:/files/**/raw", "GET h/files/a/b/raw", true);
    matches("regex:^/v[0-9]+/.*$", "GET h/v12/x", true);
    matches("regex:^/v[0-9]+/.*$", "GET h/a/v12/x", false);
    matches("regex:v[0-9]", "GET h/a/v12/x", true);
}

#[test]
fn captures_by_index() {
    captures("template:/users/{id}", "/users/42", &["42"]);
    captures("template:/{a}/x/{b}/{c...}", "/1/x/2/3/4", &["1", "2", "3/4"]);
    captures("template:/{a}/{b...}", "/1", &["1", ""]);
    captures("template:/{a}/{b...}", "/1/", &["1", ""]);
    captures("template:/{a}/{b}/{c}/{d}/{e}", "/1/2/3/4/5", &["1", "2", "3", "4", "5"]);
    captures("template:/{a:int}/x/{b}/{c:date}/{d...}", "/7/x/2/2026-08-05/4/5", &["7", "2", "2026-08-05", "4/5"]);
    captures("prefix:/old", "/old", &[""]);
    captures("prefix:/old", "/old/", &["/"]);
    captures("prefix:/old", "/old/x/y", &["/x/y"]);
    captures("prefix:/", "/x", &["/x"]);
    captures("regex:^/(?<a>[^/]+)/([^/]+)(?:/(?<b>.+))?$", "/1/2/3", &["1", "3"]);
    captures("regex:^/(?<a>[^/]+)/([^/]+)(?:/(?<b>.+))?$", "/1/2", &["1", ""]);
    captures("wildcard:/*", "/1", &[]);
    captures("exact:/ü/x", "/ü/x", &[]);
    captures("template:/ü/{x}", "/ü/ä", &["ä"]);
}

/// Every way in which a value may be wanted, of every kind of field.
#[test]
fn fields() {
    for (kind, give) in [("header", " x={}"), ("query", "?x={}"), ("cookie", " cookie=z=1;␣x={}")] {
        for (wanted, taken, refused) in [
            ("x=ab", &["ab"][..], &["a", "abc", "AB", ""][..]),
            ("x^=ab", &["ab", "abc"], &["a", "xab", "ABC", ""]),
            ("x~=^a.*c$", &["ac", "abc"], &["ab", "xac", "ABC", ""]),
            ("x~=b", &["b", "abc"], &["ac", "B", ""]),
            ("x=ab|cd", &["ab", "cd"], &["ac", "abcd", ""]),
            ("x", &["ab", ""], &[]),
            ("x!", &[], &["ab", ""]),
        ] {
            let line = format!("{kind}:{wanted}");
            let request = |value: &str| format!("GET h/{}", give.replace("{}", value));
            taken.iter().for_each(|value| matches(&line, &request(value), true));
            refused.iter().for_each(|value| matches(&line, &request(value), false));
            matches(&line, "GET h/", wanted == "x!");
            // A field by another name is no such field.
            matches(&line, &request("ab").replace("x=", "xx="), wanted == "x!");
        }
    }
}

#[test]
fn headers() {
    matches("header:x=1", "GET h/ x=1", true);
    matches("header:X=1", "GET h/ x=2 X=1", true);
    matches("header:x=a", "GET h/ x=A", false);
    matches("header:x=1", "GET h/ x=1,2", false);
    matches("header:x=a|b", "GET h/ x=b", true);
    matches("header:x^=ap", "GET h/ x=apple", true);
    matches("header:x~=^a.*e$", "GET h/ x=apple", true);
    matches("header:x", "GET h/ x=", true);
    matches("header:x", "GET h/ y=", false);
    matches("header:x!", "GET h/ y=", true);
    matches("header:x!", "GET h/ x=", false);
    // Bytes that are no text have no match, and no place in a panic.
    matches("header:x~=.*", "GET h/ x=é", true);
    let mut request = request("GET h/");
    request.headers.insert("x", http::HeaderValue::from_bytes(b"\xff").unwrap());
    for (line, wanted) in [("header:x~=.*", false), ("header:x", true), ("header:x=a", false)] {
        let table = Table::build(&[route("it", line)]).unwrap();
        assert_eq!(table.find(&request.ask()).is_some(), wanted, "{line}");
    }
}

#[test]
fn query_parameters() {
    matches("query:debug=1", "GET h/?debug=1", true);
    matches("query:debug=1", "GET h/?debug=0&a&debug=1", true);
    matches("query:debug=1", "GET h/?debug=11", false);
    matches("query:debug", "GET h/?debug", true);
    matches("query:debug", "GET h/?debug=", true);
    matches("query:debug", "GET h/?xdebug=1", false);
    matches("query:debug", "GET h/", false);
    matches("query:debug!", "GET h/?", true);
    matches("query:debug!", "GET h/?d%65bug", false);
    matches("query:d^=a␣b", "GET h/?d=a+b", false);
    matches("query:d~=^a.b$", "GET h/?d=a+b", true);
    matches("query:d~=^a.b$", "GET h/?d=a%2Bb", true);
    matches("query:d=a=b", "GET h/?d=a=b", true);
    matches("query:d=ü", "GET h/?d=%C3%BC", true);
    matches("query:d=ü", "GET h/?d=%c3%bc", true);
    matches("query:d=%zz", "GET h/?d=%zz", true);
    matches("query:d=%4", "GET h/?d=%4", true);
    matches("query:d~=.*", "GET h/?d=%ff", false);
    matches("query:d=a;e", "GET h/?d=a;e", true);
}

#[test]
fn cookies() {
    matches("cookie:beta=1", "GET h/ cookie=a=b;␣beta=1", true);
    matches("cookie:beta=1", "GET h/ cookie=a=b cookie=beta=1", true);
    matches("cookie:beta=1", "GET h/ cookie=beta=\"1\"", false);
    matches("cookie:beta", "GET h/ cookie=xbeta=1", false);
    matches("cookie:beta", "GET h/ cookie=Beta=1", false);
    matches("cookie:beta=a=b", "GET h/ cookie=beta=a=b", true);
    matches("cookie:beta!", "GET h/ cookie=a=beta", true);
    matches("cookie:beta=%31", "GET h/ cookie=beta=%31", true);
}

#[test]
fn methods_listeners_and_networks() {
    matches("method:PURGE", "PURGE h/", true);
    matches("method:GET", "HEAD h/", false);
    matches("listener:0,2", "GET h/ listener:2", true);
    matches("listener:0,2", "GET h/ listener:1", false);
    matches("ip:10.0.0.0/8,2001:db8::/32", "GET h/ ip:2001:db8::7", true);
    matches("ip:10.0.0.0/8", "GET h/ ip:11.0.0.1", false);
    matches("ip:10.0.0.0/8", "GET h/ ip:::ffff:10.0.0.1", true);
    matches("ip:::ffff:0:0/96", "GET h/ ip:::ffff:10.0.0.1", true);
}

#[test]
fn server_names() {
    matches("sni:a.org,*.b.org", "GET h/ sni:a.org", true);
    matches("sni:a.org,*.b.org", "GET h/ sni:x.b.org", true);
    matches("sni:a.org,*.b.org", "GET h/ sni:b.org", false);
    matches("sni:a.org,*.b.org", "GET h/ sni:x.a.org", false);
    // It is the name of the handshake that counts, and without a handshake there is none.
    matches("sni:a.org", "GET a.org/", false);
    matches("sni:a.org", "GET a.org/ sni:b.org", false);
    matches("host:a.org sni:b.org", "GET a.org/ sni:b.org", true);
}

#[test]
fn times() {
    matches("time:2026-01-01T00:00:00Z", "GET h/ now:2025-12-31T23:59:59Z", false);
    matches("time:2026-01-01T00:00:00Z", "GET h/ now:2026-01-01T00:00:00Z", true);
    matches("time:,2026-01-01T00:00:00Z", "GET h/ now:2025-12-31T23:59:59Z", true);
    matches("time:,2026-01-01T00:00:00Z", "GET h/ now:2026-01-01T00:00:00Z", false);
    let between = "time:2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,540-1020";
    matches(between, "GET h/ now:2026-01-15T09:00:00Z", true);
    matches(between, "GET h/ now:2026-01-15T17:00:00Z", false);
    matches(between, "GET h/ now:2026-02-15T09:00:00Z", false);
    let routes = [("day", "time:,,360-1320"), ("night", "time:,,1320-360")];
    check(&routes, "GET h/ now:2026-01-15T06:00:00Z", "day");
    check(&routes, "GET h/ now:2026-01-15T22:00:00Z", "night");
    check(&routes, "GET h/ now:2026-01-15T05:59:59Z", "night");
}

/// A clock is not looked at for nothing: neither without need, nor before all else holds.
#[test]
fn conditions() {
    matches("when:request.method=='GET'&&request.path.startsWith('/a')", "GET h/a/b", true);
    matches("when:request.method=='GET'&&request.path.startsWith('/a')", "PUT h/a/b", false);
    matches("when:request.host=='h'&&request.scheme=='https'", "GET h/", true);
    matches("when:request.headers['X-A']=='1'", "GET h/ x-a=1 x-a=2", true);
    matches("when:request.headers['x-a']=='2'", "GET h/ x-a=1 x-a=2", false);
    matches("when:request.query.q.size()==3&&request.query.q.startsWith('a')", "GET h/?q=a+b", true);
    matches("when:request.cookies.c=='1'", "GET h/ cookie=a=b;␣c=1", true);
    matches("when:client.ip.within('10.0.0.0/8')", "GET h/ ip:::ffff:10.0.0.1", true);
    matches("when:tls.sni.endsWith('.a.org')", "GET h/ sni:b.a.org", true);
    matches("when:tls.sni==''", "GET h/", true);
    matches("when:now.getHours()<9", "GET h/ now:2026-01-01T08:59:59Z", true);
    matches("when:now.getHours()<9", "GET h/ now:2026-01-01T09:00:00Z", false);
    // An expression that has no value does not hold, nor does its opposite.
    matches("when:request.headers.x=='1'", "GET h/", false);
    matches("when:request.headers.x!='1'", "GET h/", false);
    matches("when:!('x'in(request.headers))||request.headers.x!='1'", "GET h/", true);
}

#[test]
fn the_time_is_looked_at_last() {
    let routes = [route("timed", "prefix:/a header:x=1 cookie:c sni:a.org time:600 when:int(now)>0"), route("any", "")];
    let table = Table::build(&routes).unwrap();
    let looks = std::cell::Cell::new(0);
    let now = || {
        looks.set(looks.get() + 1);
        std::time::UNIX_EPOCH
    };
    for (asked, expected) in [
        ("GET h/b x=1 cookie=c=1 sni:a.org", 0),
        ("GET h/a x=2 cookie=c=1 sni:a.org", 0),
        ("GET h/a x=1 sni:a.org", 0),
        ("GET h/a x=1 cookie=c=1", 0),
        ("GET h/a x=1 cookie=c=1 sni:a.org", 1),
    ] {
        looks.set(0);
        let request = request(asked);
        let found = table.find(&route::Ask { now: &now, ..request.ask() }).unwrap();
        assert_eq!((found.route, looks.get()), (1, expected), "{asked}");
    }
}

#[test]
fn targets_that_are_no_path() {
    for path in ["", "*", "a", "//", "/%"] {
        let mut request = request("GET h/");
        request.path = path.to_owned();
        let lines = ["prefix:/", "template:/{x}", "template:/{x...}", "exact:/", "regex:^$", "wildcard:/*", ""];
        let routes: Vec<_> = lines.iter().map(|line| route(line, line)).collect();
        let found = Table::build(&routes).unwrap().find(&request.ask()).unwrap();
        let wanted = common::naive::find(&routes, &request).unwrap().0;
        assert_eq!(found.route, wanted, "{path:?}");
    }
}

#[test]
fn words_of_any_length() {
    for length in [1, 27, 28, 29, 47, 48, 49, 63, 64, 65, 1_000] {
        let (word, other) = ("x".repeat(length), "x".repeat(length - 1) + "y");
        let exact = format!("host:{word} exact:/{word}");
        let prefix = format!("host:*.{word} prefix:/{word}");
        let template = format!("template:/{word}/{{x}}/{word}");
        let routes = [("exact", &*exact), ("prefix", &*prefix), ("template", &*template)];
        check(&routes, &format!("GET {word}/{word}"), "exact");
        check(&routes, &format!("GET a.{word}/{word}/a"), "prefix");
        check(&routes, &format!("GET h/{word}/{other}/{word}"), "template");
        check(&routes, &format!("GET {word}/{other}"), "");
        check(&routes, &format!("GET {other}/{word}"), "");
        check(&routes, &format!("GET a.{word}/{other}"), "");
        check(&routes, &format!("GET h/{word}/{other}/{other}"), "");
    }
}

#[test]
fn no_routes() {
    check(&[], "GET h/", "");
}

/// Many regexes, of which one matches: those with text of their own, those that share it, and those without any.
#[test]
fn many_regexes_are_told_apart() {
    let by_text = |number: usize| format!("regex:^/v[0-9]+/service{number}/.*$");
    let by_class = |number: usize| format!("regex:^/[a-z]{{{}}}$", number + 1);
    let shared = |number: usize| format!("regex:^/shared/[a-z]{{{}}}$", number + 1);
    let lines: Vec<_> = (0..200).flat_map(|number| [by_text(number), by_class(number), shared(number)]).collect();
    let routes: Vec<_> = lines.iter().map(|line| route(line, line)).collect();
    let table = Table::build(&routes).unwrap();
    let ask = |path: String| table.find(&request(&format!("GET h{path}")).ask()).map(|found| &lines[found.route]);
    for number in 0..200 {
        assert_eq!(ask(format!("/v1/service{number}/x")), Some(&by_text(number)));
        assert_eq!(ask(format!("/{}", "x".repeat(number + 1))), Some(&by_class(number)));
        assert_eq!(ask(format!("/shared/{}", "x".repeat(number + 1))), Some(&shared(number)));
    }
    assert_eq!(ask("/v1/service200/x".to_owned()), None);
    assert_eq!(ask("/shared/service0/".repeat(400)), None);
}

/// Regexes that cannot be told apart by their text, each as large as a regex may be, are refused by name (fault 40).
#[test]
fn regexes_that_are_too_large_together_are_refused() {
    let lines: Vec<_> = (0..400).map(|number| format!("regex:^/[a-z]{{1,3000}}[0-9]{{{number}}}$")).collect();
    let routes: Vec<_> = lines.iter().enumerate().map(|(number, line)| route(&format!("r{number}"), line)).collect();
    let error = Table::build(&routes).unwrap_err();
    assert_eq!(error.excess, Excess::Regexes);
    assert_eq!(error.name, routes[error.route].name);
    let shown = error.to_string();
    assert!(shown.starts_with(&format!("route `{}` takes the regexes of all paths", error.name)), "{shown}");
}

#[test]
fn a_table_may_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Table>();
}
