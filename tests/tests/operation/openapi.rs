//! The admin API, asked for whatever its own description allows and forbids, by a program that is not ours.

use std::{path::Path, process::Stdio, time::Duration};

use testkit::{
    client,
    gateway::{Process, Settings},
    within,
};
use tokio::process::Command;

const TOKEN: &str = "an-admin-token-for-tests-of-the-api";

const DOCUMENT: &str = "version: 1\n\
    gateway: { workers: 1, admin: { address: \"127.0.0.1:0\" } }\n\
    listeners: [{ name: web, address: \"127.0.0.1:0\" }]\n\
    upstreams: [{ name: users, endpoints: [\"127.0.0.1:9\"] }]\n\
    routes:\n  - { name: users, match: { path: { prefix: /users } }, upstream: users }\n  - { name: ping, match: { path: /ping }, respond: {} }\n";

/// What must hold of every answer: that it is described, and that nothing broke.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    unsupported_method,allow_header_conformance,ignored_auth";

/// Requests made for each operation, beside those at the edges of what is allowed.
const EACH: &str = "25";

/// It makes some thousands of requests.
const LONGEST: Duration = Duration::from_secs(600);

fn gateway(state: &Path) -> Settings {
    Process::with(DOCUMENT).argument("--state").argument(state).env("SLUICE_ADMIN_TOKEN", TOKEN)
}

#[tokio::test]
async fn no_request_that_can_be_thought_of_breaks_the_admin_api() {
    let Some(python) = std::env::var_os("SLUICE_PYTHON") else {
        eprintln!("skipped: SLUICE_PYTHON names no Python with schemathesis; `cargo xtask test` makes one");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(&folder.path().join("state")).start().await;
    let asking = Command::new(Path::new(&python).with_file_name("schemathesis"))
        .arg("run")
        .arg(format!("http://{}/openapi.json", gateway.admin()))
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--checks", CHECKS, "--max-examples", EACH, "--phases", "examples,coverage,fuzzing"])
        .args(["--generation-database", "none", "--generation-deterministic", "--no-color", "--no-shrink"])
        // It goes on for as long as somebody listens.
        .args(["--exclude-operation-id", "tap"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = within(LONGEST, asking).await.expect("schemathesis stands beside SLUICE_PYTHON");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(client::get(gateway.admin(), "/readyz").await.status, 200, "it goes on as before");
}
