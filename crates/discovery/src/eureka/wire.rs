//! What Eureka answers, with the habits of the libraries that write it.
//!
//! Lists of one element are that element, numbers and truths are text, what has attributes keeps its value below `$`. Servers
//! other than Netflix's write plain JSON; both are read.

use std::sync::Arc;

use serde_json::{Map, Value};

/// What `/apps` and `/apps/delta` answer.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What the whole registry comes to, once what is told here is taken over.
    pub(super) hash: Option<String>,
    /// With the application of each, in upper case.
    pub(super) entries: Vec<(Arc<str>, Entry)>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) action: Action,
    pub(super) record: Record,
}

/// What a delta does with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Added, or modified.
    Put,
    Delete,
}

/// What is told of an instance, before anybody asks for something particular of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record {
    pub(super) id: Arc<str>,
    /// As it was told: what hashes count.
    pub(super) status: String,
    /// What an operator said that it be.
    pub(super) overridden: Option<String>,
    pub(super) ip: Option<String>,
    pub(super) host: Option<String>,
    pub(super) plain: Port,
    pub(super) secure: Port,
    pub(super) vip: String,
    pub(super) secure_vip: String,
    pub(super) zone: Option<String>,
    /// Sorted by key.
    pub(super) metadata: Vec<(Arc<str>, Arc<str>)>,
    /// Why there is nothing else of it.
    pub(super) flaw: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Port {
    pub(super) number: Option<u16>,
    pub(super) is_enabled: bool,
}

/// What no status at all is: what Netflix's clients make of one that they do not know.
const UNKNOWN: &str = "UNKNOWN";

/// Reads an answer.
///
/// An entry that is none is kept as a flaw: it does not spoil the others, and hashes count it.
pub(super) fn read(body: &[u8]) -> Result<Told, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| match body.first() {
        Some(b'<') => "markup where JSON was asked for; is the path right, such as `/eureka`?".to_owned(),
        _ => format!("no JSON: {error}"),
    })?;
    let applications = value.get("applications").ok_or("there is no `applications`")?;
    // That of an empty registry is empty.
    let hash = applications.get("apps__hashcode").and_then(Value::as_str).map(ToOwned::to_owned);
    let mut told = Told { hash, entries: Vec::new() };
    for application in many(applications.get("application")) {
        let name = application.get("name").and_then(text);
        for (index, instance) in many(application.get("instance")).iter().enumerate() {
            let Some(app) = instance.get("app").and_then(text).or_else(|| name.clone()) else {
                return Err("there is an application without a name".to_owned());
            };
            told.entries.push((app.to_uppercase().into(), Entry::read(instance, index)));
        }
    }
    Ok(told)
}

// === impl Entry ===

impl Entry {
    fn read(value: &Value, index: usize) -> Self {
        let action = match value.get("actionType").and_then(text).as_deref() {
            Some("DELETED") => Action::Delete,
            _ => Action::Put,
        };
        Self { action, record: Record::read(value, index) }
    }
}

// === impl Record ===

impl Record {
    fn read(value: &Value, index: usize) -> Self {
        let get = |key: &str| value.get(key).and_then(text);
        let empty = Map::new();
        let map = |value: Option<&Value>| value.and_then(Value::as_object).unwrap_or(&empty).clone();
        let center = map(value.get("dataCenterInfo").and_then(|center| center.get("metadata")));
        let metadata = map(value.get("metadata"));
        let host = get("hostName");
        let id = get("instanceId").or_else(|| center.get("instance-id").and_then(text)).or_else(|| host.clone());
        let status = get("status").unwrap_or_else(|| UNKNOWN.to_owned());
        let Some(id) = id else {
            let id = format!("entry {} without an id", index + 1).into();
            return Self {
                id,
                status,
                flaw: Some("it has neither an `instanceId` nor a `hostName`"),
                ..Self::default()
            };
        };
        let zone = metadata.get("zone").or_else(|| center.get("availability-zone")).and_then(text);
        let metadata = metadata.iter().filter(|(key, _)| !key.starts_with('@'));
        let mut metadata: Vec<_> =
            metadata.filter_map(|(key, value)| Some((Arc::from(key.as_str()), Arc::from(text(value)?)))).collect();
        metadata.sort();
        Self {
            id: id.into(),
            status,
            // Servers have spelled it both ways.
            overridden: get("overriddenStatus").or_else(|| get("overriddenstatus")).filter(|said| said != UNKNOWN),
            ip: get("ipAddr"),
            host,
            plain: Port::read(value.get("port"), true),
            secure: Port::read(value.get("securePort"), false),
            vip: get("vipAddress").unwrap_or_default(),
            secure_vip: get("secureVipAddress").unwrap_or_default(),
            zone,
            metadata,
            flaw: None,
        }
    }
}

// === impl Port ===

impl Port {
    fn read(value: Option<&Value>, usually: bool) -> Self {
        let Some(value) = value else { return Self::default() };
        let number = text(value).and_then(|number| number.parse().ok()).filter(|port| *port != 0);
        let enabled = value.get("@enabled").and_then(text);
        Self { number, is_enabled: enabled.map_or(usually, |enabled| enabled.eq_ignore_ascii_case("true")) }
    }
}

/// A list, an only element in its place, or nothing.
fn many(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(values)) => values,
        // An empty list, from those who write elements.
        Some(Value::String(text)) if text.trim().is_empty() => &[],
        Some(one) => std::slice::from_ref(one),
    }
}

/// A value as text; nothing, if it is empty or has parts.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Object(parts) => return text(parts.get("$")?),
        Value::Null | Value::Array(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_numbers_and_truths_are_read_as_they_come() {
        let one = r#"{"applications": {"versions__delta": "1", "apps__hashcode": "UP_1_", "application":
            {"name": "orders", "instance": {"instanceId": "a", "status": "UP", "ipAddr": "10.0.0.1",
             "port": {"$": 8080, "@enabled": "true"}, "securePort": {"$": "8443", "@enabled": false},
             "metadata": {"@class": "java.util.Collections$EmptyMap", "weight": 3, "canary": true}}}}}"#;
        let told = read(one.as_bytes()).unwrap();
        assert_eq!(told.hash.as_deref(), Some("UP_1_"));
        let (app, entry) = &told.entries[0];
        assert_eq!((&**app, entry.action), ("ORDERS", Action::Put));
        assert_eq!(entry.record.plain, Port { number: Some(8080), is_enabled: true });
        assert_eq!(entry.record.secure, Port { number: Some(8443), is_enabled: false });
        let metadata: Vec<_> = entry.record.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(metadata, ["canary=true", "weight=3"]);

        // As others write it.
        let plain = r#"{"applications": {"application": [{"name": "orders", "instance": [
            {"hostName": "a.test", "app": "ORDERS", "port": "8080", "status": "DOWN", "overriddenstatus": "OUT_OF_SERVICE",
             "actionType": "DELETED",
             "dataCenterInfo": {"name": "Amazon", "metadata": {"availability-zone": "eu-1a", "instance-id": "i-7"}}}]}]}}"#;
        let told = read(plain.as_bytes()).unwrap();
        assert_eq!(told.hash, None);
        let Entry { action, record } = &told.entries[0].1;
        assert_eq!((*action, &*record.id, record.zone.as_deref()), (Action::Delete, "i-7", Some("eu-1a")));
        assert_eq!(record.plain, Port { number: Some(8080), is_enabled: true });
        assert_eq!(record.overridden.as_deref(), Some("OUT_OF_SERVICE"));

        for nobody in [r#"{"applications": {"application": []}}"#, r#"{"applications": {"application": ""}}"#] {
            assert!(read(nobody.as_bytes()).unwrap().entries.is_empty(), "{nobody}");
        }
    }

    #[test]
    fn what_is_no_answer_says_why() {
        for (body, why) in [
            ("<applications/>", "markup where JSON was asked for"),
            ("{\"applications\": {", "no JSON"),
            ("{}", "no `applications`"),
            (r#"{"applications": {"application": [{"instance": [{}]}]}}"#, "without a name"),
        ] {
            let error = read(body.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{body}: {error}");
        }
    }

    #[test]
    fn entries_that_are_none_spoil_nothing() {
        let body = r#"{"applications": {"application": [{"name": "A", "instance": [17, {"status": "UP"},
            {"instanceId": "a", "port": {"$": "many"}}]}]}}"#;
        let told = read(body.as_bytes()).unwrap();
        let flaws: Vec<_> =
            told.entries.iter().map(|(_, entry)| (&*entry.record.id, entry.record.flaw.is_some())).collect();
        assert_eq!(flaws, [("entry 1 without an id", true), ("entry 2 without an id", true), ("a", false)]);
        assert_eq!(told.entries[2].1.record.plain.number, None);
    }
}
