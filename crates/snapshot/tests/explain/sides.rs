//! Routes with several sides, mirrors, and what depends on the time and the handshake.

use super::{check, tells};

const DOCUMENT: &str = r#"
version: 1
listeners: [{ name: web, address: 127.0.0.1:0 }]
upstreams:
  - name: orders
    endpoints:
      - { address: 127.0.0.1:9001, labels: { version: v1 } }
      - { address: 127.0.0.1:9002, labels: { version: v2 } }
  - { name: next, endpoints: [127.0.0.1:9003], policies: [compress: {}] }
routes:
  - name: split
    match: { path: { prefix: /split } }
    split:
      force: { header: x-version }
      to:
        - { name: stable, upstream: orders, labels: { version: v1 }, weight: 95 }
        - { name: canary, upstream: next, weight: 5, cohort: { cookies: [{ name: beta, present: true }] } }
        - { name: dark, upstream: next, weight: 0 }
    rewrite: { path: "/orders{rest}" }
  - name: versions
    match: { path: /versions }
    versions:
      from: [{ header: x-version }]
      known:
        - { name: "1", upstream: orders, labels: { version: v1 }, sunset: 2026-06-01 }
        - { name: "2", upstream: next }
  - name: copied
    match: { path: /copied }
    upstream: orders
    mirror: { upstream: next, share: 10% }
  - name: night
    match: { path: /night, time: { after: 2026-01-31T20:00:00Z } }
    respond: {}
"#;

#[test]
fn a_side_that_is_left_to_chance() {
    check(DOCUMENT, "GET /split/7", "");
}

#[test]
fn a_side_that_the_request_decides() {
    tells(
        DOCUMENT,
        "GET /split/7 cookie=beta=1",
        &[
            "policies\n  transform  compress  upstream  test.yaml:9:72\n",
            "sent        GET /orders/7, host localhost\n",
            "side        `canary`, as its cohort holds\n",
            "upstream    `next`, ",
        ],
    );
    tells(
        DOCUMENT,
        "GET /split/7 x-version=stable",
        &[
            "side        `stable`, as the request names it by the header `x-version`\n",
            "endpoints   with version=v1\n  127.0.0.1:9001  weight 1  version=v1\n",
        ],
    );
    tells(DOCUMENT, "GET /versions x-version=2", &["side        `2`, as ", "upstream    `next`, "]);
}

#[test]
fn versions_that_there_are_not() {
    tells(DOCUMENT, "GET /versions x-version=3", &["route       `versions`", "answer      400 unknown_version: "]);
    tells(DOCUMENT, "GET /versions x-version=1 at:2026-05-31T23:59:59Z", &["upstream    `orders`"]);
    tells(DOCUMENT, "GET /versions x-version=1 at:2026-06-01T00:00:00Z", &["answer      410 version_expired: "]);
}

#[test]
fn who_else_gets_a_copy() {
    tells(DOCUMENT, "GET /copied", &["upstream    `orders`", "copied      to `next`, 10% of the requests\n"]);
}

#[test]
fn what_depends_on_the_time() {
    tells(DOCUMENT, "GET /night at:2026-01-31T21:00:00+01:00", &["route       `night`"]);
    tells(
        DOCUMENT,
        "GET /night at:2026-01-31T19:59:59Z",
        &["route       none", "`night`     the time is not after 2026-01-31T20:00:00Z"],
    );
}
