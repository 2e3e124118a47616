//! Keys of consumers at the admin address, asked over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, UNIX_EPOCH},
};

use admin::{Gateway, LogLevel, LogLevelOrder, LogLevelTold, Readiness, serve};
use message::Token;
use model::{FromText, values::KeyHash};
use revisions::edit::{self, List};
use serde_json::{Map, Value, json};
use snapshot::{
    BreakerOrder, BreakerTold, ChangeError, ChangeOrder, ChangeTold, EndpointHealthTold, Expected, Explanation,
    KeyUsed, ObjectTold, OrderError, Owner, Question, QuestionError, ServiceOrder, ServiceOrderError, ServiceTold,
};
use telemetry::{
    Format,
    history::{Busy, Point, Resolution, Subject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A gateway that keeps a document and edits it.
struct Fake {
    token: Token,
    document: Mutex<Map<String, Value>>,
    /// How often somebody else is faster still.
    races: AtomicUsize,
}

impl Gateway for Fake {
    fn objects(&self, list: List) -> Vec<ObjectTold> {
        let document = self.document.lock().unwrap();
        let told = |object: &Map<String, Value>| ObjectTold {
            name: edit::name_of(object).unwrap().to_owned(),
            owner: Owner::Api,
            tag: tag(object),
            object: object.clone(),
        };
        edit::objects(&document, list).map(told).collect()
    }

    fn change(&self, order: ChangeOrder) -> Result<ChangeTold, ChangeError> {
        let mut document = self.document.lock().unwrap();
        if self.races.load(Relaxed) > 0 {
            self.races.fetch_sub(1, Relaxed);
            // Somebody adds a key of their own.
            let key = json!({ "key": { "hash": KeyHash::of(b"theirs").to_string() } });
            let credentials = &mut document["consumers"][0]["credentials"];
            match credentials.as_array_mut() {
                Some(list) => list.push(key),
                None => *credentials = json!([key]),
            }
        }
        for expected in &order.expected {
            let Expected::Object { list, name, tag } = expected else { panic!("{expected:?}") };
            if edit::object(&document, *list, name).map(self::tag) != *tag {
                return Err(ChangeError::Unexpected(format!("`{name}` has changed")));
            }
        }
        *document = edit::apply(&document, &order.edits).map_err(ChangeError::Edit)?;
        assert!(!order.author.is_empty() && order.message.contains("alice"), "{order:?}");
        Ok(ChangeTold { revision: None, generation: 2, warnings: Vec::new(), diff: None })
    }

    fn keys_used(&self, consumer: &str) -> Vec<KeyUsed> {
        assert_eq!(consumer, "alice");
        vec![KeyUsed { id: "ci".into(), last: Some(UNIX_EPOCH + Duration::from_secs(60)) }]
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn readiness(&self) -> Readiness {
        Readiness::default()
    }

    fn metrics(&self, _: Format) -> String {
        String::new()
    }

    fn explain(&self, _: &Question) -> Result<Explanation, QuestionError> {
        unreachable!("nobody asks")
    }

    fn health(&self) -> Vec<EndpointHealthTold> {
        Vec::new()
    }

    fn breakers(&self) -> Vec<BreakerTold> {
        Vec::new()
    }

    fn order_breakers(&self, _: &BreakerOrder) -> Result<Vec<BreakerTold>, OrderError> {
        Ok(Vec::new())
    }

    fn log_level(&self) -> LogLevelTold {
        LogLevelTold { level: LogLevel::Info, targets: BTreeMap::new(), changes: Vec::new() }
    }

    fn order_log_level(&self, _: &LogLevelOrder) -> LogLevelTold {
        self.log_level()
    }

    fn services(&self) -> Vec<ServiceTold> {
        Vec::new()
    }

    fn order_service(&self, order: &ServiceOrder) -> Result<ServiceTold, ServiceOrderError> {
        Err(ServiceOrderError::NoSuchService(vec![order.service.clone()]))
    }

    fn series(&self, _: Subject, _: &str, _: Resolution) -> Option<Vec<Point>> {
        None
    }

    fn busiest(&self, _: Subject, _: usize) -> Vec<Busy> {
        Vec::new()
    }
}

fn tag(object: &Map<String, Value>) -> String {
    KeyHash::of(Value::Object(object.clone()).to_string().as_bytes()).id()
}

struct Running {
    address: SocketAddr,
    gateway: Arc<Fake>,
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let document = json!({ "version": 1, "consumers": [{ "name": "alice", "groups": ["gold"] }, { "name": "bob" }] });
    let gateway = Arc::new(Fake {
        token: Token::new("secret").unwrap(),
        document: Mutex::new(document.as_object().unwrap().clone()),
        races: AtomicUsize::new(0),
    });
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener.into(), gateway.clone(), std::future::pending()));
    Running { address, gateway }
}

// === impl Running ===

impl Running {
    /// Status and body.
    async fn ask(&self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} /api/v1{target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer secret\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// What the answer complains about.
    async fn refused(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        let (status, problem) = self.ask(method, target, body).await;
        assert_eq!(problem["status"], status, "{problem}");
        (status, problem["detail"].as_str().unwrap().to_owned())
    }

    fn hashes(&self) -> Vec<String> {
        let document = self.gateway.document.lock().unwrap();
        let keys = document["consumers"][0]["credentials"].as_array().cloned().unwrap_or_default();
        keys.iter().map(|key| key["key"]["hash"].as_str().unwrap().to_owned()).collect()
    }
}

fn hash(made: &Value) -> String {
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("slk_") && key.len() == 47, "{key}");
    KeyHash::of(key.as_bytes()).to_string()
}

#[tokio::test]
async fn a_key_is_told_once_and_kept_as_a_hash() {
    let running = start().await;
    let (status, first) = running.ask("POST", "/consumers/alice/keys", "").await;
    assert_eq!(status, 201, "{first}");
    let (status, second) =
        running.ask("POST", "/consumers/alice/keys", r#"{"id":"ci","not_after":"2100-01-01"}"#).await;
    assert_eq!((status, &second["id"], &second["not_after"]), (201, &json!("ci"), &json!("2100-01-01T00:00:00Z")));
    assert_eq!(running.hashes(), [hash(&first), hash(&second)]);
    let id = KeyHash::from_text(&hash(&first)).unwrap().id();
    assert_eq!((&first["id"], &first["not_after"]), (&json!(id), &json!(null)));

    let (status, told) = running.ask("GET", "/consumers/alice/keys", "").await;
    let keys = told["keys"].as_array().unwrap();
    assert_eq!((status, keys.len()), (200, 2));
    assert_eq!((&keys[0]["id"], &keys[0]["last_used"], &keys[0]["expired"]), (&json!(id), &json!(null), &json!(false)));
    assert_eq!((&keys[1]["id"], &keys[1]["last_used"]), (&json!("ci"), &json!("1970-01-01T00:01:00Z")));
    assert!(keys.iter().all(|key| key["created"].is_string()), "{told}");
    let document = Value::Object(running.gateway.document.lock().unwrap().clone()).to_string();
    for made in [&first, &second] {
        let key = made["key"].as_str().unwrap();
        assert!(!told.to_string().contains(key) && !document.contains(key));
    }
    assert_eq!(running.gateway.document.lock().unwrap()["consumers"][0]["groups"], json!(["gold"]));
}

#[tokio::test]
async fn keys_are_rotated_and_revoked() {
    let running = start().await;
    running.ask("POST", "/consumers/alice/keys", r#"{"id":"ci"}"#).await;
    let (status, made) = running.ask("POST", "/consumers/alice/rotate", r#"{"overlap":"1h"}"#).await;
    assert_eq!(status, 201, "{made}");
    let keys = made["keys"].as_array().unwrap();
    assert_eq!((keys.len(), &keys[0]["expired"], &keys[1]["not_after"]), (2, &json!(false), &json!(null)));
    assert!(keys[0]["not_after"].is_string(), "{made}");
    assert_eq!(running.ask("DELETE", "/consumers/alice/keys/ci", "").await.0, 200);
    assert_eq!(running.hashes(), [hash(&made)]);
    // Without an overlap nobody else gets in.
    let (_, made) = running.ask("POST", "/consumers/alice/rotate", r#"{"overlap":"0s"}"#).await;
    assert_eq!(running.hashes(), [hash(&made)]);
}

#[tokio::test]
async fn who_writes_at_the_same_time_is_not_undone() {
    let running = start().await;
    running.gateway.races.store(2, Relaxed);
    let (status, made) = running.ask("POST", "/consumers/alice/keys", "").await;
    assert_eq!(status, 201, "{made}");
    let theirs = KeyHash::of(b"theirs").to_string();
    assert_eq!(running.hashes(), [theirs.clone(), theirs, hash(&made)]);
    running.gateway.races.store(3, Relaxed);
    let (status, detail) = running.refused("POST", "/consumers/alice/keys", "").await;
    assert_eq!((status, &*detail), (412, "`alice` has changed: look at it, and decide again"));
}

#[tokio::test]
async fn what_makes_no_sense_changes_nothing() {
    let running = start().await;
    let before = running.gateway.document.lock().unwrap().clone();
    for (method, target, body, status, expected) in [
        ("POST", "/consumers/alise/keys", "", 404, "there is no consumer `alise`; did you mean `alice`?"),
        ("GET", "/consumers/zoe/keys", "", 404, "there is no consumer `zoe`"),
        ("DELETE", "/consumers/alice/keys/x", "", 404, "there is no key `x`; the consumer has none"),
        ("POST", "/consumers/alice/keys", "[", 400, "the body is no order such as"),
        ("POST", "/consumers/alice/keys", r#"{"not_afte":"2100-01-01"}"#, 400, "unknown field `not_afte`"),
        ("POST", "/consumers/alice/keys", r#"{"not_after":"soon"}"#, 400, "`not_after`: expected a date"),
        ("POST", "/consumers/alice/keys", r#"{"not_after":"2020-01-01"}"#, 400, "`2020-01-01` is over"),
        ("POST", "/consumers/alice/keys", r#"{"id":"a b"}"#, 400, "`id`: a name cannot hold"),
        ("POST", "/consumers/alice/rotate", r#"{"overlap":"long"}"#, 400, "`overlap`: expected a duration"),
        ("POST", "/consumers/alice/rotate", r#"{"overlap":"9999d"}"#, 400, "more than ten years"),
    ] {
        let (found, detail) = running.refused(method, target, body).await;
        assert!(found == status && detail.contains(expected), "{method} {target} {body}: {found} {detail}");
    }
    assert_eq!(*running.gateway.document.lock().unwrap(), before);
}
