//! The routes of a large document: hosts, paths of every kind, methods and fields, mixed as many teams would write them.
//!
//! The benchmarks of `crates/route` take this file in as well, so that both measure the same routes.

/// A route's matchers, and a request that belongs to no other route.
#[derive(Debug)]
pub(crate) struct Mixed {
    /// The value of `match`, as a map on one line.
    pub matching: String,
    pub asked: Asked,
}

/// A request, as far as routes look at it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub method: &'static str,
    pub host: String,
    pub path: String,
    pub query: Option<&'static str>,
    pub field: Option<(&'static str, &'static str)>,
}

/// Twenty routes, of which nine share a host of their own and eleven are for any; two of a hundred are regexes and one
/// is a wildcard.
pub(crate) fn mixed(index: usize) -> Mixed {
    let host = format!("h{}.example.org", index / 20);
    let below = format!("www.{host}");
    let any = "www.example.com".to_owned();
    let route = |matching: String, host: &str, path: String| {
        let asked = Asked { method: "GET", host: host.to_owned(), path, query: None, field: None };
        Mixed { matching: format!("{{ {matching} }}"), asked }
    };
    let with =
        |route: Mixed, method, query, field| Mixed { asked: Asked { method, query, field, ..route.asked }, ..route };
    let on = |path: &str, asked: String| route(format!("hosts: [{host}], {path}"), &host, asked);
    let svc = format!("/svc{index}");
    match (index % 20, index % 100) {
        (0, _) => route(format!("hosts: [{host}]"), &host, "/nothing/else".to_owned()),
        (1, _) => on(&format!("path: {{ prefix: /api/v1{svc} }}"), format!("/api/v1{svc}/a/b")),
        (2, _) => on("path: \"/api/v1/users/{id:int}/orders/{order}\"", "/api/v1/users/42/orders/7".to_owned()),
        (3, _) => on("path: { exact: /healthz }, methods: [GET]", "/healthz".to_owned()),
        (4, _) => {
            let matching = "path: { prefix: /static }, methods: [GET], headers: [{ name: x-version, exact: \"2\" }]";
            let route = route(format!("hosts: [\"*.{host}\"], {matching}"), &below, "/static/a.css".to_owned());
            with(route, "GET", None, Some(("x-version", "2")))
        }
        (10, 10) => on("path: { regex: \"^/v[0-9]+/reports/[a-z]+$\" }", "/v12/reports/sales".to_owned()),
        (10, _) => on(&format!("path: {{ prefix: /api/v2{svc} }}"), format!("/api/v2{svc}/a")),
        (11, _) => {
            let matching = format!("path: {{ prefix: /api/v1{svc} }}, cookies: [{{ name: beta, present: true }}]");
            with(on(&matching, format!("/api/v1{svc}/a")), "GET", None, Some(("cookie", "beta=1")))
        }
        (12, _) => on("path: \"/api/v1/users/{id}\", methods: [GET, HEAD]", "/api/v1/users/anna".to_owned()),
        (14, _) => route(format!("hosts: [\"*.{host}\"], path: {{ prefix: /img }}"), &below, "/img/a/b.png".to_owned()),
        (5 | 6, _) => route(format!("path: {{ prefix: {svc}/v1 }}, methods: [GET, POST]"), &any, format!("{svc}/v1/a")),
        (7, _) => route(format!("path: \"{svc}/v1/items/{{id}}\""), &any, format!("{svc}/v1/items/42")),
        (8, _) => route(
            format!("path: \"{svc}/{{version}}/items/{{id}}/parts/{{rest...}}\""),
            &any,
            format!("{svc}/v2/items/42/parts/a/b"),
        ),
        (9, _) => {
            let matching = format!("path: {{ exact: {svc}/status }}, query: [{{ name: full, exact: \"1\" }}]");
            with(route(matching, &any, format!("{svc}/status")), "GET", Some("full=1"), None)
        }
        (13, _) => route(format!("path: \"{svc}/reports/{{day:date}}\""), &any, format!("{svc}/reports/2026-08-05")),
        (15, _) => with(
            route(format!("path: {{ prefix: {svc} }}, methods: [POST]"), &any, format!("{svc}/a")),
            "POST",
            None,
            None,
        ),
        (16, 16) => route(format!("path: {{ regex: \"^{svc}/v[0-9]+/export$\" }}"), &any, format!("{svc}/v3/export")),
        (17, _) => {
            let matching = format!("path: {{ prefix: {svc} }}, headers: [{{ name: accept, prefix: image/ }}]");
            with(route(matching, &any, format!("{svc}/a")), "GET", None, Some(("accept", "image/png")))
        }
        (18, _) => route(
            format!("path: \"/tenants/{{tenant:slug}}{svc}/{{rest...}}\""),
            &any,
            format!("/tenants/acme{svc}/a/b/c"),
        ),
        (19, 19) => route(format!("path: {{ wildcard: \"/files/*{svc}/raw\" }}"), &any, format!("/files/a{svc}/raw")),
        _ => route(format!("path: {{ exact: /docs{svc}/index.html }}"), &any, format!("/docs{svc}/index.html")),
    }
}

/// A request that no route of a table of any size takes, although most of its path is known.
pub(crate) fn missed(index: usize) -> Asked {
    let (host, path) = ("nobody.example.com".to_owned(), format!("/svc{index}/nothing/of/the/kind"));
    Asked { method: "PUT", host, path, query: None, field: None }
}
