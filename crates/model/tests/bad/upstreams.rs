//! Upstreams, what cannot be said yet, and references.

use super::check;

#[test]
fn upstreams() {
    check(
        r"version: 1
upstreams:
  - name: a
  - { name: b, endpoints: [] }
  - { name: c, endpoints: 127.0.0.1:80 }
  - { name: d, endpoints: [{ address: 127.0.0.1:80, weight: 0 }, { address: 127.0.0.1:81, weight: 0 }] }
  - { name: e, endpoints: [127.0.0.1:80, 127.0.0.1:80] }
",
        &[
            "3:5: error: an upstream without endpoints; give it at least one address, for example `endpoints: [127.0.0.1:9001]`",
            "4:27: error: an upstream without endpoints; give it at least one address, for example `endpoints: [127.0.0.1:9001]`",
            "5:27: error: expected a list, found the text `127.0.0.1:80`",
            "6:27: warning: all endpoints have the weight 0, so every request will be refused",
            "7:42: warning: `127.0.0.1:80` is given twice, first at 7:28; for a larger share of the requests give it a `weight`",
        ],
    );
    check(
        r#"version: 1
upstreams:
  - name: a
    endpoints:
      - http://a:80
      - https://a:80/x
      - a
      - a:0
      - a:b
      - "-a:80"
      - 1.2.3:80
      - { adress: a:80 }
      - { address: a:80, weight: -1, labels: { version: 2 } }
      - 5
"#,
        &[
            "5:9: error: an address has no scheme; write `a:80`",
            "6:9: error: an address has no scheme; write `a:80`, and add `tls: {}` to the upstream",
            "7:9: error: expected an address such as `127.0.0.1:9001`, `users.internal:9001` or `unix:/run/x.sock`, found the text `a`; add the port: `a:80`",
            "8:9: error: `0` is no port; a port is a number from 1 to 65535",
            "9:9: error: `b` is no port; a port is a number from 1 to 65535",
            "10:9: error: expected an address such as `127.0.0.1:9001`, `users.internal:9001` or `unix:/run/x.sock`, found the text `-a:80`",
            "11:9: error: expected an address such as `127.0.0.1:9001`, `users.internal:9001` or `unix:/run/x.sock`, found the text `1.2.3:80`",
            "12:11: error: unknown key `adress`; did you mean `address`?",
            "13:34: error: expected a whole number from 0 to 4294967295, found the number -1",
            "13:57: error: expected a text, found the number 2; put it in quotes",
            "14:9: error: expected an address such as `127.0.0.1:9001`, or a map with `address`, found the number 5",
        ],
    );
}

#[test]
fn retries() {
    check(
        r"version: 1
upstreams:
  - name: a
    endpoints: [127.0.0.1:80]
    timeouts: { total: 2s, header: 'x timeout' }
    retry:
      attempts: 1
      on: [connect_failures, 200, reset, 'sometimes', 503]
      methods: [post]
      per_try_timeout: 2s
      body: 1GiB
      backoff: { base: 1s, max: 10ms }
      budget: { ratio: 0%, min_per_second: 0 }
  - { name: b, endpoints: [127.0.0.1:80], retry: { on: [] } }
  - { name: c, endpoints: [127.0.0.1:80], retry: true }
  - { name: d, endpoints: [127.0.0.1:80], timeouts: { total: 2s }, retry: { per_try_timeout: 2s, backoff: { base: 1s }, budget: { ratio: 0%, min_per_second: 0 } } }
",
        &[
            "5:36: error: expected the name of a header field, found the text `x timeout`",
            "7:17: error: expected a whole number from 2 to 10, found the number 1",
            "8:12: error: unknown failure `connect_failures`; did you mean `connect_failure`?",
            "8:30: error: expected a status from 400 to 599, or the name of a failure such as `connect_failure`, found the number 200",
            "8:42: error: unknown failure `sometimes`; known are connect_failure, refused_stream, reset, timeout, 5xx, grpc_cancelled, grpc_unknown, grpc_deadline_exceeded, grpc_resource_exhausted, grpc_aborted, grpc_internal, grpc_unavailable, grpc_data_loss",
            "9:17: error: methods are case-sensitive, and `post` is none that clients send; write `POST`",
            "11:13: error: expected 0 to 16777216 bytes, found 1073741824",
            "14:56: error: `on` is empty, so nothing would be tried again; leave it out, or leave `retry` out",
            "15:50: error: expected a map with keys such as `attempts`, found `true`",
            "16:94: error: `per_try_timeout` is no shorter than `timeouts.total`, so there would never be time for another; make it a fraction of `timeouts.total`",
            "16:107: error: the first wait `base` is longer than the longest, `max`; make `max` at least as long as `base`",
            "16:129: error: the budget is empty, so nothing would be tried again; leave `retry` out",
        ],
    );
}

#[test]
fn bulkheads() {
    check(
        r"version: 1
upstreams:
  - { name: a, endpoints: [a:80], bulkhead: {} }
  - { name: b, endpoints: [a:80], bulkhead: { requests: 0, queue: -1, wait: 0s } }
  - { name: c, endpoints: [a:80], bulkhead: { requests: 5, wait: 1s } }
",
        &[
            "3:45: error: missing key `requests`",
            "4:57: error: expected a whole number, at least 1, found the number 0",
            "4:67: error: expected a whole number from 0 to 4294967295, found the number -1",
            "4:77: error: expected a duration above zero, found `0s`",
            "5:60: error: nothing waits, because `queue` is 0; say how many may wait, for example `queue: 100`",
        ],
    );
}

#[test]
fn protocols_hosts_and_times_of_upstreams() {
    check(
        r#"version: 1
upstreams:
  - { name: a, endpoints: [a:80], protocol: h2 }
  - { name: b, endpoints: [a:80], protocol: h2c, tls: {} }
  - { name: c, endpoints: [a:80], protocol: http2 }
  - { name: d, endpoints: [unix:/x], tls: {} }
  - { name: e, endpoints: [a:80], tls: { server_name: "a b" }, host: { set: "a b" } }
  - { name: f, endpoints: [a:80], host: { set: "a b" } }
  - { name: g, endpoints: [a:80], host: { sett: a, x: b } }
  - { name: h, endpoints: [a:80], host: rewrite, timeouts: { connect: 0s, total: 0s } }
  - { name: i, endpoints: [a:80], timeouts: { connect: 0s, total: 0s }, pool: { streams: 0 } }
  - { name: j, endpoints: [a:80], host: set }
  - { name: k, endpoints: [a:80], host: { preserve: 5 } }
"#,
        &[
            "3:45: error: `h2` is HTTP/2 over TLS, and this upstream has no `tls`; use `h2c` for HTTP/2 without TLS, or add `tls: {}`",
            "4:45: error: `h2c` is HTTP/2 without TLS, and this upstream has `tls`; use `h2`",
            "5:45: error: unknown value `http2`; known here: `http1`, `h2`, `h2c`, `auto`",
            "6:43: error: missing key `server_name`; a Unix socket has no host that a certificate could hold",
            "7:55: error: expected a host such as `users.internal`, or an IP address, found the text `a b`",
            "7:77: error: expected a host with an optional port, such as `users.internal:8080`, found the text `a b`",
            "8:48: error: expected a host with an optional port, such as `users.internal:8080`, found the text `a b`",
            "9:41: error: expected exactly one of `preserve`, `endpoint`, `set`, found `sett`, `x`",
            "10:41: error: unknown value `rewrite`; known here: `preserve`, `endpoint`, `set`",
            "10:71: error: expected a duration above zero, found `0s`",
            "10:82: error: expected a duration above zero, found `0s`",
            "11:56: error: expected a duration above zero, found `0s`",
            "11:67: error: expected a duration above zero, found `0s`",
            "11:90: error: expected a whole number, at least 1, found the number 0",
            "12:41: error: `set` needs a value; write it as a map: `{ set: … }`",
            "13:41: error: `preserve` takes no value; write just `preserve`",
        ],
    );
}

#[test]
fn what_is_not_built_yet_is_refused() {
    check(
        r"version: 1
upstreams:
  - name: a
    discovery: { consul: { service: a } }
    retry: { attempts: 2 }
    health: {}
    balance: least_requests
  - { name: b, endpoints: [a:80], balance: { consistent_hash: { key: path } } }
  - { name: c, endpoints: [a:80], balance: rand }
routes:
  - name: t
    aggregate: {}
    upstream: a
consumers: [ { name: alice } ]
",
        &[
            "4:5: error: `discovery` is not available in this version of sluice; list the addresses under `endpoints`",
            "6:5: error: `health` is not available in this version of sluice; leave it out, and set the weight of a bad endpoint to 0",
            "7:14: error: `least_requests` is not available in this version of sluice; use `round_robin`",
            "8:44: error: `consistent_hash` is not available in this version of sluice; use `round_robin`",
            "9:44: error: unknown value `rand`; only `round_robin` is known here",
            "11:5: error: a route has exactly one action, and this one has `aggregate`, `upstream`; keep one of them, or make another route",
            "12:5: error: `aggregate` is not available in this version of sluice; use `upstream`",
            "14:1: error: `consumers` is not available in this version of sluice; leave it out until a version that identifies callers",
        ],
    );
}

#[test]
fn references_and_names() {
    check(
        r"version: 1
listeners: [{ name: web, address: 127.0.0.1:1 }]
upstreams: [{ name: users, endpoints: [a:80] }, { name: orders, endpoints: [a:80] }, { name: users, endpoints: [a:80] }]
routes:
  - { name: a, upstream: user, listeners: [wbe] }
  - { name: b, upstream: payments }
  - { name: a, upstream: users, listeners: [web, api] }
",
        &[
            "3:94: error: there are two upstreams with the name `users`, the first at 3:21; give each a name of its own",
            "5:26: error: unknown upstream `user`; did you mean `users`?",
            "5:44: error: unknown listener `wbe`; did you mean `web`?",
            "6:26: error: unknown upstream `payments`; known here: `users`, `orders`",
            "7:13: error: there are two routes with the name `a`, the first at 5:13; give each a name of its own",
            "7:50: error: unknown listener `api`; only `web` is known here",
        ],
    );
    check(
        r"version: 1
routes: [{ name: a, upstream: users }]
",
        &["2:31: error: unknown upstream `users`; this document has no upstreams"],
    );
}
