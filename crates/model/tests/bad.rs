//! Documents that are wrong: each with every problem that it has, and nothing else.

use model::Report;

/// Compares all problems of a document, one to a line as `line:column severity: message; hint`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let environment = |name: &str| (name == "PORT").then(|| "8080".to_owned());
    let mut report = Report::default();
    let root = model::parse("test", text, &environment, &mut report);
    let model = root.and_then(|root| model::check(&root, &mut report));
    report.sort();
    let problems: Vec<String> = report
        .problems
        .iter()
        .map(|problem| problem.to_string().replace("test:", ""))
        .filter(|line| !line.ends_with("there are no listeners, so nothing is served"))
        .collect();
    assert_eq!(problems, expected, "\n{text}");
    assert_eq!(model.is_none(), report.has_errors(), "\n{text}");
}

/// The same for a document of one listener, one upstream and one route `r`, to which `lines` are added.
#[track_caller]
fn check_route(lines: &str, expected: &[&str]) {
    let head = "version: 1\nlisteners: [{ name: web, address: 127.0.0.1:0 }]\n\
                upstreams: [{ name: users, endpoints: [127.0.0.1:9001] }]\nroutes:\n  - name: r\n";
    check(&format!("{head}{lines}"), expected);
}

#[test]
fn syntax_errors_say_what_to_do() {
    check(
        r"version: 1
---
version: 1
",
        &[
            "2:1: error: a second document (`---`) in one file; put it into a file of its own and name that under `include`",
        ],
    );
    check("version: 1\nlisteners:\n\t- name: a", &["3:2: error: a tab in the indentation; indent with spaces"]);
    check(
        r#"version: 1
routes: "abc
"#,
        &["2:9: error: a quote that is never closed; close it with the same quote"],
    );
    check(
        r"version: 1
routes: [a, b
",
        &[
            "2:9: error: a list in `[]` that does not go on as a list; separate its items with `,`, close it with `]`, and put texts that hold brackets or `,` in quotes",
        ],
    );
    check(
        r"version: 1
gateway: { grace: 5s
routes: []
",
        &[
            "3:7: error: a map in `{}` that does not go on as a map; separate its entries with `,`, close it with `}`, and put texts that hold brackets or `,` in quotes",
        ],
    );
    check(
        r"version: 1
gateway:
    grace: 5s
  workers: 1
",
        &[
            "4:3: error: a line that fits neither the map it follows nor one around it; give the keys of one map the same indentation",
        ],
    );
    check(
        r"version: 1
gateway
routes: []
",
        &["2:1: error: a key without `:`; write `key: value`, with a space after the colon"],
    );
    check(
        r"version: 1
routes: *nope
",
        &[
            "2:9: error: an alias (`*name`) of an anchor (`&name`) that is not set before it; put a text that begins with `*` or `&` in quotes: `\"*.example.org\"`",
        ],
    );
    check(
        "version: 1\ngateway: \"\\d\"",
        &[
            "2:10: error: an unknown `\\` escape in double quotes; write `\\\\` for a backslash, or use single quotes, in which nothing is escaped",
        ],
    );
    check(
        r"version: 1
gateway: { grace: ${GRACE} }
",
        &[
            "2:20: error: a map in `{}` that does not go on as a map; within `{}` or `[]` a `${NAME}` must stand in quotes",
        ],
    );
}

#[test]
fn slips_of_yaml_that_everybody_makes() {
    let flow = "separate its entries with `,`, close it with `}`, and put texts that hold brackets or `,` in quotes";
    let alias = "an alias (`*name`) of an anchor (`&name`) that is not set before it; \
                 put a text that begins with `*` or `&` in quotes: `\"*.example.org\"`";
    let map =
        "a line that fits neither the map it follows nor one around it; give the keys of one map the same indentation";
    let value = "a `key: value` where none can stand; \
                 begin it on a line of its own, indented like its neighbours; put a text that holds `: ` in quotes";
    let cases = [
        ("hosts: [*.example.org]\n", "1:9", alias.to_owned()),
        ("host: *\n", "1:7", alias.to_owned()),
        ("match: { path: /users/{id} }\n", "1:23", format!("a map in `{{}}` that does not go on as a map; {flow}")),
        ("a: %x\n", "1:4", "a text that begins with a reserved character; put it in quotes".to_owned()),
        (
            "a: 'it's'\n",
            "1:8",
            "text behind a closing quote; put all of it in quotes; within single quotes `''` is a quote".to_owned(),
        ),
        ("a: 1\n]\n", "2:1", "a bracket that closes nothing; remove it, or open it before".to_owned()),
        ("  a: b\nc: d\n", "2:1", map.to_owned()),
        ("a: 1\n  b: 2\n", "2:4", value.to_owned()),
        ("a: b: c\n", "1:5", value.to_owned()),
        (
            "a:\n  - b\n  c: d\n",
            "3:3",
            "a line that does not go on with its list; begin each item with `- `, all of them with the same indentation"
                .to_owned(),
        ),
        ("a: - b\n", "1:4", "a `- ` where no list can begin; begin a list on a line of its own".to_owned()),
        ("a: |x\n y\n", "1:4", "text behind `|` or `>`; begin the text on the next line".to_owned()),
        (
            "a: \u{1}\n",
            "1:4",
            "a control character; write it as an escape in double quotes: `\"\\u0000\"`".to_owned(),
        ),
        (
            "a: [1, 2\nb: 3\n",
            "2:2",
            "a `key: value` within a list in `[]`; close the list, or put a text that holds `: ` in quotes".to_owned(),
        ),
    ];
    for (text, place, problem) in cases {
        check(text, &[&format!("{place}: error: {problem}")]);
    }
}

#[test]
fn yaml_that_is_no_document() {
    check(
        r"version: 1
gateway: { <<: { grace: 5s } }
",
        &[
            "2:12: error: merge keys (`<<`) are not part of YAML 1.2; write the keys out, or alias a whole value: `policies: *common`",
        ],
    );
    check(
        r"version: 1
gateway: !env X
",
        &["2:15: error: the tag `!env` is not known; leave it out"],
    );
    check("version: !!int one", &["1:16: error: `one` is not what its tag `!!int` says"]);
    check(
        r"version: 1
[a]: b
",
        &["2:1: error: a key must be a text, not a list or a map"],
    );
    check(
        r"version: 1
gateway: {}
listeners: []
gateway: {}
version: 1
",
        &[
            "4:1: error: the key `gateway` is given twice, first at 2:1; keep one of them",
            "5:1: error: the key `version` is given twice, first at 1:1; keep one of them",
        ],
    );
}

#[test]
fn holes_that_nothing_fills() {
    check(
        r#"version: 1
gateway:
  grace: ${GRACE}
  workers: ${WORKERS:-2}
listeners:
  - { name: "a${", address: "127.0.0.1:${PORT}" }
  - { name: "${1}", address: "127.0.0.1:${PORTT}" }
"#,
        &[
            "3:10: error: the environment variable `GRACE` is not set; set it, or give a default: `${GRACE:-default}`",
            "6:13: error: `${` without `}`; write `$${` for a literal `${`",
            "7:13: error: `1` cannot be the name of an environment variable; write `$${` for a literal `${`",
            "7:30: error: the environment variable `PORTT` is not set; set it, or give a default: `${PORTT:-default}`",
        ],
    );
}

#[test]
fn the_outermost_map() {
    check("", &["1:1: error: the document is empty; begin with `version: 1`"]);
    check("- a", &["1:1: error: expected a map with keys such as `version`, found a list"]);
    check("hello", &["1:1: error: expected a map with keys such as `version`, found the text `hello`"]);
    check("listeners: []", &["1:1: error: missing key `version`"]);
    check("version: 2", &["1:10: error: expected the number 1, the only version of this format, found the number 2"]);
    check(
        "version: \"1\"",
        &[
            "1:10: error: expected the number 1, the only version of this format, found the text `1`; write it without quotes",
        ],
    );
    check(
        r"version: 1
listener: []
upstream: []
foo: 1
",
        &[
            "2:1: error: unknown key `listener`; did you mean `listeners`?",
            "3:1: error: unknown key `upstream`; did you mean `upstreams`?",
            "4:1: error: unknown key `foo`; known here: `version`, `$schema`, `include`, `gateway`, `listeners`, `upstreams`, `routes`",
        ],
    );
    check(
        r"version: 1
listeners: {}
upstreams: 5
routes:
consumers: []
include: a.yaml
",
        &[
            "2:12: error: expected a list, found an empty map",
            "3:12: error: expected a list, found the number 5",
            "4:7: error: expected a list, found nothing; write `[]` for an empty list",
            "5:1: error: `consumers` is not available in this version of sluice; leave it out until a version that identifies callers",
            "6:10: error: expected a list, found the text `a.yaml`",
        ],
    );
}

#[test]
fn the_gateway() {
    check(
        r"version: 1
gateway:
  workers: many
  admin: { adress: 127.0.0.1:9901 }
  trusted_proxies: [10.0.0.0/33, 10.1.2.3/8, 5]
  access_log: stdout
  grace: 30
  forwarded: { via: yes }
  policies: [cors, { a: {}, b: {} }, {}, { a: {}, when: x }]
",
        &[
            "3:12: error: expected `auto` or a number from 1 to 1024, found the text `many`",
            "4:12: error: unknown key `adress`; did you mean `address`?",
            "5:21: error: expected an IP network such as `10.0.0.0/8`, or an address, found the text `10.0.0.0/33`",
            "5:34: error: `10.1.2.3/8` is no network, because its address has bits behind the prefix; did you mean `10.0.0.0/8` or `10.1.2.3`?",
            "5:46: error: expected an IP network such as `10.0.0.0/8`, or an address, found the number 5",
            "6:15: error: expected `off`, or a map with `path`, found the text `stdout`; write `{ path: stdout }`",
            "7:10: error: expected a duration such as `250ms`, `5s` or `2m`, found the number 30",
            "8:21: error: expected `true` or `false`, found the text `yes`; write `true`",
            "9:14: error: expected a map with one key, the kind of the policy, found the text `cors`; write `cors: {}`",
            "9:29: error: a policy is a map with one key, and this one has `a` and `b`; begin each policy with `- `, and indent its settings below it",
            "9:38: error: expected a map with one key, the kind of the policy, found none",
            "9:51: error: `when` is not available in this version of sluice; put the policy on routes whose `match` holds the condition",
        ],
    );
    check(
        r"version: 1
gateway:
  workers: 0
  admin: 127.0.0.1:9901
  access_log: true
  grace: 0s
  trusted_proxies: 10.0.0.0/8
",
        &[
            "3:12: error: expected `auto` or a number from 1 to 1024, found the number 0",
            "4:10: error: expected a map with the key `address`, found the text `127.0.0.1:9901`",
            "5:15: error: expected `off`, or a map with `path`, found `true`",
            "7:20: error: expected a list, found the text `10.0.0.0/8`",
        ],
    );
    check(
        r"version: 1
gateway:
listeners: []
",
        &[
            "2:8: error: expected a map with keys such as `workers`, found nothing; write `{}` for an empty map, or leave the key out",
        ],
    );
}

#[test]
fn listeners() {
    check(
        r#"version: 1
listeners:
  - { name: a, address: ":8080" }
  - { name: b, address: "localhost:80" }
  - { name: c, address: "::1:80" }
  - { name: d, address: 8080 }
  - { name: e, address: "unix:" }
  - { name: f, address: "1.2.3.4" }
  - { name: g, address: "0.0.0.0:70000" }
"#,
        &[
            "3:25: error: expected an address such as `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`, found the text `:8080`; write `0.0.0.0:8080`, or `[::]:8080` for IPv6 as well",
            "4:25: error: expected an address such as `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`, found the text `localhost:80`; write `127.0.0.1:80`",
            "5:25: error: expected an address such as `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`, found the text `::1:80`; an IPv6 address stands in brackets: `[::1]:80`",
            "6:25: error: expected an address such as `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`, found the number 8080",
            "7:25: error: expected the path of a Unix socket after `unix:`; for example `unix:/run/x.sock`",
            "8:25: error: expected an address such as `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`, found the text `1.2.3.4`",
            "9:25: error: expected an address such as `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`, found the text `0.0.0.0:70000`",
        ],
    );
    check(
        r"version: 1
gateway: { admin: { address: 127.0.0.1:9901 } }
listeners:
  - { name: a, address: 127.0.0.1:80 }
  - { name: a, address: 127.0.0.1:81 }
  - { name: b, address: 127.0.0.1:80 }
  - { name: c, address: 127.0.0.1:9901 }
",
        &[
            "5:13: error: there are two listeners with the name `a`, the first at 4:13; give each a name of its own",
            "6:25: error: two listeners have the address `127.0.0.1:80`, the first at 4:25; one listener serves any number of hosts",
            "7:25: error: `127.0.0.1:9901` is the address of `gateway.admin`; give the listener another port",
        ],
    );
    check(
        r"version: 1
listeners:
  - {}
  - { tls: {} }
  - web
",
        &[
            "3:5: error: missing key `name`",
            "3:5: error: missing key `address`",
            "4:5: error: missing key `name`",
            "4:5: error: missing key `address`",
            "4:12: error: missing key `certificates`",
            "5:5: error: expected a map with keys such as `name`, found the text `web`",
        ],
    );
    check(
        r#"version: 1
listeners:
  - { name: "", address: 127.0.0.1:1 }
  - { name: "a b", address: 127.0.0.1:2 }
  - { name: 5, address: 127.0.0.1:3 }
"#,
        &[
            "3:13: error: expected a name, found an empty text",
            "4:13: error: a name cannot hold ' '; use letters, digits, `-`, `_`, `.` or `/`",
            "5:13: error: expected a name, found the number 5",
        ],
    );
}

#[test]
fn listeners_with_tls() {
    check(
        r#"version: 1
listeners:
  - name: a
    address: 127.0.0.1:1
    tls: { certificates: [], client_auth: { mode: require }, min_version: "1.1" }
  - name: b
    address: 127.0.0.1:2
    tls: { certificates: [], client_auth: { mode: require } }
  - name: c
    address: 127.0.0.1:3
    tls: { certificates: [ { cert: a.pem } ], client_auth: { mode: optional } }
  - { name: d, address: 127.0.0.1:4, tls: }
"#,
        &[
            "5:75: error: unknown value `1.1`; known here: `1.2`, `1.3`",
            "8:26: error: expected at least one certificate, found an empty list",
            "8:43: error: missing key `ca`; name the file with the roots that clients' certificates lead to",
            "11:28: error: missing key `key`",
            "11:68: error: unknown value `optional`; known here: `none`, `request`, `require`",
            "12:41: error: expected a value, found nothing; give the key a value, or leave it out",
        ],
    );
}

#[test]
fn versions_of_tls_and_roots_that_nobody_needs() {
    check(
        "version: 1
listeners:
  - { name: a, address: 127.0.0.1:1, tls: { certificates: [{ cert: a, key: b }], min_version: 1.3 } }
  - { name: b, address: 127.0.0.1:2, tls: { certificates: [{ cert: a, key: b }], client_auth: { mode: none, ca: x } } }
",
        &[
            "3:95: error: expected one of `1.2`, `1.3`, found the number 1.3; put it in quotes",
            "4:113: warning: `ca` means nothing with `mode: none`; leave it out, or use another mode",
        ],
    );
}

#[test]
fn limits() {
    check(
        r#"version: 1
listeners:
  - name: a
    address: 127.0.0.1:1
    limits: { header_bytes: 5, header_count: 0, uri_bytes: 1MiB, body_bytes: lots, http2: { streams: 5 } }
  - name: b
    address: 127.0.0.1:2
    limits: { header_bytes: 5, header_count: 0, uri_bytes: 1MiB, idle_timeout: 0s, connections: 0, http2: { frame_bytes: 1KiB, concurrent_streams: 0, connection_window: 4GiB } }
  - { name: c, address: 127.0.0.1:3, limits: { header_count: -1, header_bytes: 64kb, connections: "5", stall_timeout: 5 } }
"#,
        &[
            "5:29: error: expected 1024 to 16777216 bytes, found 5",
            "5:46: error: expected a whole number from 1 to 16384, found the number 0",
            "5:60: error: expected 16 to 65534 bytes, found 1048576",
            "5:78: error: expected a size such as `64KiB` or `10MiB`, or a number of bytes, found the text `lots`",
            "5:93: error: unknown key `streams`; known here: `concurrent_streams`, `pending_resets`, `local_resets`, `stream_window`, `connection_window`, `frame_bytes`",
            "8:29: error: expected 1024 to 16777216 bytes, found 5",
            "8:46: error: expected a whole number from 1 to 16384, found the number 0",
            "8:60: error: expected 16 to 65534 bytes, found 1048576",
            "8:80: error: expected a duration above zero, found `0s`",
            "8:97: error: expected a whole number, at least 1, found the number 0",
            "8:122: error: expected 16384 to 16777215 bytes, found 1024",
            "8:148: error: expected a whole number from 1 to 2147483647, found the number 0",
            "8:170: error: expected 65535 to 2147483647 bytes, found 4294967296",
            "9:62: error: expected a whole number from 1 to 16384, found the number -1",
            "9:80: error: expected a size such as `64KiB` or `10MiB`, or a number of bytes, found the text `64kb`; did you mean `64kB`?",
            "9:99: error: expected a whole number, at least 1, found the text `5`; write it without quotes",
            "9:119: error: expected a duration such as `250ms`, `5s` or `2m`, found the number 5",
        ],
    );
}

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
    breaker: {}
    balance: least_requests
  - { name: b, endpoints: [a:80], balance: { consistent_hash: { key: path } } }
  - { name: c, endpoints: [a:80], balance: rand }
routes:
  - name: s
    split: { to: [ { upstream: a } ] }
  - name: t
    aggregate: {}
    upstream: a
consumers: [ { name: alice } ]
",
        &[
            "4:5: error: `discovery` is not available in this version of sluice; list the addresses under `endpoints`",
            "5:5: error: `retry` is not available in this version of sluice; leave it out: a kept connection that turns out to be closed is retried anyway",
            "6:5: error: `health` is not available in this version of sluice; leave it out, and set the weight of a bad endpoint to 0",
            "7:5: error: `breaker` is not available in this version of sluice; leave it out: `timeouts` bound what a slow endpoint costs",
            "8:14: error: `least_requests` is not available in this version of sluice; use `round_robin`",
            "9:44: error: `consistent_hash` is not available in this version of sluice; use `round_robin`",
            "10:44: error: unknown value `rand`; only `round_robin` is known here",
            "13:5: error: `split` is not available in this version of sluice; use `upstream`: weights of endpoints share the requests out within one",
            "14:5: error: a route has exactly one action, and this one has `aggregate`, `upstream`; keep one of them, or make another route",
            "15:5: error: `aggregate` is not available in this version of sluice; use `upstream`",
            "17:1: error: `consumers` is not available in this version of sluice; leave it out until a version that identifies callers",
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

#[test]
fn a_route_has_one_action() {
    check_route(
        "",
        &[
            "5:5: error: a route needs an action, exactly one of `upstream`, `redirect`, `respond`, and this one has none; for example `upstream: users`",
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
            "7:36: error: expected a method such as `GET`, found the number 5",
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
fn redirects_whose_host_the_request_would_choose() {
    let slash = "7:21: error: what fills the `{}` can begin with a `/`, and `//` leads to another host; \
                 write `/new{rest}`, or match with a template such as `/old/{rest...}`";
    let host = "7:21: error: a host that ends with `}` lets the request choose it; put a `/` in front of the `{`";
    let cases = [
        ("prefix: /old", "/{rest}", Some(slash)),
        ("regex: \"^/old(?P<rest>.*)\"", "/{rest}", Some(slash)),
        ("template: \"/old/{rest...}\"", "/{rest}", None),
        ("template: \"/old/{rest...}\"", "https://example.org{rest}", Some(host)),
        ("template: \"/old/{rest...}\"", "https://example.org/{rest}", None),
        ("prefix: /old", "https://example.org{rest}", None),
        ("prefix: /old", "https://{rest}", Some(host)),
        ("template: \"/old/{id}\"", "https://{id}.example.org?a", None),
    ];
    for (path, to, expected) in cases {
        let lines = format!("    match: {{ path: {{ {path} }} }}\n    redirect: {{ to: \"{to}\" }}\n");
        check_route(&lines, expected.as_slice());
    }
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
