//! Documents that are no good in five hundred ways: none harms a request, and each refusal says where.

use std::{fs, path::Path};

use bytes::Bytes;
use http::{Method, StatusCode};
use message::Random;
use serde_json::{Value, json};
use testkit::{
    certs::{Authority, Identity},
    client::{self, Client, Load},
    eventually,
    gateway::{Metrics, Process},
    origin::Origin,
};

use crate::asking::Operator;

/// What chance begins with, and how many documents come of it.
const SEED: u64 = 77;
const MUTANTS: u64 = 500;

/// Of the file, which nobody changes: what requests go through meanwhile.
fn steady(origin: &Origin) -> String {
    format!(
        "listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: steady, endpoints: [\"{}\"] }}]\n\
         routes: [{{ name: steady, match: {{ path: /steady }}, priority: 1000000, upstream: steady }}]\n",
        origin.address
    )
}

/// A document that is good, and says as much as one can without another machine.
fn good(pair: &Identity) -> Value {
    // tidy-allow fixed-port: data, never bound
    let users = json!(["127.0.0.1:9", { "address": "127.0.0.2:9", "weight": 3, "labels": { "version": "v2" } }]);
    json!({
        "listeners": [{
            "name": "secure",
            "address": "127.0.0.1:0",
            "tls": { "certificates": [{ "cert": pair.cert, "key": pair.key }], "min_version": "1.3" },
            "limits": { "header_bytes": "32KiB", "body_bytes": "1MiB", "idle_timeout": "30s" },
        }],
        "upstreams": [
            {
                "name": "users",
                "endpoints": users,
                "balance": { "consistent_hash": { "key": { "header": "x-user" }, "bounded_load": 1.25 } },
                "timeouts": { "connect": "1s", "first_byte": "5s" },
                "retry": { "attempts": 2, "on": ["connect_failure", 503], "budget": { "ratio": "20%" } },
                "health": { "passive": { "consecutive_failures": 5, "ejection": "30s", "max_ejected": "50%" } },
                "breaker": { "window": "10s", "min_requests": 20, "failure_ratio": "50%" },
            },
            { "name": "orders", "endpoints": ["127.0.0.3:9"], "balance": "least_requests" },
        ],
        "routes": [
            {
                "name": "user",
                "match": {
                    "hosts": ["api.example.com", "*.example.org"],
                    "path": "/users/{id}",
                    "methods": ["GET", "POST"],
                    "headers": [{ "name": "x-api-version", "exact": "2" }],
                },
                "policies": [{ "key_auth": {} }, { "headers": { "request": { "set": { "x-id": "{id}" } } } }],
                "upstream": "users",
                "rewrite": { "path": "/internal/{id}" },
                "fallback": [{ "upstream": "orders" }, { "respond": { "status": 200, "body": "{id}" } }],
            },
            {
                "name": "canary",
                "match": { "path": { "prefix": "/orders" } },
                "split": {
                    "sticky": { "header": "x-user-id" },
                    "to": [{ "upstream": "orders", "weight": 95 }, { "upstream": "users", "labels": { "version": "v2" }, "weight": 5 }],
                },
            },
            { "name": "old", "match": { "path": { "regex": "^/v[0-9]+/.*$" } }, "redirect": { "to": "/new", "status": 308 } },
            { "name": "when", "match": { "when": "request.headers['x-a'] == 'b'" }, "respond": { "status": 204 } },
        ],
        "consumers": [
            { "name": "alice", "groups": ["gold"], "credentials": [{ "key": { "hash": format!("blake3:{}", "0a".repeat(32)) } }] },
        ],
    })
}

/// What people do wrong, each alone: a place, and what stands there then.
fn mistakes(good: &Value, other: &Identity) -> Vec<Value> {
    let twice = |list: &str| json!([good[list][0], good[list][0]]);
    [
        ("/routes/0/upstream", json!("user")),
        ("/routes/0/policies/0", json!({ "key_aut": {} })),
        ("/routes/0/rewrite/path", json!("/internal/{nobody}")),
        ("/routes/0/fallback/0/upstream", json!("nobody")),
        ("/routes/1/split/to/0/upstream", json!("order")),
        ("/routes/1/split/to", json!([])),
        ("/routes/2/match/path/regex", json!("^/v[0-9+/.*$")),
        ("/routes/3/match/when", json!("request.header['x-a'] == 'b'")),
        ("/routes/3/respond/status", json!(99)),
        ("/routes", twice("routes")),
        ("/upstreams", twice("upstreams")),
        ("/consumers", twice("consumers")),
        ("/listeners", twice("listeners")),
        ("/upstreams/0/endpoints/0", json!("127.0.0.1:0.5")),
        ("/upstreams/0/timeouts/connect", json!("1 parsec")),
        ("/upstreams/0/balance", json!("round_robbin")),
        ("/upstreams/0/retry/budget/ratio", json!("200%")),
        ("/listeners/0/address", json!("nowhere")),
        ("/listeners/0/tls/certificates/0/key", json!(other.key)),
        ("/listeners/0/tls/certificates/0/cert", json!("/no/such/file.pem")),
        ("/listeners/0/limits", json!({ "header_bites": "1KiB" })),
        ("/consumers/0/credentials/0/key/hash", json!("slk_the-key-itself")),
    ]
    .map(|(place, wrong)| {
        let mut document = good.clone();
        *document.pointer_mut(place).expect("the place is there") = wrong;
        document
    })
    .into()
}

/// Changes documents by chance.
struct Mutator(Random);

// === impl Mutator ===

impl Mutator {
    /// The document with one to three changes.
    fn mutant(&mut self, good: &Value) -> Value {
        let mut document = good.clone();
        for _ in 0..=self.below(3) {
            self.mutate(&mut document);
        }
        document
    }

    fn mutate(&mut self, document: &mut Value) {
        let mut places = Vec::new();
        collect(document, "", &mut places);
        let [place, elsewhere] = [(); 2].map(|()| places[self.below(places.len())].clone());
        let other = document.pointer(&elsewhere).cloned().expect("it was found there");
        let (within, last) = place.rsplit_once('/').expect("places begin with a slash");
        match self.below(7) {
            0 => *found(document, &place) = self.word(),
            1 => *found(document, &place) = other,
            2 => *found(document, &place) = json!([other]),
            3 => *found(document, &place) = json!({ last: other }),
            kind => match found(document, within) {
                Value::Object(map) => {
                    let value = map.remove(last).expect("it was found there");
                    let key = if kind == 5 { format!("{last}x") } else { last.to_uppercase() };
                    if kind > 4 {
                        map.insert(key, value);
                    }
                }
                Value::Array(items) => {
                    let index: usize = last.parse().expect("an index");
                    let item = items.remove(index);
                    let copies = if kind == 4 { 0 } else { kind - 3 };
                    items.extend(std::iter::repeat_n(item, copies));
                }
                other => panic!("{other} has nothing in it"),
            },
        }
    }

    fn word(&mut self) -> Value {
        let words = [
            json!(null),
            json!(true),
            json!(-1),
            json!(18_446_744_073_709_551_615_u64),
            json!(1e300),
            json!(""),
            json!("${HOME"),
            json!("{{}{"),
            json!("a\u{0}b\u{202e}"),
            json!("x".repeat(70_000)),
            json!([[[[]]]]),
            json!({}),
        ];
        words[self.below(words.len())].clone()
    }

    /// The text with one character more, less or other, or without its end.
    fn garbled(&mut self, text: &str) -> String {
        let characters: Vec<char> = text.chars().collect();
        let at = self.below(characters.len());
        let (before, after) = (&characters[..at], &characters[at + 1..]);
        let strange = ['"', '{', ']', ',', ':', '\\', '\t', '0', '-', 'ä', '#', '&'];
        let strange = strange[self.below(strange.len())];
        match self.below(4) {
            0 => before.iter().collect(),
            1 => before.iter().chain(after).collect(),
            2 => before.iter().chain([&strange]).chain(after).collect(),
            _ => before.iter().chain([&characters[at], &strange]).chain(after).collect(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.0.bits() % bound as u64) as usize
    }
}

/// The places of all that is in a value (RFC 6901); no key of the document needs an escape.
fn collect(value: &Value, within: &str, places: &mut Vec<String>) {
    let parts: Vec<_> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => return,
    };
    for (key, part) in parts {
        let place = format!("{within}/{key}");
        places.push(place.clone());
        collect(part, &place, places);
    }
}

fn found<'v>(document: &'v mut Value, place: &str) -> &'v mut Value {
    document.pointer_mut(place).expect("it was found there")
}

/// As a file: each list with a line for each of its objects.
fn written(document: &Value) -> String {
    let keys = document.as_object().expect("a document is a map").iter();
    keys.map(|(key, value)| match value {
        Value::Array(items) if !items.is_empty() => {
            format!("{key}:\n{}", items.iter().map(|item| format!("- {item}\n")).collect::<String>())
        }
        other => format!("{key}: {other}\n"),
    })
    .collect()
}

/// Documents in the form that they are sent in: first what people do wrong, all of which is refused, then what chance does, each
/// fifth of them by the letter.
fn mutants(good: &Value, other: &Identity, form: fn(&Value) -> String) -> (usize, Vec<String>) {
    let (mut mutator, known) = (Mutator(Random::seeded(SEED)), mistakes(good, other));
    let mut all: Vec<_> = known.iter().map(form).collect();
    while (all.len() as u64) < MUTANTS {
        let is_by_letter = all.len().is_multiple_of(5);
        all.push(if is_by_letter { mutator.garbled(&form(good)) } else { form(&mutator.mutant(good)) });
    }
    (known.len(), all)
}

/// Most are refused: chance does little good.
fn are_told(refused: usize) {
    println!("{refused} of {MUTANTS} documents were refused");
    assert!(refused as u64 > MUTANTS / 2, "{refused}");
}

fn load(gateway: &Process) -> Load {
    let web = gateway.address("web");
    Load::start(1, "/steady", move || Client::http1(web))
}

/// FAULTS 77, by the API: refused with the path of what is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_good_is_refused_by_the_api_with_its_path() {
    let (origin, authority) = (Origin::text("steady").await, Authority::new());
    let [pair, other] = ["one", "other"].map(|name| authority.server(name, &["web.test"]));
    let gateway = Process::start(&steady(&origin)).await;
    let operator = Operator::of(&gateway);
    let good = good(&pair);
    operator.done(Method::PUT, "/config", good.clone()).await;
    let load = load(&gateway);
    let (known, mutants) = mutants(&good, &other, Value::to_string);
    let mut refused = 0;
    for (number, mutant) in mutants.into_iter().enumerate() {
        let before = operator.get("/config?only=api").await;
        let answer = operator.send(Method::PUT, "/config", &[], Bytes::from(mutant.clone())).await;
        let told = answer.json();
        match answer.status {
            StatusCode::OK if number >= known => continue,
            StatusCode::UNPROCESSABLE_ENTITY => {
                let problems = told["problems"].as_array().cloned().unwrap_or_default();
                let errors: Vec<_> = problems.iter().filter(|problem| problem["severity"] == "error").collect();
                let is_placed = |problem: &&Value| problem["path"].is_string() || problem["place"].is_string();
                assert!(!errors.is_empty() && errors.iter().all(is_placed), "{mutant}\n{told:#}");
            }
            // No JSON, or a key that is there twice.
            StatusCode::BAD_REQUEST => {
                let detail = told["detail"].as_str().unwrap();
                assert!(detail.contains("line 1 column") || detail.contains("the key `"), "{mutant}\n{detail}");
            }
            _ => panic!("{mutant}\n{told:#}"),
        }
        refused += 1;
        let after = operator.get("/config?only=api").await;
        assert_eq!((after.field("etag"), after.text()), (before.field("etag"), before.text()), "{mutant}");
    }
    are_told(refused);
    load.stop().await.unharmed();
}

/// Replaces a file in one step.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Whether a line says what is wrong in which line and column of which file.
fn is_placed(line: &str) -> bool {
    let Some((place, _)) = line.split_once(": error: ") else { return false };
    let mut parts = place.rsplit(':');
    let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    is_number(parts.next()) && is_number(parts.next()) && parts.next().is_some_and(|file| file.ends_with(".yaml"))
}

/// FAULTS 77, by the file: refused with file, line and column.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_good_is_refused_in_a_file_with_its_line() {
    let (origin, authority) = (Origin::text("steady").await, Authority::new());
    let [pair, other] = ["one", "other"].map(|name| authority.server(name, &["web.test"]));
    let folder = tempfile::tempdir().unwrap();
    let include = format!("include: [\"{}/*.yaml\"]\n", folder.path().display());
    let gateway = Process::start(&format!("{include}{}", steady(&origin))).await;
    let (file, good) = (folder.path().join("more.yaml"), good(&pair));
    let reloads = |metrics: &Metrics| {
        ["success", "failure"]
            .map(|result| metrics.value("sluice_config_reload_total", &[("result", result)]).unwrap_or(0.0))
    };
    let reloaded = async |text: &str| {
        let before = reloads(&gateway.metrics().await);
        replace(&file, text);
        let reloaded = |metrics: &Metrics| Some(reloads(metrics)).filter(|after| *after != before);
        gateway.metrics_until("the file is read", reloaded).await[1] == before[1]
    };
    assert!(reloaded(&written(&good)).await, "{}", gateway.stderr());
    let load = load(&gateway);
    let (known, mutants) = mutants(&good, &other, written);
    let mut refused = 0;
    for (number, mutant) in mutants.into_iter().enumerate() {
        let (generation, said) = (gateway.generation().await, gateway.stderr().len());
        // Each is another text than the one before it.
        if reloaded(&format!("{mutant}\n# {number}\n")).await && number >= known {
            continue;
        }
        refused += 1;
        let told = eventually("why", async || {
            let said = gateway.stderr()[said..].to_owned();
            said.contains("nothing changed").then_some(said)
        })
        .await;
        let errors: Vec<_> = told.lines().filter(|line| line.contains("error: ")).collect();
        assert!(!errors.is_empty() && errors.iter().all(|line| is_placed(line)), "{mutant}\n{told}");
        assert_eq!(gateway.generation().await, generation, "{mutant}");
    }
    are_told(refused);
    load.stop().await.unharmed();
    assert_eq!(client::get(gateway.address("web"), "/steady").await.text(), "steady");
}
