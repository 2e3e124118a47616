//! Objects and documents as people are shown them: as their owners wrote them, but for secrets.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use model::Node;
use revisions::edit::{self, List};
use serde_json::{Map, Value};
use snapshot::{ObjectTold, Owner, redact};
use twox_hash::XxHash3_64;

use super::ours::owner;
use crate::{
    Control,
    source::{self, Text, Whose},
};

/// The objects that the API does not keep, with their secrets. They are read again only when their owners have written something
/// else.
pub(crate) struct Others {
    texts: Vec<Text>,
    by_list: BTreeMap<&'static str, Vec<ObjectTold>>,
}

// === impl Control ===

impl Control {
    /// The objects of a list of the document that is live, in their order.
    pub fn objects(&self, list: List) -> Vec<ObjectTold> {
        let mut told = self.objects_with_secrets(list);
        told.iter_mut().for_each(|told| redact(&mut told.object));
        told
    }

    /// One of them: what is written of the others is not looked at.
    pub fn object(&self, list: List, name: &str) -> Option<ObjectTold> {
        let mut told = self.object_with_secrets(list, name)?;
        redact(&mut told.object);
        Some(told)
    }

    /// A consumer with the hashes of its keys, for whoever makes or takes one of them.
    pub fn consumer(&self, name: &str) -> Option<ObjectTold> {
        self.object_with_secrets(List::Consumers, name)
    }

    fn objects_with_secrets(&self, list: List) -> Vec<ObjectTold> {
        let revision = self.state().revision.clone();
        let others = self.others();
        let others = others.by_list.get(list.name()).map(Vec::as_slice).unwrap_or_default();
        let is_file = |told: &&ObjectTold| matches!(told.owner, Owner::File { .. });
        let mut told: Vec<_> = others.iter().filter(is_file).cloned().collect();
        let files: HashSet<_> = told.iter().map(|told| told.name.clone()).collect();
        if let Some(revision) = &revision {
            let ours = revision.document.objects(list).filter_map(whole);
            told.extend(ours.filter(|told| !files.contains(&told.name)));
        }
        let known: HashSet<_> = told.iter().map(|told| told.name.clone()).collect();
        told.extend(others.iter().filter(|told| !is_file(told) && !known.contains(&told.name)).cloned());
        told
    }

    fn object_with_secrets(&self, list: List, name: &str) -> Option<ObjectTold> {
        let revision = self.state().revision.clone();
        let others = self.others();
        let other = others.by_list.get(list.name()).and_then(|told| told.iter().find(|told| told.name == name));
        if let Some(told) = other.filter(|told| matches!(told.owner, Owner::File { .. })) {
            return Some(told.clone());
        }
        let kept = revision.as_ref().and_then(|revision| revision.document.object(list, name));
        kept.and_then(whole).or_else(|| other.cloned())
    }

    /// The document that is live, or only what the API keeps of it.
    pub fn document(&self, only_ours: bool) -> Map<String, Value> {
        let (texts, revision) = {
            let state = self.state();
            (state.texts.clone(), state.revision.clone())
        };
        let mut document = if only_ours {
            revision.map(|revision| revision.document.to_map()).unwrap_or_default()
        } else {
            source::tree(&self.main, &texts).as_ref().map(Node::json_map).unwrap_or_default()
        };
        redact(&mut document);
        document
    }

    fn others(&self) -> Arc<Others> {
        let texts = self.state().texts.clone();
        let texts: Vec<_> = texts.iter().filter(|text| text.whose != Whose::Api).cloned().collect();
        let known = self.state().others.clone();
        if let Some(known) = known.filter(|known| known.are_of(&texts)) {
            return known;
        }
        let root = source::tree(&self.main, &texts);
        let of = |list: List| {
            let items = root.iter().flat_map(move |root| root.near(list.name()).items());
            items.filter_map(|node| theirs(node, &texts))
        };
        let by_list = List::ALL.into_iter().map(|list| (list.name(), of(list).collect())).collect();
        let others = Arc::new(Others { texts, by_list });
        self.state().others = Some(others.clone());
        others
    }
}

// === impl Others ===

impl Others {
    fn are_of(&self, texts: &[Text]) -> bool {
        let is_same = |(one, other): (&Text, &Text)| {
            let (one, other) = (&one.written, &other.written);
            one.name == other.name && (Arc::ptr_eq(&one.text, &other.text) || one.text == other.text)
        };
        self.texts.len() == texts.len() && self.texts.iter().zip(texts).all(is_same)
    }
}

/// An object of files or catalogs, with its secrets.
fn theirs(node: &Node, texts: &[Text]) -> Option<ObjectTold> {
    let name = node.get("name")?.text()?.to_owned();
    let whose = texts.iter().find(|text| text.written.name == node.place.file)?.whose;
    let object = node.json_map();
    Some(ObjectTold { name, owner: owner(whose, &node.place), tag: tag(&object), object })
}

/// An object of the API, with its secrets.
fn whole(object: &Map<String, Value>) -> Option<ObjectTold> {
    let name = edit::name_of(object)?.to_owned();
    Some(ObjectTold { name, owner: Owner::Api, tag: tag(object), object: object.clone() })
}

/// Another one for each change of an object. Of its secrets it tells sixteen bits, so that nobody finds them by trying.
pub(super) fn tag(object: &Map<String, Value>) -> String {
    // Keys of maps are in order, so that the same object is the same text.
    let hash = |object: &Map<String, Value>| XxHash3_64::oneshot(Value::Object(object.clone()).to_string().as_bytes());
    let mut shown = object.clone();
    redact(&mut shown);
    format!("{:016x}{:04x}", hash(&shown), hash(object) & 0xffff)
}
