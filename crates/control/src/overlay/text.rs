//! JSON to the text that is read: YAML, in which every object of a list has a line of its own, so that those that stand there
//! as before need not be read again.

use model::yaml_line;
use revisions::{Document, Object, Part};
use serde_json::Value;

/// A document as text. Nothing in it is a hole that the environment fills.
pub(crate) fn text(document: &Document) -> String {
    let mut text = String::new();
    for (key, part) in document.parts() {
        match part {
            Part::Objects(objects) => list(&mut text, key, objects),
            Part::Value(value) => {
                yaml_line(&mut text, &Value::from(key));
                text.push_str(": ");
                yaml_line(&mut text, value);
                text.push('\n');
            }
        }
    }
    text
}

/// A list without items says nothing, and is left out.
fn list(text: &mut String, key: &str, objects: &[Object]) {
    if objects.is_empty() {
        return;
    }
    text.push_str(key);
    text.push_str(":\n");
    for object in objects {
        text.push_str("- ");
        text.push_str(object.line());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use model::{Node, Report};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(document: &Value) -> Node {
        let text = text(&serde_json::from_value(document.clone()).unwrap());
        let mut report = Report::default();
        let node = model::parse("api", &text, &|_| Some("from the environment".into()), &mut report);
        assert!(report.problems.is_empty(), "{:?}\n{text}", report.problems);
        node.unwrap()
    }

    #[test]
    fn every_object_has_a_line() {
        let document = json!({ "version": 1, "routes": [{ "name": "a" }, { "name": "b" }], "tests": [] });
        assert_eq!(
            text(&serde_json::from_value(document).unwrap()),
            "routes:\n- {\"name\":\"a\"}\n- {\"name\":\"b\"}\n\"version\": 1\n"
        );
    }

    #[test]
    fn what_is_long_is_read() {
        let document =
            json!({ "routes": [{ "name": "a", "respond": { "body": "x".repeat(100_000) } }], "k": "y".repeat(9_000) });
        assert_eq!(read(&document).json(), document);
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            "[${}A-Z:\\\\\" -]{0,8}",
            Just("\u{85}\u{2028}\u{feff}\u{fffe}\t\n---\r# ${HOME}".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z${\u{85}\"]{1,6}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_json_says_the_text_says(values in prop::collection::btree_map("routes|listeners|[a-z]{1,5}", value(), 1..4)) {
            let document: Value = values.into_iter().filter(|(_, value)| value.as_array().is_none_or(|items| !items.is_empty())).collect();
            if document.as_object().is_some_and(|document| !document.is_empty()) {
                prop_assert_eq!(read(&document).json(), document);
            }
        }
    }
}
