//! Who calls, by the keys that they show.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use http::{HeaderValue, Method, StatusCode};
use message::Cause;
use serde_json::json;
use testkit::{
    body,
    client::{Answer, Client, request},
    eventually,
    gateway::Process,
    origin::Origin,
    wire::Wire,
};

use crate::{
    asking::Operator,
    refusal::Refusal,
    witness::{are_counted, are_counted_and_logged, log},
};

/// What no log, record or metric may hold.
const CANARY: &str = "slk_canary";

fn credential(key: &str) -> String {
    format!("{{ key: {{ hash: \"blake3:{}\" }} }}", blake3::hash(key.as_bytes()))
}

/// Alice has two keys, bob and the client of the old days one each.
fn consumers() -> String {
    let [first, second, bob, old] =
        ["slk_canary_alice", "slk_canary_other", "slk_canary_bob", "slk_canary_old"].map(credential);
    let old = old.replace(" } }", " }, not_after: 2000-01-01 }");
    format!(
        "consumers:
  - {{ name: alice, groups: [gold, beta], credentials: [{first}, {second}] }}
  - {{ name: bob, credentials: [{bob}, {old}] }}
  - {{ name: guest }}
"
    )
}

/// With routes that look for keys in every way, and one that does not.
fn document(origin: &Origin, consumers: &str) -> String {
    format!(
        r#"
gateway:
  workers: 2
  admin: {{ address: "127.0.0.1:0" }}
  flight_recorder: {{ headers: [user-agent, x-partner] }}
  access_log: {{ path: stdout, request_headers: [x-partner], fields: [user_agent, consumer, cause, query, path, status, route, side, protocol, method, client, attempts, request_id] }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams: [{{ name: origin, endpoints: ["{}"] }}]
routes:
  - {{ name: field, match: {{ path: {{ prefix: /field }} }}, policies: [{{ key_auth: {{}} }}], upstream: origin }}
  - {{ name: all, match: {{ path: {{ prefix: /all }} }}, policies: [{{ key_auth: {{ header: x-api-key, query: k, cookie: key, bearer: true }} }}], upstream: origin }}
  - {{ name: shown, match: {{ path: {{ prefix: /shown }} }}, policies: [{{ key_auth: {{ query: k, header: x-partner, hide: false }} }}], upstream: origin }}
  - {{ name: guests, match: {{ path: {{ prefix: /guests }} }}, policies: [{{ key_auth: {{ anonymous: guest }} }}], upstream: origin }}
  - {{ name: open, upstream: origin }}
{consumers}"#,
        origin.address
    )
}

/// Answers with what it was asked: the target, then the fields.
async fn echo() -> Origin {
    Origin::start(|asked| async move {
        let fields = asked.headers().iter();
        let fields = fields.map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        http::Response::new(body::full(format!(
            "{}\n{}",
            asked.uri().path_and_query().unwrap(),
            fields.collect::<String>()
        )))
    })
    .await
}

async fn get(client: &mut Client, target: &str, fields: &[(&'static str, &str)]) -> Answer {
    let mut asked = request(Method::GET, target);
    for (name, value) in fields {
        asked.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    client.fetch(asked).await
}

/// Wherever the key is: the endpoint learns who calls, and not the key; so do log and record.
#[tokio::test]
async fn a_key_shows_who_calls() {
    let origin = echo().await;
    let gateway = Process::start(&document(&origin, &consumers())).await;
    let cases = [
        ("/field", vec![("x-api-key", "slk_canary_alice")], "alice"),
        ("/field", vec![("x-api-key", "slk_canary_other")], "alice"),
        ("/all", vec![("authorization", "Bearer slk_canary_bob")], "bob"),
        ("/all", vec![("cookie", "a=b; key=slk_canary_bob")], "bob"),
        ("/all?a=b&k=slk_canary_bob", vec![], "bob"),
        ("/guests", vec![], "guest"),
        ("/guests", vec![("x-api-key", "slk_canary_bob")], "bob"),
        ("/open", vec![], ""),
    ];
    let mut agents = Vec::new();
    for (protocol, mut client) in
        [("http1", Client::http1(gateway.address("web")).await), ("http2", Client::h2c(gateway.address("web")).await)]
    {
        for (index, (target, fields, consumer)) in cases.iter().enumerate() {
            let agent = format!("{protocol}-{index}");
            let answer = get(&mut client, target, &[&fields[..], &[("user-agent", &agent)]].concat()).await;
            assert_eq!(answer.status, 200, "{target} {fields:?}: {}", answer.text());
            let seen = answer.text();
            assert!(!seen.contains(CANARY), "{seen}");
            let told = |name: &str| seen.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            assert_eq!(told("x-consumer-name").unwrap_or_default(), *consumer, "{seen}");
            assert_eq!(told("x-consumer-groups"), (*consumer == "alice").then_some("gold,beta"), "{seen}");
            agents.push((agent, *consumer));
        }
    }
    let answer = get(&mut Client::http1(gateway.address("web")).await, "/shown?k=slk_canary_bob", &[]).await;
    assert!(answer.text().starts_with("/shown?k=slk_canary_bob\n"), "{}", answer.text());
    let shown = [("x-partner", "slk_canary_bob"), ("user-agent", "partner")];
    let answer = get(&mut Client::http1(gateway.address("web")).await, "/shown", &shown).await;
    assert!(answer.text().contains("x-partner: slk_canary_bob\n"), "{}", answer.text());
    agents.push(("partner".to_owned(), "bob"));
    are_told(&gateway, &agents).await;
}

/// Logs and records name the consumers of these user agents; nothing that can be read holds a key.
async fn are_told(gateway: &Process, agents: &[(String, &str)]) {
    let lines = eventually("all lines of the log", async || {
        let lines = log(gateway);
        (lines.len() > agents.len()).then_some(lines)
    })
    .await;
    let records = Operator::of(gateway).get("/requests?limit=1000").await;
    let told = records.json();
    for (agent, consumer) in agents {
        let expected = if consumer.is_empty() { json!(null) } else { json!(consumer) };
        let line = lines.iter().find(|line| line["user_agent"] == **agent).unwrap();
        assert_eq!(line["consumer"], expected, "{line}");
        let is_it = |record: &&serde_json::Value| record["headers"]["user-agent"] == **agent;
        let record = told["requests"].as_array().unwrap().iter().find(is_it).unwrap();
        assert_eq!(record["consumer"], expected, "{record}");
    }
    let of_bob = Operator::of(gateway).get("/requests?consumer=bob").await.json();
    assert!(of_bob["requests"].as_array().unwrap().len() > 1, "{of_bob}");
    let metrics = testkit::client::get(gateway.admin(), "/metrics").await;
    for output in [&gateway.stdout(), &gateway.stderr(), records.text(), metrics.text()] {
        assert!(!output.contains(CANARY), "{output}");
    }
}

/// Every reply says why, in the words of the caller, and how to do better.
#[tokio::test]
async fn whoever_shows_no_good_key_is_refused() {
    let origin = echo().await;
    let gateway = Process::start(&document(&origin, &consumers())).await;
    let (missing, bad) = (Cause::Unauthenticated, Cause::InvalidCredentials);
    let cases = [
        ("none", "/field", vec![], missing, "Key realm=\"sluice\""),
        ("another place", "/field?key=slk_canary_bob", vec![], missing, "Key realm=\"sluice\""),
        ("wrong", "/field", vec![("x-api-key", "slk_canary_alicf")], bad, "Key realm=\"sluice\""),
        ("empty", "/field", vec![("x-api-key", "")], bad, "Key realm=\"sluice\""),
        ("expired", "/field", vec![("x-api-key", "slk_canary_old")], bad, "Key realm=\"sluice\""),
        ("a guest's", "/guests", vec![("x-api-key", "wrong")], bad, "Key realm=\"sluice\""),
        ("no bearer", "/all", vec![("authorization", "Basic YTpi")], missing, "Bearer realm=\"sluice\""),
        (
            "bearer",
            "/all",
            vec![("authorization", "Bearer wrong")],
            bad,
            "Bearer realm=\"sluice\", error=\"invalid_token\"",
        ),
    ];
    let address = gateway.address("web");
    let told = join_all(cases.into_iter().map(async |(what, target, fields, cause, challenge)| {
        let mut agents = Vec::new();
        for (protocol, mut client) in [("http1", Client::http1(address).await), ("http2", Client::h2c(address).await)] {
            let agent = format!("{what} over {protocol}");
            let refusal: Refusal =
                get(&mut client, target, &[&fields[..], &[("user-agent", &agent)]].concat()).await.into();
            refusal.is_problem(cause, what);
            assert_eq!(refusal.field("www-authenticate"), Some(challenge), "{what}");
            agents.push((agent, cause));
        }
        let agent = format!("{what} over gRPC");
        let grpc = [("user-agent", &*agent), ("content-type", "application/grpc"), ("te", "trailers")];
        let mut client = Client::h2c(address).await;
        Refusal::from(get(&mut client, target, &[&fields[..], &grpc].concat()).await).is_grpc(cause, what);
        agents.push((agent, cause));
        agents
    }));
    are_counted_and_logged(&gateway, &told.await.concat()).await;
    assert_eq!(origin.counts.requests(), 0);

    let twice = [("x-api-key", "slk_canary_bob"), ("x-api-key", "slk_canary_bob")];
    let answer = get(&mut Client::http1(address).await, "/field", &twice).await;
    assert_eq!(
        (answer.status, answer.json()["cause"].clone()),
        (StatusCode::BAD_REQUEST, json!("invalid_credentials"))
    );
    assert!(!gateway.stdout().contains(CANARY));
}

/// Nobody can pretend: no spelling that a program may read as one of the gateway's fields gets through, on any route.
#[tokio::test]
async fn identity_cannot_be_forged() {
    let origin = echo().await;
    let gateway = Process::start(&document(&origin, &consumers())).await;
    let mut spellings = BTreeSet::new();
    for name in ["x-consumer-name", "x-consumer-groups", "x-consumer-id", "x-consumer-username"] {
        for first in ["-", "_", ".", "!"] {
            for second in ["-", "_", "~"] {
                let name = name.replacen('-', first, 1).replacen("r-", &format!("r{second}"), 1);
                spellings.extend([name.to_uppercase(), name.replace('x', "X").replace('c', "C"), name]);
            }
        }
    }
    assert!(spellings.len() >= 100, "{}", spellings.len());
    for (target, key) in [("/open", ""), ("/field", "x-api-key: slk_canary_bob\r\n"), ("/guests", "")] {
        for spelling in &spellings {
            let mut wire = Wire::connect(gateway.address("web")).await;
            wire.send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n{key}{spelling}: admin\r\n\r\n")).await.unwrap();
            let response = wire.response().await.unwrap();
            let seen = String::from_utf8(response.body).unwrap();
            assert_eq!(response.status, 200, "{spelling}: {seen}");
            assert!(!seen.contains("admin"), "{spelling} gets to {target}: {seen}");
        }
    }
    // Neither can a client have the gateway's own fields dropped on the way.
    let mut wire = Wire::connect(gateway.address("web")).await;
    wire.send("GET /field HTTP/1.1\r\nhost: a\r\nx-api-key: slk_canary_bob\r\nconnection: x-consumer-name\r\n\r\n")
        .await
        .unwrap();
    let seen = String::from_utf8(wire.response().await.unwrap().body).unwrap();
    assert!(seen.contains("x-consumer-name: bob\n"), "{seen}");
}

/// Whatever asks who calls is answered: cohorts, sticky sides and hashes.
#[tokio::test]
async fn callers_stay_where_they_are() {
    let (one, other) = (Origin::text("one").await, Origin::text("other").await);
    let mut keys: Vec<_> = (0..40).map(|caller| format!("key-{caller}")).collect();
    let listed: Vec<_> = (keys.iter().enumerate())
        .map(|(n, key)| {
            let groups = if n == 0 { "groups: [beta], " } else { "" };
            format!(
                "  - {{ name: c{n}, {groups}credentials: [{}, {}] }}\n",
                credential(key),
                credential(&format!("{key}-b"))
            )
        })
        .collect();
    let gateway = Process::start(&format!(
        r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, policies: [{{ key_auth: {{}} }}] }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - {{ name: one, endpoints: ["{one}"] }}
  - {{ name: other, endpoints: ["{other}"] }}
  - {{ name: both, endpoints: ["{one}", "{other}"], balance: {{ consistent_hash: {{ key: consumer }} }} }}
routes:
  - {{ name: cohort, match: {{ path: /cohort }}, split: {{ to: [{{ upstream: one }}, {{ upstream: other, weight: 0, cohort: {{ groups: [beta], consumers: [c1] }} }}] }} }}
  - {{ name: sticky, match: {{ path: /sticky }}, split: {{ sticky: consumer, to: [{{ upstream: one }}, {{ upstream: other }}] }} }}
  - {{ name: hash, match: {{ path: /hash }}, upstream: both }}
consumers:
{}"#,
        listed.concat(),
        one = one.address,
        other = other.address,
    ))
    .await;
    let mut client = Client::http1(gateway.address("web")).await;
    let mut seen = BTreeSet::new();
    for (n, key) in keys.drain(..).enumerate() {
        let cohort = get(&mut client, "/cohort", &[("x-api-key", &key)]).await;
        assert_eq!(cohort.text(), if n < 2 { "other" } else { "one" }, "{key}");
        for target in ["/sticky", "/hash"] {
            // Another key of the same caller.
            let first = get(&mut client, target, &[("x-api-key", &key)]).await.text().to_owned();
            let second = get(&mut client, target, &[("x-api-key", &format!("{key}-b"))]).await.text().to_owned();
            assert_eq!(first, second, "{target} {key}");
            seen.insert((target, first));
        }
    }
    assert_eq!(seen.len(), 4, "both sides of both have callers: {seen:?}");
}

/// A change of keys holds from the next request on, on connections that are there as well.
#[tokio::test]
async fn keys_change_live() {
    let origin = echo().await;
    let gateway = Process::start(&document(&origin, &consumers())).await;
    let mut client = Client::http1(gateway.address("web")).await;
    let mut status = async |key: &str| get(&mut client, "/field", &[("x-api-key", key)]).await.status.as_u16();
    assert_eq!([status("slk_canary_alice").await, status("slk_canary_new").await], [200, 401]);
    let without = |key: &str, list: &str| list.replace(&credential(key), &credential("slk_canary_new"));
    gateway.reload_and_wait(&document(&origin, &without("slk_canary_alice", &consumers()))).await;
    assert_eq!([status("slk_canary_alice").await, status("slk_canary_new").await], [401, 200]);
    assert_eq!(status("slk_canary_other").await, 200);
    // A consumer that a policy names cannot be taken away.
    let loaded = gateway.generation().await;
    gateway.write_document(&document(&origin, &consumers().replace("guest", "stranger")));
    gateway.says("`anonymous` names an unknown consumer `guest`").await;
    assert_eq!((gateway.generation().await, status("slk_canary_new").await), (loaded, 200));
}

/// Guesses cost nothing that stays, and whoever has a key does not notice.
#[tokio::test]
async fn guesses_leave_nothing_behind() {
    let origin = echo().await;
    let gateway = Process::start(&document(&origin, &consumers())).await;
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().to_owned();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let guess = async |round: u32| {
        join_all((0..4).map(async |connection| {
            let mut client = Client::http1(gateway.address("web")).await;
            for guess in 0..1000 {
                let key = format!("{round}-{connection}-{guess}-{}", "x".repeat(200));
                assert_eq!(get(&mut client, "/field", &[("x-api-key", &key)]).await.status, 401);
            }
        }))
        .await;
    };
    // What the records and the log need is there then.
    guess(0).await;
    let before = memory();
    for round in 1..=3 {
        guess(round).await;
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB for 12,000 guesses");
    let good =
        get(&mut Client::http1(gateway.address("web")).await, "/field", &[("x-api-key", "slk_canary_bob")]).await;
    assert_eq!(good.status, 200);
    are_counted(&gateway, std::iter::repeat_n(Cause::InvalidCredentials, 16_000)).await;
    assert_eq!(origin.counts.requests(), 1);
}
