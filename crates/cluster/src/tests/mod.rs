//! Against real members.

/// What one keeps, all have.
mod store;
/// Writers that race, whatever happens to etcd and on the way to it.
mod race;
/// Members and networks that fail.
mod faults;
/// What a foreign hand writes.
mod foreign;
/// The list of nodes.
mod nodes;
/// Users.
mod trust;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration, time::SystemTime};

use model::{EtcdHome, FromText, UpstreamTls, values::HttpUrl};
use revisions::{CommitError, Document, Draft, Revision, Store};
use serde_json::{Map, Value, json};
use testkit::within;
use tokio::task::spawn_blocking;

use crate::{Cluster, OpenError};

const PREFIX: &str = "/sluice/";
/// Longer than the longest wait between two tries and what a try may take.
const LIMIT: Duration = Duration::from_secs(60);
/// More revisions than most tests make.
const MOST: u64 = 500;

fn home<'a>(urls: impl IntoIterator<Item = &'a str>) -> EtcdHome {
    let tls = UpstreamTls { server_name: None, ca: None, client_certificate: None };
    let endpoints = urls.into_iter().map(|url| HttpUrl::from_text(url).unwrap()).collect();
    EtcdHome { etcd: model::Etcd { endpoints, user: None, tls }, prefix: PREFIX.into() }
}

async fn try_open(address: SocketAddr, state: &Path) -> Result<Arc<Cluster>, OpenError> {
    Cluster::open(&home([&*format!("http://{address}")]), state, MOST).await.map(Arc::new)
}

/// A node with this state directory, that asks a member behind this address.
async fn open(address: SocketAddr, state: &Path) -> Arc<Cluster> {
    try_open(address, state).await.unwrap()
}

async fn commit(node: &Arc<Cluster>, seen: u64, document: impl Into<Document>) -> Result<Arc<Revision>, CommitError> {
    let node = node.clone();
    let draft = Draft {
        time: SystemTime::now(),
        author: "test".into(),
        message: String::new(),
        document: Arc::new(document.into()),
    };
    within(LIMIT, spawn_blocking(move || node.commit(seen, draft))).await.unwrap()
}

/// Waits until the node has this revision.
async fn has(node: &Arc<Cluster>, revision: &Arc<Revision>) {
    let mut changed = node.changed().unwrap();
    within(LIMIT, changed.wait_for(|_| latest(node).as_ref() == Some(revision))).await.unwrap();
}

/// Waits until the node is in a trouble of which these words tell.
async fn is_in_trouble(node: &Arc<Cluster>, words: &str) {
    testkit::eventually(words, async || node.trouble().filter(|why| why.contains(words))).await;
}

async fn is_well(node: &Arc<Cluster>) {
    testkit::eventually("all is well", async || node.trouble().is_none().then_some(())).await;
}

fn latest(node: &Cluster) -> Option<Arc<Revision>> {
    node.latest().unwrap()
}

fn number(node: &Cluster) -> u64 {
    latest(node).map_or(0, |revision| revision.meta.number)
}

fn document(value: impl Into<Value>) -> Map<String, Value> {
    let Value::Object(map) = json!({ "value": value.into() }) else { unreachable!() };
    map
}
