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
            "3:5: error: an upstream without endpoints; give it at least one address, for example `endpoints: [127.0.0.1:9001]`, or say where they are found, for example `discovery: { dns: { name: orders.internal, port: 80 } }`",
            "4:27: error: an upstream without endpoints; give it at least one address, for example `endpoints: [127.0.0.1:9001]`, or say where they are found, for example `discovery: { dns: { name: orders.internal, port: 80 } }`",
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
fn health() {
    check(
        r#"version: 1
upstreams:
  - { name: a, endpoints: [a:80], health: {} }
  - { name: b, endpoints: [a:80], health: { active: {}, passive: {} } }
  - { name: c, endpoints: [a:80], health: { active: { http: { path: /a }, tcp: {} } } }
  - { name: d, endpoints: [a:80], health: { active: { grpc: {} } } }
  - { name: e, endpoints: [unix:/x], health: { active: { tcp: {}, port: 80 } } }
  - { name: f, endpoints: [a:80], health: { active: { htpp: { path: /a } } } }
  - name: g
    endpoints: [a:80]
    health:
      active:
        http:
          path: healthz
          method: get
          host: a b
          headers: { content-length: '1', 'a b': c }
          expect: [299-200, 100, 2xx, 200-600]
        interval: 0s
        jitter: 10
        timeout: 1
        healthy_after: 0
        port: 70000
  - { name: h, endpoints: [a:80], health: { active: { http: { path: /a, method: HEAD, expect: [], body_contains: ok } } } }
  - { name: i, endpoints: [a:80], health: { active: { http: { path: http://a/b } } } }
  - { name: j, endpoints: [a:80], health: { active: { http: {} } } }
"#,
        &[
            "3:43: error: `health` looks at nothing; add `active`, for example `active: { http: { path: /healthz } }`, or `passive: {}`, or leave it out",
            "4:53: error: it is not said how endpoints are asked; add `http: { path: /healthz }`, `tcp: {}` or `grpc: {}`",
            "5:53: error: endpoints are asked in exactly one way, and here are `http`, `tcp`; keep one of them",
            "6:61: error: gRPC is spoken over HTTP/2 only; set the `protocol` of the upstream to `h2c`, or to `h2` with `tls`",
            "7:67: error: `unix:/x` has no port that another could take the place of; leave `port` out",
            "8:55: error: unknown key `htpp`; did you mean `http`?",
            "14:17: error: a path begins with `/`, and `healthz` does not; the host is set with `host`",
            "15:19: error: methods are case-sensitive, and `get` is none that clients send; write `GET`",
            "16:17: error: expected a host with an optional port, such as `users.internal:8080`, found the text `a b`",
            "17:43: error: expected the name of a header field, found the text `a b`",
            "18:20: error: the range `299-200` is empty; write it as `200-299`",
            "18:29: error: expected a status from 200 to 599, or a range such as `200-299`, found the number 100",
            "18:34: error: expected a status from 200 to 599, or a range such as `200-299`, found the text `2xx`",
            "18:39: error: expected a status from 200 to 599, or a range such as `200-299`, found the text `200-600`",
            "19:19: error: expected a duration above zero, found `0s`",
            "20:17: error: expected a ratio such as `20%`, found the number 10",
            "21:18: error: expected a duration such as `250ms`, `5s` or `2m`, found the number 1",
            "22:24: error: expected a whole number from 1 to 1000, found the number 0",
            "23:15: error: expected a whole number from 1 to 65535, found the number 70000",
            "24:95: error: no status would be good; leave `expect` out for 200 to 299",
            "24:114: error: the answer to HEAD has no body; leave `method` out, or `body_contains`",
            "25:69: error: a path begins with `/`, and `http://a/b` does not; the host is set with `host`",
            "26:61: error: missing key `path`",
        ],
    );
    check(
        r"version: 1
upstreams:
  - { name: a, endpoints: [a:80, a:81], health: { passive: { consecutive_failures: 0 } } }
  - { name: b, endpoints: [a:80, a:81], health: { passive: { min_requests: 5, window: 5s } } }
  - { name: c, endpoints: [a:80, a:81], health: { passive: { failure_ratio: 0%, max_ejected: 0% } } }
  - { name: d, endpoints: [a:80, a:81], health: { passive: { ejection: 10m, max_ejection: 1m } } }
  - { name: e, endpoints: [a:80, a:81], health: { passive: { ejektion: 10m } } }
",
        &[
            "3:84: error: expected a whole number, at least 1, found the number 0",
            "4:62: error: `min_requests` belongs to `failure_ratio`, which is not given; add `failure_ratio`, for example `50%`, or leave this out",
            "4:79: error: `window` belongs to `failure_ratio`, which is not given; add `failure_ratio`, for example `50%`, or leave this out",
            "5:77: error: every endpoint fails so small a part of the requests; set it above `0%`, for example `50%`",
            "5:94: error: nothing would ever be ejected; leave `passive` out",
            "6:91: error: the first ejection is longer than the longest, `max_ejection`; make `max_ejection` at least as long as `ejection`",
            "7:62: error: unknown key `ejektion`; did you mean `ejection`?",
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
  - { name: d, endpoints: [a:80], bulkhead: { requests: 5, connections: 0 } }
  - { name: e, endpoints: [a:80], bulkhead: { connections: 5, wait: 1s, conections: 5 } }
",
        &[
            "3:45: error: missing key `requests`",
            "4:57: error: expected a whole number, at least 1, found the number 0",
            "4:67: error: expected a whole number from 0 to 4294967295, found the number -1",
            "4:77: error: expected a duration above zero, found `0s`",
            "5:60: error: nothing waits, because `queue` is 0; say how many may wait, for example `queue: 100`",
            "6:73: error: expected a whole number, at least 1, found the number 0",
            "7:45: error: missing key `requests`",
            "7:73: error: unknown key `conections`; did you mean `connections`?",
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
    endpoints: [127.0.0.1:80]
    retry: { attempts: 2 }
    health: { passive: {} }
routes:
  - name: t
    aggregate: {}
    upstream: a
",
        &[
            "8:5: error: a route has exactly one action, and this one has `aggregate`, `upstream`; keep one of them, or make another route",
            "9:5: error: `aggregate` is not available in this version of sluice; use `upstream`",
        ],
    );
}

/// Ways that are not known may be those of a kind: the first two, and `sticy`, are for its registry to refuse.
#[test]
fn ways_to_balance() {
    check(
        r#"version: 1
upstreams:
  - { name: a, endpoints: [a:80], balance: rand }
  - { name: b, endpoints: [a:80], balance: least_request }
  - { name: c, endpoints: [a:80], balance: consistent_hash }
  - { name: d, endpoints: [a:80], balance: { consistent_hash: {} } }
  - { name: e, endpoints: [a:80], balance: { consistent_hash: { key: host } } }
  - { name: f, endpoints: [a:80], balance: { consistent_hash: { key: { header: "a b" }, algorithm: jump, bounded_load: 1 } } }
  - { name: g, endpoints: [a:80], balance: { consistent_hash: { key: { query: "" }, fallback: header, bounded_load: 125% } } }
  - { name: h, endpoints: [a:80], balance: { consistent_hash: { key: { cookie: "a;b" } } } }
  - { name: i, endpoints: [a:80], balance: { consistent_hash: { key: client_ip, fallback: path } } }
  - { name: j, endpoints: [a:80], balance: { consistent_hash: { key: { query: a }, fallback: { query: a } } } }
  - { name: k, endpoints: [a:80], balance: { peak_ewma: { decay: 0s, failure: 5 } } }
  - { name: l, endpoints: [a:80], balance: { sticky: { cookie: "a=b", ttl: 500ms, secret: "" } } }
  - { name: m, endpoints: [a:80], balance: { sticky: { name: x } } }
  - { name: n/1, endpoints: [a:80], balance: sticky }
  - { name: o, endpoints: [a:80], balance: { ip_hash: { key: path } } }
  - { name: p, endpoints: [a:80], balance: { random: {}, ip_hash: {} } }
  - { name: q, endpoints: [a:80], balance: 5 }
  - { name: r, endpoints: [a:80], balance: { least_requests: { choices: 3 } } }
  - { name: s, endpoints: [a:80], balance: { sticy: {} } }
  - { name: t, endpoints: [a:80], balance: { consistent_hash: { key: { query: "" } } } }
  - { name: u, endpoints: [a:80], balance: { sticky: { ttl: 500ms } } }
  - { name: v, endpoints: [a:80], balance: ip_hash, slow_start: 30s }
  - { name: w, endpoints: [a:80], balance: custom }
  - { name: x, endpoints: [a:80], balance: { custom: { score: endpoint.load, among: three } } }
  - { name: y, endpoints: [a:80], balance: { custom: { score: endpoint.load + 1 } } }
  - { name: z, endpoints: [a:80], balance: { custom: { score: request.path } } }
  - { name: a1, endpoints: [{ address: a:80, tier: -1 }], failover: { prefer_zone: true, headroom: 1, panic_threshold: 50 } }
  - { name: a2, endpoints: [a:80], failover: { prefer_zone: true } }
  - { name: a3, endpoints: [a:80], balance: { own: { any: [1] } }, slow_start: 5s }
"#,
        &[
            "5:44: error: `consistent_hash` needs a key; write `{ consistent_hash: { key: client_ip } }`",
            "6:63: error: missing key `key`",
            "7:70: error: unknown value `host`; known here: `client_ip`, `consumer`, `path`, `header`, `query`, `cookie`",
            "8:80: error: expected the name of a header field, found the text `a b`",
            "8:100: error: unknown value `jump`; known here: `ring`, `maglev`",
            "8:120: error: expected a number from 1.01 to 10, such as `1.25`, found the number 1",
            "9:95: error: `header` needs a value; write it as a map: `{ header: … }`",
            "9:117: error: expected a number from 1.01 to 10, such as `1.25`, found the text `125%`",
            "10:80: error: expected the name of a cookie: letters, digits, `-`, `_` or `.`, found the text `a;b`",
            "11:91: warning: the fallback is never used: no request lacks this key; leave it out",
            "12:94: warning: the fallback is the key itself; leave it out",
            "13:66: error: expected a duration above zero, found `0s`",
            "13:79: error: expected a duration such as `250ms`, `5s` or `2m`, found the number 5",
            "14:64: error: expected the name of a cookie: letters, digits, `-`, `_` or `.`, found the text `a=b`",
            "14:91: error: an empty secret",
            "15:56: error: unknown key `name`; known here: `cookie`, `ttl`, `secret`",
            "16:46: error: no cookie can be named after the upstream `n/1`; name one: `sticky: { cookie: … }`",
            "17:55: error: expected nothing, found a map; it has no settings",
            "18:44: error: a map with one key was expected here, but there is `ip_hash` as well; keep one of them",
            "19:44: error: expected a way to choose an endpoint such as `round_robin`, or a map with one key, found the number 5",
            "20:62: error: expected nothing, found a map; it has no settings",
            "22:79: error: a parameter of the query needs a name",
            "23:61: error: a cookie cannot be kept for less than `1s`",
            "24:65: error: `slow_start` does not go with keys: a key leads to an endpoint or does not; leave it out, or balance in another way",
            "25:44: error: `custom` needs a score; write `{ custom: { score: endpoint.in_flight } }`",
            "26:85: error: unknown value `three`; known here: `two`, `all`",
            "27:63: error: unknown variable `endpoint.load`, at character 1; known here: `endpoint.labels`, `endpoint.weight`, `endpoint.in_flight`, `endpoint.latency`",
            "28:63: error: unknown variable `request.path`, at character 1; known here: `endpoint.labels`, `endpoint.weight`, `endpoint.in_flight`, `endpoint.latency`",
            "29:52: error: expected a whole number from 0 to 4294967295, found the number -1",
            "29:100: error: expected a number from 1.01 to 10, such as `1.25`, found the number 1",
            "29:120: error: expected a ratio such as `20%`, found the number 50",
            "30:61: warning: nobody says in which zone the gateway stands, so none is preferred; say it: `gateway: { zone: … }`",
            "31:80: error: `slow_start` is for the ways that come with the gateway; no other would heed it; leave it out, or balance in another way",
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
