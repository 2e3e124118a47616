//! Keys of consumers, as operators make and take them: edits of a document, and what is told of it.
//!
//! Pure: chance and time come in as arguments. Consumers are JSON as documents have it.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::{
    FromText,
    values::{DateOrTime, SecretHash},
};
use policy::KeyUsed;
use revisions::edit::{Edit, List};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// A key that was just made, and is shown once. Never printed.
pub struct NewKey {
    text: String,
    hash: SecretHash,
}

/// What becomes of the keys of a consumer.
#[derive(Debug)]
pub enum KeyOrder<'k> {
    /// One more. From `not_after` on it shows nothing; `None`: it always does.
    Make { key: &'k NewKey, id: Option<&'k str>, not_after: Option<SystemTime> },
    /// A new one, and the others hold only for so long. Those that have expired go.
    Rotate { key: &'k NewKey, overlap: Duration, not_after: Option<SystemTime> },
    /// The one with this id goes.
    Revoke { id: &'k str },
}

/// A key of a consumer, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyTold {
    pub id: String,
    /// As the document has it.
    #[serde(default)]
    pub created: Option<String>,
    /// From when on it shows nothing, as the document has it; `None`: it always does.
    #[serde(default)]
    pub not_after: Option<String>,
    pub expired: bool,
    /// RFC 3339, to the minute; `None`: not in the life of this process.
    #[serde(default)]
    pub last_used: Option<String>,
}

/// The consumer has no key with this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchKey {
    pub id: String,
    /// Those that there are.
    pub known: Vec<String>,
}

/// What its keys begin with, so that people and scanners of secrets know one when they see it.
const PREFIX: &str = "slk_";

// === impl NewKey ===

impl NewKey {
    /// Of 256 bits that nobody guesses.
    pub fn of(secret: &[u8; 32]) -> Self {
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        Self { hash: SecretHash::of(text.as_bytes()), text }
    }

    /// For whoever asked for it, this once.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What operators call it by, unless they gave it a name.
    pub fn id(&self) -> String {
        self.hash.id()
    }

    fn credential(&self, id: Option<&str>, now: SystemTime, not_after: Option<SystemTime>) -> Value {
        let mut credential = json!({ "key": { "hash": self.hash.to_string() }, "created": moment(now) });
        if let Some(id) = id {
            credential["id"] = id.into();
        }
        if let Some(not_after) = not_after {
            credential["not_after"] = moment(not_after).into();
        }
        credential
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewKey({}…)", self.id())
    }
}

// === impl KeyOrder ===

impl KeyOrder<'_> {
    /// The edit that makes it so; `consumer` is the object as it is now.
    ///
    /// # Errors
    /// The key that shall go is not there.
    pub fn edit(&self, name: &str, consumer: &Object, now: SystemTime) -> Result<Edit, NoSuchKey> {
        let mut keys = credentials(consumer).to_vec();
        match *self {
            Self::Make { key, id, not_after } => keys.push(key.credential(id, now, not_after)),
            Self::Rotate { key, overlap, not_after } => {
                let end = now + overlap;
                keys.iter_mut().for_each(|key| end_at(key, end));
                keys.retain(|key| !is_expired(key, now));
                keys.push(key.credential(None, now, not_after));
            }
            Self::Revoke { id } => {
                let known: Vec<_> = keys.iter().map(self::id).collect();
                let at = known.iter().position(|known| known == id);
                keys.remove(at.ok_or_else(|| NoSuchKey { id: id.to_owned(), known })?);
            }
        }
        let left = if keys.is_empty() { Value::Null } else { keys.into() };
        let patch = json!({ "credentials": left });
        Ok(Edit::Patch { list: List::Consumers, name: name.to_owned(), patch })
    }
}

// === impl KeyTold ===

impl KeyTold {
    /// Of each key of a consumer, in the order of the document.
    pub fn of(consumer: &Object, used: &[KeyUsed], now: SystemTime) -> Vec<Self> {
        let told = |credential: &Value| {
            let id = id(credential);
            let used = used.iter().find(|used| *used.id == *id).and_then(|used| used.last);
            let text = |key: &str| credential[key].as_str().map(str::to_owned);
            Self {
                created: text("created"),
                not_after: text("not_after"),
                expired: is_expired(credential, now),
                last_used: used.map(moment),
                id,
            }
        };
        credentials(consumer).iter().map(told).collect()
    }
}

fn credentials(consumer: &Object) -> &[Value] {
    consumer.get("credentials").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// As the check of documents has it.
fn id(credential: &Value) -> String {
    let of_hash = || SecretHash::from_text(credential["key"]["hash"].as_str()?).ok().map(|hash| hash.id());
    credential["id"].as_str().map(str::to_owned).or_else(of_hash).unwrap_or_default()
}

fn end(credential: &Value) -> Option<SystemTime> {
    DateOrTime::from_text(credential["not_after"].as_str()?).ok().map(|DateOrTime(end)| end)
}

fn is_expired(credential: &Value, now: SystemTime) -> bool {
    end(credential).is_some_and(|end| end <= now)
}

/// Unless it ends before.
fn end_at(credential: &mut Value, latest: SystemTime) {
    if end(credential).is_none_or(|end| end > latest) {
        credential["not_after"] = moment(latest).into();
    }
}

/// RFC 3339, in whole seconds.
fn moment(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    telemetry::rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)).replace(".000Z", "Z")
}

// === impl NoSuchKey ===

impl fmt::Display for NoSuchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.known {
            [] => write!(f, "there is no key `{}`; the consumer has none", self.id),
            known => write!(f, "there is no key `{}`; there are `{}`", self.id, known.join("`, `")),
        }
    }
}

impl std::error::Error for NoSuchKey {}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-31T00:00:00Z.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_769_817_600)
    }

    fn key(seed: u8) -> NewKey {
        NewKey::of(&[seed; 32])
    }

    /// The consumer after each of these, all of them at the same time; a document with it must be good.
    fn after(orders: &[KeyOrder<'_>]) -> Object {
        let mut consumer = json!({ "name": "alice", "groups": ["gold"] }).as_object().unwrap().clone();
        for order in orders {
            let document = serde_json::from_value(json!({ "version": 1, "consumers": [consumer] })).unwrap();
            let edit = order.edit("alice", &consumer, now()).unwrap();
            let document = revisions::edit::apply(&document, &[edit]).unwrap().to_map();
            let mut report = model::Report::default();
            let text = Value::Object(document.clone()).to_string();
            let root = model::parse("test", &text, &|_| None, &mut report).unwrap();
            assert!(model::check(&root, &mut report).is_some(), "{:?}", report.problems);
            consumer = document["consumers"][0].as_object().unwrap().clone();
        }
        consumer
    }

    fn told(consumer: &Object) -> Vec<(String, Option<String>)> {
        KeyTold::of(consumer, &[], now()).into_iter().map(|told| (told.id, told.not_after)).collect()
    }

    #[test]
    fn a_key_is_text_that_any_field_can_hold() {
        let key = NewKey::of(&[0xff; 32]);
        assert_eq!(key.reveal(), format!("slk_{}8", "_".repeat(42)));
        assert_eq!(key.id(), SecretHash::of(key.reveal().as_bytes()).id());
        assert!(!format!("{key:?}").contains(key.reveal()));
        assert_ne!(self::key(1).reveal(), self::key(2).reveal());
    }

    #[test]
    fn a_document_gets_the_hash_and_never_the_key() {
        let key = key(1);
        let not_after = Some(now() + Duration::from_secs(60));
        let consumer = after(&[
            KeyOrder::Make { key: &key, id: None, not_after: None },
            KeyOrder::Make { key: &self::key(2), id: Some("ci"), not_after },
        ]);
        let hash = SecretHash::of(key.reveal().as_bytes()).to_string();
        let first = json!({ "key": { "hash": hash }, "created": "2026-01-31T00:00:00Z" });
        assert_eq!((&consumer["credentials"][0], &consumer["groups"]), (&first, &json!(["gold"])));
        assert_eq!(told(&consumer), [(key.id(), None), ("ci".to_owned(), Some("2026-01-31T00:01:00Z".to_owned()))]);
        assert!(!Value::Object(consumer).to_string().contains(key.reveal()));
    }

    #[test]
    fn a_rotation_leaves_time_to_change_over() {
        let (one, two, three) = (key(1), key(2), key(3));
        let hour = Duration::from_secs(3600);
        let mut consumer = after(&[
            KeyOrder::Make { key: &one, id: None, not_after: None },
            KeyOrder::Make { key: &two, id: None, not_after: Some(now() + hour / 2) },
            KeyOrder::Rotate { key: &three, overlap: hour, not_after: None },
        ]);
        let at = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(&consumer),
            [(one.id(), at("2026-01-31T01:00:00Z")), (two.id(), at("2026-01-31T00:30:00Z")), (three.id(), None)]
        );
        let expired = |later| KeyTold::of(&consumer, &[], now() + later).iter().filter(|told| told.expired).count();
        assert_eq!([expired(hour / 2 - Duration::from_secs(1)), expired(hour / 2), expired(hour)], [0, 1, 2]);
        // The next one takes away what has expired.
        let four = key(4);
        let edit = KeyOrder::Rotate { key: &four, overlap: Duration::ZERO, not_after: None };
        let Edit::Patch { patch, .. } = edit.edit("alice", &consumer, now() + hour / 2).unwrap() else { panic!() };
        consumer.insert("credentials".to_owned(), patch["credentials"].clone());
        assert_eq!(told(&consumer), [(four.id(), None)]);
    }

    #[test]
    fn a_key_is_revoked_by_its_id() {
        let (one, two) = (key(1), key(2));
        let made = [
            KeyOrder::Make { key: &one, id: None, not_after: None },
            KeyOrder::Make { key: &two, id: Some("ci"), not_after: None },
        ];
        let consumer = after(&made);
        let error = KeyOrder::Revoke { id: "cj" }.edit("alice", &consumer, now()).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no key `cj`; there are `{}`, `ci`", one.id()));
        let id = one.id();
        let [first, second] = made;
        let consumer = after(&[first, second, KeyOrder::Revoke { id: &id }, KeyOrder::Revoke { id: "ci" }]);
        assert!(!consumer.contains_key("credentials"), "{consumer:?}");
        let error = KeyOrder::Revoke { id: "ci" }.edit("alice", &consumer, now()).unwrap_err();
        assert_eq!(error.to_string(), "there is no key `ci`; the consumer has none");
    }

    #[test]
    fn uses_are_told_of_the_key_that_was_used() {
        let consumer = after(&[
            KeyOrder::Make { key: &key(1), id: None, not_after: None },
            KeyOrder::Make { key: &key(2), id: Some("ci"), not_after: None },
        ]);
        let used = [KeyUsed { id: "ci".into(), last: Some(now()) }, KeyUsed { id: "other".into(), last: Some(now()) }];
        let last: Vec<_> = KeyTold::of(&consumer, &used, now()).into_iter().map(|told| told.last_used).collect();
        assert_eq!(last, [None, Some("2026-01-31T00:00:00Z".to_owned())]);
    }
}
