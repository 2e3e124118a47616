//! What was read and told.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::wire::{DELETE, Event, KeyValue};

/// What is below a prefix at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    revision: i64,
    entries: BTreeMap<Vec<u8>, Entry>,
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub value: Bytes,
    /// Of the whole store, when the key was last written (`mod_revision`).
    pub revision: i64,
}

// === impl Keys ===

impl Keys {
    /// The newest revision of the store of which everything below the prefix is here.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    pub fn entries(&self) -> &BTreeMap<Vec<u8>, Entry> {
        &self.entries
    }

    pub fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All was read again; gives the keys in which it differs.
    pub(super) fn replace(&mut self, revision: i64, read: BTreeMap<Vec<u8>, Entry>) -> BTreeSet<Vec<u8>> {
        let before = std::mem::replace(&mut self.entries, read);
        self.revision = revision;
        let gone = before.keys().filter(|key| !self.entries.contains_key(*key));
        // The value is compared too: another store may have come to the same revisions.
        let set = self.entries.iter().filter(|(key, entry)| before.get(*key) != Some(entry)).map(|(key, _)| key);
        gone.chain(set).cloned().collect()
    }

    /// What a watch told that began behind `read`, the revision of the last reading; adds the keys to `changed`.
    pub(super) fn apply(&mut self, read: i64, events: Vec<Event>, changed: &mut BTreeSet<Vec<u8>>) {
        for event in events {
            let Some(KeyValue { key, mod_revision, value, .. }) = event.kv.filter(|kv| kv.mod_revision > read) else {
                continue;
            };
            self.revision = self.revision.max(mod_revision);
            changed.insert(key.clone());
            if event.kind == DELETE {
                self.entries.remove(&key);
            } else {
                self.entries.insert(key, Entry { value: value.into(), revision: mod_revision });
            }
        }
    }
}

// === impl Entry ===

impl From<KeyValue> for (Vec<u8>, Entry) {
    fn from(KeyValue { key, mod_revision, value, .. }: KeyValue) -> Self {
        (key, Entry { value: value.into(), revision: mod_revision })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(of: &[(&str, &str, i64)]) -> BTreeMap<Vec<u8>, Entry> {
        let entry = |&(key, value, revision): &(&str, &str, i64)| {
            (key.as_bytes().to_vec(), Entry { value: Bytes::copy_from_slice(value.as_bytes()), revision })
        };
        of.iter().map(entry).collect()
    }

    fn set(of: &[&str]) -> BTreeSet<Vec<u8>> {
        of.iter().map(|key| key.as_bytes().to_vec()).collect()
    }

    fn event(kind: i32, key: &str, value: &str, mod_revision: i64) -> Event {
        let kv = KeyValue { key: key.into(), mod_revision, value: value.into(), lease: 0 };
        Event { kind, kv: Some(kv) }
    }

    #[test]
    fn a_reading_tells_the_difference() {
        let mut keys = Keys::default();
        assert_eq!(keys.replace(5, entries(&[("a", "1", 2), ("b", "1", 3), ("c", "1", 4)])), set(&["a", "b", "c"]));
        assert_eq!(keys.replace(9, entries(&[("a", "1", 2), ("b", "2", 8), ("d", "1", 9)])), set(&["b", "c", "d"]));
        assert_eq!((keys.revision(), keys.replace(9, entries(&[])).len()), (9, 3));
    }

    #[test]
    fn a_store_that_begins_anew_is_another_store() {
        let mut keys = Keys::default();
        keys.replace(100, entries(&[("a", "1", 2), ("b", "1", 3)]));
        // The revisions are those of before, the values are not.
        assert_eq!(keys.replace(3, entries(&[("a", "x", 2), ("b", "1", 3)])), set(&["a"]));
        assert_eq!(keys.revision(), 3);
    }

    #[test]
    fn events_change_what_was_read() {
        let mut keys = Keys::default();
        keys.replace(5, entries(&[("a", "1", 2), ("b", "1", 3)]));
        let mut changed = BTreeSet::new();
        // One transaction, and a key that comes and goes.
        let events =
            vec![event(0, "a", "2", 6), event(DELETE, "b", "", 6), event(0, "c", "1", 7), event(1, "c", "", 8)];
        keys.apply(5, events, &mut changed);
        assert_eq!((keys.entries(), keys.revision()), (&entries(&[("a", "2", 6)]), 8));
        assert_eq!(changed, set(&["a", "b", "c"]));
    }

    #[test]
    fn events_of_before_the_reading_are_in_it_already() {
        let mut keys = Keys::default();
        keys.replace(5, entries(&[("a", "1", 5)]));
        let mut changed = BTreeSet::new();
        keys.apply(5, vec![event(1, "a", "", 4), event(0, "a", "0", 5), Event { kind: 0, kv: None }], &mut changed);
        assert_eq!((keys.entries(), changed), (&entries(&[("a", "1", 5)]), BTreeSet::new()));
    }
}
