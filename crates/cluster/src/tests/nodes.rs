//! The list of nodes.

use std::{sync::Arc, time::Duration};

use testkit::{etcd::Member, within};

use super::{PREFIX, open};
use crate::{Cluster, Dependency, Node};

fn told(name: &str, revision: u64) -> Node {
    Node {
        name: name.into(),
        version: "0.1.0".into(),
        revision,
        generation: 3,
        started: 1_700_000_000_000,
        admin: None,
        dependencies: vec![Dependency { name: "etcd".into(), ok: true, detail: String::new() }],
    }
}

async fn lists(node: &Arc<Cluster>, expected: &[&Node]) {
    testkit::eventually("the nodes are listed", async || {
        let mut nodes: Vec<_> = node.nodes().into_iter().map(|(_, node)| node).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        (nodes.iter().collect::<Vec<_>>() == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nodes_come_change_and_go() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(etcd.address, a.path()).await, open(etcd.address, b.path()).await);
    a.tell(told("a", 1));
    b.tell(told("b", 1));
    for node in [&a, &b] {
        lists(node, &[&told("a", 1), &told("b", 1)]).await;
    }
    assert!(a.nodes().iter().any(|(instance, node)| instance == a.instance() && node.name == "a"));
    b.tell(told("b", 2));
    lists(&a, &[&told("a", 1), &told("b", 2)]).await;

    // Its lease runs out, as if it had been away for too long; it comes back.
    for lease in api.leases().await {
        api.revoke(lease).await;
    }
    lists(&a, &[&told("a", 1), &told("b", 2)]).await;
    assert_eq!(api.all(&format!("{PREFIX}nodes/")).await.len(), 2);

    within(Duration::from_secs(10), b.leave()).await;
    lists(&a, &[&told("a", 1)]).await;
    // It has left, and is not listed by what comes late.
    b.tell(told("b", 3));
    assert_eq!(api.leases().await.len(), 1);
}

#[tokio::test]
async fn a_node_that_is_killed_is_gone_with_its_lease() {
    let etcd = Member::start().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(etcd.address, a.path()).await, open(etcd.address, b.path()).await);
    a.tell(told("a", 0));
    b.tell(told("b", 0));
    lists(&a, &[&told("a", 0), &told("b", 0)]).await;
    drop(b);
    lists(&a, &[&told("a", 0)]).await;
}

#[tokio::test]
async fn leaving_does_not_wait_for_a_member_that_is_gone() {
    let mut etcd = Member::start().await;
    let state = tempfile::tempdir().unwrap();
    let node = open(etcd.address, state.path()).await;
    node.tell(told("a", 0));
    lists(&node, &[&told("a", 0)]).await;
    etcd.kill();
    within(Duration::from_secs(10), node.leave()).await;
}
