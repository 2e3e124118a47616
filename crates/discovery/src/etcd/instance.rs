//! What the value of a key says of an instance.

use std::{collections::BTreeMap, sync::Arc};

use model::{EndpointAddress, EtcdFormat, FromText, values::EndpointTarget};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use upstream::discovery::{Flaw, Instance, Status};

/// The value as this gateway writes it itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map with `address`")]
struct Written {
    address: String,
    weight: Option<u32>,
    tier: Option<u32>,
    zone: Option<String>,
    version: Option<String>,
    #[serde(default)]
    status: Standing,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// The value as the naming resolver of etcd's Go client writes it (`client/v3/naming/endpoints`).
///
/// `Op` is not looked at, as the resolver does not: a key that is there is one that was added.
#[derive(Deserialize)]
#[serde(expecting = "a map with `Addr`")]
struct Named {
    #[serde(rename = "Addr")]
    address: String,
    #[serde(rename = "Metadata", default)]
    metadata: Value,
}

/// What is said of an instance beside its address. In metadata, which are not ours, there may be more.
#[derive(Default, Deserialize)]
struct Traits {
    weight: Option<u32>,
    tier: Option<u32>,
    zone: Option<String>,
    version: Option<String>,
    #[serde(default)]
    status: Standing,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// [`Status`], as values have it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    #[default]
    Up,
    Draining,
    Down,
}

/// Reads the value of one key.
///
/// # Errors
/// It is not what the format wants.
pub(super) fn read(format: EtcdFormat, key: &[u8], value: &[u8]) -> Result<Instance, Flaw> {
    let id: Arc<str> = String::from_utf8_lossy(key).into();
    let parsed = match format {
        EtcdFormat::Sluice => json(value).map(Written::split),
        EtcdFormat::Naming => json(value).and_then(|Named { address, metadata }| match metadata {
            // Whatever else somebody keeps there, it is not about balancing.
            Value::Object(_) => from_value(metadata).map(|traits| (address, traits)),
            _ => Ok((address, Traits::default())),
        }),
    };
    let instance = parsed.and_then(|(address, traits)| instance(&id, &address, traits));
    instance.map_err(|detail| Flaw { id, detail })
}

// === impl Written ===

impl Written {
    fn split(self) -> (String, Traits) {
        let Self { address, weight, tier, zone, version, status, labels } = self;
        (address, Traits { weight, tier, zone, version, status, labels })
    }
}

fn json<T: DeserializeOwned>(value: &[u8]) -> Result<T, String> {
    serde_json::from_slice(value).map_err(|error| error.to_string())
}

fn from_value(metadata: Value) -> Result<Traits, String> {
    serde_json::from_value(metadata).map_err(|error| format!("`Metadata`: {error}"))
}

fn instance(id: &Arc<str>, address: &str, traits: Traits) -> Result<Instance, String> {
    let Traits { weight, tier, zone, version, status, mut labels } = traits;
    let EndpointTarget(address) = EndpointTarget::from_text(address)?;
    if let EndpointAddress::Unix(_) = address {
        return Err("nobody on another machine reaches a Unix socket; name a host with a port".to_owned());
    }
    for (key, value) in [("zone", zone), ("version", version)] {
        let Some(value) = value else { continue };
        let label = labels.entry(key.to_owned()).or_insert_with(|| value.clone());
        if *label != value {
            return Err(format!("`{key}` is `{value}`, and `{label}` in `labels`"));
        }
    }
    Ok(Instance {
        id: Arc::clone(id),
        address,
        weight: weight.unwrap_or(1),
        tier: tier.unwrap_or(0),
        labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        status: match status {
            Standing::Up => Status::Up,
            Standing::Draining => Status::Draining,
            Standing::Down => Status::Down,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(format: EtcdFormat, value: &str) -> Result<Instance, String> {
        read(format, b"/services/a/1", value.as_bytes()).map_err(|flaw| {
            assert_eq!(&*flaw.id, "/services/a/1");
            flaw.detail
        })
    }

    fn expected(weight: u32, labels: &[(&str, &str)], status: Status) -> Instance {
        Instance {
            id: "/services/a/1".into(),
            address: EndpointAddress::Socket("10.0.0.1:80".parse().unwrap()),
            weight,
            tier: 0,
            labels: labels.iter().map(|&(key, value)| (key.into(), value.into())).collect(),
            status,
        }
    }

    #[test]
    fn values_of_ours() {
        let value = r#"{"address": "10.0.0.1:80", "weight": 2, "zone": "a", "version": "v2", "status": "draining",
            "labels": {"tenant": "x", "zone": "a"}}"#;
        let labels = [("tenant", "x"), ("version", "v2"), ("zone", "a")];
        assert_eq!(told(EtcdFormat::Sluice, value), Ok(expected(2, &labels, Status::Draining)));
        assert_eq!(told(EtcdFormat::Sluice, r#"{"address": "10.0.0.1:80"}"#), Ok(expected(1, &[], Status::Up)));
    }

    #[test]
    fn values_of_the_go_client() {
        for (value, weight) in [
            (r#"{"Op":0,"Addr":"10.0.0.1:80","Metadata":null}"#, 1),
            (r#"{"Op":0,"Addr":"10.0.0.1:80","Metadata":"anything"}"#, 1),
            (r#"{"Op":0,"Addr":"10.0.0.1:80"}"#, 1),
            (r#"{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"weight":7,"ServerName":"x"}}"#, 7),
        ] {
            assert_eq!(told(EtcdFormat::Naming, value), Ok(expected(weight, &[], Status::Up)), "{value}");
        }
        let labelled = r#"{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"labels":{"zone":"b"}}}"#;
        assert_eq!(told(EtcdFormat::Naming, labelled), Ok(expected(1, &[("zone", "b")], Status::Up)));
    }

    #[test]
    fn what_is_malformed_says_why() {
        for (value, why) in [
            ("", "EOF while parsing"),
            ("10.0.0.1:80", "expected a map with `address`"),
            ("{}", "missing field `address`"),
            (r#"{"address": "10.0.0.1"}"#, "add the port: `10.0.0.1:80`"),
            (r#"{"address": "unix:/run/a.sock"}"#, "nobody on another machine reaches a Unix socket"),
            (r#"{"address": "10.0.0.1:80", "wieght": 2}"#, "unknown field `wieght`"),
            (r#"{"address": "10.0.0.1:80", "weight": -1}"#, "invalid value: integer `-1`"),
            (r#"{"address": "10.0.0.1:80", "status": "gone"}"#, "unknown variant `gone`"),
            (
                r#"{"address": "10.0.0.1:80", "zone": "a", "labels": {"zone": "b"}}"#,
                "`zone` is `a`, and `b` in `labels`",
            ),
        ] {
            let error = told(EtcdFormat::Sluice, value).unwrap_err();
            assert!(error.contains(why), "{value}: {error}");
        }
        let named = r#"{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"weight":"2"}}"#;
        assert!(told(EtcdFormat::Naming, named).unwrap_err().contains("`Metadata`: invalid type"));
        assert!(
            told(EtcdFormat::Naming, r#"{"address": "10.0.0.1:80"}"#).unwrap_err().contains("missing field `Addr`")
        );
    }
}
