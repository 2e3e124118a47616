//! What outlives a restart.

use std::{fs, path::Path};

use registry::Registry;
use serde_json::json;

use crate::{Running, settings, start_with};

async fn start_in(folder: &Path) -> Running {
    start_with(settings(), Some(folder)).await
}

#[tokio::test]
async fn everything_is_there_again_and_waits_for_heartbeats() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_in(folder.path()).await;
    running.register("orders", "a", 1).await;
    running.register("orders", "b", 2).await;
    running.register("users", "gone", 3).await;
    let check = json!({ "TTL": "30s", "Status": "passing" });
    let body = json!({ "Name": "shop", "ID": "c", "Port": 4, "Tags": ["x"], "Check": check }).to_string();
    running.put("/v1/agent/service/register", &body).await.expect(200, "");
    running.ask("PATCH", "/v1/services/orders/instances/b", "", r#"{"override":"draining"}"#).await.expect(200, "");
    running.delete("/v1/services/users/instances/gone").await;
    let before = running.get("/v1/services").await.json();
    running.end().await;

    // What was answered is on disk, so a copy of the file is as good as a process that was killed.
    let copy = tempfile::tempdir().unwrap();
    fs::copy(folder.path().join("registry.redb"), copy.path().join("registry.redb")).unwrap();
    let running = start_in(copy.path()).await;
    let statuses = running.statuses("orders").await;
    assert_eq!(statuses, [("a".to_owned(), "up".to_owned()), ("b".to_owned(), "draining".to_owned())]);
    let after = running.get("/v1/services").await.json();
    let names = |told: &serde_json::Value| {
        told["services"].as_array().unwrap().iter().map(|service| service["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&after), names(&before));
    assert!(after["index"].as_u64() > before["index"].as_u64(), "whoever waits with an old index is answered");
    assert_eq!(running.get("/v1/health/service/shop?passing&tag=x").await.json()[0]["Service"]["ID"], "c");
    let told = running.get("/v1/services/orders/instances/a").await.json();
    assert_eq!(told["confirmed"], false);
    assert_eq!(running.put("/v1/services/orders/instances/a/heartbeat", "").await.status, 204);
    let told = running.get("/v1/services/orders/instances/a").await.json();
    assert_eq!(told["confirmed"], true);
}

#[tokio::test]
async fn two_gateways_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let _running = start_in(folder.path()).await;
    let error = Registry::new().open(settings(), Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("is open in another process") && error.contains("--state"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_broken_is_named_and_not_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let running = start_in(folder.path()).await;
    for id in 0..50 {
        running.register("orders", &format!("a{id}"), 1).await;
    }
    running.end().await;
    let whole = fs::read(folder.path().join("registry.redb")).unwrap();
    let length = whole.len();
    let check = |what: &str, bytes: &[u8]| {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("registry.redb");
        fs::write(&file, bytes).unwrap();
        let error = Registry::new().open(settings(), Some(copy.path())).expect_err(what).to_string();
        assert!(error.contains(file.to_str().unwrap()) && error.contains("mv "), "{what}: {error}");
        assert_eq!(fs::read(&file).unwrap().is_empty(), bytes.is_empty(), "{what}: it was left where it is");
    };
    check("empty", b"");
    check("text", b"these are not the bytes that you are looking for\n");
    check("half", &whole[..length / 2]);
    check("zeros", &vec![0; length]);
    let mut garbled = whole;
    garbled[4096..].fill(0xa5);
    check("garbled", &garbled);
}
