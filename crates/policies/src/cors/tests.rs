use bytes::Bytes;

use super::*;
use crate::testing::{build, check, exchange, line, lines, request, response, run};

const LISTED: &str = "{ origins: [\"https://a.example\", \"https://*.example.org\"] }";
const ANY: &str = "{ origins: \"*\" }";

fn preflight(settings: &str, headers: &[(&str, &str)]) -> Response {
    let policy = build::<Cors>(settings);
    let mut exchange = exchange("OPTIONS", headers);
    let mut reply = request(&*policy, &mut exchange).expect("a preflight is answered at once");
    let before = lines(reply.headers());
    assert!(matches!(policy.on_response(&mut exchange, &mut reply), Step::Continue));
    assert_eq!(lines(reply.headers()), before, "the answer is complete");
    reply
}

#[track_caller]
fn check_preflight(settings: &str, headers: &[(&str, &str)], expected: &[&str]) {
    let reply = preflight(settings, headers);
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    assert!(reply.body().is_empty());
    assert_eq!(lines(reply.headers()), expected, "{settings}");
}

#[track_caller]
fn check_actual(settings: &str, asked: &[(&str, &str)], given: &[(&str, &str)], expected: &[&str]) {
    let policy = build::<Cors>(settings);
    let mut exchange = exchange("GET", asked);
    let mut response = response(429, given, Bytes::from_static(b"no"));
    run(&*policy, &mut exchange, &mut response);
    assert_eq!(response.status(), 429);
    assert_eq!(lines(response.headers()), expected, "{settings}");
}

#[test]
fn preflights() {
    let put = ("access-control-request-method", "PUT");
    let fields = ("access-control-request-headers", "x-a,authorization");
    let (a, evil) = (("origin", "https://a.example"), ("origin", "https://evil.example"));
    check_preflight(
        LISTED,
        &[a, put, fields],
        &[
            "access-control-allow-methods: GET, HEAD, POST",
            "access-control-allow-origin: https://a.example",
            "vary: Origin",
        ],
    );
    check_preflight(LISTED, &[evil, put], &["vary: Origin"]);
    check_preflight(
        ANY,
        &[evil, put],
        &["access-control-allow-methods: GET, HEAD, POST", "access-control-allow-origin: *"],
    );
    check_preflight(
        "{ origins: \"*\", methods: \"*\", headers: [\"*\", Authorization], max_age: 10m }",
        &[evil, put, fields],
        &[
            "access-control-allow-headers: *, authorization",
            "access-control-allow-methods: *",
            "access-control-allow-origin: *",
            "access-control-max-age: 600",
        ],
    );
    check_preflight(
        "{ origins: https://a.example, methods: [PUT, DELETE], headers: [X-A, x-b], expose: [x-c], credentials: true }",
        &[a, put, fields],
        &[
            "access-control-allow-credentials: true",
            "access-control-allow-headers: x-a, x-b",
            "access-control-allow-methods: PUT, DELETE",
            "access-control-allow-origin: https://a.example",
            "vary: Origin",
        ],
    );
}

#[test]
fn with_credentials_a_wildcard_is_answered_with_what_was_asked_for() {
    let settings = "{ origins: https://a.example, methods: \"*\", headers: \"*\", credentials: true }";
    let (origin, patch) = (("origin", "https://a.example"), ("access-control-request-method", "PATCH"));
    check_preflight(
        settings,
        &[origin, patch, ("access-control-request-headers", "x-a,authorization")],
        &[
            "access-control-allow-credentials: true",
            "access-control-allow-headers: x-a,authorization",
            "access-control-allow-methods: PATCH",
            "access-control-allow-origin: https://a.example",
            "vary: Access-Control-Request-Headers",
            "vary: Access-Control-Request-Method",
            "vary: Origin",
        ],
    );
    let reply = preflight(settings, &[origin, patch]);
    assert!(!reply.headers().contains_key("access-control-allow-headers"));
}

#[test]
fn private_networks_open_only_when_asked_and_allowed() {
    let asked = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-private-network", "true"),
    ];
    let settings = "{ origins: https://a.example, private_network: true }";
    let answer = |settings, asked| line(preflight(settings, asked).headers(), "access-control-allow-private-network");
    assert_eq!(answer(settings, &asked), "true");
    assert_eq!(answer(settings, &asked[..2]), "");
    assert_eq!(answer("{ origins: https://a.example }", &asked), "");
    assert_eq!(answer("{ origins: https://b.example, private_network: true }", &asked), "");
}

#[test]
fn what_is_no_preflight_goes_on() {
    let policy = build::<Cors>(LISTED);
    for (method, headers) in [
        ("OPTIONS", &[("origin", "https://a.example")][..]),
        ("OPTIONS", &[("access-control-request-method", "PUT")]),
        ("POST", &[("origin", "https://a.example"), ("access-control-request-method", "PUT")]),
        ("GET", &[]),
    ] {
        assert!(request(&*policy, &mut exchange(method, headers)).is_none(), "{method} {headers:?}");
    }
}

#[test]
fn every_response_says_who_may_read_it() {
    let b = ("origin", "https://b.example.org");
    let exposing = "{ origins: https://*.example.org, expose: [X-A, x-b], credentials: true }";
    let allowed = "access-control-allow-origin: https://b.example.org";
    check_actual(LISTED, &[b], &[], &[allowed, "vary: Origin"]);
    check_actual(LISTED, &[b], &[("vary", "accept, origin")], &[allowed, "vary: accept, origin"]);
    check_actual(LISTED, &[b], &[("vary", "accept")], &[allowed, "vary: Origin", "vary: accept"]);
    check_actual(
        exposing,
        &[b],
        &[],
        &["access-control-allow-credentials: true", allowed, "access-control-expose-headers: x-a, x-b", "vary: Origin"],
    );
    check_actual(ANY, &[b], &[], &["access-control-allow-origin: *"]);
    // A cache may hand this one to a browser that does ask.
    check_actual(ANY, &[], &[], &["access-control-allow-origin: *"]);
}

#[test]
fn who_may_not_read_it_is_told_nothing() {
    check_actual(LISTED, &[("origin", "https://evil.example")], &[], &["vary: Origin"]);
    check_actual(LISTED, &[], &[], &["vary: Origin"]);
    check_actual(LISTED, &[("origin", "https://a.example"), ("origin", "https://a.example")], &[], &["vary: Origin"]);
    check_actual(LISTED, &[("origin", "null")], &[], &["vary: Origin"]);
}

#[test]
fn what_the_upstream_says_is_replaced() {
    let given = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "x-a"),
        ("access-control-expose-headers", "x-a"),
        ("access-control-max-age", "1"),
        ("access-control-allow-private-network", "true"),
        ("x-else", "1"),
    ];
    check_actual(LISTED, &[("origin", "https://evil.example")], &given, &["vary: Origin", "x-else: 1"]);
    check_actual(ANY, &[], &given, &["access-control-allow-origin: *", "x-else: 1"]);
}

#[test]
fn the_question_outlives_what_policies_behind_do_to_the_request() {
    let policy = build::<Cors>(LISTED);
    let mut exchange = exchange("GET", &[("origin", "https://a.example")]);
    assert!(request(&*policy, &mut exchange).is_none());
    exchange.head.headers.clear();
    let mut response = response(200, &[], Bytes::new());
    assert!(matches!(policy.on_response(&mut exchange, &mut response), Step::Continue));
    assert_eq!(line(response.headers(), "access-control-allow-origin"), "https://a.example");
}

#[test]
fn settings() {
    for (settings, expected) in [
        ("{}", &["1:1: error: missing key `origins`"][..]),
        (
            "{ origins: [] }",
            &["1:1: error: `cors` without origins allows nobody; name them, or write `*` for everybody"],
        ),
        (
            "{ origins: [\"*\", \"null\"], credentials: true, expose: \"*\", max_age: 1500ms }",
            &[
                "1:1: warning: `*` in `origins` allows every origin; the others beside it say nothing",
                "1:1: error: `credentials` together with the origin `*` would let every site act in its visitors' names; \
                 name the origins, as in `https://*.example.org`, or leave `credentials` out",
                "1:1: error: `credentials` together with the origin `null` would let every site act in its visitors' \
                 names; name the origins: any page can make a frame whose origin is `null`",
                "1:1: error: `*` in `expose` means nothing to browsers when `credentials` is on; name the headers that \
                 scripts may read",
                "1:1: error: `max_age` is not in whole seconds; write `10m`, for example",
            ],
        ),
        (
            "origins:\n  - https://a.example/\n  - b.example\nmethods: [get, \"a b\"]\nheaders: [\"x y\"]\nmax_age: 5",
            &[
                "2:5: error: `https://a.example/` is no origin: an origin has no path, not even a slash; write \
                 `https://a.example`",
                "3:5: error: `b.example` is no origin: it has no scheme; write `https://b.example`, or `*` for all",
                "4:11: error: methods are case-sensitive, and `get` is none that anybody uses; write `GET`",
                "4:16: error: `a b` is no method; write `GET`, for example, or `*` for all",
                "5:11: error: `x y` is no name of a header field; letters, digits and `-` are, as in `x-tenant`",
                "6:10: error: expected a duration such as `250ms`, `5s` or `2m`, found the number 5",
            ],
        ),
    ] {
        assert_eq!(check::<Cors>(settings), expected, "{settings}");
    }
}
