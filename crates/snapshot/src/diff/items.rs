//! Listeners, upstreams, routes and consumers, found again by their names.

use std::{collections::HashMap, fmt::Debug};

use model::{Model, Node};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Change,
    tree::{changes, shown},
};

/// What has become of a thing with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Item {
    Added {
        name: String,
        new: String,
    },
    Removed {
        name: String,
        old: String,
    },
    /// Nothing but its name has changed: logs and metrics tell it, callers notice nothing.
    Renamed {
        name: String,
        from: String,
    },
    Changed {
        name: String,
        changes: Vec<Change>,
    },
}

/// If more are gone, nobody has just renamed them, and to look at each for each that is new would take minutes.
const MOST_RENAMED: usize = 200;

/// Whether two things mean the same, however they are written.
pub(super) struct Meanings {
    /// `None`: what things refer to is numbered otherwise, so that nothing can be said.
    places: Option<Regex>,
}

/// The things of one list in one document, as they are written and as what they mean.
pub(super) struct Things<'d, M> {
    pub(super) nodes: &'d [Node],
    pub(super) meanings: &'d [M],
}

// === impl Meanings ===

impl Meanings {
    pub(super) fn of(old: &Model, new: &Model) -> Self {
        // Things refer to others by number, so numbers must stand for the same.
        let listeners =
            |model: &Model| model.listeners.iter().map(|listener| listener.name.clone()).collect::<Vec<_>>();
        let upstreams = |model: &Model| {
            let upstream = |upstream: &model::Upstream| (upstream.name.clone(), upstream.subsets.clone());
            model.upstreams.iter().map(upstream).collect::<Vec<_>>()
        };
        let is_alike = listeners(old) == listeners(new) && upstreams(old) == upstreams(new);
        let place = r#"Place \{ file: "(?:[^"\\]|\\.)*", line: \d+, column: \d+ \}"#;
        Self { places: Regex::new(place).ok().filter(|_| is_alike) }
    }

    /// Whether two parts of models are equal but for where they are written. `false` proves nothing.
    ///
    /// What a part shows of itself to developers shows all of it, but for secrets; then nothing is said either.
    pub(super) fn are_same<M: Debug>(&self, old: &M, new: &M) -> bool {
        let Some(places) = &self.places else { return false };
        let [old, new] = [old, new].map(|part| format!("{part:?}"));
        !old.contains("redacted") && places.replace_all(&old, "") == places.replace_all(&new, "")
    }
}

// === impl Item ===

impl Item {
    /// Everything that has changed, in the order of the new document, and then what is gone.
    pub(super) fn all<M: Debug>(old: &Things<'_, M>, new: &Things<'_, M>, meanings: &Meanings) -> Vec<Self> {
        let (old_names, new_names) = (old.by_name(), new.by_name());
        let mut gone: Vec<_> = old.names().filter(|name| !new_names.contains_key(name)).collect();
        let mut items = Vec::new();
        for (name, index) in new.names().zip(0..) {
            let node = &new.nodes[index];
            if let Some(before) = old_names.get(name) {
                if meanings.are_same(&old.meanings[*before], &new.meanings[index]) {
                    continue;
                }
                let changes = changes(Some(&old.nodes[*before]), Some(node));
                if !changes.is_empty() {
                    items.push(Self::Changed { name: name.to_owned(), changes });
                }
                continue;
            }
            let candidates = if gone.len() <= MOST_RENAMED { &*gone } else { &[] };
            match candidates.iter().position(|gone| is_same_but_name(&old.nodes[old_names[gone]], node)) {
                Some(from) => {
                    items.push(Self::Renamed { name: name.to_owned(), from: gone.remove(from).to_owned() });
                }
                None => items.push(Self::Added { name: name.to_owned(), new: shown(&nameless(node)) }),
            }
        }
        let removed =
            |name: &str| Self::Removed { name: name.to_owned(), old: shown(&nameless(&old.nodes[old_names[name]])) };
        items.extend(gone.into_iter().map(removed));
        items
    }
}

// === impl Things ===

impl<'d, M> Things<'d, M> {
    /// In order. Whatever was checked has a name.
    fn names(&self) -> impl Iterator<Item = &'d str> {
        self.nodes.iter().map(|node| node.get("name").and_then(Node::text).unwrap_or_default())
    }

    fn by_name(&self) -> HashMap<&'d str, usize> {
        self.names().zip(0..).collect()
    }
}

fn is_same_but_name(old: &Node, new: &Node) -> bool {
    nameless(old).says_the_same(&nameless(new))
}

fn nameless(node: &Node) -> Node {
    let entries = node.entries().iter().filter(|(key, _)| key.name != "name").cloned().collect();
    Node { place: node.place.clone(), value: model::Value::Map(entries) }
}
