use revisions::edit::{Edit, List};
use serde_json::json;
use snapshot::{ChangeOrder, Expected, Owner};

use crate::{Gateway, object, order, put, route};

#[tokio::test]
async fn a_route_is_served_as_soon_as_the_change_is_answered() {
    let gateway = Gateway::with_file("routes: [{ name: file, match: { path: /file }, respond: { body: file } }]\n");
    assert!(!gateway.store().exists(), "nothing was changed yet");
    assert_eq!(gateway.get("/a").await, "404 Not Found");
    for body in ["one", "two"] {
        let told = gateway.change(vec![put(route("a", "/a", body))]).unwrap();
        let meta = told.revision.unwrap();
        assert_eq!((&*meta.author, &*meta.message, told.generation), ("ann", "because", meta.number + 1));
        assert_eq!((gateway.get("/a").await, gateway.get("/file").await), (body.to_owned(), "file".to_owned()));
    }
    gateway.change(vec![Edit::Delete { list: List::Routes, name: "a".into() }]).unwrap();
    assert_eq!((gateway.get("/a").await, gateway.revisions()), ("404 Not Found".into(), vec![3, 2, 1]));
}

#[tokio::test]
async fn a_restart_serves_the_last_revision() {
    let gateway = Gateway::with_file("");
    gateway.change(vec![put(route("a", "/a", "one"))]).unwrap();
    gateway.change(vec![put(route("a", "/a", "two")), put(route("b", "/b", "${{HOME}}"))]).unwrap();
    let gateway = gateway.restart();
    assert_eq!((gateway.get("/a").await, gateway.get("/b").await), ("two".to_owned(), "${HOME}".to_owned()));
    assert_eq!(gateway.control.live_revision(), 2);
    // Whatever the file says next goes with it.
    gateway.write_file("routes: [{ name: file, match: { path: /file }, respond: { body: file } }]\n");
    gateway.control.reload().unwrap();
    assert_eq!((gateway.get("/a").await, gateway.get("/file").await), ("two".to_owned(), "file".to_owned()));
}

#[tokio::test]
async fn without_a_file_all_is_kept() {
    let gateway = Gateway::empty();
    assert!(gateway.control.listeners().is_empty() && gateway.control.admin().is_some());
    assert!(!gateway.store().exists());
    let listener = object(json!({ "name": "web", "address": "127.0.0.1:0" }));
    let edits = vec![
        Edit::PatchGateway { patch: json!({ "grace": "1s" }) },
        Edit::Create { list: List::Listeners, object: listener },
        put(route("a", "/a", "one")),
    ];
    gateway.change(edits).unwrap();
    assert_eq!(gateway.get("/a").await, "one");
    let gateway = gateway.restart();
    assert_eq!((gateway.get("/a").await, gateway.control.live_revision()), ("one".to_owned(), 1));
    assert_eq!(gateway.control.document(true)["gateway"], json!({ "grace": "1s" }));
}

#[tokio::test]
async fn a_dry_run_tells_what_a_change_would_do_and_does_nothing() {
    let gateway =
        Gateway::with_file("routes: [{ name: file, match: { path: { prefix: / } }, respond: { body: file } }]\n");
    let dry = ChangeOrder { dry_run: true, ..order(vec![put(route("a", "/a", "one"))]) };
    let told = gateway.control.change(dry).unwrap();
    assert_eq!((told.revision, told.generation), (None, 1));
    let diff = told.diff.unwrap();
    assert_eq!((diff.routes.len(), diff.requests.len()), (1, 1), "{diff}");
    assert_eq!((gateway.get("/a").await, gateway.store().exists()), ("file".to_owned(), false));
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_no_revision() {
    let gateway = Gateway::with_file("");
    gateway.change(vec![put(route("a", "/a", "one"))]).unwrap();
    let told = gateway.change(vec![put(route("a", "/a", "one"))]).unwrap();
    assert_eq!((told.revision.unwrap().number, told.generation, gateway.revisions()), (1, 2, vec![1]));
}

#[tokio::test]
async fn going_back_is_a_new_revision_with_an_old_document() {
    let gateway = Gateway::with_file("");
    for body in ["one", "two"] {
        gateway.change(vec![put(route("a", "/a", body))]).unwrap();
    }
    let first = gateway.control.revision(1).unwrap();
    gateway.change(vec![Edit::Replace { document: (*first.document).clone() }]).unwrap();
    assert_eq!((gateway.get("/a").await, gateway.revisions()), ("one".to_owned(), vec![3, 2, 1]));
    let diff = gateway.control.compare(2, 3).unwrap();
    assert_eq!(diff.routes.len(), 1, "{diff}");
    assert!(gateway.control.compare(1, 3).unwrap().same);
    assert_eq!(gateway.control.compare(0, 1).unwrap().routes.len(), 1);
}

/// Of two who saw the same, one is refused, and nothing is lost.
#[tokio::test]
async fn whoever_saw_an_old_one_is_refused() {
    let gateway = Gateway::with_file("");
    gateway.change(vec![put(route("a", "/a", "one"))]).unwrap();
    let seen = |expected| ChangeOrder { expected: vec![expected], ..order(vec![put(route("a", "/a", "mine"))]) };
    let tag = gateway.control.objects(List::Routes)[0].tag.clone();
    gateway.change(vec![put(route("a", "/a", "two"))]).unwrap();
    let object = |name: &str, tag: Option<&str>| Expected::Object {
        list: List::Routes,
        name: name.to_owned(),
        tag: tag.map(str::to_owned),
    };
    for (expected, why) in [
        (Expected::Revision(1), "revision 2 is the latest by now, not 1"),
        (object("a", Some(&tag)), "the route `a` is another one by now"),
        (object("a", None), "there is a route `a`"),
        (object("b", Some(&tag)), "there is no route `b` any more"),
    ] {
        let error = gateway.control.change(seen(expected)).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
    assert_eq!((gateway.get("/a").await, gateway.revisions()), ("two".to_owned(), vec![2, 1]));
    let tag = gateway.control.objects(List::Routes)[0].tag.clone();
    gateway.control.change(seen(object("a", Some(&tag)))).unwrap();
    assert_eq!(gateway.get("/a").await, "mine");
}

/// Whoever changes what was shown need not know the secrets.
#[tokio::test]
async fn secrets_are_not_shown_and_not_lost() {
    let with = |token: &str| {
        let mut upstream = object(json!({ "name": "u", "endpoints": ["unix:/nobody"] }));
        upstream.insert("balance".into(), json!({ "sticky": { "cookie": "c", "secret": token } }));
        upstream
    };
    let gateway = Gateway::with_file("");
    let first = with("a-secret-that-nobody-guesses");
    let change = |object| gateway.change(vec![Edit::Put { list: List::Upstreams, name: "u".into(), object }]);
    change(first.clone()).unwrap();
    let told = gateway.control.objects(List::Upstreams).remove(0);
    assert_eq!(told.owner, Owner::Api);
    assert!(!serde_json::to_string(&told).unwrap().contains("nobody-guesses"), "{told:?}");
    assert_eq!(gateway.control.object(List::Upstreams, "u").as_ref(), Some(&told));
    assert!(!json!(gateway.control.document(false)).to_string().contains("nobody-guesses"));
    // What was shown goes back with another key.
    let mut shown = told.object.clone();
    shown.insert("endpoints".into(), json!(["unix:/somebody"]));
    change(shown).unwrap();
    let kept = gateway.control.revision(2).unwrap();
    assert_eq!(kept.document.to_map()["upstreams"][0]["balance"], first["balance"]);
    let other =
        change(with("another-secret-that-nobody-guesses")).map(|_| gateway.control.objects(List::Upstreams).remove(0));
    assert_ne!(other.unwrap().tag, told.tag);
}
