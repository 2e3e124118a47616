//! What is said to our own API. Unknown keys are errors: what nobody understands, nobody relies on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer};

use crate::{
    core::{Check, Dialect, Instance, Key, Status},
    front::go_duration,
};

pub(super) const REGISTERING: &str = r#"{"address":"10.0.0.7:8080","ttl":"30s","labels":{"version":"v2"}}"#;
pub(super) const CHANGE: &str = r#"{"status":"draining","weight":2,"labels":{"version":"v2"}}"#;

/// An instance that registers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registering {
    /// Host and port.
    address: String,
    weight: Option<u32>,
    #[serde(default)]
    labels: BTreeMap<Arc<str>, Arc<str>>,
    /// The same as a label of this name.
    zone: Option<Arc<str>>,
    /// The same as a label of this name.
    version: Option<Arc<str>>,
    status: Option<Status>,
    /// How long it lives without a heartbeat.
    ttl: Option<String>,
}

/// What is to be different. What is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// What the instance says of itself.
    status: Option<Status>,
    /// What operators say of it, which counts more; `null`: nothing any more.
    #[serde(rename = "override", default, deserialize_with = "given")]
    overridden: Option<Option<Status>>,
    weight: Option<u32>,
    /// `null` takes one away.
    #[serde(default)]
    labels: BTreeMap<Arc<str>, Option<Arc<str>>>,
}

/// Of those who do not say how long they live.
const TTL: Duration = Duration::from_secs(30);

// === impl Registering ===

impl Registering {
    pub(super) fn instance(self, key: Key) -> Result<Instance, String> {
        let Self { address, weight, mut labels, zone, version, status, ttl } = self;
        let (host, port) = host_and_port(&address)?;
        for (name, value) in [("zone", zone), ("version", version)] {
            if let Some(value) = value
                && labels.insert(name.into(), value).is_some()
            {
                return Err(format!("`{name}` stands twice: as a key of its own, and in `labels`"));
            }
        }
        let ttl = match &ttl {
            Some(ttl) => {
                go_duration(ttl).ok_or_else(|| format!("the ttl `{}` is no time such as `30s`", ttl.escape_debug()))?
            }
            None => TTL,
        };
        Ok(Instance {
            checks: vec![Check::lease(&key.id, ttl)],
            key,
            host,
            port,
            weight: weight.unwrap_or(1),
            labels,
            tags: Vec::new(),
            status: status.unwrap_or(Status::Up),
            overridden: None,
            dialect: Dialect::Rest,
            eureka: None,
        })
    }
}

fn host_and_port(address: &str) -> Result<(Arc<str>, u16), String> {
    let wrong = || format!("the address `{}` is none such as `10.0.0.7:8080` or `[::1]:8080`", address.escape_debug());
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    // An IPv6 address has brackets here, and nothing else does.
    if bare.unwrap_or(host).contains(':') != bare.is_some() {
        return Err(wrong());
    }
    Ok((bare.unwrap_or(host).into(), port.parse().map_err(|_| wrong())?))
}

// === impl Change ===

impl Change {
    pub(super) fn apply(self, instance: &mut Instance) {
        let Self { status, overridden, weight, labels } = self;
        instance.status = status.unwrap_or(instance.status);
        instance.overridden = overridden.unwrap_or(instance.overridden);
        instance.weight = weight.unwrap_or(instance.weight);
        for (name, value) in labels {
            match value {
                Some(value) => _ = instance.labels.insert(name, value),
                None => _ = instance.labels.remove(&name),
            }
        }
    }
}

/// Tells `null` from what is not there.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Status>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|status| status.name() == text);
        known
            .ok_or_else(|| format!("`{}` is no status; there are up, starting, draining and down", text.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for (address, host, port) in [
            ("10.0.0.7:80", "10.0.0.7", 80),
            // tidy-allow fixed-port: data, never bound
            ("[::1]:8080", "::1", 8080),
            ("orders.internal:1", "orders.internal", 1),
        ] {
            assert_eq!(host_and_port(address), Ok((host.into(), port)), "{address}");
        }
        for address in ["", "10.0.0.7", "::1:80", "[10.0.0.7]:80", "a:b", "a:65536", "http://a:80/"] {
            assert!(host_and_port(address).is_err(), "{address}");
        }
    }

    #[test]
    fn null_is_not_nothing() {
        let change = |text| serde_json::from_str::<Change>(text).unwrap().overridden;
        assert_eq!(change("{}"), None);
        assert_eq!(change(r#"{"override":null}"#), Some(None));
        assert_eq!(change(r#"{"override":"down"}"#), Some(Some(Status::Down)));
    }
}
