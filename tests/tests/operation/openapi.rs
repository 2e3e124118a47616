//! The admin API, asked for whatever its own description allows and forbids, by a program that is not ours.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use testkit::{client, gateway::Process, within};
use tokio::process::Command;

const TOKEN: &str = "an-admin-token-for-tests-of-the-api";

// tidy-allow fixed-port: data, never bound
const DOCUMENT: &str = "version: 1\n\
    gateway: { workers: 1, admin: { address: \"127.0.0.1:0\" } }\n\
    listeners: [{ name: web, address: \"127.0.0.1:0\" }]\n\
    upstreams: [{ name: users, endpoints: [\"127.0.0.1:9\"] }]\n\
    routes: [{ name: users, match: { path: { prefix: /users } }, upstream: users }]\n";

/// What must hold of every answer: that nothing broke, and that it is described. That wrong tokens are refused is shown with the
/// operators: so many of them as would come here are told to wait (429).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    unsupported_method,allow_header_conformance";

/// Random requests for each operation, good and bad ones. The answer of `tap` goes on for as long as somebody listens.
const AT_RANDOM: &[&str] = &["--phases", "examples,fuzzing", "--max-examples", "25", "--exclude-operation-id", "tap"];

/// What is just within and just out of every bound. Of whole objects and documents these would be ten thousands.
const AT_THE_EDGES: &[&str] = &[
    "--phases",
    "coverage",
    "--exclude-operation-id-regex",
    "^(tap|put_config|(create|put)_(listener|upstream|route|consumer|operator))$",
];

/// It makes thousands of requests, and thinks long about each.
const LONGEST: Duration = Duration::from_secs(600);

/// Asks the gateway for everything; `folder` is where it may leave things.
async fn ask_for_everything(gateway: &Process, python: &OsStr, folder: &Path, how: &[&str]) -> Output {
    let asking = Command::new(Path::new(python).with_file_name("schemathesis"))
        .arg("run")
        .arg(format!("http://{}/openapi.json", gateway.admin()))
        .args(["--header", &format!("Authorization: Bearer {TOKEN}"), "--checks", CHECKS])
        .args(["--generation-deterministic", "--no-shrink", "--no-color"])
        .args(how)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    within(LONGEST, asking).await.expect("schemathesis stands beside SLUICE_PYTHON")
}

#[tokio::test]
async fn no_request_that_can_be_thought_of_breaks_the_admin_api() {
    let Some(python) = std::env::var_os("SLUICE_PYTHON") else {
        eprintln!("skipped: SLUICE_PYTHON names no Python with schemathesis; `cargo xtask test` makes one");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let settings = Process::with(DOCUMENT).argument("--state").argument(folder.path().join("state"));
    let gateway = settings.env("SLUICE_ADMIN_TOKEN", TOKEN).start().await;
    for how in [AT_RANDOM, AT_THE_EDGES] {
        let output = ask_for_everything(&gateway, &python, folder.path(), how).await;
        let [said, complained] =
            [output.stdout, output.stderr].map(|octets| String::from_utf8_lossy(&octets).into_owned());
        assert!(output.status.success(), "{said}\n{complained}");
    }
    assert_eq!(client::get(gateway.admin(), "/readyz").await.status, 200, "it goes on as before");
}
