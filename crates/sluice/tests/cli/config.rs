//! `sluice config`

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use revisions::{Draft, Embedded, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{client::tool::Run, origin::RawOrigin};

use super::sluice;

/// A gateway that says this to everything.
async fn gateway(status: &str, says: &Value) -> RawOrigin {
    let says = says.to_string();
    RawOrigin::answering(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{says}",
        says.len()
    ))
    .await
}

/// A state directory with a token.
fn state() -> TempDir {
    let state = tempfile::tempdir().unwrap();
    let token = state.path().join("admin-token");
    fs::write(&token, "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    state
}

async fn ask(gateway: &RawOrigin, state: &Path, arguments: &[&str]) -> Run {
    let (address, state) = (gateway.address.to_string(), state.to_str().unwrap());
    sluice(&[&["config"], arguments, &["--admin", &address, "--state", state]].concat()).await
}

fn file(state: &Path, text: &str) -> PathBuf {
    let path = state.join("overlay.json");
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn what_the_api_keeps_is_exported() {
    let (gateway, state) = (gateway("200 OK", &json!({ "routes": [{ "name": "a" }] })).await, state());
    let run = ask(&gateway, state.path(), &["export"]).await;
    assert_eq!(serde_json::from_str::<Value>(run.success()).unwrap(), json!({ "routes": [{ "name": "a" }] }));
    let asked = gateway.next_request().await;
    assert_eq!((&*asked.method, &*asked.target), ("GET", "/api/v1/config?only=api"));
}

#[tokio::test]
async fn it_is_imported_elsewhere() {
    let says = json!({ "revision": { "number": 7 }, "generation": 9,
        "warnings": [{ "severity": "warning", "path": "routes[a]", "place": null, "message": "it is never reached", "hint": null }] });
    let (gateway, state) = (gateway("200 OK", &says).await, state());
    let path = file(state.path(), r#"{"routes": []}"#);
    let run = ask(&gateway, state.path(), &["import", path.to_str().unwrap(), "--message", "to etcd"]).await;
    assert_eq!(run.success(), "warning: routes[a]: it is never reached\nrevision 7 is live, as generation 9\n");
    let asked = gateway.next_request().await;
    assert_eq!((&*asked.method, &*asked.target), ("PUT", "/api/v1/config?message=to%20etcd"));
    assert_eq!(asked.body, br#"{"routes": []}"#);
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let says = json!({ "status": 422, "detail": "the document that would come of it has 1 errors, and nothing is changed",
        "problems": [{ "severity": "error", "path": "routes[a].upstream", "place": null, "message": "there is no upstream `b`", "hint": "did you mean `c`?" }] });
    let (gateway, state) = (gateway("422 Unprocessable Content", &says).await, state());
    let path = file(state.path(), "{}");
    let run = ask(&gateway, state.path(), &["import", path.to_str().unwrap(), "--dry-run"]).await;
    assert_eq!(run.code, Some(1));
    let expected = "error: routes[a].upstream: there is no upstream `b`; did you mean `c`?\n";
    assert!(run.stderr.contains("422: the document") && run.stderr.ends_with(expected), "{}", run.stderr);
    assert_eq!(gateway.next_request().await.target, "/api/v1/config?message=import&dry_run");
}

#[tokio::test]
async fn what_is_no_export_is_sent_to_nobody() {
    let (gateway, state) = (gateway("200 OK", &json!({})).await, state());
    let path = file(state.path(), "routes: []\n");
    let run = ask(&gateway, state.path(), &["import", path.to_str().unwrap()]).await;
    assert_eq!((run.code, gateway.counts.connections()), (Some(1), 0));
    assert!(run.stderr.contains("this is not what `sluice config export` prints: "), "{}", run.stderr);
}

#[tokio::test]
async fn a_state_directory_tells_secrets_too() {
    let state = state();
    let folder = state.path().to_str().unwrap();
    let offline = ["config", "export", "--offline", "--state", folder];
    let run = sluice(&offline).await;
    assert!(run.stderr.contains("there are 0 files with revisions in it"), "{}", run.stderr);

    let document = json!({ "consumers": [{ "name": "a", "password": "secret" }] });
    let store = Embedded::open(&state.path().join("revisions.redb"), 10).unwrap();
    let kept = Arc::new(serde_json::from_value(document.clone()).unwrap());
    let draft = Draft { time: SystemTime::now(), author: "a".into(), message: String::new(), document: kept };
    store.commit(0, draft).unwrap();
    assert_eq!(sluice(&offline).await.code, Some(1), "it is open");
    drop(store);
    let run = sluice(&offline).await;
    assert_eq!(serde_json::from_str::<Value>(run.success()).unwrap(), document);
}
