//! Splits, versions and subsets.

use super::{check, check_route};

#[test]
fn sides_of_a_split() {
    check_route(
        r"    split: {}
",
        &["6:12: error: missing key `to`"],
    );
    check_route(
        r"    split: { to: [] }
",
        &["6:18: error: a split without sides; for example `to: [{ upstream: users }]`"],
    );
    check_route(
        r"    split:
      to:
        - { upstream: user, wait: 5 }
        - { weight: -1 }
        - users
        - { upstream: users, weight: 1%, labels: { version: 2 } }
",
        &[
            "8:23: error: unknown upstream `user`; did you mean `users`?",
            "8:29: error: unknown key `wait`; known here: `name`, `upstream`, `labels`, `weight`, `cohort`",
            "9:11: error: missing key `upstream`",
            "9:21: error: expected a whole number from 0 to 4294967295, found the number -1",
            "10:11: error: expected a map with keys such as `name`, found the text `users`",
            "11:38: error: expected a whole number from 0 to 4294967295, found the text `1%`",
            "11:61: error: expected a text, found the number 2; put it in quotes",
        ],
    );
}

#[test]
fn names_of_sides() {
    check_route(
        r"    split: { to: [ { upstream: users }, { upstream: users }, { name: users, upstream: users } ] }
",
        &[
            "6:41: error: two sides are called `users`, the first at 6:20; give each a `name` of its own",
            "6:62: error: two sides are called `users`, the first at 6:41; give each a `name` of its own",
        ],
    );
    check_route(
        r"    split: { to: [ { upstream: users, labels: { version: two words } } ] }
",
        &[
            "6:47: warning: no endpoint of the upstream `users` has version=two words and a weight; requests that go there are refused with 503",
            "6:58: error: the label `two words` makes no name of a side; give the side a `name`",
        ],
    );
}

#[test]
fn weights_that_leave_nobody() {
    check_route(
        r"    split: { to: [ { upstream: users, weight: 0 } ] }
",
        &[
            "6:18: error: all sides have the weight 0, so no request could go anywhere; give at least one of them a weight above 0",
        ],
    );
    check_route(
        r"    split: { force: { query: v }, to: [ { upstream: users, weight: 0 } ] }
",
        &[
            "6:39: warning: all sides have the weight 0, so requests that neither `force` nor a `cohort` brings are refused; give the side that is for everybody else a weight",
        ],
    );
}

#[test]
fn who_gets_where() {
    check_route(
        r"    split:
      sticky: ip
      force: x-version
      reveal: { header: Content-Length }
      to: [ { upstream: users, cohort: {} } ]
",
        &[
            "7:15: error: unknown value `ip`; known here: `client_ip`, `consumer`, `header`, `query`, `cookie`",
            "8:14: error: unknown value `x-version`; known here: `header`, `query`, `cookie`",
        ],
    );
    check_route(
        r"    split:
      sticky: { headr: x }
      to: [ { upstream: users, cohort: {} } ]
",
        &["7:17: error: unknown key `headr`; did you mean `header`?"],
    );
    check_route(
        r"    split:
      sticky: [ client_ip, { header: a b }, { cookie: a, query: b } ]
      to: [ { upstream: users } ]
",
        &[
            "7:38: error: expected the name of a header field, found the text `a b`",
            "7:45: error: expected exactly one of `client_ip`, `consumer`, `header`, `query`, `cookie`, found `cookie`, `query`",
        ],
    );
    check_route(
        r"    split:
      sticky: [ { header: x-a }, client_ip, { header: X-A } ]
      reveal: { header: Content-Length }
      to: [ { upstream: users, cohort: {} } ]
",
        &[
            "7:45: error: the header `x-a` is given twice; keep one of them",
            "8:25: error: `content-length` is set by the gateway itself; leave it out",
            "9:40: error: a cohort that names nobody; name `headers`, `cookies`, `consumers` or `groups`, or leave it out",
        ],
    );
}

#[test]
fn versions() {
    check_route(
        r"    versions: { from: [], known: [] }
",
        &[
            "6:23: error: nothing says where requests name their version; for example `from: [{ header: x-api-version }]`",
            "6:34: error: no version is known; for example `known: [{ name: \"1\", upstream: users }]`",
        ],
    );
    check_route(
        r#"    match: { path: "/{version}/{rest...}" }
    versions:
      from: [ { path: versio }, { media_type: application/json }, { header: "" } ]
      default: 2
      known:
        - { name: 1, upstream: user }
        - { name: "2", upstream: users, deprecated: soon, sunset: 2026-02-30, link: docs }
"#,
        &[
            "8:47: error: the media type `application/json` has no place for a version; put `{version}` where it stands",
            "8:77: error: expected the name of a header field, found an empty text",
            "9:16: error: expected a text, found the number 2; put it in quotes",
            "11:19: error: expected a name, found the number 1; put it in quotes",
            "11:32: error: unknown upstream `user`; did you mean `users`?",
            "12:53: error: expected a date such as `2026-01-31`, or a moment such as `2026-01-31T09:00:00Z`, found the text `soon`",
            "12:67: error: expected a date such as `2026-01-31`, or a moment such as `2026-01-31T09:00:00Z`, found the text `2026-02-30`",
            "12:85: error: expected an address such as `https://developer.example.com/v1`, or a path, found the text `docs`",
        ],
    );
    check_route(
        r#"    match: { path: "/{version}/{rest...}" }
    versions:
      from: [ { path: versio } ]
      default: "3"
      known:
        - { name: "1", upstream: users, link: /docs }
        - { name: "2", upstream: users, deprecated: 2026-06-01, sunset: 2026-05-31T23:00:00Z }
        - { name: "1", upstream: users, deprecated: 2026-06-01, sunset: 2026-06-01T02:00:00+02:00 }
"#,
        &[
            "8:23: error: the path of this route does not capture `versio`; did you mean `version`?",
            "9:16: error: unknown version `3`; known here: `1`, `2`, `1`",
            "11:41: error: `link` stands beside `Deprecation` and `Sunset`, and this version has neither; give it `deprecated` or `sunset`, or leave `link` out",
            "12:73: error: `sunset` is before `deprecated`; a version is deprecated first, and ends later",
            "13:19: error: there are two versions with the name `1`, the first at 11:19; give each a name of its own",
        ],
    );
    check_route(
        r#"    versions: { from: [ { path: version } ], known: [ { name: "1", upstream: users } ] }
"#,
        &[
            "6:33: error: the path of this route does not capture `version`; it captures nothing: only templates, prefixes and named groups of a regex do",
        ],
    );
}

#[test]
fn subsets_without_endpoints() {
    check(
        "version: 1
upstreams:
  - name: orders
    endpoints: [{ address: a:1, labels: { version: v1 } }, { address: b:1, weight: 0, labels: { version: v2 } }]
routes:
  - { name: a, upstream: { name: orders, labels: { version: v1 } } }
  - { name: b, upstream: { name: orders, labels: { version: v2 } } }
  - { name: c, split: { to: [{ upstream: orders, labels: { version: v1, zone: a } }] } }
  - { name: d, upstream: { name: order, label: { version: v1 } } }
",
        &[
            "7:50: warning: no endpoint of the upstream `orders` has version=v2 and a weight; requests that go there are refused with 503",
            "8:58: warning: no endpoint of the upstream `orders` has version=v1, zone=a and a weight; requests that go there are refused with 503",
            "9:34: error: unknown upstream `order`; did you mean `orders`?",
            "9:41: error: unknown key `label`; did you mean `labels`?",
        ],
    );
}

#[test]
fn rewrites_go_with_splits_and_versions() {
    for action in [
        "split: { to: [{ upstream: users }] }",
        "versions: { from: [{ query: v }], known: [{ name: a, upstream: users }] }",
    ] {
        check_route(&format!("    {action}\n    rewrite: {{ path: /x }}\n"), &[]);
        check_route(
            &format!("    {action}\n    respond: {{}}\n"),
            &[&format!(
                "5:5: error: a route has exactly one action, and this one has `{}`, `respond`; keep one of them, or make another route",
                action.split(':').next().unwrap()
            )],
        );
    }
}
