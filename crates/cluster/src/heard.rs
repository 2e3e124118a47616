//! What the watch has told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use etcd::{Follower, Keys};
use revisions::Meta;
use tokio::sync::watch;
use upstream::discovery::Failure;

use crate::{
    Node,
    layout::{Layout, Watched},
    stored::Stored,
};

/// What etcd holds, as far as it was told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Whether it was ever told.
    pub(crate) is_read: bool,
    latest: Option<Result<u64, String>>,
    metas: BTreeMap<u64, Result<Arc<Stored>, String>>,
    nodes: BTreeMap<String, Node>,
    /// Why it may be old.
    pub(crate) failure: Option<Failure>,
}

/// What is to be in force.
#[derive(Debug, PartialEq)]
pub(crate) enum Wanted {
    /// Nothing was told yet.
    Unknown,
    /// There is no revision.
    Nothing,
    Revision(Arc<Stored>),
    /// There is one that nobody here can read.
    Unreadable(String),
}

/// Takes what the watch tells.
pub(crate) struct Ear {
    pub(crate) layout: Layout,
    pub(crate) heard: watch::Sender<Heard>,
}

// === impl Heard ===

impl Heard {
    pub(crate) fn wanted(&self) -> Wanted {
        let number = match &self.latest {
            None if self.is_read => return Wanted::Nothing,
            None => return Wanted::Unknown,
            Some(Err(why)) => return Wanted::Unreadable(why.clone()),
            Some(Ok(number)) => number,
        };
        match self.metas.get(number) {
            Some(Ok(stored)) => Wanted::Revision(stored.clone()),
            Some(Err(why)) => Wanted::Unreadable(format!("revision {number}: {why}")),
            None => Wanted::Unreadable(format!("revision {number} is the latest, and there is none of this number")),
        }
    }

    /// The number of the newest revision; 0 without one.
    pub(crate) fn latest(&self) -> u64 {
        match self.latest {
            Some(Ok(number)) => number,
            _ => 0,
        }
    }

    /// Whether there is no word of revisions at all, as in a store that was wiped.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_read && self.latest.is_none()
    }

    pub(crate) fn meta(&self, number: u64) -> Option<&Result<Arc<Stored>, String>> {
        self.metas.get(&number)
    }

    /// The newest first.
    pub(crate) fn metas(&self, before: Option<u64>, most: usize) -> Vec<Meta> {
        let until = before.unwrap_or(u64::MAX).min(self.latest().saturating_add(1));
        let readable = self.metas.range(..until).rev().filter_map(|(_, stored)| stored.as_ref().ok());
        readable.take(most).map(|stored| stored.meta.clone()).collect()
    }

    pub(crate) fn nodes(&self) -> Vec<(String, Node)> {
        self.nodes.iter().map(|(instance, node)| (instance.clone(), node.clone())).collect()
    }

    fn take(&mut self, about: &Watched<'_>, value: Option<&[u8]>) {
        match about {
            Watched::Latest => self.latest = value.map(number),
            Watched::Meta(number) => match value {
                Some(value) => _ = self.metas.insert(*number, Stored::read(*number, value).map(Arc::new)),
                None => _ = self.metas.remove(number),
            },
            Watched::Node(instance) => match value.and_then(|value| serde_json::from_slice(value).ok()) {
                Some(node) => _ = self.nodes.insert((*instance).to_owned(), node),
                None => _ = self.nodes.remove(*instance),
            },
            Watched::Foreign => {}
        }
    }
}

// === impl Ear ===

impl Follower for Ear {
    fn changed(&mut self, keys: &Keys, changed: &BTreeSet<Vec<u8>>) {
        self.heard.send_modify(|heard| {
            heard.is_read = true;
            heard.failure = None;
            for key in changed {
                heard.take(&self.layout.read(key), keys.get(key).map(|entry| &*entry.value));
            }
        });
    }

    fn failed(&mut self, failure: Failure) {
        self.heard.send_modify(|heard| heard.failure = Some(failure));
    }
}

/// What `latest` says.
pub(crate) fn number(value: &[u8]) -> Result<u64, String> {
    let text = String::from_utf8_lossy(value);
    text.parse().map_err(|_| format!("`latest` is `{}`, which is no number", text.escape_debug()))
}
