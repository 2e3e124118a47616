//! Two trees, key by key.

use model::{Key, Node, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A key whose value has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// From the thing that has changed: `match.methods`, `endpoints.127.0.0.1:9001.weight`.
    pub key: String,
    #[serde(flatten)]
    pub what: What,
}

/// What has become of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    Added {
        new: String,
    },
    Removed {
        old: String,
    },
    Changed {
        old: String,
        new: String,
    },
    /// What it was and what it is may be secrets.
    Hidden,
}

/// Keys whose values may be secrets, with everything below them.
const SECRET: [&str; 4] = ["secret", "credentials", "token", "password"];

/// By which the items of a list are known, if they are maps.
const IDENTITIES: [&str; 4] = ["name", "address", "cert", "upstream"];

/// More of a value than this is cut off.
const SHOWN: usize = 120;

/// Everything that differs between two values, those of the new one first.
pub(super) fn changes(old: Option<&Node>, new: Option<&Node>) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&Path::default(), old, new, &mut found);
    found
}

/// A value on one line, as YAML writes it, without what may be a secret; cut off if it is long.
pub(super) fn shown(node: &Node) -> String {
    cut(flow(node))
}

/// Where a value stands.
#[derive(Debug, Clone, Default)]
struct Path {
    text: String,
    /// Values here are not shown.
    hidden: bool,
    /// A list of policies.
    policies: bool,
}

fn compare(path: &Path, old: Option<&Node>, new: Option<&Node>, found: &mut Vec<Change>) {
    let what = match (old, new) {
        (None, None) => return,
        (None, Some(new)) => What::Added { new: path.show(new) },
        (Some(old), None) => What::Removed { old: path.show(old) },
        (Some(old), Some(new)) => match (&old.value, &new.value) {
            (Value::Map(_), Value::Map(_)) => return maps(path, old, new, found),
            (Value::List(_), Value::List(_)) if have_identities(path, [old, new]) => {
                return lists(path, old, new, found);
            }
            // The short form of a thing is what it is known by.
            (Value::Text(text), Value::Map(_)) if path.identity(new) == Some(text) => {
                return maps(path, old, new, found);
            }
            (Value::Map(_), Value::Text(text)) if path.identity(old) == Some(text) => {
                return maps(path, old, new, found);
            }
            _ if old.says_the_same(new) => return,
            _ => match [old, new].map(|node| path.show(node)) {
                [old, new] if old == new => What::Hidden,
                [old, new] => What::Changed { old, new },
            },
        },
    };
    found.push(Change { key: path.text.clone(), what });
}

/// Compares maps, one of which may be the short form of one.
fn maps(path: &Path, old: &Node, new: &Node, found: &mut Vec<Change>) {
    let said = |short: &Node, value: &Node| short.text().is_some_and(|text| value.text() == Some(text));
    for (key, value) in new.entries().iter().filter(|(_, value)| !said(old, value)) {
        compare(&path.to(&key.name), old.get(&key.name), Some(value), found);
    }
    for (key, value) in old.entries().iter().filter(|(key, value)| new.get(&key.name).is_none() && !said(new, value)) {
        compare(&path.to(&key.name), Some(value), None, found);
    }
}

/// Compares lists whose items are known by something.
fn lists(path: &Path, old: &Node, new: &Node, found: &mut Vec<Change>) {
    let before = found.len();
    for (name, item) in path.identities(new) {
        let old = path.identities(old).find(|(old, _)| *old == name).map(|(_, item)| item);
        compare(&path.to(name), old.map(|old| path.essence(old)), Some(path.essence(item)), found);
    }
    for (name, item) in path.identities(old).filter(|(old, _)| path.identities(new).all(|(new, _)| new != *old)) {
        compare(&path.to(name), Some(path.essence(item)), None, found);
    }
    // Policies of one stage run in the order written.
    let names = |list| path.identities(list).map(|(name, _)| name);
    if path.policies && found.len() == before && !names(old).eq(names(new)) {
        let what = What::Changed { old: path.show(old), new: path.show(new) };
        found.push(Change { key: path.text.clone(), what });
    }
}

/// Whether all items are known by something, and each by something else.
fn have_identities(path: &Path, lists: [&Node; 2]) -> bool {
    lists.iter().all(|list| {
        let mut names: Vec<_> = path.identities(list).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names.len() == list.items().len()
    })
}

fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn flow(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) if text.is_empty() || text.contains(|c: char| c.is_control() || ",{}[]\"".contains(c)) => {
            format!("{text:?}")
        }
        Value::Text(text) => text.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Map(entries) => {
            let entry =
                |(key, value): &(Key, Node)| format!("{}: {}", key.name, Path::default().to(&key.name).show(value));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// What a policy is called.
fn kind(policy: &Node) -> Option<&Key> {
    policy.entries().iter().map(|(key, _)| key).find(|key| key.name != "when")
}

// === impl Path ===

impl Path {
    fn to(&self, key: &str) -> Self {
        let dot = if self.text.is_empty() { "" } else { "." };
        Self {
            text: format!("{}{dot}{key}", self.text),
            // Which settings of a policy are secrets, only its kind knows.
            hidden: self.hidden || self.policies || SECRET.contains(&key),
            policies: key == "policies",
        }
    }

    fn show(&self, node: &Node) -> String {
        if self.policies {
            let kinds: Vec<_> = node.items().iter().filter_map(kind).map(|key| &*key.name).collect();
            return format!("[{}]", kinds.join(", "));
        }
        if self.hidden { "…".to_owned() } else { shown(node) }
    }

    /// What an item of a list here is known by: a text by itself, a map by what names it or by its only key.
    fn identity<'n>(&self, item: &'n Node) -> Option<&'n str> {
        if self.policies {
            return kind(item).map(|key| &*key.name);
        }
        let named = || IDENTITIES.iter().find_map(|key| item.get(key)?.text());
        let only = || match item.entries() {
            [(key, _)] => Some(&*key.name),
            _ => None,
        };
        item.text().or_else(named).or_else(only)
    }

    /// The items of a list that are known by something, with that.
    fn identities<'n>(&self, list: &'n Node) -> impl Iterator<Item = (&'n str, &'n Node)> {
        list.items().iter().filter_map(|item| Some((self.identity(item)?, item)))
    }

    /// What of an item can differ from another one that is known by the same: of a policy alone, its settings.
    fn essence<'n>(&self, item: &'n Node) -> &'n Node {
        match item.entries() {
            [(_, settings)] if self.policies => settings,
            _ => item,
        }
    }
}
