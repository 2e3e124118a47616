//! `sluice check`: all that is wrong, each with its place and a way out.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{SLUICE, sluice};
use testkit::client::tool::{self, Run};

const BAD: &str = "\
version: 1
listeners:
  - { name: web, address: 127.0.0.1:0, adress: x }
upstreams:
  - { name: users, endpoints: [127.0.0.1:0] }
routes:
  - name: user
    match: { path: \"/users/{id}\" }
    policies:
      - compres: {}
    upstream: user
  - name: user
    respond: { status: 200 }
";

/// Checks a document that is called `sluice.yaml`, from the folder that it is in.
async fn check(document: &str, arguments: &str) -> Run {
    let folder = folder(document);
    let command = format!("cd {} && {SLUICE} check {arguments}", folder.path().display());
    tool::run("sh", &["-c", &command]).await
}

fn folder(document: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sluice.yaml"), document).unwrap();
    folder
}

/// The document is refused with exactly these lines on standard error, and nothing on standard output.
#[track_caller]
fn refused(run: &Run, lines: &[&str]) {
    assert_eq!(run.stderr.lines().collect::<Vec<_>>(), lines);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn all_problems_of_one_run() {
    let lines = [
        "sluice.yaml:3:40: error: unknown key `adress`; did you mean `address`?",
        "sluice.yaml:5:32: error: an endpoint cannot have the port 0",
        "sluice.yaml:10:9: error: unknown policy kind `compres`; did you mean `compress`?",
        "sluice.yaml:11:15: error: unknown upstream `user`; did you mean `users`?",
        "sluice.yaml:12:11: error: there are two routes with the name `user`, the first at sluice.yaml:7:11; give each a name of its own",
        "sluice.yaml: 5 errors",
    ];
    refused(&check(BAD, "-c sluice.yaml").await, &lines);
}

#[tokio::test]
async fn a_document_that_is_no_yaml() {
    refused(
        &check("version: [1", "").await,
        &[
            "sluice.yaml:1:10: error: a list in `[]` that does not go on as a list; separate its items with `,`, close it with `]`, and put texts that hold brackets or `,` in quotes",
            "sluice.yaml: 1 error",
        ],
    );
}

/// Each by itself, and all of them together.
#[tokio::test]
async fn regexes_that_are_too_large() {
    let document =
        |routes: &str| format!("version: 1\nlisteners:\n  - {{ name: web, address: 127.0.0.1:0 }}\nroutes:\n{routes}");
    let too_large = "a regular expression that takes more than 1 MiB; lower its counted repetitions";
    let huge = "  - name: huge
    match:
      path: { regex: \"^/(a{999}){999}$\" }
      headers: [{ name: x, regex: \"(b{999}){999}\" }]
      query: [{ name: x, regex: \"(b{999}){999}\" }]
      cookies: [{ name: x, regex: \"(b{999}){999}\" }]
    respond: {}
";
    let lines = ["7:22", "8:35", "9:33", "10:35"].map(|place| format!("sluice.yaml:{place}: error: {too_large}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain(["sluice.yaml: 4 errors"]).collect();
    refused(&check(&document(huge), "").await, &lines);

    let one = |number: usize| {
        format!(
            "  - {{ name: r{number}, match: {{ path: {{ regex: \"^/[a-z]{{1,3000}}[0-9]{{{number}}}$\" }} }}, respond: {{}} }}\n"
        )
    };
    let many: String = (0..250).map(one).collect();
    let run = check(&document(&many), "").await;
    let [error, sum] = run.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{}", run.stderr) };
    assert_eq!((run.code, sum), (Some(1), "sluice.yaml: 1 error"));
    let number: usize = error.split('`').nth(1).unwrap().trim_start_matches('r').parse().unwrap();
    let place = format!("sluice.yaml:{}:5: error: route `r{number}` takes the regexes of all paths", number + 5);
    assert!(error.starts_with(&place) && error.contains("; begin them with literal text"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_there() {
    refused(
        &check("", "-c other.yaml").await,
        &["other.yaml:1:1: error: cannot read the file: No such file or directory (os error 2)", "other.yaml: 1 error"],
    );
}

#[tokio::test]
async fn a_certificate_that_is_not_there() {
    let document = "\
version: 1
listeners:
  - name: web
    address: 127.0.0.1:0
    tls: { certificates: [{ cert: a.pem, key: a.key }] }
routes: [{ name: all, respond: {} }]
";
    refused(
        &check(document, "").await,
        &[
            "sluice.yaml:3:5: error: listener `web`: a.key: I/O error: No such file or directory (os error 2)",
            "sluice.yaml: 1 error",
        ],
    );
}

#[tokio::test]
async fn warnings_do_not_stand_in_the_way() {
    let run = check("version: 1\nroutes: [{ name: all, respond: {} }]\n", "").await;
    assert_eq!(run.success(), "sluice.yaml: good, with 1 warning\n");
    assert_eq!(run.stderr, "sluice.yaml:1:1: warning: there are no listeners, so nothing is served\n");
}

/// All conflicts of routes, beside what else is wrong.
#[tokio::test]
async fn routes_that_are_in_each_others_way() {
    let document = "\
version: 1
listeners:
  - { name: web, address: 127.0.0.1:0 }
upstreams:
  - { name: users, endpoints: [a.internal:80] }
routes:
  - { name: files, match: { path: { prefix: /files } }, upstream: users }
  - { name: raw, match: { path: { wildcard: \"/files/*/raw\" } }, upstream: users, policies: [{ compress: {} }] }
  - { name: user, match: { path: \"/users/{id}\" }, upstream: users, policies: [{ compres: {} }] }
  - { name: again, match: { path: \"/users/{name}\" }, upstream: users, policies: [{ compress: {} }] }
  - { name: canary, match: { headers: [{ name: x-canary, exact: \"1\" }] }, upstream: users }
";
    let lines = [
        "sluice.yaml:8:5: error: route `raw` is never taken: `files` (sluice.yaml:7:5) takes all that it matches, such as `GET http://example.com/files/a/raw`; a prefix goes before a wildcard; leave it out, or give it a `priority`",
        "sluice.yaml:9:81: error: unknown policy kind `compres`; did you mean `compress`?",
        "sluice.yaml:10:5: error: route `again` is never taken: `user` (sluice.yaml:9:5) takes all that it matches, such as `GET http://example.com/users/a`; it stands first; leave it out, or tell them apart by another matcher or a `priority`",
        "sluice.yaml:11:5: warning: route `canary` loses `GET http://example.com/files -H 'x-canary: 1'` to `files` (sluice.yaml:7:5) and another one, though it asks for more: the path decides before headers, query, cookies and `client_ip`; give `canary` a `priority`, or `files` if that is meant to win",
        "sluice.yaml: 3 errors, 1 warning",
    ];
    refused(&check(document, "").await, &lines);

    let document = document.replace("compres:", "compress:");
    let kept: Vec<_> = document.lines().filter(|line| !line.contains("raw") && !line.contains("canary")).collect();
    let run = check(&kept.join("\n"), "").await;
    assert_eq!(run.success(), "sluice.yaml: good, with 1 warning\n");
    assert!(run.stderr.contains(": warning: route `again` is never taken"), "{}", run.stderr);
}

#[tokio::test]
async fn a_test_of_the_document_that_fails_is_an_error() {
    let document = "\
version: 1
listeners: [{ name: web, address: \"127.0.0.1:0\" }]
routes: [{ name: ping, match: { path: /ping, methods: [GET] }, respond: {} }]
tests: [{ name: posted, request: { method: POST, url: /ping }, expect: { route: ping } }]
";
    refused(
        &check(document, "").await,
        &[
            "sluice.yaml:4:81: error: test `posted` expects the route `ping`, and found no route; `ping` does not match: method is not GET",
            "sluice.yaml: 1 error",
        ],
    );
}

#[tokio::test]
async fn problems_for_programs() {
    let run = check("version: 1\nroutes: [{ name: all, respnd: {} }]\n", "--json").await;
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let expected = json!({
        "file": "sluice.yaml",
        "good": false,
        "errors": 1,
        "warnings": 1,
        "problems": [
            {
                "severity": "warning",
                "file": "sluice.yaml",
                "line": 1,
                "column": 1,
                "message": "there are no listeners, so nothing is served",
                "hint": null,
            },
            {
                "severity": "error",
                "file": "sluice.yaml",
                "line": 2,
                "column": 23,
                "message": "unknown key `respnd`",
                "hint": "did you mean `respond`?",
            },
        ],
    });
    assert_eq!(answer, expected);

    let run = check(
        "version: 1\nlisteners: [{ name: web, address: \"127.0.0.1:0\" }]\nroutes: [{ name: all, respond: {} }]\n",
        "--json",
    )
    .await;
    let answer: Value = serde_json::from_str(run.success()).unwrap();
    assert_eq!(answer, json!({ "file": "sluice.yaml", "good": true, "errors": 0, "warnings": 0, "problems": [] }));
}

#[tokio::test]
async fn an_option_that_is_none_is_a_mistake_of_usage() {
    let run = sluice(&["check", "--cofnig", "sluice.yaml"]).await;
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("--config"), "{}", run.stderr);
}
