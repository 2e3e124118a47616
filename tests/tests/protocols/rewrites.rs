//! What is changed in a request before an endpoint gets it, and where clients are sent instead.

use http::Method;
use testkit::{
    body,
    client::{self, Client, request},
    demo,
    gateway::Process,
};

use crate::support::{assert_reply, responding, with_fields};

/// One route for each row, with the demo's echo behind it, which says what it got.
const ROUTES: &[&str] = &[
    "{ name: named, match: { path: '/users/{id}/posts/{rest...}' }, rewrite: { path: '/posts/{rest}', query: { set: { author: '{id}' }, remove: [debug], add: { via: gateway } } } }",
    "{ name: old, match: { path: { prefix: /old } }, rewrite: { path: { regex: '^/old/(?<kind>[a-z]+)/(?<id>[0-9]+)$', to: '/new/{id}/{kind}' } } }",
    "{ name: short, match: { path: { prefix: /a/long/way } }, rewrite: { path: { prefix: /s } } }",
    "{ name: all, match: { path: { prefix: /gone } }, rewrite: { path: { prefix: / } } }",
    "{ name: tenant, match: { path: '/t/{tenant}/{rest...}' }, rewrite: { path: '/{rest}', host: '{tenant}.internal' } }",
    "{ name: method, match: { path: /method }, rewrite: { method: POST } }",
    "{ name: reading, match: { path: /reading }, rewrite: { method: GET } }",
];

async fn gateway() -> (Process, demo::Service) {
    let echo = demo::echo().await.unwrap();
    let routes: String =
        ROUTES.iter().map(|route| format!("  - {}, upstream: echo }}\n", &route[..route.len() - 2])).collect();
    let gateway = Process::start(&format!(
        "listeners: [ {{ name: web, address: \"127.0.0.1:0\" }} ]\n\
         upstreams: [ {{ name: echo, endpoints: [\"{}\"] }} ]\nroutes:\n{routes}",
        echo.address
    ))
    .await;
    (gateway, echo)
}

#[tokio::test]
async fn targets_are_made_anew() {
    let (gateway, _echo) = gateway().await;
    for (asked, path, query) in [
        ("/users/7/posts/a/b?debug=1&q=x+y&author=9", "/posts/a/b", "q=x+y&author=7&via=gateway"),
        ("/users/7/posts/?%64ebug=1", "/posts/", "author=7&via=gateway"),
        ("/users/a%20b/posts/x", "/posts/x", "author=a%20b&via=gateway"),
        ("/old/item/12?x=1", "/new/12/item", "x=1"),
        ("/old/item/twelve", "/old/item/twelve", ""),
        ("/a/long/way/home", "/s/home", ""),
        ("/a/long/way", "/s", ""),
        ("/gone", "/", ""),
        ("/gone/x/", "/x/", ""),
    ] {
        let said = client::get(gateway.address("web"), asked).await.json();
        assert_eq!(
            (&said["path"], said["query"].as_str().unwrap_or_default()),
            (&path.into(), query),
            "{asked}: {said}"
        );
    }
}

#[tokio::test]
async fn hosts_are_made_of_captures_that_can_be_one() {
    let (gateway, _echo) = gateway().await;
    let said = client::get(gateway.address("web"), "/t/Acme/x").await.json();
    assert_eq!(said["path"], "/x", "{said}");
    let field =
        |name: &str| said["headers"].as_array().unwrap().iter().find(|field| field[0] == name).unwrap()[1].clone();
    assert_eq!(field("host"), "acme.internal");
    assert_eq!(field("x-forwarded-host"), gateway.address("web").to_string(), "what the client asked for");
    for tenant in ["a@b", "a%20b", "a:80"] {
        let answer = client::get(gateway.address("web"), &format!("/t/{tenant}/x")).await;
        assert_reply(&answer, 500, "rewrite_failed");
    }
}

/// The response is framed as the client expects, whatever the endpoint was asked with.
#[tokio::test]
async fn methods_change_on_the_way() {
    let (gateway, _echo) = gateway().await;
    let address = gateway.address("web");
    for mut client in [Client::http1(address).await, Client::h2c(address).await] {
        assert_eq!(client.get("/method").await.json()["method"], "POST");
        let head = client.fetch(request(Method::HEAD, "/method")).await;
        assert!(head.body.is_empty() && head.field("content-length").is_some(), "{head:?}");
        let mut post = request(Method::POST, "/reading");
        *post.body_mut() = body::full("not wanted any more");
        let said = client.fetch(post).await.json();
        assert_eq!((&said["method"], &said["body_length"]), (&"GET".into(), &0.into()), "{said}");
    }
}

#[tokio::test]
async fn redirects_change_what_they_name() {
    let routes = [
        "{ name: secure, match: { path: { prefix: /secure } }, redirect: { scheme: https, status: 308 } }",
        "{ name: moved, match: { path: { prefix: /moved } }, redirect: { host: new.example.org, path: { prefix: /here } } }",
        "{ name: port, match: { path: /port }, redirect: { port: 8443, query: drop } }",
        "{ name: user, match: { path: '/u/{id}' }, redirect: { path: '/users/{id}', status: 301 } }",
        "{ name: plain, match: { path: /plain }, redirect: { scheme: http } }",
    ];
    let gateway =
        Process::start(&format!("gateway: {{ trusted_proxies: [127.0.0.1] }}\n{}", responding(&routes))).await;
    let web = gateway.address("web");
    let port = web.port();
    let mut client = Client::http1(web).await.authority("api.example.com:8080");
    for (asked, proto, status, location) in [
        ("/secure/a?b=c", None, 308, "https://api.example.com/secure/a?b=c"),
        ("/moved/x", None, 302, "http://new.example.org/here/x"),
        ("/moved/x", Some("https"), 302, "https://new.example.org/here/x"),
        ("/port?a=b", None, 302, "http://api.example.com:8443/port"),
        ("/u/7?a=b", None, 301, "http://api.example.com:8080/users/7?a=b"),
        ("/plain", Some("https"), 302, "http://api.example.com/plain"),
    ] {
        let fields: Vec<_> = proto.map(|proto| ("x-forwarded-proto", proto)).into_iter().collect();
        let answer = client.fetch(with_fields(Method::GET, asked, &fields)).await;
        assert_eq!((answer.status.as_u16(), answer.field("location")), (status, Some(location)), "{asked} on {port}");
    }
}

/// What a client asks for fills one parameter, and makes no further ones.
#[tokio::test]
async fn captures_stay_one_value_of_a_query() {
    let routes = ["{ name: find, match: { path: '/q/{id}' }, redirect: { to: '/find?q={id}&n=1' } }"];
    let gateway = Process::start(&responding(&routes)).await;
    let answer = client::get(gateway.address("web"), "/q/7&admin=1").await;
    assert_eq!(answer.field("location"), Some("/find?q=7%26admin%3D1&n=1"));
}
