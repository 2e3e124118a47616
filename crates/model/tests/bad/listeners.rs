//! The gateway and its listeners.

use super::check;

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
            "4:10: error: expected a map with keys such as `address`, found the text `127.0.0.1:9901`",
            "5:15: error: expected `off`, or a map with `path`, found `true`",
            "7:20: error: expected a list, found the text `10.0.0.0/8`",
        ],
    );
    check(
        r"version: 1
gateway:
  flight_recorder: { records: 0, keep: -1, headers: [x-a, Cookie, a b], size: 1 }
  debug: { header: x y }
",
        &[
            "3:31: error: expected a whole number from 1 to 10000000, found the number 0",
            "3:40: error: expected a whole number from 0 to 1000000, found the number -1",
            "3:67: error: expected the name of a header field, found the text `a b`",
            "3:73: error: unknown key `size`; known here: `records`, `keep`, `headers`",
            "4:10: error: missing key `token`",
            "4:20: error: expected the name of a header field, found the text `x y`",
        ],
    );
    check(
        r"version: 1
gateway:
  flight_recorder: { headers: [x-a, Cookie, X-Api-Key] }
",
        &[
            "3:37: error: `cookie` holds credentials, which are not recorded; leave it out; `consumer` says who called",
            "3:45: error: `x-api-key` holds credentials, which are not recorded; leave it out; `consumer` says who called",
        ],
    );
    check(
        "version: 1\ngateway: { admin: { address: 'unix:/run/a.sock', names: [a.internal, 'b:80'] } }\n",
        &["2:70: error: expected a host such as `users.internal`, or an IP address, found the text `b:80`"],
    );
    check(
        "version: 1\ngateway: { admin: { address: 'unix:/run/a.sock', names: [a.internal] } }\n",
        &[
            "2:57: warning: a unix socket may be asked for under any name, for no page in a browser gets to it; leave `names` out",
        ],
    );
    check("version: 1\ngateway: { debug: { token: '' } }\n", &["2:28: error: an empty secret"]);
    check(
        r"version: 1
gateway: { flight_recorder: on }
",
        &["2:29: error: expected `off`, or a map with `records`, found the text `on`"],
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
            "5:13: error: expected a name, found the number 5; put it in quotes",
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
