//! The document that the API keeps.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::edit::{List, name_of};

/// JSON in which the lists of a document hold objects with names.
///
/// Those that come of one another share the objects that are the same in them: a change costs what it changes, and a pointer
/// for each of the other objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>")]
pub struct Document(BTreeMap<String, Part>);

/// What stands behind a key of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// One of the [lists](model::LISTS).
    Objects(Vec<Object>),
    Value(Value),
}

/// An item of a list, whatever it is. Nothing changes it any more.
#[derive(Clone)]
pub struct Object(Arc<Written>);

struct Written {
    value: Value,
    /// See [`Object::line`].
    line: OnceLock<Box<str>>,
}

// === impl Document ===

impl Document {
    pub fn get(&self, key: &str) -> Option<&Part> {
        self.0.get(key)
    }

    /// The value of a key that is none of the lists.
    pub fn value(&self, key: &str) -> Option<&Value> {
        match self.get(key)? {
            Part::Objects(_) => None,
            Part::Value(value) => Some(value),
        }
    }

    /// In the order of the keys.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &Part)> {
        self.0.iter().map(|(key, part)| (key.as_str(), part))
    }

    /// The objects of a list, as far as they are objects.
    pub fn objects(&self, list: List) -> impl Iterator<Item = &Map<String, Value>> {
        self.list(list).iter().filter_map(Object::map)
    }

    /// The object with this name.
    pub fn object(&self, list: List, name: &str) -> Option<&Map<String, Value>> {
        self.objects(list).find(|object| name_of(object) == Some(name))
    }

    fn list(&self, list: List) -> &[Object] {
        match self.get(list.name()) {
            Some(Part::Objects(objects)) => objects,
            _ => &[],
        }
    }

    /// What stands in it that `before` does not share.
    pub fn fresh<'d>(&'d self, before: &'d Self) -> impl Iterator<Item = &'d Value> {
        self.0.iter().flat_map(|(key, part)| {
            let old = before.get(key);
            let (value, objects) = match part {
                Part::Value(value) => (Some(value).filter(|_| old != Some(part)), &[][..]),
                Part::Objects(objects) => (None, &objects[..]),
            };
            let others = match old {
                Some(Part::Objects(others)) => &others[..],
                _ => &[],
            };
            value.into_iter().chain(unshared(objects, others))
        })
    }

    /// The same, which shares with another document what is the same there.
    pub fn sharing_with(mut self, other: &Self) -> Self {
        for (key, part) in &mut self.0 {
            let (Part::Objects(objects), Some(Part::Objects(others))) = (part, other.get(key)) else { continue };
            let named = others.iter().filter_map(|object| Some((object.name()?, object)));
            let named: HashMap<_, _> = named.collect();
            for object in objects {
                let same = object.name().and_then(|name| named.get(name)).filter(|same| ***same == *object);
                if let Some(same) = same {
                    *object = (*same).clone();
                }
            }
        }
        self
    }

    /// A copy of all of it.
    pub fn to_map(&self) -> Map<String, Value> {
        self.parts().map(|(key, part)| (key.to_owned(), part.to_value())).collect()
    }

    /// Writes it as JSON, made of the [lines](Object::line) of its objects.
    pub(crate) fn write_json(&self, json: &mut String) {
        json.push('{');
        for (index, (key, part)) in self.parts().enumerate() {
            separate(json, index);
            model::yaml_line(json, &Value::from(key));
            json.push(':');
            match part {
                Part::Value(value) => model::yaml_line(json, value),
                Part::Objects(objects) => {
                    json.push('[');
                    for (index, object) in objects.iter().enumerate() {
                        separate(json, index);
                        json.push_str(object.line());
                    }
                    json.push(']');
                }
            }
        }
        json.push('}');
    }

    /// The list, which is there from now on; `None` if something else is.
    pub(crate) fn list_mut(&mut self, list: List) -> Option<&mut Vec<Object>> {
        match self.0.entry(list.name().to_owned()).or_insert_with(|| Part::Objects(Vec::new())) {
            Part::Objects(objects) => Some(objects),
            Part::Value(_) => None,
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Part> {
        self.0.remove(key)
    }

    /// Puts something behind a key.
    pub fn insert(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), Part::new(key, value));
    }
}

fn separate(json: &mut String, index: usize) {
    if index > 0 {
        json.push(',');
    }
}

/// What is in `objects` and not in `others`: most stand in both, in the same order.
fn unshared<'o>(objects: &'o [Object], others: &'o [Object]) -> impl Iterator<Item = &'o Value> {
    let is_same = |(object, other): &(&Object, &Object)| object.is_shared(other);
    let front = objects.iter().zip(others).take_while(is_same).count();
    let (objects, others) = (&objects[front..], &others[front..]);
    let back = objects.iter().rev().zip(others.iter().rev()).take_while(is_same).count();
    let (objects, others) = (&objects[..objects.len() - back], &others[..others.len() - back]);
    let others: HashSet<_> = others.iter().map(|other| Arc::as_ptr(&other.0)).collect();
    objects.iter().filter(move |object| !others.contains(&Arc::as_ptr(&object.0))).map(Object::value)
}

impl From<Map<String, Value>> for Document {
    fn from(map: Map<String, Value>) -> Self {
        let part = |(key, value): (String, Value)| {
            let part = Part::new(&key, value);
            (key, part)
        };
        Self(map.into_iter().map(part).collect())
    }
}

// === impl Part ===

impl Part {
    fn new(key: &str, value: Value) -> Self {
        match value {
            Value::Array(items) if model::LISTS.contains(&key) => {
                Self::Objects(items.into_iter().map(Object::new).collect())
            }
            value => Self::Value(value),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Objects(objects) => objects.iter().map(|object| object.value().clone()).collect(),
            Self::Value(value) => value.clone(),
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Objects(objects) => serializer.collect_seq(objects.iter().map(Object::value)),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

// === impl Object ===

impl Object {
    pub(crate) fn new(value: Value) -> Self {
        Self(Arc::new(Written { value, line: OnceLock::new() }))
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0.value
    }

    /// `None`: it is no map, and no good.
    fn map(&self) -> Option<&Map<String, Value>> {
        self.value().as_object()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.map().and_then(name_of)
    }

    /// As JSON on one line, in characters that mean themselves in YAML (see [`model::yaml_line`]). Made once.
    pub fn line(&self) -> &str {
        self.0.line.get_or_init(|| {
            let mut line = String::new();
            model::yaml_line(&mut line, self.value());
            line.into()
        })
    }

    fn is_shared(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared(other) || self.value() == other.value()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: Value) -> Document {
        serde_json::from_value(value).unwrap()
    }

    fn odd() -> Value {
        json!({
            "routes": [{ "name": "a", "t": "${HOME}\u{2028}" }, { "name": "b" }, 5, {}],
            "upstreams": [],
            "listeners": { "no": "list" },
            "tests": [{ "request": "GET /" }],
            "gateway": { "grace": "1s" },
            "k": [1, null],
        })
    }

    #[test]
    fn whatever_is_written_comes_back() {
        let kept = document(odd());
        assert_eq!(Value::Object(kept.to_map()), odd());
        assert_eq!(serde_json::to_value(&kept).unwrap(), odd());
        for value in [odd(), json!({})] {
            let mut text = String::new();
            document(value.clone()).write_json(&mut text);
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn only_what_differs_is_fresh() {
        let before = document(odd());
        let copy = before.clone();
        assert_eq!(copy.fresh(&before).count(), 0);
        let mut changed = odd();
        changed["routes"].as_array_mut().unwrap().swap(0, 1);
        changed["routes"][1]["t"] = json!(1);
        changed["k"] = json!(2);
        let read = document(changed.clone());
        assert_eq!(read.fresh(&before).count(), 6, "nothing is shared but what has no objects");
        let shared = read.sharing_with(&before);
        assert_eq!(Value::Object(shared.to_map()), changed);
        // What has no name is nobody's other version.
        let expected = [json!(2), json!({ "name": "a", "t": 1 }), json!(5), json!({}), json!({ "request": "GET /" })];
        assert_eq!(shared.fresh(&before).cloned().collect::<Vec<_>>(), expected);
        assert_eq!(Document::default().fresh(&before).count(), 0);
    }

    #[test]
    fn the_same_is_equal_wherever_it_stands_in_memory() {
        assert_eq!(document(odd()), document(odd()));
        let mut other = odd();
        other["routes"][3] = json!({ "name": "c" });
        assert_ne!(document(other), document(odd()));
    }
}
