//! Why requests go where they go: asked of a gateway that runs, and told to those whose requests no route takes.

use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use testkit::{
    body,
    client::{Answer, Client, request},
    eventually,
    gateway::{Process, command},
    origin::Origin,
};

use crate::witness::log;

/// A gateway that trusts nobody, or whoever is named, and logs.
fn document(trusted: &str) -> String {
    format!(
        r#"
gateway: {{ workers: 1, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }}, trusted_proxies: [{trusted}] }}
listeners:
  - {{ name: web, address: "127.0.0.1:0" }}
routes:
  - {{ name: user, match: {{ path: "/users/{{id}}", methods: [GET] }}, respond: {{ body: user }} }}
  - {{ name: canary, match: {{ path: "/users/{{id}}", headers: [{{ name: x-canary, exact: secret }}] }}, respond: {{ body: canary }} }}
  - {{ name: files, match: {{ path: {{ prefix: /files }} }}, respond: {{ body: files }} }}
  - {{ name: shop, match: {{ hosts: [shop.test] }}, respond: {{ body: shop }} }}
"#
    )
}

async fn ask(gateway: &Process, target: &str, fields: &[(&'static str, &str)]) -> Answer {
    let mut asked = request(Method::PUT, target);
    for (name, value) in fields {
        asked.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    Client::http1(gateway.address("web")).await.fetch(asked).await
}

fn nearest() -> Value {
    json!([
        { "route": "canary", "miss": "header x-canary is absent" },
        { "route": "user", "miss": "method is not GET" },
        { "route": "files", "miss": "path does not match the prefix /files" },
    ])
}

#[tokio::test]
async fn strangers_are_not_told_which_routes_came_near_and_the_log_is() {
    let gateway = Process::start(&document("")).await;
    let fields = [("x-forwarded-for", "127.0.0.1"), ("user-agent", "stranger"), ("sluice-token", "guessed")];
    let answer = ask(&gateway, "/users/7", &fields).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["cause"]), (404, &json!("no_route")));
    assert_eq!(answer.json().get("nearest"), None);
    let line = eventually("the line", async || log(&gateway).into_iter().find(|line| line["user_agent"] == "stranger"));
    assert_eq!(line.await["nearest"], nearest());
}

#[tokio::test]
async fn operators_and_trusted_callers_are_told_which_routes_came_near() {
    let gateway = Process::start(&document("127.0.0.0/8")).await;
    let answer = ask(&gateway, "/users/7", &[]).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["nearest"]), (404, &nearest()));
    // Behind the proxy that is trusted there is somebody who is not.
    let answer = ask(&gateway, "/users/7", &[("x-forwarded-for", "9.9.9.9")]).await;
    assert_eq!(answer.json().get("nearest"), None);
    let fields = [("x-forwarded-for", "9.9.9.9"), ("sluice-token", &*gateway.token())];
    assert_eq!(ask(&gateway, "/users/7", &fields).await.json()["nearest"], nearest());
    // A problem for another reason has none.
    assert_eq!(ask(&gateway, "/users/a%2fb", &[]).await.json().get("nearest"), None);
}

/// A flood of requests that no route takes buys a few looks at routes, and whoever shows the token as many as they want.
#[tokio::test]
async fn looks_at_routes_are_bounded() {
    let gateway = Process::start(&document("127.0.0.0/8")).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let (start, mut told) = (Instant::now(), 0);
    for _ in 0..200 {
        told += u64::from(client.get("/nothing").await.json().get("nearest").is_some());
    }
    let seconds = start.elapsed().as_secs() + 2;
    assert!((10..=10 * seconds).contains(&told), "{told} in {seconds}");
    let token = gateway.token();
    for _ in 0..20 {
        let mut asked = request(Method::GET, "/nothing");
        asked.headers_mut().insert("sluice-token", HeaderValue::from_str(&token).unwrap());
        assert!(client.fetch(asked).await.json()["nearest"].is_array());
    }
}

#[tokio::test]
async fn the_token_goes_no_further_than_the_gateway() {
    let origin = Origin::start(|asked| async move {
        http::Response::new(body::full(format!("{:?}", asked.headers().get("sluice-token"))))
    })
    .await;
    let gateway = Process::start(&format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: origin, endpoints: [\"{}\"] }}]\n\
         routes:\n  - {{ name: all, upstream: origin }}\n  - {{ name: by-token, match: {{ headers: [{{ name: sluice-token, present: true }}] }}, respond: {{}} }}\n",
        origin.address
    ))
    .await;
    let answer = ask(&gateway, "/", &[("sluice-token", &*gateway.token()), ("sluice-token", "b")]).await;
    assert_eq!(answer.text(), "None");
}

#[tokio::test]
async fn a_running_gateway_explains_what_it_does_now() {
    let gateway = Process::start(&document("")).await;
    let mut client = Client::http1(gateway.admin()).await;
    let mut explain = async |credentials: Option<String>| {
        let mut asked = request(Method::POST, "/api/v1/explain");
        *asked.body_mut() = body::full(r#"{"method":"GET","url":"http://a.test/users/7"}"#);
        if let Some(credentials) = credentials {
            asked.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_str(&credentials).unwrap());
        }
        client.fetch(asked).await
    };
    let refused = explain(None).await;
    assert_eq!((refused.status.as_u16(), refused.field("www-authenticate")), (401, Some("Bearer realm=\"sluice\"")));
    assert_eq!(refused.field("content-type"), Some("application/problem+json"));
    assert_eq!(explain(Some("Bearer guessed".to_owned())).await.status, 401);

    let credentials = || Some(format!("Bearer {}", gateway.token()));
    let told = explain(credentials()).await.json();
    assert_eq!((&told["route"]["name"], &told["route"]["captures"]), (&json!("user"), &json!({ "id": "7" })));
    gateway.reload_and_wait(&document("").replace("methods: [GET]", "methods: [PUT]")).await;
    let told = explain(credentials()).await.json();
    assert_eq!((&told["outcome"], &told["candidates"][1]["miss"]), (&json!("no_route"), &json!("method is not PUT")));
    // Nothing of this is traffic.
    assert_eq!(gateway.metrics().await.value("sluice_requests_total", &[("route", "user")]), None);
}

#[tokio::test]
async fn the_command_asks_a_running_gateway() {
    let gateway = Process::start(&document("")).await;
    let (admin, state) = (gateway.admin().to_string(), gateway.directory().join(".sluice"));
    let state = state.to_str().unwrap();
    let explain = async |arguments: &[&str]| command(&[&["explain", "--admin", &admin], arguments].concat()).await;

    let run = explain(&["--state", state, "GET", "/users/7"]).await;
    assert!(run.success().contains("route       `user`, sluice.yaml:"), "{}", run.stdout);
    assert_eq!(explain(&["--state", state, "PUT", "/users/7"]).await.code, Some(3));

    // What would change with another document.
    let other = gateway.directory().join("new.yaml");
    let written = fs::read_to_string(gateway.document()).unwrap();
    fs::write(&other, written.replace("methods: [GET]", "methods: [PUT]")).unwrap();
    let run = explain(&["--state", state, "GET", "/users/7", "--against", other.to_str().unwrap()]).await;
    assert_eq!(run.code, Some(3), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("  *  answer    200 ") && run.stdout.contains(" 404 no_route\n"), "{}", run.stdout);

    let nowhere = gateway.directory().join("nowhere");
    let run = explain(&["--state", nowhere.to_str().unwrap(), "GET", "/"]).await;
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("is not there; name the gateway's state directory with --state"), "{}", run.stderr);
    let guessed = gateway.directory().join("guessed");
    fs::create_dir(&guessed).unwrap();
    let token = guessed.join("admin-token");
    fs::write(&token, "guessed").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let run = explain(&["--state", guessed.to_str().unwrap(), "GET", "/"]).await;
    assert_eq!(run.code, Some(1));
    let expected = format!("error: the gateway at {admin} answers 401: this is nobody's token");
    assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
}
