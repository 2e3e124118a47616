//! Which route takes a request, and what it does with it.

use http::Method;
use testkit::{
    client::{Answer, Client},
    demo,
    origin::RawOrigin,
    wire::proxy_protocol,
};

use crate::support::{Gateway, assert_reply, responding, with_fields};

/// A route that answers with its name.
fn route(name: &str, fields: &str) -> String {
    format!("  - {{ name: {name}, respond: {{ body: {name} }}, {fields} }}\n")
}

async fn ask(client: &mut Client, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    client.fetch(with_fields(Method::from_bytes(method.as_bytes()).unwrap(), target, fields)).await
}

const ROUTES: &[(&str, &str)] = &[
    ("host-exact", "match: { hosts: [api.example.com] }"),
    ("host-wildcard", "match: { hosts: [\"*.example.com\"] }"),
    ("host-longer-wildcard", "match: { hosts: [\"*.eu.example.com\"] }"),
    ("path-exact", "match: { path: { exact: /exact } }"),
    ("path-short-form", "match: { path: /short }"),
    ("path-prefix", "match: { path: { prefix: /prefix } }"),
    ("path-longer-prefix", "match: { path: { prefix: /prefix/longer } }"),
    ("path-template", "match: { path: \"/users/{id}/orders/{order}\" }"),
    ("path-wildcard", "match: { path: { wildcard: \"/files/*/raw\" } }"),
    ("path-deep-wildcard", "match: { path: { wildcard: \"/deep/**/raw\" } }"),
    ("path-regex", "match: { path: { regex: \"^/v[0-9]+/.*$\" } }"),
    ("methods", "match: { path: /m, methods: [PUT, DELETE] }"),
    ("no-methods", "match: { path: /m }"),
    ("header-exact", "match: { path: /h, headers: [{ name: x-version, exact: \"2\" }] }"),
    ("header-present", "match: { path: /h, headers: [{ name: X-Canary, present: true }] }"),
    ("header-regex", "match: { path: /h, headers: [{ name: user-agent, regex: \"(?i)mobile\" }] }"),
    (
        "header-both",
        "match: { path: /h, headers: [{ name: x-version, exact: \"2\" }, { name: x-canary, present: true }] }",
    ),
    ("header-absent", "match: { path: /absent, headers: [{ name: x-canary, present: false }] }"),
    ("query-exact", "match: { path: /q, query: [{ name: debug, exact: \"1\" }] }"),
    ("query-prefix", "match: { path: /q, query: [{ name: debug, prefix: \"a\" }] }"),
    ("cookie-present", "match: { path: /c, cookies: [{ name: beta, present: true }] }"),
    ("cookie-any-of", "match: { path: /d, cookies: [{ name: beta, any_of: [x, \"y\"] }] }"),
    ("typed-int", "match: { path: \"/items/{id:int}\" }"),
    ("typed-date", "match: { path: \"/items/{day:date}\" }"),
    ("untyped", "match: { path: \"/items/{name}\" }"),
    ("time-past", "match: { path: /t, time: { before: 2020-01-01T00:00:00Z } }"),
    ("time-between", "match: { path: /t, time: { after: 2020-01-01T00:00:00Z, before: 9999-01-01T00:00:00Z } }"),
    ("time-first-half", "match: { path: /w, time: { weekly: { to: \"12:00\" } } }"),
    ("time-second-half", "match: { path: /w, time: { weekly: { from: \"12:00\" } } }"),
    ("client-ip", "match: { path: /ip, client_ip: [10.0.0.0/8, \"2001:db8::/32\"] }"),
    ("any-ip", "match: { path: /ip }"),
    ("low", "match: { path: { exact: /priority } }"),
    ("high", "match: { path: { prefix: /priority }, query: [{ name: high, present: true }] }, priority: 1"),
    ("web-only", "match: { path: /listener }, listeners: [web]"),
    ("other-only", "match: { path: /listener }, listeners: [other]"),
];

type Pairs = &'static [(&'static str, &'static str)];

/// Method, target with or without host, fields, and the route or the cause of its absence.
const REQUESTS: &[(&str, &str, Pairs, &str)] = &[
    ("GET", "http://api.example.com/", &[], "host-exact"),
    ("GET", "http://API.Example.com:8080/", &[], "host-exact"),
    ("GET", "http://other.example.com/", &[], "host-wildcard"),
    ("GET", "http://a.b.example.com/", &[], "host-wildcard"),
    ("GET", "http://a.eu.example.com/", &[], "host-longer-wildcard"),
    ("GET", "http://eu.example.com/", &[], "host-wildcard"),
    ("GET", "http://example.com/", &[], "no_route"),
    ("GET", "http://api.example.com.evil.test/", &[], "no_route"),
    ("GET", "/exact", &[], "path-exact"),
    ("GET", "/exact?a=b", &[], "path-exact"),
    ("GET", "/%65xact", &[], "path-exact"),
    ("GET", "/x/../exact", &[], "path-exact"),
    ("GET", "/exact/", &[], "no_route"),
    ("GET", "/Exact", &[], "no_route"),
    ("GET", "/short", &[], "path-short-form"),
    ("GET", "/prefix", &[], "path-prefix"),
    ("GET", "/prefix/", &[], "path-prefix"),
    ("GET", "/prefix/a/b", &[], "path-prefix"),
    ("GET", "/prefixes", &[], "no_route"),
    ("GET", "/prefix/longer/a", &[], "path-longer-prefix"),
    ("GET", "/users/7/orders/8", &[], "path-template"),
    ("GET", "/items/7", &[], "typed-int"),
    ("GET", "/items/%37", &[], "typed-int"),
    ("GET", "/items/2024-02-29", &[], "typed-date"),
    ("GET", "/items/2023-02-29", &[], "untyped"),
    ("GET", "/items/seven", &[], "untyped"),
    ("GET", "/t", &[], "time-between"),
    ("GET", "/users/7/orders/8/9", &[], "no_route"),
    ("GET", "/users//orders/8", &[], "no_route"),
    ("GET", "/files/a/raw", &[], "path-wildcard"),
    ("GET", "/files/a/b/raw", &[], "no_route"),
    ("GET", "/deep/a/b/raw", &[], "path-deep-wildcard"),
    ("GET", "/v12/a", &[], "path-regex"),
    ("GET", "/vx/a", &[], "no_route"),
    ("PUT", "/m", &[], "methods"),
    ("DELETE", "/m", &[], "methods"),
    ("GET", "/m", &[], "no-methods"),
    ("GET", "/h", &[("x-version", "2")], "header-exact"),
    ("GET", "/h", &[("x-version", "1")], "no_route"),
    ("GET", "/h", &[("x-version", "1"), ("x-version", "2")], "header-exact"),
    ("GET", "/h", &[("x-canary", "")], "header-present"),
    ("GET", "/h", &[("user-agent", "Some MOBILE thing")], "header-regex"),
    ("GET", "/h", &[("x-version", "2"), ("x-canary", "a")], "header-both"),
    ("GET", "/absent", &[], "header-absent"),
    ("GET", "/absent", &[("x-canary", "1")], "no_route"),
    ("GET", "/q?debug=1", &[], "query-exact"),
    ("GET", "/q?a=b&debug=1", &[], "query-exact"),
    ("GET", "/q?debug=%31", &[], "query-exact"),
    ("GET", "/q?debug=abc", &[], "query-prefix"),
    ("GET", "/q?debug=2", &[], "no_route"),
    ("GET", "/q", &[], "no_route"),
    ("GET", "/c", &[("cookie", "a=b; beta=1")], "cookie-present"),
    ("GET", "/c", &[("cookie", "beta=")], "cookie-present"),
    ("GET", "/c", &[("cookie", "alphabeta=1")], "no_route"),
    ("GET", "/d", &[("cookie", "beta=y")], "cookie-any-of"),
    ("GET", "/d", &[("cookie", "beta=z")], "no_route"),
    ("GET", "/ip", &[], "any-ip"),
    ("GET", "/ip", &[("x-forwarded-for", "10.1.2.3")], "client-ip"),
    ("GET", "/ip", &[("x-forwarded-for", "2001:db8::7")], "client-ip"),
    ("GET", "/ip", &[("x-forwarded-for", "10.1.2.3, 192.0.2.1")], "any-ip"),
    ("GET", "/priority", &[], "low"),
    ("GET", "/priority?high", &[], "high"),
    ("GET", "/listener", &[], "web-only"),
    ("GET", "/nothing", &[], "no_route"),
];

#[tokio::test]
async fn every_matcher_is_asked() {
    let routes: String = ROUTES.iter().map(|(name, fields)| route(name, fields)).collect();
    let gateway = Gateway::start(&format!(
        "gateway: {{ workers: 1, admin: {{ address: \"127.0.0.1:0\" }}, trusted_proxies: [127.0.0.1] }}\n\
         listeners:\n  - {{ name: web, address: \"127.0.0.1:0\" }}\n  - {{ name: other, address: \"127.0.0.1:0\" }}\n\
         routes:\n{routes}"
    ))
    .await;
    for (version, mut client) in gateway.both().await {
        for (method, target, fields, expected) in REQUESTS {
            let (host, target) = match target.strip_prefix("http://") {
                Some(rest) => rest.split_at(rest.find('/').unwrap()),
                None => ("nobody.test", *target),
            };
            client = client.authority(host);
            let answer = ask(&mut client, method, target, fields).await;
            match *expected {
                "no_route" => assert_reply(&answer, 404, "no_route"),
                name => assert_eq!(answer.text(), name, "{version}: {method} {host}{target} {fields:?}"),
            }
        }
    }
    let half = gateway.http1().await.get("/w").await;
    assert!(["time-first-half", "time-second-half"].contains(&half.text()), "{}", half.text());
    let mut other = Client::http1(gateway.address("other")).await;
    assert_eq!(other.get("/listener").await.text(), "other-only");
}

/// The client's address is the balancer's word where one is in front.
#[tokio::test]
async fn client_ip_is_whom_the_balancer_names() {
    let routes = [route("inside", "match: { client_ip: [192.0.2.0/24] }"), route("outside", "match: {}")].concat();
    let gateway = Gateway::start(&format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\", proxy_protocol: true }}]\nroutes:\n{routes}"
    ))
    .await;
    let destination = "198.51.100.1:443".parse().unwrap();
    for (source, expected) in [("192.0.2.7:1", "inside"), ("203.0.113.1:1", "outside")] {
        let mut wire = gateway.wire().await;
        wire.send(proxy_protocol::v2(source.parse().unwrap(), destination)).await.unwrap();
        wire.send("GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 192.0.2.7\r\n\r\n").await.unwrap();
        assert_eq!(wire.response().await.unwrap().text(), expected);
    }
}

#[tokio::test]
async fn redirects_fill_in_captures_and_keep_the_query() {
    let redirect = |name: &str, path: &str, fields: &str| {
        format!("{{ name: {name}, match: {{ path: {path} }}, redirect: {{ {fields} }} }}")
    };
    let routes = [
        redirect("plain", "/plain", "to: /target"),
        redirect("rest", "{ prefix: /old }", "to: \"/new{rest}\", status: 308"),
        redirect("template", "\"/users/{id}/orders/{order}\"", "to: \"/o/{order}?user={id}\", status: 301"),
        redirect(
            "regex",
            "{ regex: \"^/(?P<year>[0-9]{4})/(?P<page>.*)$\" }",
            "to: \"/archive/{year}/{page}\", status: 307",
        ),
        redirect("elsewhere", "{ prefix: /docs }", "to: \"https://docs.example.com{rest}\", status: 303"),
    ];
    let routes: Vec<&str> = routes.iter().map(|route| &**route).collect();
    let gateway = Gateway::start(&responding(&routes)).await;
    for (target, status, location) in [
        ("/plain", 302, "/target"),
        ("/plain?a=b&c", 302, "/target?a=b&c"),
        ("/old", 308, "/new"),
        ("/old/a%20b/c?d=e", 308, "/new/a%20b/c?d=e"),
        // A target with a query of its own keeps that.
        ("/users/7/orders/8?x=y", 301, "/o/8?user=7"),
        ("/2024/some/page", 307, "/archive/2024/some/page"),
        ("/docs/a?b=c", 303, "https://docs.example.com/a?b=c"),
        ("/old//evil.test", 308, "/new/evil.test"),
    ] {
        for (version, mut client) in gateway.both().await {
            let answer = client.get(target).await;
            assert_eq!(
                (answer.status.as_u16(), answer.field("location")),
                (status, Some(location)),
                "{version}: {target}"
            );
        }
    }
}

#[tokio::test]
async fn responses_of_routes_are_as_written() {
    let gateway = Gateway::start(&responding(&[
        "{ name: whole, match: { path: /whole }, respond: { status: 418, headers: { content-type: text/plain, \
         set-cookie: [a=1, b=2] }, body: \"short and stout\" } }",
        "{ name: bare, match: { path: /bare }, respond: {} }",
    ]))
    .await;
    for (version, mut client) in gateway.both().await {
        let answer = client.post("/whole", "ignored").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (418, "short and stout"), "{version}");
        assert_eq!(answer.field("content-type"), Some("text/plain"));
        assert_eq!(crate::support::all(&answer, "set-cookie"), ["a=1", "b=2"]);
        let answer = client.get("/bare").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, ""), "{version}");
    }
}

#[tokio::test]
async fn rewrites_fill_in_captures_and_end_in_normal_form() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let rewrite = |name: &str, path: &str, rewrite: &str| {
        format!("  - {{ name: {name}, match: {{ path: {path} }}, upstream: origin, rewrite: {{ {rewrite} }} }}\n")
    };
    let routes = [
        rewrite("template", "\"/users/{id}\"", "path: \"/internal/{id}\""),
        rewrite("prefix", "{ prefix: /api }", "path: \"/{rest}\""),
        rewrite("deeper", "{ prefix: /deeper }", "path: \"/a/./b//{rest}\""),
        rewrite("query", "\"/query/{id}\"", "path: \"/q?id={id}\""),
        rewrite("host", "/host", "host: other.test"),
        rewrite(
            "both",
            "{ regex: \"^/(?P<tenant>[a-z]+)-tenant/(?P<rest>.*)$\" }",
            "path: \"/t/{tenant}/{rest}\", host: \"t.test:80\"",
        ),
    ]
    .concat();
    let gateway = Gateway::start(&format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: origin, endpoints: [\"{}\"] }}]\nroutes:\n{routes}",
        origin.address
    ))
    .await;
    let mut wire = gateway.wire().await;
    for (target, forwarded, host) in [
        ("/users/7?a=b", "/internal/7?a=b", "web.test"),
        ("/users/a%20b", "/internal/a%20b", "web.test"),
        ("/api/v1/x?y", "/v1/x?y", "web.test"),
        ("/api", "/", "web.test"),
        ("/deeper/c", "/a/b/c", "web.test"),
        ("/query/7?a=b", "/q?id=7", "web.test"),
        ("/host?a", "/host?a", "other.test"),
        ("/acme-tenant/a/b", "/t/acme/a/b", "t.test:80"),
    ] {
        wire.send(format!("GET {target} HTTP/1.1\r\nhost: web.test\r\n\r\n")).await.unwrap();
        assert_eq!(wire.response().await.unwrap().status, 200, "{target}");
        let request = origin.next_request().await;
        assert_eq!((&*request.target, request.fields.one("host")), (forwarded, Some(host)), "{target}");
    }
}

#[tokio::test]
async fn endpoints_get_their_share_evenly_mixed() {
    let users = [
        demo::users(1).await.unwrap(),
        demo::users(2).await.unwrap(),
        demo::users(3).await.unwrap(),
        demo::users(4).await.unwrap(),
    ];
    let weights = [5, 1, 1, 0];
    let endpoints: Vec<String> = users
        .iter()
        .zip(weights)
        .map(|(user, weight)| format!("{{ address: \"{}\", weight: {weight} }}", user.address))
        .collect();
    let gateway = Gateway::start(&format!(
        "gateway: {{ workers: 1, admin: {{ address: \"127.0.0.1:0\" }} }}\n\
         listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: users, endpoints: [{}] }}]\nroutes: [{{ name: all, upstream: users }}]\n",
        endpoints.join(", ")
    ))
    .await;
    let mut client = gateway.http1().await;
    let mut picks = Vec::new();
    for _ in 0..70 {
        let instance = client.get("/users").await.json()["instance"].as_str().unwrap().to_owned();
        picks.push(instance);
    }
    for (number, share) in [(1, 50), (2, 10), (3, 10), (4, 0)] {
        assert_eq!(picks.iter().filter(|pick| **pick == format!("users-{number}")).count(), share, "{picks:?}");
    }
    // Smooth: within each round of seven, the heavy one is never asked more than four times in a row.
    for round in picks.chunks(7) {
        assert!(round.iter().any(|pick| pick == "users-2") && round.iter().any(|pick| pick == "users-3"), "{picks:?}");
    }
    assert!(picks.windows(5).all(|five| five.iter().any(|pick| pick != "users-1")), "{picks:?}");
}
