//! What is done about upstreams that fail.

use super::check;

#[test]
fn breakers() {
    check(
        r"version: 1
upstreams:
  - name: a
    endpoints: [a:80]
    breaker:
      scope: service
      failures: [sometimes, 399]
      consecutive_failures: 0
      window: 0s
      min_requests: -1
      failure_ratio: 0.5
      slow: { ratio: 80% }
      half_open_requests: 256
      ramp: slow
      cooldown: 5s
  - { name: b, endpoints: [a:80], breaker: { consecutive_failures: 5, window: 10s, min_requests: 5 } }
  - { name: c, endpoints: [a:80], breaker: { slow: { over: 1s, ratio: 0% }, failures: [reset] } }
  - { name: d, endpoints: [a:80], breaker: { failure_ratio: 0%, failures: [], window: 50ms } }
  - { name: e, endpoints: [a:80], breaker: { open_for: 1m, max_open_for: 5s } }
routes:
  - { name: a, match: { path: /a }, upstream: e, breaker: { scope: endpoint } }
  - { name: b, match: { path: /b }, respond: {}, breaker: {} }
",
        &[
            "6:14: error: unknown value `service`; known here: `upstream`, `route`, `endpoint`",
            "7:18: error: unknown failure `sometimes`; known are connect_failure, refused_stream, reset, timeout, 5xx, grpc_cancelled, grpc_unknown, grpc_deadline_exceeded, grpc_resource_exhausted, grpc_aborted, grpc_internal, grpc_unavailable, grpc_data_loss",
            "7:29: error: expected a status from 400 to 599, or the name of a failure such as `connect_failure`, found the number 399",
            "8:29: error: expected a whole number from 1 to 1000000, found the number 0",
            "9:15: error: expected a duration above zero, found `0s`",
            "10:21: error: expected a whole number from 1 to 1000000, found the number -1",
            "11:22: error: expected a ratio such as `20%`, found the number 0.5",
            "12:13: error: missing key `over`",
            "13:27: error: expected a whole number from 1 to 255, found the number 256",
            "14:13: error: expected a duration such as `250ms`, `5s` or `2m`, found the text `slow`",
            "15:7: error: unknown key `cooldown`; known here: `scope`, `failures`, `consecutive_failures`, `window`, `min_requests`, `failure_ratio`, `slow`, `open_for`, `max_open_for`, `jitter`, `half_open_requests`, `ramp`",
            "16:71: error: `window` is for `failure_ratio` and `slow`, and neither is given; leave it out, or add one of them",
            "16:84: error: `min_requests` is for `failure_ratio` and `slow`, and neither is given; leave it out, or add one of them",
            "17:71: error: no answer at all may be slow with `0%`; leave `slow` out, or say how many are too many, for example `80%`",
            "17:77: error: failures are not counted: only `slow` opens this breaker; say how many are too many, with `failure_ratio` or `consecutive_failures`",
            "18:61: error: no request at all may fail with `0%`; leave it out, or say how much is too much, for example `50%`",
            "18:75: error: `failures` is empty, so nothing would be one; leave it out, or leave `breaker` out",
            "18:87: error: the window is too short to hold anything; give it at least `100ms`",
            "19:74: error: `max_open_for` is shorter than `open_for`; make it at least as long",
            "21:68: error: the breaker of a route is the route's own; leave it out, or move the breaker to the upstream",
            "22:50: error: `breaker` keeps requests from an upstream, and this route has none; leave it out",
        ],
    );
}

#[test]
fn fallbacks() {
    check(
        r#"version: 1
upstreams:
  - { name: a, endpoints: [a:80] }
routes:
  - name: r
    match: { path: "/{id}" }
    upstream: a
    fallback:
      - { upstream: b }
      - { upstream: a, respond: {} }
      - { labels: { v: x } }
      - { respond: { body: "{it}" } }
      - { upstream: a, on: [] }
  - { name: u, match: { path: /u }, upstream: a, fallback: [ { respond: { status: 700 } }, { upstream: c, on: [never] } ] }
  - { name: s, match: { path: /s }, respond: {}, fallback: [ { respond: {} } ] }
  - { name: t, match: { path: /t }, upstream: a, fallback: a }
"#,
        &[
            "9:21: error: unknown upstream `b`; did you mean `a`?",
            "10:9: error: a fallback has exactly one of `upstream` and `respond`; for a choice of several, list several fallbacks",
            "11:9: error: a fallback has exactly one of `upstream` and `respond`; for a choice of several, list several fallbacks",
            "11:19: error: `labels` choose endpoints of an upstream; leave them out",
            "12:28: error: the path of this route does not capture `{it}`; did you mean `{id}`? (for the text itself write `{{it}}`)",
            "13:28: error: `on` is empty, so it would hardly be tried; leave it out for the usual failures",
            "14:83: error: expected a status from 200 to 599, found the number 700",
            "14:104: error: unknown upstream `c`; did you mean `a`?",
            "14:112: error: unknown failure `never`; known are connect_failure, refused_stream, reset, timeout, 5xx, grpc_cancelled, grpc_unknown, grpc_deadline_exceeded, grpc_resource_exhausted, grpc_aborted, grpc_internal, grpc_unavailable, grpc_data_loss",
            "15:50: error: `fallback` answers instead of an upstream, and this route has none; leave it out",
            "16:60: error: expected a list, found the text `a`",
        ],
    );
}
