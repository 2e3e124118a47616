//! The gateway's own entry: a key that lives as long as its lease.

use std::time::Duration;

use ::etcd::{
    CallError, Members, Session,
    wire::{LeaseGrant, LeaseKeepAlive, LeaseRevoke, Put, Range},
};
use model::Registration;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use upstream::discovery::Failure;

use crate::registration;

pub(crate) struct Entry {
    members: Members,
    key: Vec<u8>,
    value: Vec<u8>,
    ttl: Duration,
    /// As soon as one may have been granted: what hangs on it goes with it.
    lease: Option<i64>,
}

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
        let key = format!("{ROOT}/{service}/{id}").into_bytes();
        Self { members, key, value: value(registration).to_string().into(), ttl: *ttl, lease: None }
    }

    async fn renew_with(&mut self, session: &Session) -> Result<(), CallError> {
        if let Some(id) = self.lease {
            // 0: it ran out, or the members never knew it.
            if session.ask(&LeaseKeepAlive { id }).await?.ttl > 0 {
                return self.see_to_key(session, id).await;
            }
            self.lease = None;
        }
        let granted = session.ask(&LeaseGrant { ttl: seconds(self.ttl) }).await?;
        if granted.id == 0 {
            return Err(CallError::Malformed(format!("no lease was granted: {}", granted.error)));
        }
        self.lease = Some(granted.id);
        self.put(session, granted.id).await
    }

    /// Puts the key anew if somebody deleted it, or tied it to another lease.
    async fn see_to_key(&self, session: &Session, lease: i64) -> Result<(), CallError> {
        let question = Range { key: self.key.clone(), keys_only: true, ..Range::default() };
        let found = session.ask(&question).await?;
        if found.kvs.first().is_some_and(|kv| kv.lease == lease) { Ok(()) } else { self.put(session, lease).await }
    }

    async fn put(&self, session: &Session, lease: i64) -> Result<(), CallError> {
        session.ask(&Put { key: self.key.clone(), value: self.value.clone(), lease }).await.map(drop)
    }

    fn lost(&self, session: &Session, error: &CallError) -> Failure {
        self.members.lost(session);
        session.failure(error)
    }
}

impl registration::Entry for Entry {
    const REGISTRY: &'static str = "etcd";

    async fn renew(&mut self) -> Result<(), Failure> {
        let session = self.members.session().await?;
        let renewed = timeout(RENEWING, self.renew_with(&session)).await;
        match renewed.unwrap_or(Err(CallError::Late(RENEWING))) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.lost(&session, &error)),
        }
    }

    async fn leave(&mut self) -> Result<(), Failure> {
        let Some(id) = self.lease else { return Ok(()) };
        let session = self.members.session().await?;
        match session.ask(&LeaseRevoke { id }).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_no_lease() => Ok(()),
            Err(error) => Err(self.lost(&session, &error)),
        }
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

/// Leases are granted for whole seconds.
fn seconds(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)
}
