//! Keys of consumers.

use std::sync::atomic::Ordering::Relaxed;

use model::{FromText, values::SecretHash};
use serde_json::{Value, json};

use crate::fake::{Running, start};

/// With a consumer `alice` that has no key yet, and another one.
async fn with_consumers() -> Running {
    let running = start().await;
    for consumer in [r#"{"name":"alice","groups":["gold"]}"#, r#"{"name":"bob"}"#] {
        running.ask("POST", "/consumers", consumer).await.expect(201);
    }
    running
}

/// Those of alice, as the document has them.
fn hashes(running: &Running) -> Vec<String> {
    let keys = running.gateway.ours().to_map()["consumers"][0]["credentials"].as_array().cloned().unwrap_or_default();
    keys.iter().map(|key| key["key"]["hash"].as_str().unwrap().to_owned()).collect()
}

/// A key that was just made.
async fn made(running: &Running, path: &str, body: &str) -> Value {
    running.ask("POST", &format!("/consumers/alice/{path}"), body).await.expect(201).json()
}

fn hash(made: &Value) -> String {
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("slk_") && key.len() == 47, "{key}");
    SecretHash::of(key.as_bytes()).to_string()
}

#[tokio::test]
async fn a_key_is_told_once_and_kept_as_a_hash() {
    let running = with_consumers().await;
    let first = made(&running, "keys", "").await;
    let second = made(&running, "keys", r#"{"id":"ci","not_after":"2100-01-01"}"#).await;
    assert_eq!((&second["id"], &second["not_after"]), (&json!("ci"), &json!("2100-01-01T00:00:00Z")));
    assert_eq!(hashes(&running), [hash(&first), hash(&second)]);
    let id = SecretHash::from_text(&hash(&first)).unwrap().id();
    assert_eq!((&first["id"], &first["not_after"]), (&json!(id), &json!(null)));

    let told = running.get("/consumers/alice/keys").await.expect(200);
    let keys = told.json()["keys"].as_array().cloned().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!((&keys[0]["id"], &keys[0]["last_used"], &keys[0]["expired"]), (&json!(id), &json!(null), &json!(false)));
    assert_eq!((&keys[1]["id"], &keys[1]["last_used"]), (&json!("ci"), &json!("1970-01-01T00:01:00Z")));
    assert!(keys.iter().all(|key| key["created"].is_string()), "{}", told.body);
    let document = running.gateway.ours().to_map();
    for made in [&first, &second] {
        let key = made["key"].as_str().unwrap();
        assert!(!told.body.contains(key) && !json!(document).to_string().contains(key));
    }
    assert_eq!(document["consumers"][0]["groups"], json!(["gold"]));
}

#[tokio::test]
async fn keys_are_rotated_and_revoked() {
    let running = with_consumers().await;
    made(&running, "keys", r#"{"id":"ci"}"#).await;
    let second = made(&running, "rotate", r#"{"overlap":"1h"}"#).await;
    let keys = second["keys"].as_array().unwrap();
    assert_eq!((keys.len(), &keys[0]["expired"], &keys[1]["not_after"]), (2, &json!(false), &json!(null)));
    assert!(keys[0]["not_after"].is_string(), "{second}");
    running.ask("DELETE", "/consumers/alice/keys/ci", "").await.expect(200);
    assert_eq!(hashes(&running), [hash(&second)]);
    // Without an overlap nobody else gets in.
    let third = made(&running, "rotate", r#"{"overlap":"0s"}"#).await;
    assert_eq!(hashes(&running), [hash(&third)]);
}

#[tokio::test]
async fn who_writes_at_the_same_time_is_not_undone() {
    let running = with_consumers().await;
    running.gateway.races.store(2, Relaxed);
    let ours = made(&running, "keys", "").await;
    let theirs = SecretHash::of(b"theirs").to_string();
    assert_eq!(hashes(&running), [theirs.clone(), theirs, hash(&ours)]);
    running.gateway.races.store(3, Relaxed);
    let refused = running.ask("POST", "/consumers/alice/keys", "").await.expect(412);
    refused.says("somebody else was faster: look at it, and decide again");
}

#[tokio::test]
async fn what_makes_no_sense_changes_nothing() {
    let running = with_consumers().await;
    let before = running.gateway.number();
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
        running.ask(method, target, body).await.expect(status).says(expected);
    }
    assert_eq!(running.gateway.number(), before);
}
