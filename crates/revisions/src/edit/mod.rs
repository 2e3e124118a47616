//! Changes of a document, applied whole or not at all. Pure.

/// RFC 7396.
mod merge_patch;

use std::{collections::HashMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Document,
    document::{Object, Part},
};

pub use merge_patch::merge_patch;

/// A list of a document, whose objects are found by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum List {
    Listeners,
    Upstreams,
    Routes,
    Consumers,
    Operators,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// A new object, behind the others.
    Create {
        list: List,
        object: Map<String, Value>,
    },
    /// The object as it shall be, whether or not there is one; it keeps its place among the others.
    Put {
        list: List,
        name: String,
        object: Map<String, Value>,
    },
    /// Some keys of an object (RFC 7396): `null` takes a key away.
    Patch {
        list: List,
        name: String,
        patch: Value,
    },
    Delete {
        list: List,
        name: String,
    },
    /// Some keys of `gateway`.
    PatchGateway {
        patch: Value,
    },
    /// Another document in place of this one.
    Replace {
        #[schemars(with = "Map<String, Value>")]
        document: Document,
    },
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditError {
    /// Which of the edits, from 0.
    pub index: usize,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is none, and who has the nearest name.
    Missing {
        list: List,
        name: String,
        nearest: Option<String>,
    },
    Exists {
        list: List,
        name: String,
    },
    /// An object without a name, or with another one than it is asked for by.
    Name {
        list: List,
        expected: Option<String>,
        found: Option<String>,
    },
    /// What is there, or comes of it, is no map or no list.
    Shape(String),
}

/// Where objects stand in their lists, by their names: as many edits as there are objects would else look at each for each.
#[derive(Default)]
struct Places {
    by_name: HashMap<List, HashMap<String, usize>>,
    /// There is but one edit, and whoever looks once needs no index.
    is_single: bool,
}

// === impl List ===

impl List {
    pub const ALL: [Self; 5] = [Self::Listeners, Self::Upstreams, Self::Routes, Self::Consumers, Self::Operators];

    /// As documents call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listeners => "listeners",
            Self::Upstreams => "upstreams",
            Self::Routes => "routes",
            Self::Consumers => "consumers",
            Self::Operators => "operators",
        }
    }

    /// One of its objects, as people call it.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Listeners => "listener",
            Self::Upstreams => "upstream",
            Self::Routes => "route",
            Self::Consumers => "consumer",
            Self::Operators => "operator",
        }
    }

    /// By its name, in one spelling only.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }
}

/// `document` after all `edits`, in their order. It shares with it what the edits do not touch.
///
/// # Errors
/// One of them cannot be made; then none is.
pub fn apply(document: &Document, edits: &[Edit]) -> Result<Document, EditError> {
    let mut edited = document.clone();
    let mut places = Places { is_single: edits.len() == 1, ..Places::default() };
    for (index, edit) in edits.iter().enumerate() {
        edit.apply(&mut edited, &mut places).map_err(|why| EditError { index, why })?;
    }
    Ok(edited)
}

/// The name of an object, if it has one.
pub fn name_of(object: &Map<String, Value>) -> Option<&str> {
    object.get("name").and_then(Value::as_str)
}

// === impl Edit ===

impl Edit {
    fn apply(&self, document: &mut Document, places: &mut Places) -> Result<(), Why> {
        match self {
            Self::Create { list, object } => create(document, places, *list, object),
            Self::Put { list, name, object } => put(document, places, *list, name, object),
            Self::Patch { list, name, patch } => {
                let objects = list_of(document, *list)?;
                let at = places.find(*list, objects, name).ok_or_else(|| missing(*list, objects, name))?;
                let patched = merge_patch(objects[at].value().clone(), patch);
                objects[at] = named(patched, *list, name)?;
                Ok(())
            }
            Self::Delete { list, name } => {
                let objects = list_of(document, *list)?;
                let before = objects.len();
                objects.retain(|object| object.name() != Some(name));
                if objects.len() == before {
                    return Err(missing(*list, objects, name));
                }
                places.forget(*list);
                if objects.is_empty() {
                    document.remove(list.name());
                }
                Ok(())
            }
            Self::PatchGateway { patch } => {
                let gateway = match document.remove("gateway") {
                    Some(Part::Value(gateway)) => gateway,
                    _ => Value::Object(Map::new()),
                };
                match merge_patch(gateway, patch) {
                    Value::Object(gateway) if gateway.is_empty() => Ok(()),
                    gateway @ Value::Object(_) => {
                        document.insert("gateway", gateway);
                        Ok(())
                    }
                    _ => Err(Why::Shape("`gateway` is a map".to_owned())),
                }
            }
            Self::Replace { document: other } => {
                *document = other.clone().sharing_with(document);
                *places = Places::default();
                Ok(())
            }
        }
    }
}

fn create(document: &mut Document, places: &mut Places, list: List, new: &Map<String, Value>) -> Result<(), Why> {
    let name = name_of(new).ok_or(Why::Name { list, expected: None, found: None })?;
    let objects = list_of(document, list)?;
    if places.find(list, objects, name).is_some() {
        return Err(Why::Exists { list, name: name.to_owned() });
    }
    places.push(list, objects, name, Object::new(Value::Object(new.clone())));
    Ok(())
}

fn put(
    document: &mut Document,
    places: &mut Places,
    list: List,
    name: &str,
    new: &Map<String, Value>,
) -> Result<(), Why> {
    let mut new = new.clone();
    // Who says it in the address need not say it again.
    new.entry("name").or_insert_with(|| name.into());
    let new = named(Value::Object(new), list, name)?;
    let objects = list_of(document, list)?;
    match places.find(list, objects, name) {
        Some(at) => objects[at] = new,
        None => places.push(list, objects, name, new),
    }
    Ok(())
}

/// `value`, if it is an object of this name.
fn named(value: Value, list: List, name: &str) -> Result<Object, Why> {
    let Value::Object(object) = &value else {
        return Err(Why::Shape(format!("a {} is a map", list.singular())));
    };
    match name_of(object) {
        Some(found) if found == name => Ok(Object::new(value)),
        found => {
            let found = found.map(str::to_owned);
            Err(Why::Name { list, expected: Some(name.to_owned()), found })
        }
    }
}

fn missing(list: List, objects: &[Object], name: &str) -> Why {
    let nearest = model::nearest(name, objects.iter().filter_map(Object::name)).map(str::to_owned);
    Why::Missing { list, name: name.to_owned(), nearest }
}

fn list_of(document: &mut Document, list: List) -> Result<&mut Vec<Object>, Why> {
    document.list_mut(list).ok_or_else(|| Why::Shape(format!("`{}` is a list", list.name())))
}

// === impl Places ===

impl Places {
    /// Where the first object of this name is.
    fn find(&mut self, list: List, objects: &[Object], name: &str) -> Option<usize> {
        if self.is_single {
            return objects.iter().position(|object| object.name() == Some(name));
        }
        let places = self.by_name.entry(list).or_insert_with(|| {
            let mut places = HashMap::with_capacity(objects.len());
            for (at, object) in objects.iter().enumerate() {
                if let Some(name) = object.name() {
                    places.entry(name.to_owned()).or_insert(at);
                }
            }
            places
        });
        places.get(name).copied()
    }

    /// Puts an object behind the others, none of which has its name.
    fn push(&mut self, list: List, objects: &mut Vec<Object>, name: &str, new: Object) {
        if let Some(places) = self.by_name.get_mut(&list) {
            places.insert(name.to_owned(), objects.len());
        }
        objects.push(new);
    }

    /// They have moved.
    fn forget(&mut self, list: List) {
        self.by_name.remove(&list);
    }
}

// === impl EditError ===

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl std::error::Error for EditError {}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { list, name, nearest: None } => write!(f, "there is no {} `{name}`", list.singular()),
            Self::Missing { list, name, nearest: Some(nearest) } => {
                write!(f, "there is no {} `{name}`; did you mean `{nearest}`?", list.singular())
            }
            Self::Exists { list, name } => {
                write!(f, "there is a {} `{name}` already; put or patch it", list.singular())
            }
            Self::Name { list, expected: None, .. } => write!(f, "a new {} needs a `name`", list.singular()),
            Self::Name { expected: Some(expected), found: None, .. } => {
                write!(f, "`name` must stay `{expected}`")
            }
            Self::Name { expected: Some(expected), found: Some(found), .. } => {
                write!(
                    f,
                    "`name` is `{found}`, and it was asked for `{expected}`; delete it and create another to rename it"
                )
            }
            Self::Shape(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests;
