use std::collections::{BTreeMap, BTreeSet};

use revisions::{
    Document,
    edit::{Edit, List, name_of},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MOST_BYTES, secrets};

/// What a handler tells of a change, as an extension of its answer.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// That it made.
    pub revision: Option<u64>,
    /// Why, in the words of who asked.
    pub message: String,
    pub changed: Vec<Changed>,
}

/// An object that was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// `routes[a]`, or `gateway`.
    pub path: String,
    /// Without secrets; `None`: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// `None`: it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What it was and is is too long to be told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub omitted: bool,
}

/// The objects of a document, by list and name.
struct Objects<'d>(BTreeMap<(List, &'d str), &'d Map<String, Value>>);

/// Of so many objects it is told that they changed.
const MOST: usize = 1_000;

// === impl Changed ===

impl Changed {
    /// What `edits` did, by what is written in the document that the API keeps, `before` and `after`.
    pub fn of(edits: &[Edit], before: &Document, after: &Document) -> Vec<Self> {
        let mut room = MOST_BYTES;
        let [old, new] = [before, after].map(Objects::of);
        let of_gateway = |document: &Document| document.value("gateway").cloned();
        let gateway = ("gateway".to_owned(), of_gateway(before), of_gateway(after));
        let objects = touched(edits, &old, &new).into_iter().map(|(list, name)| {
            let object =
                |objects: &Objects<'_>| objects.0.get(&(list, name)).map(|object| Value::Object((*object).clone()));
            (format!("{}[{name}]", list.name()), object(&old), object(&new))
        });
        let changed = objects.chain([gateway]).filter(|(_, before, after)| before != after);
        changed.take(MOST).map(|(path, before, after)| Self::bounded(path, before, after, &mut room)).collect()
    }

    fn bounded(path: String, before: Option<Value>, after: Option<Value>, room: &mut usize) -> Self {
        let [before, after] = [before, after].map(|value| value.map(secrets::without));
        let length = |value: &Option<Value>| value.as_ref().map_or(0, |value| value.to_string().len());
        match room.checked_sub(length(&before) + length(&after)) {
            Some(left) => {
                *room = left;
                Self { path, before, after, omitted: false }
            }
            None => Self { path, omitted: true, ..Self::default() },
        }
    }
}

// === impl Objects ===

impl<'d> Objects<'d> {
    fn of(document: &'d Document) -> Self {
        let of_list = |list| document.objects(list).filter_map(move |object| Some(((list, name_of(object)?), object)));
        Self(List::ALL.into_iter().flat_map(of_list).collect())
    }
}

/// The objects that edits may have changed.
fn touched<'o>(edits: &'o [Edit], old: &Objects<'o>, new: &Objects<'o>) -> BTreeSet<(List, &'o str)> {
    let mut touched = BTreeSet::new();
    for edit in edits {
        match edit {
            Edit::Create { list, object } => touched.extend(name_of(object).map(|name| (*list, name))),
            Edit::Put { list, name, .. } | Edit::Patch { list, name, .. } | Edit::Delete { list, name } => {
                touched.insert((*list, &**name));
            }
            Edit::PatchGateway { .. } => {}
            Edit::Replace { .. } => touched.extend(old.0.keys().chain(new.0.keys())),
        }
    }
    touched
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is no map"),
        }
    }

    #[test]
    fn what_edits_did_is_told_with_what_was_there() {
        let before = map(json!({ "routes": [{ "name": "a" }, { "name": "b", "token": "x" }] })).into();
        let edits = [
            Edit::Put { list: List::Routes, name: "a".into(), object: map(json!({})) },
            Edit::Patch { list: List::Routes, name: "b".into(), patch: json!({ "token": "y", "n": 1 }) },
            Edit::Create { list: List::Upstreams, object: map(json!({ "name": "u" })) },
            Edit::PatchGateway { patch: json!({ "zone": "z" }) },
        ];
        let after = revisions::edit::apply(&before, &edits).unwrap();
        let told = serde_json::to_value(Changed::of(&edits, &before, &after)).unwrap();
        let expected = json!([
            { "path": "upstreams[u]", "after": { "name": "u" } },
            {
                "path": "routes[b]",
                "before": { "name": "b", "token": "[redacted]" },
                "after": { "name": "b", "token": "[redacted]", "n": 1 },
            },
            { "path": "gateway", "after": { "zone": "z" } },
        ]);
        assert_eq!(told, expected, "what is as it was is not told");
        let edits = [Edit::Replace { document: before.clone() }];
        let told = Changed::of(&edits, &after, &before);
        assert_eq!(
            told.iter().map(|changed| &*changed.path).collect::<Vec<_>>(),
            ["upstreams[u]", "routes[b]", "gateway"]
        );
    }

    #[test]
    fn very_long_objects_are_named_only() {
        let object = |name: &str, length: usize| map(json!({ "name": name, "text": "x".repeat(length) }));
        let edits = [("a", MOST_BYTES), ("b", 1)]
            .map(|(name, length)| Edit::Create { list: List::Routes, object: object(name, length) });
        let after = revisions::edit::apply(&Document::default(), &edits).unwrap();
        let told = Changed::of(&edits, &Document::default(), &after);
        assert_eq!(
            told.iter().map(|changed| (&*changed.path, changed.omitted)).collect::<Vec<_>>(),
            [("routes[a]", true), ("routes[b]", false)]
        );
    }
}
