//! What the path fills in: upstreams, responses, hosts; and redirects that lead back.

use super::{check, check_route};

#[test]
fn redirects_that_lead_back() {
    let document = "version: 1\nlisteners:\n  - { name: web, address: 127.0.0.1:0 }\n  - { name: secure, address: 127.0.0.1:0, \
                    tls: { certificates: [{ cert: a, key: b }] } }\nroutes:\n  - { name: r, FIELDS,\n    redirect: REDIRECT }\n";
    for (fields, redirect, listener) in [
        ("match: { path: /a }", "{ to: /a }", Some("web")),
        ("match: { path: /a }", "{ to: \"/a?b=c\" }", Some("web")),
        ("match: { path: { prefix: /a } }", "{ to: \"/a{rest}\" }", Some("web")),
        ("match: { path: { prefix: /a } }", "{ path: { prefix: /a } }", Some("web")),
        ("match: { path: \"/a/{id}/b/{rest...}\" }", "{ to: \"/a/{id}/b/{rest}\" }", Some("web")),
        ("match: { path: \"/a/{id:int}\" }", "{ to: \"/a/{id}\" }", Some("web")),
        ("match: {}", "{ scheme: https }", Some("secure")),
        ("match: {}", "{ scheme: http }", Some("web")),
        ("listeners: [web]", "{ scheme: https }", None),
        ("listeners: [secure]", "{ scheme: https, host: a.test }", None),
        ("match: { path: /a, methods: [GET, POST] }", "{ to: /a, status: 303 }", Some("web")),
        ("match: { path: /a, methods: [POST] }", "{ to: /a, status: 307 }", Some("web")),
        ("match: { path: /a, methods: [POST] }", "{ to: /a, status: 303 }", None),
        ("match: { path: /a, query: [{ name: b, present: false }] }", "{ to: \"/a?b=c\" }", None),
    ] {
        let expected = listener.map(|listener| {
            format!(
                "7:15: error: on the listener `{listener}` this redirect leads back to the address that was asked for; change the scheme, the host or the path, or name the `listeners` that the route is for"
            )
        });
        let document = document.replace("FIELDS", fields).replace("REDIRECT", redirect);
        check(&document, &expected.iter().map(String::as_str).collect::<Vec<_>>());
        // A proxy in front may have taken TLS away, or added it.
        if redirect.contains("scheme") {
            check(&document.replace("version: 1\n", "version: 1\ngateway: { trusted_proxies: [10.0.0.0/8] }\n"), &[]);
        }
    }
}

#[test]
fn hosts_that_a_request_could_choose() {
    check_route(
        r#"    match: { path: "/users/{id}" }
    redirect: { to: "https://{id}example.org/" }
"#,
        &["7:21: error: what fills the `{}` could make another host of `example.org`; write a `.` behind the `}`"],
    );
    check_route(
        r#"    match: { path: "/users/{id}" }
    redirect: { to: "https://{id}-eu.example.org/" }
"#,
        &[],
    );
}

#[test]
fn responses_that_the_path_fills() {
    check_route(
        r#"    match: { path: "/users/{id}" }
    respond: { headers: { x-user: "{di}", Location: "/{{id}}" }, body: '{"id": "{id}", "a": {user}, "b": {"c": {}}}' }
"#,
        &[
            "7:35: error: the path of this route does not capture `{di}`; did you mean `{id}`? (for the text itself write `{{di}}`)",
            "7:72: error: the path of this route does not capture `{user}`; it captures `{id}` (for the text itself write `{{user}}`)",
        ],
    );
}

#[test]
fn upstreams_that_the_path_names() {
    let document = |upstreams: &str, upstream: &str| {
        format!(
            "version: 1\nlisteners: [{{ name: web, address: 127.0.0.1:0 }}]\nroutes:\n  \
             - {{ name: r, match: {{ path: \"/{{region}}\" }}, upstream: \"{upstream}\" }}\nupstreams:\n{upstreams}"
        )
    };
    let orders = "  - { name: orders-eu, endpoints: [a:1] }\n  - { name: orders-us, endpoints: [b:1] }\n";
    for (upstream, expected) in [
        ("orders-{region}", None),
        (
            "orders-{regio}",
            Some(
                "4:56: error: the path of this route does not capture `{regio}`; did you mean `{region}`? (for the text itself write `{{regio}}`)",
            ),
        ),
        (
            "order-{region}",
            Some("4:56: error: no upstream has a name that fits `order-{region}`; `orders-eu` comes near"),
        ),
        (
            "payments-{region}",
            Some(
                "4:56: error: no upstream has a name that fits `payments-{region}`; known here: `orders-eu`, `orders-us`",
            ),
        ),
    ] {
        check(&document(orders, upstream), expected.as_slice());
    }
    let differing = "  - { name: orders-eu, endpoints: [a:1], policies: [{ cors: { origins: [\"*\"] } }] }\n  \
                     - { name: orders-us, endpoints: [b:1], policies: [{ cors: { origins: [\"null\"] } }] }\n";
    let refusal = "4:56: error: the upstreams `orders-eu` and `orders-us` fit here, and their policies differ; give them the same policies, or move them to the route";
    check(&document(differing, "orders-{region}"), &[refusal]);
    check(
        &document(&differing.replace(", policies: [{ cors: { origins: [\"null\"] } }]", ""), "orders-{region}"),
        &[refusal],
    );
    check(&document(&differing.replace("\"null\"", "\"*\""), "orders-{region}"), &[]);
}

#[test]
fn redirects_whose_host_the_request_would_choose() {
    let slash = "7:21: error: what fills the `{}` can begin with a `/`, and `//` leads to another host; \
                 write `/new{rest}`, or match with a template such as `/old/{rest...}`";
    let host = "7:21: error: a host that ends with `}` lets the request choose it; put a `/` in front of the `{`";
    let tail = "7:21: error: what fills the `{}` could make another host of `example.org`; write a `.` behind the `}`";
    let cases = [
        ("prefix: /old", "/{rest}", Some(slash)),
        ("regex: \"^/old(?P<rest>.*)\"", "/{rest}", Some(slash)),
        ("template: \"/old/{rest...}\"", "/{rest}", None),
        ("template: \"/old/{rest...}\"", "https://example.org{rest}", Some(host)),
        ("template: \"/old/{rest...}\"", "https://example.org/{rest}", None),
        ("prefix: /old", "https://example.org{rest}", None),
        ("prefix: /old", "https://{rest}", Some(host)),
        ("template: \"/old/{id}\"", "https://{id}.example.org?a", None),
        ("template: \"/old/{id}\"", "https://{id}example.org/", Some(tail)),
        ("template: \"/old/{rest...}\"", "https://{rest}.example.org/x", None),
        ("regex: \"^/old(?P<rest>.*)\"", "https://{rest}.example.org/x", None),
        ("prefix: /old", "https://a{rest}.example.org/x", None),
    ];
    for (path, to, expected) in cases {
        let lines = format!("    match: {{ path: {{ {path} }} }}\n    redirect: {{ to: \"{to}\" }}\n");
        check_route(&lines, expected.as_slice());
    }
}
