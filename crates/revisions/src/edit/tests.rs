use proptest::prelude::*;
use serde_json::json;

use super::*;

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no map"),
    }
}

fn document(value: Value) -> Document {
    map(value).into()
}

fn names(document: &Document) -> Vec<&str> {
    document.objects(List::Routes).filter_map(name_of).collect()
}

fn routes(names: &[&str]) -> Document {
    document(
        json!({ "version": 1, "routes": names.iter().map(|name| json!({ "name": name, "n": 0 })).collect::<Vec<_>>() }),
    )
}

#[test]
fn objects_keep_their_place() {
    let list = List::Routes;
    let edits = [
        Edit::Put { list, name: "b".into(), object: map(json!({ "n": 1 })) },
        Edit::Patch { list, name: "c".into(), patch: json!({ "n": null, "m": 2 }) },
        Edit::Delete { list, name: "a".into() },
        Edit::Create { list, object: map(json!({ "name": "d" })) },
        Edit::Put { list, name: "e".into(), object: map(json!({ "name": "e" })) },
    ];
    let edited = apply(&routes(&["a", "b", "c"]), &edits).unwrap();
    let expected = json!([{ "name": "b", "n": 1 }, { "name": "c", "m": 2 }, { "name": "d" }, { "name": "e" }]);
    assert_eq!(edited.to_map()["routes"], expected);
}

#[test]
fn objects_are_found_wherever_edits_have_moved_them() {
    let list = List::Routes;
    let put = |name: &str, n: i32| Edit::Put { list, name: name.to_owned(), object: map(json!({ "n": n })) };
    let edits = [
        put("c", 1),
        Edit::Delete { list, name: "a".into() },
        put("c", 2),
        put("d", 3),
        put("d", 4),
        Edit::Delete { list, name: "b".into() },
        put("b", 5),
    ];
    let edited = apply(&routes(&["a", "b", "c"]), &edits).unwrap();
    assert_eq!(
        edited.to_map()["routes"],
        json!([{ "name": "c", "n": 2 }, { "name": "d", "n": 4 }, { "name": "b", "n": 5 }])
    );
    let edits = [
        put("c", 1),
        Edit::Replace { document: routes(&["c"]) },
        put("c", 2),
        Edit::Delete { list, name: "c".into() },
        put("c", 3),
    ];
    assert_eq!(apply(&routes(&["a", "c"]), &edits).unwrap().to_map()["routes"], json!([{ "name": "c", "n": 3 }]));
}

#[test]
fn what_cannot_be_done_says_which_and_why() {
    let list = List::Routes;
    let good = Edit::Delete { list, name: "a".into() };
    let object = |value: Value| map(value);
    for (bad, why) in [
        (Edit::Delete { list, name: "orders".into() }, "there is no route `orders`; did you mean `order`?"),
        (Edit::Patch { list, name: "x".into(), patch: json!({}) }, "there is no route `x`"),
        (
            Edit::Create { list, object: object(json!({ "name": "order" })) },
            "there is a route `order` already; put or patch it",
        ),
        (Edit::Create { list, object: object(json!({})) }, "a new route needs a `name`"),
        (Edit::Patch { list, name: "order".into(), patch: json!({ "name": null }) }, "`name` must stay `order`"),
        (
            Edit::Put { list, name: "order".into(), object: object(json!({ "name": "b" })) },
            "`name` is `b`, and it was asked for `order`; delete it and create another to rename it",
        ),
        (Edit::Patch { list, name: "order".into(), patch: json!([]) }, "a route is a map"),
        (Edit::PatchGateway { patch: json!(5) }, "`gateway` is a map"),
    ] {
        let error = apply(&routes(&["a", "order"]), &[good.clone(), bad]).unwrap_err();
        assert_eq!((error.index, error.to_string().as_str()), (1, why));
    }
}

#[test]
fn lists_that_are_none_are_no_lists() {
    let document = document(json!({ "routes": 5 }));
    let error =
        apply(&document, &[Edit::Create { list: List::Routes, object: map(json!({ "name": "a" })) }]).unwrap_err();
    assert_eq!(error.to_string(), "`routes` is a list");
}

#[test]
fn edits_are_read_as_they_are_written() {
    let text =
        r#"[{"do":"create","list":"routes","object":{"name":"a"}},{"do":"delete","list":"upstreams","name":"b"}]"#;
    let edits: Vec<Edit> = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&edits).unwrap(), text);
    assert!(serde_json::from_str::<Edit>(r#"{"do":"delete","list":"routes","nmae":"a"}"#).is_err());
}

/// What a list of names has to do, done naively.
fn naive(names: &mut Vec<String>, edit: &Edit) -> bool {
    match edit {
        Edit::Create { object, .. } => {
            let name = name_of(object).unwrap().to_owned();
            let is_new = !names.contains(&name);
            if is_new {
                names.push(name);
            }
            is_new
        }
        Edit::Put { name, .. } => {
            if !names.contains(name) {
                names.push(name.clone());
            }
            true
        }
        Edit::Patch { name, .. } => names.contains(name),
        Edit::Delete { name, .. } => {
            let before = names.len();
            names.retain(|there| there != name);
            names.len() < before
        }
        _ => unreachable!(),
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let list = List::Routes;
    let edit = (0..4, "[a-d]").prop_map(move |(what, name)| match what {
        0 => Edit::Create { list, object: map(json!({ "name": name })) },
        1 => Edit::Put { list, name, object: Map::new() },
        2 => Edit::Patch { list, name, patch: json!({ "n": 1 }) },
        _ => Edit::Delete { list, name },
    });
    prop::collection::vec(edit, 0..12)
}

proptest! {
    #[test]
    fn all_or_nothing(edits in edits()) {
        let mut expected = vec!["a".to_owned(), "b".to_owned()];
        let failed = edits.iter().position(|edit| !naive(&mut expected, edit));
        match (apply(&routes(&["a", "b"]), &edits), failed) {
            (Ok(edited), None) => prop_assert_eq!(names(&edited), expected),
            (Err(error), Some(index)) => prop_assert_eq!(error.index, index),
            (result, failed) => prop_assert!(false, "{result:?} and {failed:?}"),
        }
    }
}
