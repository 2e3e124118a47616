//! `sluice explain`: what becomes of a request, and why.

use std::fs;

use serde_json::Value;
use testkit::client::tool::Run;

use crate::{examples, sluice};

/// Asks for a request of the example that has a little of every route.
async fn explain(arguments: &[&str]) -> Run {
    let document = examples().join("routing.yaml");
    sluice(&[&["explain", "-c", document.to_str().unwrap()], arguments].concat()).await
}

#[tokio::test]
async fn a_route_that_takes_the_request() {
    let run = explain(&["GET", "http://api.example.com/users/7", "-H", "x-canary: 1", "-H", "Cookie: beta=1"]).await;
    let told = run.success();
    for part in [
        "request     GET /users/7, host api.example.com, from 192.0.2.1, on listener `public`\n",
        "route       `beta`, ",
        "decided by  header matchers: 1 before 0; next is `user`\n",
        "\nupstream    `beta`, ",
    ] {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
    assert_eq!(run.stderr, "");
}

#[tokio::test]
async fn a_request_that_no_route_takes_ends_with_3() {
    let run = explain(&["PUT", "/users/7"]).await;
    assert_eq!(run.code, Some(3));
    assert!(run.stdout.contains("  `user`           method is not one of GET, HEAD\n"), "{}", run.stdout);
    assert_eq!(explain(&["GET", "/a%2fb"]).await.code, Some(3));
}

#[tokio::test]
async fn on_whose_behalf_and_where() {
    let run = explain(&["GET", "/reports/1", "--client-ip", "10.1.2.3", "--listener", "internal"]).await;
    assert!(run.success().contains("route       `reports`, "), "{}", run.stdout);
}

#[tokio::test]
async fn for_programs() {
    let run = explain(&["GET", "/users/7", "--json", "--all"]).await;
    let told: Value = serde_json::from_str(run.success()).unwrap();
    assert_eq!(told["outcome"], "matched");
    assert_eq!((&told["route"]["name"], &told["route"]["captures"]["id"]), (&"user".into(), &"7".into()));
    assert_eq!((&told["decision"]["action"], &told["decision"]["upstream"]), (&"upstream".into(), &"users".into()));
    assert_eq!((told["candidates"].as_array().map(Vec::len), &told["omitted"]), (Some(12), &0.into()));
}

#[tokio::test]
async fn against_another_document() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("new.yaml");
    let document = fs::read_to_string(examples().join("routing.yaml")).unwrap();
    fs::write(&other, document.replace("methods: [GET, HEAD]", "methods: [HEAD]")).unwrap();
    let other = other.to_str().unwrap();

    let run = explain(&["GET", "/users/7", "--against", other]).await;
    assert_eq!(run.code, Some(3), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("  *  route      user"), "{}", run.stdout);
    let run = explain(&["GET", "/files/a", "--against", other]).await;
    assert!(run.success().ends_with("nothing changes for this request\n"), "{}", run.stdout);
    let run = explain(&["GET", "/users/7", "--against", other, "--json"]).await;
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&told["same"], &told["rows"][1]["what"]), (&false.into(), &"route".into()));
}

#[tokio::test]
async fn questions_that_make_no_sense_end_with_1() {
    for (arguments, message) in [
        (&["get", "/"][..], "error: methods are case-sensitive, and `get` is none that clients send; write `GET`\n"),
        (&["GET", "/", "-H", "x"], "error: `x` is no header field: write `name: value`\n"),
        (
            &["GET", "/", "-H", "x y: z"],
            "error: `x y: z` is no header field: expected the name of a header field, found the text `x y`\n",
        ),
    ] {
        let run = explain(arguments).await;
        assert_eq!((run.code, &*run.stderr), (Some(1), message));
    }
    let run = explain(&["GET", "/", "--listener", "pubic"]).await;
    assert!(run.stderr.ends_with("routing.yaml: unknown listener `pubic`; did you mean `public`?\n"), "{}", run.stderr);
    assert_eq!(run.code, Some(1));
}

#[tokio::test]
async fn a_bad_document_is_told_as_check_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("bad.yaml");
    fs::write(&document, "version: 1\nroutes: [{ name: a, respnd: {} }]\n").unwrap();
    let run = sluice(&["explain", "-c", document.to_str().unwrap(), "GET", "/"]).await;
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("bad.yaml:2:21: error: unknown key `respnd`; did you mean `respond`?"),
        "{}",
        run.stderr
    );
}
