//! What is changed in a request before an endpoint gets it, and where clients are sent instead.

use http::Method;
use testkit::{
    body,
    client::{self, Client, request, websocket},
    demo,
    gateway::Process,
    origin::RawOrigin,
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
    "{ name: search, match: { path: '/search/{word}' }, rewrite: { path: '/find?q={word}&n=1' } }",
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
        // What a client puts into a path adds no parameter.
        ("/search/a&admin=1;b+c", "/find", "q=a%26admin%3D1%3Bb%2Bc&n=1"),
        ("/users/a&b=c/posts/x", "/posts/x", "author=a%26b%3Dc&via=gateway"),
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
        let said = client.get("/method").await.json();
        assert_eq!(said["method"], "POST");
        let fields = said["headers"].as_array().unwrap();
        assert!(fields.contains(&serde_json::json!(["content-length", "0"])), "{said}");
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

#[tokio::test]
async fn a_handshake_keeps_its_method() {
    let (gateway, _echo) = gateway().await;
    let mut socket = websocket::connect(gateway.address("web"), "/method").await;
    websocket::SinkExt::close(&mut socket).await.unwrap();
}

#[tokio::test]
async fn the_log_tells_what_the_client_asked_for() {
    let echo = demo::echo().await.unwrap();
    let gateway = Process::start(&format!(
        "gateway: {{ access_log: {{ path: stdout }} }}\nlisteners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: echo, endpoints: [\"{}\"] }}]\nroutes:\n  - {{ name: all, upstream: echo, rewrite: {{ \
         path: /other, host: other.test, method: POST }} }}\n",
        echo.address
    ))
    .await;
    let mut client = Client::http1(gateway.address("web")).await.authority("web.test");
    assert_eq!(client.get("/asked").await.json()["path"], "/other");
    gateway.says("\"method\":\"GET\",\"host\":\"web.test\",\"path\":\"/asked\"").await;
}

/// `https://a/b.example.org` leads to `a`.
#[tokio::test]
async fn a_request_chooses_no_host_to_be_sent_to() {
    let routes = [
        "{ name: deep, match: { path: '/deep/{rest...}' }, redirect: { to: 'https://{rest}.example.org/x' } }",
        "{ name: regex, match: { path: { regex: '^/regex/(?<all>.*)$' } }, redirect: { to: 'https://a.{all}.example.org/' } }",
        "{ name: prefix, match: { path: { prefix: /prefix } }, redirect: { to: 'https://a{rest}.example.org/' } }",
    ];
    let gateway = Process::start(&responding(&routes)).await;
    let mut client = Client::http1(gateway.address("web")).await;
    for (asked, location) in [
        ("/deep/a", Some("https://a.example.org/x")),
        ("/deep/evil.test/a", None),
        ("/deep/a@evil.test:80", None),
        ("/regex/b", Some("https://a.b.example.org/")),
        ("/regex/evil.test/", None),
        ("/prefix", Some("https://a.example.org/")),
        ("/prefix/evil.test", None),
    ] {
        let answer = client.get(asked).await;
        assert_eq!(answer.field("location"), location, "{asked}");
        if location.is_none() {
            assert_reply(&answer, 500, "rewrite_failed");
        }
    }
}

#[tokio::test]
async fn upstreams_are_named_by_the_path() {
    let (one, two) = (demo::users(1).await.unwrap(), demo::users(2).await.unwrap());
    let gateway = Process::start(&format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\nupstreams:\n  \
         - {{ name: users-eu, endpoints: [\"{}\"] }}\n  - {{ name: users-us, endpoints: [\"{}\"] }}\n\
         routes: [{{ name: all, match: {{ path: \"/{{region}}/{{rest...}}\" }}, upstream: \"users-{{region}}\", \
         rewrite: {{ path: \"/{{rest}}\" }} }}]\n",
        one.address, two.address
    ))
    .await;
    let address = gateway.address("web");
    for mut client in [Client::http1(address).await, Client::h2c(address).await] {
        for (target, instance) in [("/eu/users", "users-1"), ("/us/users", "users-2")] {
            assert_eq!(client.get(target).await.json()["instance"], instance);
        }
        for target in ["/mars/users", "/EU/users"] {
            assert_reply(&client.get(target).await, 404, "unknown_upstream");
        }
    }
}

#[tokio::test]
async fn what_the_path_captures_fills_responses_and_fields() {
    let origin = RawOrigin::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let policy = "headers: { request: { set: { x-user: '{id}' } }, response: { set: { x-was: '{id} {{id}}', \
                  nel: '{\"a\":{\"b\":1}}' } } }";
    let gateway = Process::start(&format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: origin, endpoints: [\"{}\"] }}]\nroutes:\n  \
         - {{ name: user, match: {{ path: \"/users/{{id}}\" }}, upstream: origin, policies: [{{ {policy} }}], \
         rewrite: {{ path: \"/internal\" }} }}\n  \
         - name: who\n    match: {{ path: \"/who/{{id}}\" }}\n    respond:\n      \
         headers: {{ content-type: application/json, x-id: [\"{{id}}\", b] }}\n      \
         body: '{{\"id\":\"{{id}}\",\"a\":{{\"b\":{{}}}},\"c\":\"{{{{id}}}}\"}}'\n",
        origin.address
    ))
    .await;
    let address = gateway.address("web");
    for mut client in [Client::http1(address).await, Client::h2c(address).await] {
        let answer = client.get("/users/caf%c3%a9").await;
        let got = origin.next_request().await;
        assert_eq!((&*got.target, got.fields.all("x-user")), ("/internal", vec!["caf%C3%A9"]));
        assert_eq!(answer.field("x-was"), Some("caf%C3%A9 {id}"), "after the rewrite as before");
        assert_eq!(answer.field("nel"), Some("{\"a\":{\"b\":1}}"));

        let answer = client.get("/who/7").await;
        assert_eq!(answer.text(), r#"{"id":"7","a":{"b":{}},"c":"{id}"}"#);
        assert_eq!(crate::support::all(&answer, "x-id"), ["7", "b"]);
    }
}
