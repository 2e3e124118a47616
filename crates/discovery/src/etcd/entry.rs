//! The gateway's own entry: a key that lives as long as its lease.

use std::time::Duration;

use ::etcd::{LeasedKey, Members};
use model::Registration;
use serde_json::{Map, Value, json};
use upstream::discovery::Failure;

use crate::registration;

pub(crate) struct Entry(LeasedKey);

/// Services have their keys below it, the gateway among them.
const ROOT: &str = "/services";
/// What a renewal may take, once there is a connection: less than [`registration`] waits, so that a member that says nothing is
/// left for another.
const RENEWING: Duration = Duration::from_secs(2);

// === impl Entry ===

impl Entry {
    pub(crate) fn new(members: Members, registration: &Registration) -> Self {
        let Registration { id, service, host, port, ttl, .. } = registration;
        let id = id.as_deref().map_or_else(|| format!("{service}-{host}-{port}"), ToOwned::to_owned);
        let mut key = LeasedKey::new(members, format!("{ROOT}/{service}/{id}").into_bytes(), *ttl);
        key.set(value(registration).to_string().into());
        Self(key)
    }
}

impl registration::Entry for Entry {
    const REGISTRY: &'static str = "etcd";

    async fn renew(&mut self) -> Result<(), Failure> {
        self.0.renew(RENEWING).await
    }

    async fn leave(&mut self) -> Result<(), Failure> {
        self.0.leave().await
    }
}

/// What is told of the gateway, in the words that [`super::instance`] reads.
fn value(registration: &Registration) -> Value {
    let Registration { host, port, is_tls, labels, .. } = registration;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
    let mut all: Map<_, _> = labels.iter().map(|(key, value)| (key.to_string(), Value::from(&**value))).collect();
    all.entry("secure").or_insert_with(|| is_tls.to_string().into());
    json!({ "address": format!("{host}:{port}"), "labels": all })
}
