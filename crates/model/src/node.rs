//! A document as a tree in which everything knows where it was written.

use std::{fmt, sync::Arc};

/// Where something was written: `file:line:column`, both counted from 1.
///
/// Documents that did not come from a file carry the name of their source (`api`, `etcd:/sluice/routes/a`) instead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order written.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub place: Place,
    pub name: String,
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

// === impl Node ===

impl Node {
    /// The value of a key; `None` if this is no map or has no such key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    /// The key itself, for its place.
    pub fn key(&self, key: &str) -> Option<&Key> {
        self.entries().iter().find(|(k, _)| k.name == key).map(|(key, _)| key)
    }

    /// The value of a key, or this node where there is none: the nearest place that a problem can name.
    pub fn near(&self, key: &str) -> &Node {
        self.get(key).unwrap_or(self)
    }

    /// The item of a list, or this node where there is none.
    pub fn item(&self, index: usize) -> &Node {
        self.items().get(index).unwrap_or(self)
    }

    /// The entries of a map in the order written; none if this is no map.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none if this is no list.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Whether the same is written here and there; the order of keys does not matter.
    pub fn says_the_same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::List(items), Value::List(others)) => {
                items.len() == others.len() && items.iter().zip(others).all(|(item, other)| item.says_the_same(other))
            }
            (Value::Map(entries), Value::Map(others)) => {
                let is_there =
                    |(key, node): &(Key, Node)| other.get(&key.name).is_some_and(|it| node.says_the_same(it));
                entries.len() == others.len() && entries.iter().all(is_there)
            }
            (one, other) => one == other,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same without its places.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(_) => self.json_map().into(),
        }
    }

    /// The entries of a map, without their places; none if this is no map.
    pub fn json_map(&self) -> serde_json::Map<String, serde_json::Value> {
        self.entries().iter().map(|(key, node)| (key.name.clone(), node.json())).collect()
    }

    /// What was found here, in words for a problem: "the number 5", "a list".
    pub fn describe(&self) -> String {
        const SHOWN: usize = 60;
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Integer(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Value::Text(text) => match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("the text `{}…`", &text[..end]),
                None => format!("the text `{text}`"),
            },
            Value::List(items) if items.is_empty() => "an empty list".to_owned(),
            Value::Map(entries) if entries.is_empty() => "an empty map".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}
