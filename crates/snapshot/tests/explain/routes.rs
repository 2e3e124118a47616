//! Who wins, who lost, and what is done.

use super::{DOCUMENT, check, explain, routes, tells};

#[test]
fn the_whole_story() {
    check(
        DOCUMENT,
        "GET http://api.test/users/7",
        r#"
request     GET /users/7, host api.test, from 192.0.2.1, on listener `web`
route       `user`, test.yaml:25:5
precedence  priority 0, any host, path with 1 literal segment, method, route number 3
decided by  method: given before any; next is `users`
captures    id = "7"

candidates
  `user`        matches: priority 0, any host, path with 1 literal segment, method, route number 3
  `users`       matches: priority 0, any host, path with 1 literal segment, route number 2
  `everything`  matches: priority 0, any host, any path, route number 1
  `canary`      header x-canary is absent; it would win otherwise
  `ping`        path does not match exactly /ping
  `old`         path does not match the prefix /old
  `reports`     host is not reports.test

policies
  identify   request_id  gateway  test.yaml:6:7
  transform  compress    route    test.yaml:28:9

sent        GET /internal/7?from=gateway, host users.internal
upstream    `users`, test.yaml:14:5, http1, round_robin
timeouts    connect 1s, first_byte 15s, idle 60s
endpoints
  127.0.0.1:9001  weight 1
  127.0.0.1:9002  weight 3  version=v2, zone=a
elsewhere   on listener `internal`, it meets other policies
"#,
    );
}

#[test]
fn what_the_gateway_answers_itself() {
    check(
        DOCUMENT,
        "GET http://api.test/old/a/b?x=1",
        r#"
request     GET /old/a/b?x=1, host api.test, from 192.0.2.1, on listener `web`
route       `old`, test.yaml:32:5
precedence  priority 0, any host, path with 1 literal segment, route number 5
decided by  path: path with 1 literal segment before any path; next is `everything`
captures    rest = "/a/b"

candidates
  `old`         matches: priority 0, any host, path with 1 literal segment, route number 5
  `everything`  matches: priority 0, any host, any path, route number 1
  `canary`      path does not match the template /users/{id}
  `ping`        path does not match exactly /ping
  `user`        path does not match the template /users/{id}
  `users`       path does not match the prefix /users
  `reports`     host is not reports.test

policies
  identify  request_id  gateway  test.yaml:6:7

answer      308, location /new/a/b?x=1
elsewhere   on listener `internal`, it meets other policies
"#,
    );
    tells(DOCUMENT, "GET /ping", &["`ping`", "answer      200, with a body of 4 bytes\n  x-a:  b\n  x-a:  c\n"]);
}

#[test]
fn a_request_that_no_route_takes() {
    check(
        &routes(&["{ name: user, match: { path: \"/users/{id}\", methods: [GET] }, upstream: app }"]),
        "PUT /users/7",
        "
request     PUT /users/7, host localhost, from 192.0.2.1, on listener `web`
route       none

candidates
  `user`  method is not GET

policies
  none

answer      404 no_route: no route takes PUT for host `localhost` and path `/users/7`
",
    );
}

/// The policies of the listener and the gateway look at answers to what no route takes.
#[test]
fn policies_by_what_they_are_attached_to() {
    tells(
        DOCUMENT,
        "GET http://api.test/ listener:internal",
        &[
            "policies\n",
            "identify   request_id  gateway   test.yaml:6:7\n",
            "transform  headers     listener  test.yaml:12:9\n",
            "transform  headers     upstream  test.yaml:21:9\n",
        ],
    );
    let document = DOCUMENT.replace(
        "{ name: everything, upstream: shop }",
        "{ name: no, upstream: shop, priority: -1, match: { path: /no } }",
    );
    tells(
        &document,
        "GET /nothing listener:internal",
        &["route       none\n", "headers     listener  test.yaml:12:9\n", "404"],
    );
}

#[test]
fn what_an_endpoint_sees_and_how_long_it_may_take() {
    tells(
        DOCUMENT,
        "GET http://api.test:8080/shop/?q=%20a",
        &[
            "host api.test,",
            "sent        GET /shop/?q=%20a, host as the endpoint's address\n",
            "upstream    `shop`, test.yaml:16:5, http1, round_robin\n",
            "timeouts    connect 1s, first_byte 250ms, idle 60s, total 60s\n",
        ],
    );
    tells(DOCUMENT, "GET http://api.test:8080/users", &["sent        GET /users, host api.test:8080\n"]);
}

#[test]
fn endpoints_that_get_nothing() {
    let document = DOCUMENT.replace("shop.internal:80", "{ address: \"shop.internal:80\", weight: 0 }");
    tells(&document, "GET /", &["shop.internal:80  weight 0\n", "the answer is 503 no_endpoint\n"]);
}

#[test]
fn a_rewrite_that_makes_no_request() {
    let document =
        routes(&["{ name: r, match: { path: \"/r/{id}\" }, rewrite: { path: \"/{id}2e\" }, upstream: app }"]);
    tells(&document, "GET /r/%25", &["route       `r`", "answer      500 rewrite_failed: the path is encoded twice\n"]);
}

/// Ten are told, all if asked for.
#[test]
fn candidates_are_bounded() {
    let lines: Vec<_> = (0..15).map(|n| format!("{{ name: r{n}, match: {{ path: /r{n} }}, upstream: app }}")).collect();
    let document = routes(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    tells(&document, "GET /r14", &["`r14`  matches", "`r1`   path does not match exactly /r1\n", "  5 more\n"]);
    let told = explain(&document, "GET /r14 all").unwrap();
    assert_eq!((told.candidates.len(), told.omitted), (15, 0));
    tells(&routes(&[]).replace("routes:\n", ""), "GET /", &["candidates\n  none: the document has no routes\n"]);
}
