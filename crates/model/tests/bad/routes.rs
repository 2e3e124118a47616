//! Routes: matchers, actions, templates, policies.

use super::{check, check_route};

#[test]
fn a_route_has_one_action() {
    check_route(
        "",
        &[
            "5:5: error: a route needs an action, exactly one of `upstream`, `split`, `versions`, `redirect`, `respond`, and this one has none; for example `upstream: users`",
        ],
    );
    check_route(
        r"    upstream: users
    respond: { status: 200 }
    redirect: { to: / }
",
        &[
            "5:5: error: a route has exactly one action, and this one has `upstream`, `respond`, `redirect`; keep one of them, or make another route",
        ],
    );
    check_route("    upsteam: users", &["6:5: error: unknown key `upsteam`; did you mean `upstream`?"]);
}

#[test]
fn hosts() {
    check_route(
        r#"    upstream: users
    match: { hosts: ["*", "a.*.com", "https://a.com/x", "a.com:80", "a.com.", "münchen.de", "::1", "a b"] }
"#,
        &[
            "7:22: error: `*` alone stands for nothing; leave `hosts` out to match every host",
            "7:27: error: expected a host such as `api.example.com` or `*.example.org`, found the text `a.*.com`; `*` stands only in front, for one or more labels: `*.example.org`",
            "7:38: error: expected a host such as `api.example.com` or `*.example.org`, found the text `https://a.com/x`; write the host alone: `a.com`",
            "7:57: error: expected a host such as `api.example.com` or `*.example.org`, found the text `a.com:80`; hosts match on every port: write `a.com`",
            "7:69: error: expected a host such as `api.example.com` or `*.example.org`, found the text `a.com.`; leave the last dot out: `a.com`",
            "7:79: error: expected a host such as `api.example.com` or `*.example.org`, found the text `münchen.de`; write an international name in its ASCII form, which begins with `xn--`",
            "7:93: error: expected a host such as `api.example.com` or `*.example.org`, found the text `::1`; an IPv6 address stands in brackets: `[::1]`",
            "7:100: error: expected a host such as `api.example.com` or `*.example.org`, found the text `a b`",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { hosts: ["[::1]", 127.0.0.1, "*.a", A.b] }
"#,
        &[],
    );
}

#[test]
fn types_of_captures() {
    check_route(
        r#"    upstream: users
    match: { path: "/users/{id:integer}/{rest...}" }
"#,
        &[
            "7:20: error: `{id:integer}`: unknown type `integer`; the types are `alpha`, `date`, `hex`, `int`, `slug`, `uuid`; for other forms use `regex`",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { path: { template: "/users/{id:uid}" } }
"#,
        &[
            "7:32: error: `{id:uid}`: unknown type `uid`; did you mean `uuid`? the types are `alpha`, `date`, `hex`, `int`, `slug`, `uuid`; for other forms use `regex`",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/users/{id:}" }
"#,
        &[
            "7:20: error: `{id:}`: unknown type ``; the types are `alpha`, `date`, `hex`, `int`, `slug`, `uuid`; for other forms use `regex`",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/users/{:int}" }
"#,
        &["7:20: error: `{}` is no name; begin it with a letter and go on with letters, digits or `_`"],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/files/{rest:slug...}" }
"#,
        &[
            "7:20: error: `{rest:slug...}`: a type is for one segment, and `...` takes any number of them; write `{rest...}`",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/users/{id:int}" }
    rewrite: { path: "/internal/{id:int}" }
"#,
        &["8:22: error: the type of `{id:int}` stands in the match only; write `{id}`"],
    );
}

#[test]
fn server_names() {
    check_route(
        r#"    upstream: users
    match: { sni: ["*", "a.*.com", "https://a.com/x", 10.0.0.1, "[::1]", a b] }
"#,
        &[
            "7:20: error: `*` alone stands for nothing; leave `sni` out to match every connection",
            "7:25: error: expected a server name such as `api.example.com` or `*.example.org`, found the text `a.*.com`; `*` stands only in front, for one or more labels: `*.example.org`",
            "7:36: error: expected a server name such as `api.example.com` or `*.example.org`, found the text `https://a.com/x`; write the host alone: `a.com`",
            "7:55: error: expected a server name such as `api.example.com` or `*.example.org`, found the text `10.0.0.1`; a handshake names no addresses: match with `hosts`",
            "7:65: error: expected a server name such as `api.example.com` or `*.example.org`, found the text `[::1]`; a handshake names no addresses: match with `hosts`",
            "7:74: error: expected a server name such as `api.example.com` or `*.example.org`, found the text `a b`",
        ],
    );
}

/// The listener of these documents has no TLS.
#[test]
fn server_names_that_nobody_gives() {
    let warning = "7:19: warning: no listener of this route has `tls`, so there is no server name and nothing matches; give a listener `tls`, or match with `hosts`";
    check_route("    upstream: users\n    match: { sni: [a.example] }", &[warning]);
    check_route("    upstream: users\n    match: { sni: [a.example] }\n    listeners: [web]", &[warning]);
}

#[test]
fn expressions() {
    check_route(
        r#"    upstream: users
    match: { when: 'request.metod == "GET" && request.path.starts_with("/a") || client.ip.within("10.0.0.1/8")' }
"#,
        &[
            "7:20: error: unknown variable `request.metod`, at character 1; did you mean `request.method`?",
            "7:20: error: unknown function `starts_with`, at character 40; did you mean `startsWith`?",
            "7:20: error: `10.0.0.1/8` is no network, because its address has bits behind the prefix, at character 78; did you mean `10.0.0.0/8` or `10.0.0.1`?",
        ],
    );
    check_route(
        "    upstream: users\n    match: { when: request.headers }\n",
        &[
            "7:20: error: a condition gives a bool, and this is a map, at character 1; ask whether it has a key: `\"x\" in …`",
        ],
    );
    // The expression is looked at whatever else is wrong, and once.
    check_route(
        "    upstream: users\n    match: { methods: [get], when: consumer.name == \"a\" }\n",
        &[
            "7:24: error: methods are case-sensitive, and `get` is none that clients send; write `GET`",
            "7:36: error: `consumer.name` is not available in this version of sluice, at character 1; who calls is found out by policies, once the route is known; a `split` can go by it, and a header can be matched with `request.headers`",
        ],
    );
    check_route(
        "    upstream: users\n    match: { when: true }\n",
        &["7:20: error: expected an expression such as `request.method == \"GET\"`, found `true`"],
    );
    check_route(
        "    upstream: users\n    match: { when: \"\" }\n",
        &["7:20: error: the expression is empty, at character 1"],
    );
}

#[test]
fn times() {
    check_route(
        r"    upstream: users
    match: { time: {} }
",
        &["7:20: error: expected at least one of `after`, `before`, `weekly`, found none"],
    );
    check_route(
        r"    upstream: users
    match: { time: { after: 2026-02-01T00:00:00Z, before: 2026-02-01T01:00:00+01:00 } }
",
        &["7:20: error: `before` is no later than `after`, so no time matches; exchange them"],
    );
    check_route(
        r"    upstream: users
    match: { time: { after: 2026-02-30T00:00:00Z, before: 2026-02-01 } }
",
        &[
            "7:29: error: expected a moment such as `2026-01-31T09:00:00Z`, found the text `2026-02-30T00:00:00Z`; there is no such day: write year, month and day, as in `2026-01-31`",
            "7:59: error: expected a moment such as `2026-01-31T09:00:00Z`, found the text `2026-02-01`; put a `T` and the time behind the date, as in `2026-01-31T09:00:00Z`",
        ],
    );
    check_route(
        r"    upstream: users
    match: { time: { after: 2026-02-01T00:00:00, until: 2026-02-01T00:00:00Z, before: 7 } }
",
        &[
            "7:29: error: expected a moment such as `2026-01-31T09:00:00Z`, found the text `2026-02-01T00:00:00`; end it with `Z`, or with the offset of its clock, such as `+01:00`",
            "7:50: error: unknown key `until`; known here: `after`, `before`, `weekly`",
            "7:87: error: expected a moment such as `2026-01-31T09:00:00Z`, found the number 7",
        ],
    );
}

#[test]
fn weekly_hours() {
    check_route(
        r"    upstream: users
    match: { time: { weekly: {} } }
",
        &["7:30: error: expected at least one of `days`, `from`, `to`: without them every time matches"],
    );
    check_route(
        r"    upstream: users
    match: { time: { weekly: { days: [] } } }
",
        &["7:30: error: `days` is empty, so no time matches; leave it out for every day"],
    );
    check_route(
        r#"    upstream: users
    match: { time: { weekly: { days: [monday, mo, sat], from: 9:00, to: "25:00", offset: Europe/Berlin } } }
"#,
        &[
            "7:39: error: unknown value `monday`; known here: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`",
            "7:47: error: unknown value `mo`; did you mean `mon`?",
            "7:63: error: expected a time of the day such as `09:00`, found the text `9:00`; write `09:00`",
            "7:73: error: expected a time of the day such as `09:00`, found the text `25:00`; write hours and minutes from `00:00` to `24:00`",
            "7:90: error: expected an offset from UTC such as `+01:00`, or `Z`, found the text `Europe/Berlin`; a zone by its name is not known here, so give the offset that it has",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { time: { weekly: { from: "09:00", to: "09:00" } } }
"#,
        &["7:30: error: `from` and `to` are the same, so no time matches; leave both out for whole days"],
    );
    check_route(
        r#"    upstream: users
    match: { time: { weekly: { from: "24:00", to: "09:00" } } }
"#,
        &["7:30: error: nothing can begin at `24:00`; write `from: \"00:00\"`, and name the day after"],
    );
    check_route(
        r#"    upstream: users
    match: { time: { weekly: { from: "22:00", to: "06:00" }, after: 2026-02-01T00:00:00Z } }
"#,
        &[],
    );
}

#[test]
fn paths_that_no_request_could_match() {
    check_route(
        r"    upstream: users
    match: { path: users }
",
        &["7:20: error: a path begins with `/`, and `users` does not; did you mean `/users`?"],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/a/../b" }
"#,
        &[
            "7:20: error: the path holds a dot segment (`.` or `..`), and could never match: in requests they are resolved first; write the path without it",
        ],
    );
    check_route(
        r"    upstream: users
    match: { path: /a//b }
",
        &[
            "7:20: error: the path holds `//`, and could never match: in requests slashes are merged first; write a single `/`",
        ],
    );
    check_route(
        r"    upstream: users
    match: { path: /a%2fb }
",
        &["7:20: error: the path holds an encoded slash (`%2F`), and could never match: such requests are refused"],
    );
    check_route(
        "    upstream: users\n    match: { path: \"/a\\tb\" }",
        &["7:20: error: the path holds a control character, and could never match: such requests are refused"],
    );
    check_route(
        r"    upstream: users
    match: { path: /a%zz }
",
        &["7:20: error: `%` must be followed by two hexadecimal digits; write `%25` for a percent sign"],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/a?b=c" }
"#,
        &["7:20: error: a path holds neither `?` nor `#`; match the query with `query`"],
    );
    check_route(
        r#"    upstream: users
    match: { path: { prefix: "/a/{id}" } }
"#,
        &["7:30: error: names in `{}` stand in templates only; write the path as `{ template: … }`"],
    );
}

#[test]
fn path_patterns() {
    check_route(
        r"    upstream: users
    match: { path: /files/* }
",
        &[
            "7:20: error: `*` in a path could mean itself or anything; write `{ wildcard: \"/files/*\" }` or `{ exact: \"/files/*\" }`",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/a/{id}/b/{id}" }
"#,
        &["7:20: error: the name `id` is given twice in one template"],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/a/{rest...}/b" }
"#,
        &["7:20: error: `{rest...}` takes all the rest, so nothing can follow it; put it at the end"],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/a/x{id}" }
"#,
        &["7:20: error: `x{id}`: a name in `{}` takes one whole segment; use `regex` for parts of one"],
    );
    check_route(
        r#"    upstream: users
    match: { path: "/a/{1d}" }
"#,
        &["7:20: error: `{1d}` is no name; begin it with a letter and go on with letters, digits or `_`"],
    );
    check_route(
        r"    upstream: users
    match: { path: { prefx: /a } }
",
        &["7:22: error: unknown key `prefx`; did you mean `prefix`?"],
    );
    check_route(
        r"    upstream: users
    match: { path: { prefix: /a, exact: /a } }
",
        &["7:20: error: a map with one key was expected here, but there is `exact` as well; keep one of them"],
    );
    check_route(
        r#"    upstream: users
    match: { path: { regex: "(a" } }
"#,
        &["7:29: error: `(a` is no regular expression: unclosed group"],
    );
    check_route(
        r#"    upstream: users
    match: { path: { regex: "(?=a)" } }
"#,
        &[
            "7:29: error: `(?=a)` is no regular expression: look-around, including look-ahead and look-behind, is not supported; split the condition into several matchers, or routes",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { path: { regex: "a{1000}{1000}" } }
"#,
        &["7:29: error: a regular expression that takes more than 1 MiB; lower its counted repetitions"],
    );
    check_route(
        r"    upstream: users
    match: { path: 5 }
",
        &[
            "7:20: error: expected a path, or a map with one of `exact`, `prefix`, `template`, `wildcard` and `regex`, found the number 5",
        ],
    );
    check_route(
        r"    upstream: users
    match: { path: {} }
",
        &["7:20: error: expected a map with one key, found an empty map"],
    );
    check_route(
        r#"    upstream: users
    match: { path: { wildcard: "/a/***" } }
"#,
        &["7:32: error: `***` means nothing; write `*` for a run without `/`, `**` for any run"],
    );
}

#[test]
fn other_matchers() {
    check_route(
        r#"    upstream: users
    match: { methods: [get, "G T", 5] }
"#,
        &[
            "7:24: error: methods are case-sensitive, and `get` is none that clients send; write `GET`",
            "7:29: error: expected a method such as `GET`, found the text `G T`",
            "7:36: error: expected a method such as `GET`, found the number 5; put it in quotes",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { headers: [ { name: "a b", exact: x }, { name: a }, { name: b, exact: 2 }, { name: c, exact: x, prefix: y }, { exact: x }, { name: d, any_of: [] }, { name: e, exakt: x }, { name: f, regex: "[" }, { name: ":path", present: true } ] }
"#,
        &[
            "7:33: error: expected the name of a header field, found the text `a b`",
            "7:52: error: expected exactly one of `exact`, `prefix`, `regex`, `any_of`, `present` beside `name`, found none",
            "7:83: error: expected a text, found the number 2; put it in quotes",
            "7:88: error: expected exactly one of `exact`, `prefix`, `regex`, `any_of`, `present` beside `name`, found `exact`, `prefix`",
            "7:122: error: missing key `name`",
            "7:136: error: `any_of` is empty, so nothing could match",
            "7:172: error: unknown key `exakt`; did you mean `exact`?",
            "7:202: error: `[` is no regular expression: unclosed character class",
            "7:217: error: `:path` cannot be named here; use `path`",
        ],
    );
    check_route(
        r#"    upstream: users
    match: { host: [a], query: { name: a }, client_ip: ["x"], cookies: [ a ] }
    priority: high
"#,
        &[
            "7:14: error: unknown key `host`; did you mean `hosts`?",
            "7:32: error: expected a list, found a map",
            "7:57: error: expected an IP network such as `10.0.0.0/8`, or an address, found the text `x`",
            "7:74: error: expected a map with keys such as `name`, found the text `a`",
            "8:15: error: expected a whole number from -2147483648 to 2147483647, found the text `high`",
        ],
    );
}

#[test]
fn templates_and_what_fills_them() {
    check_route(
        r#"    match: { path: "/users/{id}/{rest...}" }
    upstream: users
    rewrite: { path: "/internal/{di}", host: "a b" }
"#,
        &[
            "8:22: error: the path of this route does not capture `{di}`; did you mean `{id}`?",
            "8:46: error: expected a host with an optional port, such as `users.internal:8080`, found the text `a b`",
        ],
    );
    check_route(
        r#"    match: { path: "/users/{id}/{rest...}" }
    upstream: users
    rewrite: { path: "/internal/{name}" }
"#,
        &["8:22: error: the path of this route does not capture `{name}`; it captures `{id}`, `{rest}`"],
    );
    check_route(
        r#"    match: { path: "/users/{id}/{rest...}" }
    upstream: users
    rewrite: { path: "/internal/{rest...}" }
"#,
        &["8:22: error: the dots of `{rest...}` stand in the match only; write `{rest}`"],
    );
    check_route(
        r#"    match: { path: "/users/{id}" }
    upstream: users
    rewrite: { path: "/internal/{id" }
"#,
        &["8:22: error: `{` without its other half; write `%7B` for `{` and `%7D` for `}`"],
    );
    check_route(
        r#"    upstream: users
    rewrite: { path: "internal" }
"#,
        &["7:22: error: a path begins with `/`, and `internal` does not; write `/internal`"],
    );
    check_route(
        r#"    match: { path: /a }
    upstream: users
    rewrite: { path: "/{rest}" }
"#,
        &[
            "8:22: error: the path of this route does not capture `{rest}`; it captures nothing: only templates, prefixes and named groups of a regex do",
        ],
    );
}

#[test]
fn mirrors() {
    check_route(
        r"    upstream: users
    mirror: [shadow, user, 5, { upstream: users, share: 0% }, { share: 20, body: 17MiB, in_flight: 0, labls: {} }]
",
        &[
            "7:14: error: unknown upstream `shadow`; only `users` is known here",
            "7:22: error: unknown upstream `user`; did you mean `users`?",
            "7:28: error: expected the name of an upstream, or a map with `upstream`, found the number 5",
            "7:43: warning: `users` gets these requests already, and would get them twice; mirror to another upstream",
            "7:63: error: missing key `upstream`",
            "7:72: error: expected a ratio such as `20%`, found the number 20",
            "7:82: error: expected 0 to 16777216 bytes, found 17825792",
            "7:100: error: expected a whole number from 1 to 10000, found the number 0",
            "7:103: error: unknown key `labls`; did you mean `labels`?",
        ],
    );
    check_route(
        r"    upstream: users
    mirror: { upstream: users, share: 0%, in_flght: 5 }
",
        &[
            "7:25: warning: `users` gets these requests already, and would get them twice; mirror to another upstream",
            "7:43: error: unknown key `in_flght`; did you mean `in_flight`?",
        ],
    );
    check_route(
        r"    upstream: users
    mirror: { upstream: users, labels: { version: v2 } }
",
        &[
            "7:40: warning: no endpoint of the upstream `users` has version=v2 and a weight; requests that go there are refused with 503",
        ],
    );
    check_route(
        r"    upstream: users
    mirror: 5
",
        &[
            "7:13: error: expected the name of an upstream, or a map with `upstream`, or a list of these, found the number 5",
        ],
    );
    check_route(
        r"    respond: {}
    mirror: users
",
        &["7:5: error: `mirror` copies what an upstream gets, and this route has none; leave it out"],
    );
}

#[test]
fn mirrors_among_several_upstreams() {
    check(
        r"version: 1
listeners: [{ name: web, address: 127.0.0.1:0 }]
upstreams:
  - { name: users, endpoints: [127.0.0.1:9001] }
  - { name: shadow, endpoints: [127.0.0.1:9002], policies: [headers: {}] }
routes:
  - { name: r, upstream: users, mirror: [shadow, { upstream: shadow, share: 0% }] }
",
        &[
            "7:42: warning: the policies of the upstream `shadow` do not run on copies; if they matter here, put them on the route: what they make of a request is copied",
            "7:62: error: `shadow` gets copies of these requests already, by the mirror at 7:42; keep one of them",
            "7:62: warning: the policies of the upstream `shadow` do not run on copies; if they matter here, put them on the route: what they make of a request is copied",
            "7:77: error: a share of `0%` copies nothing; leave the mirror out, or give it a larger share",
        ],
    );
}

#[test]
fn redirects() {
    check_route(
        r#"    match: { path: { prefix: /old } }
    redirect: { to: "{rest}", status: 200 }
"#,
        &[
            "7:21: error: a redirect that begins with `{` lets the request choose the host; put a `/` in front",
            "7:39: error: expected 301, 302, 303, 307 or 308, found the number 200",
        ],
    );
    check_route(
        r"    redirect: { to: new }
    rewrite: { path: /x }
",
        &[
            "6:21: error: expected a path, or an address with `https://`, found `new`",
            "7:5: error: `rewrite` changes what an upstream gets, and this route has none; leave it out",
        ],
    );
    check_route(
        "    redirect: { to: \"//evil.org\" }",
        &["6:21: error: a path that begins with `//` names another host; write a single `/`"],
    );
    check_route(
        "    redirect: { to: \"https://\" }",
        &["6:21: error: an address without a host behind its scheme; for example `https://example.org{rest}`"],
    );
    check_route(
        "    redirect: { to: \"/a b\" }",
        &["6:21: error: ' ' cannot stand in an address; write it percent-encoded"],
    );
}

#[test]
fn responses() {
    check_route(
        "    respond: { status: 99, headers: { \"a b\": c, content-length: \"5\", x: \"a\\nb\", y: 5 }, body: [] }",
        &[
            "6:24: error: expected a status from 200 to 599, found the number 99",
            "6:39: error: expected the name of a header field, found the text `a b`",
            "6:73: error: the value of a header field cannot hold control characters",
            "6:84: error: expected a text, or a list of texts, found the number 5",
            "6:95: error: expected a text, found an empty list",
        ],
    );
    check_route(
        "    respond: { status: 204, headers: { Content-Length: \"5\" }, body: x }",
        &[
            "6:40: error: `content-length` is set by the gateway itself; leave it out",
            "6:69: error: a response with the status 204 has no body",
        ],
    );
    check_route(
        "    respond: { status: 999 }",
        &["6:24: error: expected a status from 200 to 599, found the number 999"],
    );
}

#[test]
fn policies() {
    check_route(
        r#"    upstream: users
    policies:
      - cors
      - cors: {}
        headers: {}
      - rate_limit: {}
        when: "true"
      - 5
"#,
        &[
            "8:9: error: expected a map with one key, the kind of the policy, found the text `cors`; write `cors: {}`",
            "10:9: error: a policy is a map with one key, and this one has `cors` and `headers`; begin each policy with `- `, and indent its settings below it",
            "12:9: error: `when` is not available in this version of sluice; put the policy on routes whose `match` holds the condition",
            "13:9: error: expected a map with one key, the kind of the policy, found the number 5",
        ],
    );
    check_route(
        r"    upstream: users
    policies: { cors: {} }
",
        &["7:15: error: expected a list, found a map"],
    );
}

#[test]
fn new_paths_hosts_and_queries() {
    check_route(
        r#"    match: { path: "/users/{id}" }
    upstream: users
    rewrite:
      path: { regex: "^/(?<a>x", to: "/{b}" }
      query: { set: { q: "{ids}" }, remove: [q], add: { r: "{x" } }
      host: "{id}@b"
      method: HEAD
"#,
        &["9:22: error: `^/(?<a>x` is no regular expression: unclosed group"],
    );
    check_route(
        r#"    match: { path: "/users/{id}" }
    upstream: users
    rewrite:
      path: { regex: "^/(?<a>x)", to: "/{b}" }
      query: { set: { q: "{ids}" }, remove: [q], add: { r: "{x" } }
      host: "{id}@b"
      method: HEAD
"#,
        &[
            "9:39: error: the path of this route does not capture `{b}`; did you mean `{a}`?",
            "10:26: error: the path of this route does not capture `{ids}`; did you mean `{id}`?",
            "10:45: error: `q` is both removed from the query and set; `set` alone replaces what is there",
            "10:60: error: `{` without its other half; write `%7B` for `{` and `%7D` for `}`",
            "11:13: error: `{id}@b` makes no host",
            "12:15: error: a request cannot become a HEAD: its response would be framed as the client does not expect; give another method; HEAD requests become what is given, and are answered without a body",
        ],
    );
    check_route(
        "    upstream: users\n    rewrite: { path: { prefix: /a } }\n",
        &[
            "7:32: error: `prefix` stands for the prefix by which the route matches, and this one matches by none; write the new path as a text, or use `regex` and `to`",
        ],
    );
    check_route(
        "    upstream: users\n    rewrite: { path: { regex: ^/a } }\n",
        &["7:22: error: expected either `regex` with `to`, or `prefix`"],
    );
    check_route(
        "    match: { path: { regex: ^/a } }\n    upstream: users\n    rewrite: { path: { regex: '^/(?<a>x)', to: '/{c}' }, host: a b }\n",
        &[
            "8:48: error: the path of this route does not capture `{c}`; did you mean `{a}`?",
            "8:64: error: expected a host with an optional port, such as `users.internal:8080`, found the text `a b`",
        ],
    );
    check_route(
        "    redirect: { status: 301 }\n",
        &[
            "6:15: error: this redirect leads back to where it comes from; say what changes: `to`, or one of `scheme`, `host`, `port` and `path`",
        ],
    );
    check_route(
        "    redirect: { to: /a, port: 1, scheme: https }\n",
        &["6:34: error: `scheme` beside `to`, which says all of it; give either `to` or the parts"],
    );
    check_route(
        "    redirect: { scheme: ftp, host: 'a:80', port: 0, path: b, query: some }\n",
        &[
            "6:25: error: unknown value `ftp`; known here: `http`, `https`",
            "6:36: error: expected a host such as `users.internal`, or an IP address, found the text `a:80`",
            "6:50: error: expected a whole number from 1 to 65535, found the number 0",
            "6:69: error: unknown value `some`; known here: `keep`, `drop`",
        ],
    );
}
