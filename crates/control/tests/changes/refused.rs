use std::fs;

use control::Refusal;
use revisions::edit::{Edit, List, Why};
use serde_json::json;
use snapshot::{ChangeError, Finding};

use crate::{Gateway, object, put, route, start};

fn findings(error: ChangeError) -> Vec<Finding> {
    match error {
        ChangeError::Refused(findings) => findings,
        other => panic!("{other:?}"),
    }
}

/// Whatever is wrong with a change, all is as it was, and its author is told where in the object.
#[tokio::test]
async fn what_is_refused_changes_nothing_and_says_where() {
    let gateway = Gateway::with_file("");
    gateway.change(vec![put(route("a", "/a", "one"))]).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let with = |extra: serde_json::Value| {
        let mut bad = route("b", "/b", "x");
        bad.extend(object(extra));
        vec![put(route("a", "/a", "two")), put(bad)]
    };
    let listener = object(json!({ "name": "second", "address": taken }));
    for (edits, path) in [
        (with(json!({ "match": { "path": "no slash" } })), "routes[b].match.path"),
        (with(json!({ "mtach": {} })), "routes[b].mtach"),
        (
            with(json!({ "policies": [{ "headers": { "request": { "sett": {} } } }] })),
            "routes[b].policies[0].headers.request.sett",
        ),
        (vec![put(object(json!({ "name": "c", "upstream": "nobody" })))], "routes[c].upstream"),
        (vec![Edit::Create { list: List::Listeners, object: listener }], "listeners[second]"),
        (vec![Edit::Replace { document: object(json!({ "rotes": [] })).into() }], "rotes"),
        (
            vec![Edit::Replace {
                document: object(json!({ "routes": [route("b", "/b", "x"), route("b", "/c", "x")] })).into(),
            }],
            "routes[b].name",
        ),
    ] {
        let findings = findings(gateway.change(edits).unwrap_err());
        let paths: Vec<_> = findings.iter().filter(|it| it.severity == "error").map(|it| it.path.as_deref()).collect();
        assert_eq!(paths, [Some(path)], "{findings:#?}");
    }
    assert_eq!((gateway.get("/a").await, gateway.revisions()), ("one".to_owned(), vec![1]));
    assert_eq!(gateway.control.snapshot().generation, 2);
    let gateway = gateway.restart();
    assert_eq!(gateway.get("/a").await, "one");
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let gateway = Gateway::with_file("");
    gateway.write_file("rotes: []\n");
    let findings = findings(gateway.change(vec![put(route("a", "/a", "one"))]).unwrap_err());
    let finding = findings.iter().find(|it| it.severity == "error").unwrap();
    assert!(finding.path.is_none() && finding.place.as_ref().unwrap().ends_with("sluice.yaml:4:1"), "{finding:?}");
}

#[tokio::test]
async fn edits_that_cannot_be_made_are_told() {
    let gateway = Gateway::with_file("");
    gateway.change(vec![put(route("users", "/a", "one"))]).unwrap();
    let delete = |name: &str| Edit::Delete { list: List::Routes, name: name.to_owned() };
    match gateway.change(vec![delete("users"), delete("user")]).unwrap_err() {
        ChangeError::Edit(error) => assert!(error.index == 1 && matches!(error.why, Why::Missing { .. }), "{error:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(gateway.get("/a").await, "one");
}

/// Nobody may write the mask of a secret as the secret.
#[tokio::test]
async fn a_mask_is_no_secret() {
    let gateway = Gateway::with_file("");
    let mut route = route("a", "/a", "one");
    route.insert("policies".into(), json!([{ "headers": { "response": { "set": { "x-token": "<redacted>" } } } }]));
    let findings = findings(gateway.change(vec![put(route)]).unwrap_err());
    assert_eq!(findings[0].path.as_deref(), Some("routes[a].policies[0].headers.response.set.x-token"));
}

#[tokio::test]
async fn a_gateway_that_is_read_only_refuses_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let document = crate::HEAD.replace("workers: 1", "workers: 1, home: read_only");
    fs::write(folder.path().join("sluice.yaml"), document).unwrap();
    let gateway = Gateway::start(folder);
    match gateway.change(vec![put(route("a", "/a", "one"))]).unwrap_err() {
        ChangeError::ReadOnly(why) => assert!(why.contains("`gateway.home` is `read_only`"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(!gateway.store().exists() && gateway.revisions().is_empty());
}

#[tokio::test]
async fn a_damaged_store_is_named_and_nothing_is_served() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sluice.yaml"), crate::HEAD).unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("revisions.redb"), vec![7; 10_000]).unwrap();
    match start(Gateway::main(&folder), &state).err() {
        Some(Refusal::Io(error)) => {
            let error = error.to_string();
            assert!(
                error.contains("revisions.redb: the revisions cannot be read") && error.contains("take it away"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// A document cannot say where it is kept itself.
#[tokio::test]
async fn without_a_file_nothing_says_where_all_is_kept() {
    let gateway = Gateway::empty();
    let edit = Edit::PatchGateway { patch: json!({ "home": "read_only" }) };
    let findings = findings(gateway.change(vec![edit]).unwrap_err());
    assert!(findings.iter().any(|it| it.path.as_deref() == Some("gateway.home")), "{findings:?}");
}
