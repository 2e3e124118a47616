//! What operators change by the admin API, as clients of the gateway see it.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use futures_util::future::join_all;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    PATIENCE,
    certs::{Authority, Identity},
    client::{self, Answer, Client, Load, request, tool},
    eventually,
    gateway::Process,
    origin::Origin,
    within,
};
use tokio::sync::Semaphore;

use crate::asking::Operator;

const LISTENER: &str = "listeners: [{ name: web, address: \"127.0.0.1:0\" }]\n";

const TOKEN: &str = "an-admin-token-for-tests-of-changes";

fn saying(path: &str, text: &str) -> Value {
    json!({ "match": { "path": path }, "respond": { "body": text } })
}

/// What clients get, over every protocol, on connections that were there before.
struct Clients(Vec<Client>);

// === impl Clients ===

impl Clients {
    async fn of(gateway: &Process) -> Self {
        let web = gateway.address("web");
        Self(vec![Client::http1(web).await, Client::h2c(web).await])
    }

    #[track_caller]
    fn get(&mut self, path: &str, status: u16, text: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            for client in &mut self.0 {
                let answer = client.get(path).await;
                assert!(
                    answer.status == status && answer.text().contains(text),
                    "{path} at {place}: {} {}",
                    answer.status,
                    answer.text()
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_put_is_served_and_what_is_deleted_is_not() {
    let (one, other) = (Origin::text("one").await, Origin::text("other").await);
    let gateway = Process::start(LISTENER).await;
    let (operator, mut clients) = (Operator::of(&gateway), Clients::of(&gateway).await);
    clients.get("/users/7", 404, "no_route").await;

    let upstream = |origin: &Origin| json!({ "name": "users", "endpoints": [origin.address.to_string()] });
    let made = operator.ask(Method::POST, "/upstreams", &upstream(&one)).await;
    assert_eq!((made.status.as_u16(), made.field("location")), (201, Some("/api/v1/upstreams/users")));
    let route = json!({ "match": { "path": { "prefix": "/users" } }, "upstream": "users" });
    let put = operator.ask(Method::PUT, "/routes/users", &route).await;
    assert_eq!(put.status, 201, "{}", put.text());
    clients.get("/users/7", 200, "one").await;

    let put = operator.ask(Method::PUT, "/upstreams/users", &upstream(&other)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    clients.get("/users/7", 200, "other").await;
    operator.done(Method::PATCH, "/routes/users", json!({ "match": { "methods": ["POST"] } })).await;
    clients.get("/users/7", 404, "no_route").await;
    operator.done(Method::PATCH, "/routes/users", json!({ "match": { "methods": null } })).await;
    clients.get("/users/7", 200, "other").await;

    // An upstream that a route needs stays.
    let refused = operator.ask(Method::DELETE, "/upstreams/users", &Value::Null).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["problems"][0]["path"]),
        (422, &"routes[users].upstream".into())
    );
    clients.get("/users/7", 200, "other").await;
    operator.done(Method::DELETE, "/routes/users", Value::Null).await;
    clients.get("/users/7", 404, "no_route").await;
    assert_eq!(operator.get("/routes/users").await.status, 404);
}

/// Whoever asks for one object and then for the other never sees the other older than the first, in whichever order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_seen_whole() {
    let gateway = Process::start(LISTENER).await;
    let operator = Operator::of(&gateway);
    let edits = |number: u32| {
        let put = |name: &str| json!({ "do": "put", "list": "routes", "name": name, "object": saying(&format!("/{name}"), &number.to_string()) });
        json!({ "message": "both", "edits": [put("a"), put("b")] })
    };
    operator.done(Method::POST, "/transactions", edits(0)).await;
    let (stopped, see_change) = (Arc::new(AtomicBool::new(false)), Arc::new(Semaphore::new(0)));
    let readers: Vec<_> = [["/a", "/b"], ["/b", "/a"]]
        .map(|[first, second]| {
            let (address, stopped, sees_change) = (gateway.address("web"), stopped.clone(), see_change.clone());
            tokio::spawn(async move {
                let (mut client, mut last) = (Client::http1(address).await, 0);
                while !stopped.load(Relaxed) {
                    for path in [first, second] {
                        let number: u32 = client.get(path).await.text().parse().unwrap();
                        assert!(number >= last, "{path} says {number} after {last}");
                        if last == 0 && number > 0 {
                            sees_change.add_permits(1);
                        }
                        last = number;
                    }
                }
            })
        })
        .into();
    for number in 1..=100 {
        operator.done(Method::POST, "/transactions", edits(number)).await;
    }
    drop(within(PATIENCE, see_change.acquire_many(2)).await.unwrap());
    stopped.store(true, Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    // With one edit that cannot be, there is none.
    let half = json!({ "edits": [
        { "do": "put", "list": "routes", "name": "a", "object": saying("/a", "half") },
        { "do": "delete", "list": "routes", "name": "c" },
    ] });
    let refused = operator.ask(Method::POST, "/transactions", &half).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["edit"]), (404, &1.into()));
    assert_eq!(client::get(gateway.address("web"), "/a").await.text(), "100");
}

/// Everybody adds to what they have seen, two hundred routes beside it and requests meanwhile: nothing is lost, and nobody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_not_seen_the_latest_is_refused() {
    const WRITERS: usize = 4;
    const EACH: usize = 10;
    let gateway = Process::start(LISTENER).await;
    let operator = Operator::of(&gateway);
    let others = (0..200).map(|n| (format!("r{n}"), saying(&format!("/r/{n}"), "other")));
    let routes: Vec<_> = others
        .chain([("sum".to_owned(), saying("/sum", "0")), ("steady".to_owned(), saying("/steady", "steady"))])
        .map(|(name, mut route)| {
            route["name"] = name.into();
            route
        })
        .collect();
    operator.done(Method::PUT, "/config", json!({ "routes": routes })).await;
    let web = gateway.address("web");
    let load = Load::start(1, "/steady", move || Client::http1(web));

    let refused = join_all((0..WRITERS).map(async |_| {
        let (mut added, mut refused) = (0, 0);
        while added < EACH {
            let seen = operator.get("/routes/sum").await;
            let sum: usize = seen.json()["object"]["respond"]["body"].as_str().unwrap().parse().unwrap();
            let patch = json!({ "respond": { "body": (sum + 1).to_string() } });
            let tag = seen.field("etag").unwrap();
            let answer = operator.ask_with(Method::PATCH, "/routes/sum", &[("if-match", tag)], &patch).await;
            match answer.status {
                StatusCode::OK => added += 1,
                StatusCode::PRECONDITION_FAILED => refused += 1,
                other => panic!("{other}: {}", answer.text()),
            }
        }
        refused
    }))
    .await;
    assert_eq!(client::get(web, "/sum").await.text(), (WRITERS * EACH).to_string());
    println!("{} changes were made, {} refused", WRITERS * EACH, refused.iter().sum::<usize>());
    load.stop().await.unharmed();

    // The same one after the other, and for those who believe that there is none.
    let tag = operator.get("/routes/sum").await.field("etag").unwrap().to_owned();
    operator.done(Method::PATCH, "/routes/sum", json!({ "respond": { "body": "theirs" } })).await;
    for (method, field, value) in
        [(Method::PUT, "if-match", &*tag), (Method::DELETE, "if-match", &*tag), (Method::PUT, "if-none-match", "*")]
    {
        let answer = operator.ask_with(method, "/routes/sum", &[(field, value)], &saying("/sum", "mine")).await;
        assert_eq!(answer.status, 412, "{field}: {}", answer.text());
    }
    assert_eq!(client::get(web, "/sum").await.text(), "theirs");
}

/// A gateway whose state directory outlives it.
async fn with_state(state: &TempDir) -> Process {
    let settings = Process::with(LISTENER).argument("--state").argument(state.path());
    settings.env("SLUICE_ADMIN_TOKEN", TOKEN).start().await
}

#[tokio::test]
async fn a_document_is_replaced_taken_back_and_kept() {
    let state = tempfile::tempdir().unwrap();
    let gateway = with_state(&state).await;
    let (operator, mut clients) = (Operator::with(&gateway, TOKEN), Clients::of(&gateway).await);
    let named = |name: &str, text: &str| {
        let mut route = saying(&format!("/{name}"), text);
        route["name"] = name.into();
        route
    };
    let first = operator.done(Method::PUT, "/config?message=first", json!({ "routes": [named("a", "old")] })).await;
    assert_eq!((&first["revision"]["number"], &first["revision"]["message"]), (&1.into(), &"first".into()));
    clients.get("/a", 200, "old").await;
    let seen = operator.get("/config?only=api").await;
    assert_eq!((seen.json(), seen.field("etag")), (json!({ "routes": [named("a", "old")] }), Some("\"1\"")));

    let second = json!({ "routes": [named("a", "new"), named("b", "more")] });
    let put = operator.ask_with(Method::PUT, "/config", &[("if-match", "\"1\"")], &second).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let put = operator.ask_with(Method::PUT, "/config", &[("if-match", "\"1\"")], &json!({})).await;
    assert_eq!(put.status, 412, "{}", put.text());
    clients.get("/a", 200, "new").await;
    clients.get("/b", 200, "more").await;
    let diff = operator.get("/revisions/1/diff?to=2").await.json();
    assert_eq!(diff["routes"].as_array().unwrap().len(), 2, "{diff}");

    let back = operator.done(Method::POST, "/revisions/1/rollback?message=it+broke", Value::Null).await;
    assert_eq!((&back["revision"]["number"], &back["revision"]["message"]), (&3.into(), &"it broke".into()));
    clients.get("/a", 200, "old").await;
    clients.get("/b", 404, "no_route").await;
    assert_eq!(
        operator.get("/revisions/3").await.json()["document"],
        operator.get("/revisions/1").await.json()["document"]
    );

    drop(gateway);
    let gateway = with_state(&state).await;
    let (operator, mut clients) = (Operator::with(&gateway, TOKEN), Clients::of(&gateway).await);
    clients.get("/a", 200, "old").await;
    clients.get("/b", 404, "no_route").await;
    let all = operator.get("/revisions").await.json();
    let numbers: Vec<_> = all["items"].as_array().unwrap().iter().map(|told| told["number"].clone()).collect();
    assert_eq!(numbers, [3, 2, 1]);
    operator.done(Method::POST, "/revisions/2/rollback", Value::Null).await;
    clients.get("/b", 200, "more").await;
}

async fn shows(client: &mut Client, key: &str) -> Answer {
    let mut asked = request(Method::GET, "/orders");
    asked.headers_mut().insert("x-api-key", HeaderValue::from_str(key).unwrap());
    client.fetch(asked).await
}

/// From its making to its end, with an overlap in which the old key and the new one hold.
#[tokio::test]
async fn keys_are_made_rotated_and_revoked() {
    let hash = blake3::hash(b"slk_in_the_file");
    let bob = "consumers: [{ name: bob, credentials: [{ key: { hash: \"blake3:HASH\" } }] }]\n";
    let gateway = Process::start(&format!("{LISTENER}{}", bob.replace("HASH", &hash.to_string()))).await;
    let operator = Operator::of(&gateway);
    operator.done(Method::POST, "/consumers", json!({ "name": "alice" })).await;
    let mut route = saying("/orders", "yours");
    route["policies"] = json!([{ "key_auth": {} }]);
    operator.done(Method::PUT, "/routes/orders", route).await;
    let mut client = Client::http1(gateway.address("web")).await;
    assert_eq!(client.get("/orders").await.status, 401);

    let made = operator.done(Method::POST, "/consumers/alice/keys", json!({ "id": "first" })).await;
    let first = made["key"].as_str().unwrap().to_owned();
    assert_eq!(shows(&mut client, &first).await.text(), "yours");
    let last_used = async |id: &str| {
        let told = operator.get("/consumers/alice/keys").await.json();
        let told = told["keys"].as_array().unwrap().iter().find(|key| key["id"] == *id).cloned();
        told.unwrap_or_else(|| panic!("there is no key {id}"))["last_used"].clone()
    };
    assert!(last_used("first").await.is_string());

    let rotated = operator.done(Method::POST, "/consumers/alice/rotate", json!({ "overlap": "1h" })).await;
    let (second, id) = (rotated["key"].as_str().unwrap().to_owned(), rotated["id"].as_str().unwrap());
    assert!(last_used(id).await.is_null(), "nobody has shown it yet");
    for key in [&first, &second] {
        assert_eq!(shows(&mut client, key).await.status, 200, "both hold meanwhile");
    }
    assert!(last_used(id).await.is_string() && last_used("first").await.is_string());
    operator.done(Method::DELETE, "/consumers/alice/keys/first", Value::Null).await;
    let refused = shows(&mut client, &first).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["cause"]), (401, &"invalid_credentials".into()));
    assert_eq!(shows(&mut client, &second).await.status, 200);
    // Without an overlap the old one is gone at once.
    let rotated = operator.done(Method::POST, "/consumers/alice/rotate", json!({ "overlap": "0s" })).await;
    let third = rotated["key"].as_str().unwrap().to_owned();
    assert_eq!(shows(&mut client, &second).await.status, 401);
    assert_eq!(shows(&mut client, &third).await.status, 200);

    // Keys of whoever a file names are told, and are the file's.
    let told = operator.get("/consumers/bob/keys").await.json();
    assert_eq!(told["keys"][0]["id"], hash.to_string()[..8]);
    let refused = operator.ask(Method::POST, "/consumers/bob/keys", &Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["owner"]["kind"]), (409, &"file".into()));

    // Each was told once.
    let mut told = vec![gateway.stdout(), gateway.stderr()];
    for path in ["/consumers/alice/keys", "/consumers/alice", "/config", "/revisions/4", "/audit", "/requests"] {
        let answer = operator.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        told.push(answer.text().to_owned());
    }
    // Whoever has asked for it knows that it is written.
    told.push(fs::read_to_string(gateway.directory().join(".sluice/audit.log")).unwrap());
    for (key, told) in [&first, &second, &third].into_iter().flat_map(|key| told.iter().map(move |told| (key, told))) {
        assert!(!told.contains(key.as_str()), "{told}");
    }
}

/// What clients and endpoints are shown is listed, with who shows it, as it is in force; and no private key.
#[tokio::test]
async fn certificates_are_listed_without_their_keys() {
    let authority = Authority::new();
    let [one, other] = [("one", &["a.test", "*.b.test"][..]), ("other", &["127.0.0.1"])]
        .map(|(stem, names)| authority.server(stem, names));
    let own = authority.client("gateway");
    let pair = |pair: &Identity| json!({ "cert": pair.cert, "key": pair.key });
    let gateway = Process::start(LISTENER).await;
    let operator = Operator::of(&gateway);
    assert_eq!(operator.get("/certificates").await.json(), json!({ "certificates": [] }));
    for (name, certificates) in [("secure", json!([pair(&one), pair(&other)])), ("second", json!([pair(&one)]))] {
        let listener = json!({ "address": "127.0.0.1:0", "tls": { "certificates": certificates } });
        operator.done(Method::PUT, &format!("/listeners/{name}"), listener).await;
    }
    let tls = json!({ "ca": authority.ca(), "client_certificate": pair(&own) });
    // tidy-allow fixed-port: data, never bound
    let upstream = json!({ "endpoints": ["127.0.0.1:9"], "tls": tls });
    operator.done(Method::PUT, "/upstreams/users", upstream).await;

    let of = |told: &Value, pair: &Identity| {
        let is_it = |told: &&Value| told["file"] == *pair.cert.to_string_lossy();
        told["certificates"].as_array().unwrap().iter().find(is_it).cloned().expect("it is listed")
    };
    let told = operator.get("/certificates").await.json();
    assert_eq!(told["certificates"].as_array().unwrap().len(), 3, "{told:#}");
    let listener = |name: &str, default: bool| json!({ "kind": "listener", "name": name, "default": default });
    for (pair, names, used_by) in [
        (&one, json!(["a.test", "*.b.test"]), json!([listener("secure", true), listener("second", true)])),
        (&other, json!(["127.0.0.1"]), json!([listener("secure", false)])),
    ] {
        let told = of(&told, pair);
        assert_eq!((&told["names"], &told["used_by"], &told["expired"]), (&names, &used_by, &false.into()), "{told:#}");
        let by_openssl = fingerprint(pair).await;
        assert_eq!(told["sha256"], by_openssl, "{told:#}");
        assert!(told["issuer"].as_str().is_some_and(|issuer| issuer.contains("CN=")), "{told:#}");
    }
    assert_eq!(of(&told, &own)["used_by"], json!([{ "kind": "upstream", "name": "users" }]));
    let renewed = authority.server("one", &["c.test"]);
    eventually("the renewed one", async || {
        (of(&operator.get("/certificates").await.json(), &renewed)["names"] == json!(["c.test"])).then_some(())
    })
    .await;
    let made = operator.ask(Method::POST, "/certificates", &json!({})).await;
    assert_eq!((made.status.as_u16(), made.field("allow")), (405, Some("GET, HEAD")));

    for path in ["/certificates", "/config", "/listeners", "/listeners/secure", "/revisions/3"] {
        let answer = operator.get(path).await;
        for pair in [&renewed, &other, &own] {
            let key = fs::read_to_string(&pair.key).unwrap();
            let line = key.lines().nth(1).expect("PEM has lines");
            assert!(!answer.text().contains(line), "{path}: {}", answer.text());
        }
    }
}

/// As `openssl` tells it, without colons.
async fn fingerprint(pair: &Identity) -> String {
    let file = pair.cert.to_str().expect("a path in UTF-8");
    let run = tool::run("openssl", &["x509", "-in", file, "-noout", "-fingerprint", "-sha256"]).await;
    let (_, digits) = run.success().trim().split_once('=').expect("a fingerprint");
    digits.replace(':', "").to_lowercase()
}
