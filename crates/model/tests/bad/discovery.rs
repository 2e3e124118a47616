//! Registries, and what is found in them.

use super::check;

#[test]
fn where_endpoints_come_from() {
    check(
        r"version: 1
gateway: { registry: { address: 127.0.0.1:0 } }
upstreams:
  - { name: a, endpoints: [127.0.0.1:80], discovery: { registry: a } }
  - { name: b, endpoints: [], discovery: { registry: a } }
  - { name: c, discovery: { consl: { service: a } } }
  - { name: d, discovery: { consul: { service: a }, dns: { srv: a } } }
  - { name: e, discovery: {} }
  - { name: f, discovery: orders }
  - { name: g, discovery: registry }
  - { name: h, discovery: { consul: {} } }
  - { name: i, discovery: { consul: { servcie: a } } }
  - { name: j, discovery: { consul: { service: a, tag: a, tags: [b] } } }
  - { name: k, discovery: { etcd: { prefix: /a, format: json } } }
  - { name: t, discovery: { etcd: { prefix: / } } }
  - { name: l, discovery: { eureka: { app: a b } } }
  - { name: m, discovery: { dns: { name: a } } }
  - { name: n, discovery: { dns: { port: 80 } } }
  - { name: o, discovery: { dns: { name: 10.0.0.1, port: 80 } } }
  - { name: p, discovery: { dns: { name: 'a:80', port: 70000 } } }
  - { name: q, discovery: { dns: { srv: _http._tcp.a, port: 80 } } }
  - { name: r, discovery: { registry: { name: a } } }
  - { name: s, discovery: { file: '' } }
",
        &[
            "4:43: error: an upstream has `endpoints` or `discovery`, and `endpoints` are at 4:16; keep one of them",
            "5:31: error: an upstream has `endpoints` or `discovery`, and `endpoints` are at 5:16; keep one of them",
            "6:29: error: unknown key `consl`; did you mean `consul`?",
            "7:27: error: expected exactly one of `consul`, `etcd`, `eureka`, `dns`, `registry`, `file`, found `consul`, `dns`",
            "8:27: error: expected one of `consul`, `etcd`, `eureka`, `dns`, `registry`, `file`, found an empty map",
            "9:27: error: unknown value `orders`; known here: `consul`, `etcd`, `eureka`, `dns`, `registry`, `file`",
            "10:27: error: `registry` needs a value; write it as a map: `{ registry: … }`",
            "11:37: error: missing key `service`",
            "12:39: error: unknown key `servcie`; did you mean `service`?",
            "13:51: error: `tag` is `tags` with one of them, and both are here; keep `tags`",
            "14:57: error: unknown value `json`; known here: `sluice`, `naming`",
            "15:45: error: all keys of etcd are no service; name the keys of one service, for example `/services/orders/`",
            "16:44: error: a name cannot hold ' '; use letters, digits, `-`, `_`, `.` or `/`",
            "17:34: error: missing key `port`; the addresses of a name (A, AAAA) have none; or ask for SRV records with `srv`",
            "18:34: error: it is not said which name is asked for; add `name` and `port` for the addresses of a host, or `srv` for SRV records",
            "19:42: error: expected a name such as `orders.internal`, found the text `10.0.0.1`; an address needs no discovery: list it under `endpoints`",
            "20:42: error: expected a name such as `orders.internal`, found the text `a:80`; the port has a key of its own, `port`",
            "20:56: error: expected a whole number from 1 to 65535, found the number 70000",
            "21:41: error: SRV records tell hosts and ports themselves; keep `srv`, or `name` with `port`",
            "22:39: error: missing key `service`",
            "22:41: error: unknown key `name`; only `service` is known here",
            "23:35: error: expected the path of a file, found an empty text",
        ],
    );
}

#[test]
fn registries() {
    check(
        r"version: 1
gateway:
  admin: { address: 127.0.0.1:9901 }
  registry: { address: 127.0.0.1:9901, max_ttl: 0s, tokn: x }
  discovery:
    consul: { address: consul.internal, wait: 1h, token: '' }
    etcd: { endpoints: [], user: a, tls: {} }
    eureka: { servers: ['http://a:b@c'], interval: 5ms, password: a }
    dns: { servers: [dns.internal], min_ttl: 0s }
    allow: []
    hold: 5
",
        &[
            "4:49: error: expected a duration above zero, found `0s`",
            "4:53: error: unknown key `tokn`; did you mean `token`?",
            "6:24: error: expected an address such as `https://consul.internal:8501`, found the text `consul.internal`; add the scheme: `http://consul.internal`",
            "6:58: error: an empty secret",
            "8:25: error: an address holds no credentials; they have keys of their own",
            "9:22: error: expected an IP address such as `10.0.0.53`, or one with a port such as `127.0.0.1:8600`, found the text `dns.internal`",
            "9:46: error: expected a duration above zero, found `0s`",
            "11:11: error: expected a duration such as `250ms`, `5s` or `2m`, found the number 5",
        ],
    );
    check(
        r"version: 1
gateway:
  registry: { address: 127.0.0.1:9001 }
  admin: { address: 127.0.0.1:9001 }
  discovery:
    consul: { tls: {}, wait: 1h }
    etcd: { endpoints: [], user: a }
    eureka: { interval: 5ms, password: a }
    allow: []
    register: { in: [], address: 127.0.0.1:80, ttl: 1s }
listeners: [{ name: a, address: 127.0.0.1:9001 }]
",
        &[
            "3:24: error: `127.0.0.1:9001` is the address of `gateway.admin`; give the registry another port",
            "6:15: error: `tls` means nothing for addresses with `http`; write `https`, or leave it out",
            "6:30: error: Consul lets nobody wait for less than `1s` or longer than `10m`",
            "7:11: error: missing key `password`: `user` and `password` go together",
            "7:13: error: expected at least one address, found an empty list; leave it out for `http://127.0.0.1:2379`",
            "8:13: error: missing key `user`: `user` and `password` go together",
            "8:25: error: Eureka is asked once in a second at most",
            "9:12: error: `allow` is empty, so no instance would ever be asked; name a network, or leave it out",
            "10:21: error: expected at least one of `consul`, `etcd`, `eureka`, found an empty list",
            "10:53: error: expected a time from `3s` to `1h`",
            "11:33: error: `127.0.0.1:9001` is the address of `gateway.admin`; give the listener another port",
        ],
    );
    check(
        r"version: 1
gateway:
  home: { etcd: { endpoints: [], prefix: /, user: a } }
",
        &[
            "3:17: error: missing key `password`: `user` and `password` go together",
            "3:19: error: expected at least one address, found an empty list; leave it out for `http://127.0.0.1:2379`",
            "3:42: error: all keys of etcd are not ours alone; name a part of them, for example `/sluice/`",
        ],
    );
    check(
        r"version: 1
gateway:
  discovery: { register: { in: [consul, dns], address: a:80 } }
",
        &["3:41: error: unknown value `dns`; known here: `consul`, `etcd`, `eureka`"],
    );
    check(
        r"version: 1
gateway:
  registry: { address: 127.0.0.1:9001 }
  discovery: { register: { in: [consul], address: /run/x } }
listeners: [{ name: a, address: 127.0.0.1:9001 }]
",
        &["4:51: error: nobody on another machine reaches a Unix socket; name a host with a port"],
    );
    check(
        "version: 1\nupstreams: [{ name: a, discovery: { registry: a } }]",
        &[
            "2:47: error: the gateway has no registry of its own; say where services register: `gateway: { registry: { address: … } }`",
        ],
    );
}
