//! The gateways that there are: each has a key that lives as long as it renews its lease.

use std::time::Duration;

use etcd::LeasedKey;
use fetch::Backoff;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use upstream::discovery::Failure;

/// What a gateway tells others of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Of its machine.
    pub name: String,
    /// Of sluice.
    pub version: String,
    /// The revision that it serves; 0 before it has one.
    pub revision: u64,
    /// How many documents it has published.
    pub generation: u64,
    /// When its process began: milliseconds since 1970.
    pub started: u64,
    /// Where its admin API is, if others may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
}

/// Whom a gateway needs, and how it finds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub name: String,
    pub ok: bool,
    /// Why not, or what of it is known.
    #[serde(default)]
    pub detail: String,
}

/// How long a node is believed in that says nothing.
pub(crate) const TTL: Duration = Duration::from_secs(10);
/// Two renewals may get lost.
const EVERY: Duration = Duration::from_secs(3);
/// What a renewal may take, once there is a connection.
const RENEWING: Duration = Duration::from_secs(2);
/// What it may take to leave.
const LEAVING: Duration = Duration::from_secs(5);

/// Keeps the node's key in step with what is told of it, until nobody can tell anything any more; then takes it out.
pub(crate) async fn keep(mut key: LeasedKey, mut told: watch::Receiver<Option<Node>>) {
    let mut backoff = Backoff::by_chance();
    let mut failed = None;
    loop {
        let node = told.borrow_and_update().clone();
        let pause = match node.map(|node| serde_json::to_vec(&node)) {
            Some(Ok(value)) => {
                key.set(value);
                let renewed = key.renew(RENEWING).await;
                let pause = if renewed.is_ok() { EVERY } else { backoff.failed().min(EVERY) };
                log(&mut failed, renewed.err());
                pause
            }
            // Nothing to tell yet.
            _ => EVERY,
        };
        if failed.is_none() {
            backoff.succeeded();
        }
        tokio::select! {
            () = sleep(pause) => {}
            changed = told.changed() => if changed.is_err() {
                break;
            }
        }
    }
    if timeout(LEAVING, key.leave()).await.is_err() {
        tracing::debug!(ttl = ?TTL, "the node stays listed until its lease is over");
    }
}

/// Logs say what changed, not what goes on.
fn log(failed: &mut Option<Failure>, now: Option<Failure>) {
    if let Some(failure) = now.as_ref().filter(|now| failed.as_ref() != Some(now)) {
        tracing::warn!(%failure, "other nodes cannot be told of this one; it is tried again");
    }
    *failed = now;
}
