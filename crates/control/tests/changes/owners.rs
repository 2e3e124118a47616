use revisions::edit::{Edit, List};
use serde_json::json;
use snapshot::{ChangeError, Owner};

use crate::{Gateway, object, put, route};

const FILE: &str = "upstreams: [{ name: users, endpoints: [\"unix:/nobody\"] }]\nroutes:\n- name: file\n  match: { path: /file }\n  respond: { body: file }\n";

#[tokio::test]
async fn objects_of_files_are_not_the_apis() {
    let gateway = Gateway::with_file(FILE);
    let create = |list, name: &str| Edit::Create { list, object: object(json!({ "name": name })) };
    for (edit, place) in [
        (put(route("file", "/file", "mine")), "sluice.yaml:6:3"),
        (create(List::Routes, "file"), "sluice.yaml:6:3"),
        (Edit::Delete { list: List::Upstreams, name: "users".into() }, "sluice.yaml:4:13"),
        (create(List::Listeners, "web"), "sluice.yaml:3:13"),
    ] {
        match gateway.change(vec![edit]).unwrap_err() {
            ChangeError::NotOurs { owner: Owner::File { place: found }, .. } => {
                assert!(found.ends_with(place), "{found}");
            }
            other => panic!("{other:?}"),
        }
    }
    let error = gateway.change(vec![Edit::PatchGateway { patch: json!({ "grace": "2s" }) }]).unwrap_err();
    assert!(error.to_string().contains("sluice.yaml: change it there"), "{error}");
    assert_eq!(gateway.get("/file").await, "file");
    assert!(gateway.revisions().is_empty());
}

#[tokio::test]
async fn everything_is_told_with_its_owner() {
    let gateway = Gateway::with_file(FILE);
    gateway.change(vec![put(route("a", "/a", "one"))]).unwrap();
    let told = gateway.control.objects(List::Routes);
    let names: Vec<_> = told.iter().map(|told| (&*told.name, matches!(told.owner, Owner::Api))).collect();
    assert_eq!(names, [("file", false), ("a", true)]);
    assert_eq!(
        told[0].object,
        object(json!({ "name": "file", "match": { "path": "/file" }, "respond": { "body": "file" } }))
    );
    assert_eq!(told[1].object, route("a", "/a", "one"));
    let document = gateway.control.document(false);
    assert_eq!(document["routes"].as_array().unwrap().len(), 2);
    assert_eq!(gateway.control.document(true).keys().collect::<Vec<_>>(), ["routes"]);
}

/// A file gains an object that the API has: the file's counts, both places are told, and the API can take its own away.
#[tokio::test]
async fn what_both_name_is_the_files() {
    let gateway = Gateway::with_file("");
    gateway.change(vec![put(route("file", "/file", "api")), put(route("a", "/a", "one"))]).unwrap();
    assert_eq!(gateway.get("/file").await, "api");
    gateway.write_file(FILE);
    let applied = gateway.control.reload().unwrap();
    let warnings: Vec<_> = applied.report.problems.iter().map(ToString::to_string).collect();
    let is_told = |it: &String| {
        it.starts_with("api:")
            && it.contains("the route `file` is left out: there is one at")
            && it.contains("sluice.yaml:6:9")
    };
    assert!(warnings.iter().any(is_told), "{warnings:?}");
    assert_eq!((gateway.get("/file").await, gateway.get("/a").await), ("file".to_owned(), "one".to_owned()));
    let all = gateway.control.objects(List::Routes);
    assert_eq!(all.len(), 2);
    // One by one they are the same.
    for told in all {
        let one = gateway.control.object(List::Routes, &told.name).unwrap();
        assert_eq!((one.name, one.owner, one.tag, one.object), (told.name, told.owner, told.tag, told.object));
    }
    assert!(gateway.control.object(List::Routes, "b").is_none());
    // Meanwhile other things can be changed, and their author hears of it.
    let told = gateway.change(vec![put(route("a", "/a", "two"))]).unwrap();
    assert!(told.warnings.iter().any(|it| it.path.as_deref() == Some("routes[file].name")), "{:?}", told.warnings);
    let told = gateway.change(vec![Edit::Delete { list: List::Routes, name: "file".into() }]).unwrap();
    assert_eq!(told.warnings, []);
    assert_eq!((gateway.get("/file").await, gateway.get("/a").await), ("file".to_owned(), "two".to_owned()));
}

#[tokio::test]
async fn the_gateway_section_is_the_files() {
    let gateway = Gateway::with_file("");
    let document = object(json!({ "gateway": { "workers": 7 }, "routes": [route("a", "/a", "one")] }));
    let told = gateway.change(vec![Edit::Replace { document: document.into() }]).unwrap();
    assert!(
        told.warnings.iter().any(|it| it.path.as_deref() == Some("gateway") && it.message.contains("sluice.yaml:2:1")),
        "{:?}",
        told.warnings
    );
    assert_eq!(gateway.get("/a").await, "one");
}
