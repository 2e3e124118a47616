//! Whom the document knows, and the keys that show who it is.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use hashbrown::HashTable;
use http::HeaderValue;
use message::Consumer;
use model::values::SecretHash;

use crate::Stamp;

/// Made once per document, and asked by policies that identify callers.
///
/// What is known of a key is found by its hash: one table of numbers, in which the time of a search says nothing of a key.
#[derive(Debug, Default)]
pub struct Consumers {
    keys: HashTable<Key>,
    by_name: HashMap<Arc<str>, Arc<Caller>>,
}

/// A consumer, in the forms that it is told in.
#[derive(Debug)]
pub struct Caller {
    pub consumer: Arc<Consumer>,
    /// Its name as the value of a field.
    pub name: HeaderValue,
    /// Its groups as the value of a field, with commas between them; `None`: it is in none.
    pub groups: Option<HeaderValue>,
    credentials: Box<[Credential]>,
}

/// When a credential was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsed {
    /// Of the credential.
    pub id: Arc<str>,
    /// To the minute; `None`: not by this process.
    pub last: Option<SystemTime>,
}

/// Why a key shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadKey {
    /// No key is that long, and none is made the hash of.
    TooLong,
    Unknown,
    Expired,
}

#[derive(Debug)]
struct Credential {
    written: model::Credential,
    last: Arc<Stamp>,
}

#[derive(Debug)]
struct Key {
    hash: SecretHash,
    not_after: Option<SystemTime>,
    caller: Arc<Caller>,
    last: Arc<Stamp>,
}

/// In bytes.
const LONGEST_KEY: usize = 256;

// === impl Consumers ===

impl Consumers {
    /// The very same as `previous`, if nothing has changed. A credential that stays keeps the time when it was last used.
    pub fn new(written: &[model::Consumer], previous: Option<&Arc<Self>>) -> Arc<Self> {
        if let Some(previous) = previous.filter(|previous| previous.are(written)) {
            return previous.clone();
        }
        let callers = || written.iter().map(|consumer| Caller::new(consumer, previous.map(|previous| &**previous)));
        let by_name: HashMap<_, _> = callers().map(|caller| (caller.consumer.name.clone(), Arc::new(caller))).collect();
        let mut keys = HashTable::with_capacity(by_name.values().map(|caller| caller.credentials.len()).sum());
        for caller in by_name.values() {
            for Credential { written, last } in &caller.credentials {
                let model::Credential { hash, not_after, .. } = *written;
                let key = Key { hash, not_after, caller: caller.clone(), last: last.clone() };
                keys.insert_unique(index(&hash), key, |key| index(&key.hash));
            }
        }
        Arc::new(Self { keys, by_name })
    }

    /// Whose key it is, which counts as a use of it.
    ///
    /// # Errors
    /// It is nobody's, or does not hold any more.
    #[inline]
    pub fn identify(&self, key: &[u8], now: SystemTime) -> Result<&Arc<Caller>, BadKey> {
        if key.len() > LONGEST_KEY {
            return Err(BadKey::TooLong);
        }
        let hash = SecretHash::of(key);
        let known = self.keys.find(index(&hash), |known| known.hash == hash).ok_or(BadKey::Unknown)?;
        if known.not_after.is_some_and(|end| now >= end) {
            return Err(BadKey::Expired);
        }
        known.last.note(now);
        Ok(&known.caller)
    }

    pub fn named(&self, name: &str) -> Option<&Arc<Caller>> {
        self.by_name.get(name)
    }

    /// In no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    /// When each credential of a consumer was last used.
    pub fn used(&self, name: &str) -> Vec<KeyUsed> {
        let credentials = self.by_name.get(name).map(|caller| &*caller.credentials).unwrap_or_default();
        credentials
            .iter()
            .map(|Credential { written, last }| KeyUsed { id: written.id.clone(), last: last.read() })
            .collect()
    }

    /// Whether these are those that are written.
    fn are(&self, written: &[model::Consumer]) -> bool {
        let is_there = |written: &model::Consumer| self.by_name.get(&written.name).is_some_and(|it| it.is(written));
        self.by_name.len() == written.len() && written.iter().all(is_there)
    }

    fn stamp(&self, name: &str, hash: &SecretHash) -> Option<Arc<Stamp>> {
        let mut credentials = self.by_name.get(name)?.credentials.iter();
        credentials.find(|credential| credential.written.hash == *hash).map(|credential| credential.last.clone())
    }
}

// === impl Caller ===

impl Caller {
    fn new(written: &model::Consumer, previous: Option<&Consumers>) -> Self {
        let name = written.name.clone();
        let credential = |written: &model::Credential| {
            let last = previous.and_then(|previous| previous.stamp(&name, &written.hash)).unwrap_or_default();
            Credential { written: written.clone(), last }
        };
        let groups = written.groups.as_slice();
        Self {
            credentials: written.credentials.iter().map(credential).collect(),
            name: value(&name),
            groups: (!groups.is_empty()).then(|| value(&groups.join(","))),
            consumer: Arc::new(Consumer { name, groups: groups.into(), is_anonymous: false }),
        }
    }

    fn is(&self, written: &model::Consumer) -> bool {
        *self.consumer.groups == *written.groups
            && self.credentials.len() == written.credentials.len()
            && self.credentials.iter().zip(&written.credentials).all(|(own, written)| own.written == *written)
    }

    /// The same for those who show nothing.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        let Consumer { name, groups, .. } = (*self.consumer).clone();
        Self {
            consumer: Arc::new(Consumer { name, groups, is_anonymous: true }),
            name: self.name.clone(),
            groups: self.groups.clone(),
            credentials: Box::default(),
        }
    }
}

/// The names of a document hold nothing that a field could not.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or(HeaderValue::from_static("unknown"))
}

/// Hashes are numbers without a pattern: any part of one is as good a place in a table as another.
fn index(SecretHash(hash): &SecretHash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

// === impl BadKey ===

impl BadKey {
    /// For those who showed it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "the key is longer than any",
            Self::Unknown => "the key is not known",
            Self::Expired => "the key has expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn consumers(list: &str, previous: Option<&Arc<Consumers>>) -> Arc<Consumers> {
        let mut report = model::Report::default();
        let text = format!("version: 1\nconsumers: {list}");
        let root = model::parse("test", &text, &|_| None, &mut report).unwrap();
        let model = model::check(&root, &mut report).unwrap_or_else(|| panic!("{:?}", report.problems));
        Consumers::new(&model.consumers, previous)
    }

    fn credential(key: &str, rest: &str) -> String {
        format!("{{ key: {{ hash: '{}' }}{rest} }}", SecretHash::of(key.as_bytes()))
    }

    fn list() -> String {
        let (a, old) = (credential("a", ""), credential("old", ", not_after: '1970-01-01T01:00:00Z'"));
        format!("[{{ name: alice, groups: [gold, new], credentials: [{a}, {old}] }}, {{ name: guest }}]")
    }

    fn last(consumers: &Consumers) -> Vec<Option<u64>> {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs();
        consumers.used("alice").into_iter().map(|used| used.last.map(seconds)).collect()
    }

    #[test]
    fn a_key_shows_who_calls() {
        let consumers = consumers(&list(), None);
        let who = |key: &[u8], now| consumers.identify(key, at(now)).map(|caller| caller.consumer.name.to_string());
        assert_eq!(who(b"a", 5000), Ok("alice".to_owned()));
        assert_eq!(who(b"old", 3599), Ok("alice".to_owned()));
        assert_eq!(who(b"old", 3600), Err(BadKey::Expired));
        for key in [&b"b"[..], b"", b"A", b"a ", &[0xff; 256]] {
            assert_eq!(who(key, 0), Err(BadKey::Unknown));
        }
        assert_eq!(who(&[b'a'; 257], 0), Err(BadKey::TooLong));
        let alice = consumers.named("alice").unwrap();
        assert_eq!(
            (alice.name.as_bytes(), alice.groups.as_ref().unwrap().as_bytes()),
            (&b"alice"[..], &b"gold,new"[..])
        );
        let guest = consumers.named("guest").unwrap().anonymous();
        assert!(guest.groups.is_none() && guest.consumer.is_anonymous && !alice.consumer.is_anonymous);
    }

    /// Keys whose places in the table may be the same are told apart.
    #[test]
    fn many_keys() {
        let credentials: Vec<_> = (0..2000).map(|key| credential(&key.to_string(), "")).collect();
        let list: Vec<_> =
            credentials.iter().enumerate().map(|(n, it)| format!("{{ name: n{n}, credentials: [{it}] }}")).collect();
        let consumers = consumers(&format!("[{}]", list.join(", ")), None);
        for key in 0..2000 {
            let caller = consumers.identify(key.to_string().as_bytes(), at(0)).unwrap();
            assert_eq!(*caller.consumer.name, format!("n{key}"));
        }
        assert!((2000..4000).all(|key| consumers.identify(key.to_string().as_bytes(), at(0)).is_err()));
    }

    #[test]
    fn uses_are_noted_to_the_minute() {
        let consumers = consumers(&list(), None);
        let use_at = |now| {
            consumers.identify(b"a", at(now)).unwrap();
            last(&consumers)
        };
        assert_eq!(last(&consumers), [None, None]);
        assert_eq!(use_at(1000), [Some(1000), None]);
        assert_eq!(use_at(1059), [Some(1000), None]);
        assert_eq!(use_at(1060), [Some(1060), None]);
        assert_eq!(use_at(500), [Some(500), None]);
        assert!(consumers.identify(b"old", at(9999)).is_err());
        assert_eq!(last(&consumers), [Some(500), None]);
    }

    #[test]
    fn what_stays_keeps_its_uses() {
        let first = consumers(&list(), None);
        first.identify(b"a", at(1000)).unwrap();
        assert!(Arc::ptr_eq(&first, &consumers(&list(), Some(&first))));
        // Another group, another end, another order, another consumer.
        let (a, b) = (credential("a", ", not_after: 2030-01-01"), credential("b", ""));
        for list in [
            list().replace("gold, new", "gold"),
            format!("[{{ name: bob }}, {{ name: alice, credentials: [{a}, {b}] }}]"),
            format!("[{{ name: alice, credentials: [{a}] }}, {{ name: bob, credentials: [{b}] }}]"),
        ] {
            let second = consumers(&list, Some(&first));
            assert!(!Arc::ptr_eq(&first, &second));
            assert_eq!(last(&second)[0], Some(1000), "{list}");
            second.identify(b"a", at(2000)).unwrap();
            assert_eq!(last(&first)[0], Some(2000), "exchanges under way use the old one");
            first.identify(b"a", at(1000)).unwrap();
        }
        // A key that is somebody else's now is another credential.
        let moved = consumers(&format!("[{{ name: alice }}, {{ name: bob, credentials: [{a}] }}]"), Some(&first));
        assert_eq!(moved.used("bob")[0].last, None);
    }
}
