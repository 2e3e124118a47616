//! Writers that race, whatever happens to etcd and on the way to it.

use std::{
    collections::BTreeMap,
    env,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use message::Random;
use revisions::{CommitError, Revision, Store};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{
    etcd::{Api, Member},
    faults::{Direction, Fault, FaultProxy},
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{commit, document, latest, open};
use crate::Cluster;

/// How many rounds of writes and faults are tried, and the number that chance begins with.
const SEQUENCES: &str = "SLUICE_CLUSTER_SEQUENCES";
const SEED: &str = "SLUICE_CLUSTER_SEED";

const NODES: usize = 3;

struct Node {
    cluster: Arc<Cluster>,
    proxy: FaultProxy,
    _state: TempDir,
}

/// What writers were told.
#[derive(Default)]
struct Told {
    /// What is to be in the history, by number.
    kept: BTreeMap<u64, String>,
    /// What must not be.
    refused: Vec<String>,
    /// What may be.
    unknown: Vec<String>,
}

/// Adds one more text to what is there, again and again until it is kept.
async fn write(cluster: Arc<Cluster>, text: String, told: Arc<Mutex<Told>>) {
    loop {
        let seen = latest(&cluster);
        let mut all = seen.as_deref().map_or_else(Vec::new, texts);
        all.push(Value::from(&*text));
        let answer = commit(&cluster, seen.map_or(0, |seen| seen.meta.number), document(all)).await;
        let mut told = told.lock().unwrap();
        match answer {
            Ok(revision) => {
                let before = told.kept.insert(revision.meta.number, text);
                assert_eq!(before, None, "two were told that they have won {}", revision.meta.number);
                return;
            }
            Err(CommitError::Stale(_)) => {}
            Err(CommitError::Unknown(_)) => return told.unknown.push(text),
            Err(CommitError::Failed(_)) => return told.refused.push(text),
        }
        drop(told);
        // The watch may be behind.
        sleep(Duration::from_millis(5)).await;
    }
}

fn texts(revision: &Revision) -> Vec<Value> {
    revision.document.value("value").unwrap().as_array().unwrap().clone()
}

/// Something that happens while they write.
async fn fault(nodes: &[Node], etcd: &mut Member, api: &mut Api, random: &mut Random) {
    let proxy = &nodes[random.bits() as usize % NODES].proxy;
    sleep(Duration::from_micros(random.bits() % 20_000)).await;
    match random.bits() % 40 {
        0 => {
            etcd.kill();
            etcd.start_again().await;
            *api = etcd.api().await;
        }
        1..4 => {
            let revision = api.revision().await;
            // A second time at the same revision is an error.
            let revision = api.put("/elsewhere", "1").await.max(revision);
            api.compact(revision).await;
        }
        // What is asked for arrives, and nobody hears of it.
        4..10 => {
            proxy.set(Direction::ToClient, [Fault::Blackhole]);
            sleep(Duration::from_micros(random.bits() % 10_000)).await;
            proxy.reset_all();
            proxy.heal();
        }
        10..12 => {
            proxy.refuse();
            proxy.reset_all();
            sleep(Duration::from_millis(50)).await;
            proxy.heal();
        }
        12..24 => proxy.reset_all(),
        _ => {}
    }
}

#[tokio::test]
async fn one_wins_each_number_and_nothing_is_lost() {
    let of = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let (sequences, seed): (u64, u64) = (of(SEQUENCES).unwrap_or(60), of(SEED).unwrap_or(1));
    let (mut random, begun) = (Random::seeded(seed), Instant::now());
    let mut etcd = Member::start().await;
    let mut api = etcd.api().await;
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        let (proxy, state) = (FaultProxy::start(etcd.address).await, tempfile::tempdir().unwrap());
        nodes.push(Node { cluster: open(proxy.address, state.path()).await, proxy, _state: state });
    }
    let told = Arc::new(Mutex::new(Told::default()));
    for sequence in 0..sequences {
        let mut writers = JoinSet::new();
        for writer in 0..2 + random.bits() % 4 {
            let cluster = nodes[random.bits() as usize % NODES].cluster.clone();
            writers.spawn(write(cluster, format!("{sequence}-{writer}"), told.clone()));
        }
        fault(&nodes, &mut etcd, &mut api, &mut random).await;
        while let Some(wrote) = writers.join_next().await {
            wrote.unwrap();
        }
    }
    let told = std::mem::take(&mut *told.lock().unwrap());
    println!(
        "{sequences} sequences of seed {seed}: {} kept, {} refused, {} unknown, {:?}",
        told.kept.len(),
        told.refused.len(),
        told.unknown.len(),
        begun.elapsed()
    );
    let latest = api.all("/sluice/latest").await.into_values().next().expect("something was kept").value;
    let newest = until_all_have(&nodes, String::from_utf8(latest).unwrap().parse().unwrap()).await;
    let texts: Vec<_> = texts(&newest).iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    // Each revision adds one, so that the last one tells who won each number.
    assert_eq!(texts.len() as u64, newest.meta.number, "seed {seed}");
    for (number, text) in &told.kept {
        assert_eq!(&texts[*number as usize - 1], text, "seed {seed}: {number} was kept");
    }
    for text in &told.refused {
        assert!(!texts.contains(text), "seed {seed}: {text} was refused, and is there");
    }
    for text in texts.iter().filter(|text| !told.unknown.contains(text)) {
        assert!(told.kept.values().any(|kept| kept == text), "seed {seed}: nobody was told of {text}");
    }
    assert!(!told.kept.is_empty());
}

/// Waits until all nodes have the same, of this number.
async fn until_all_have(nodes: &[Node], number: u64) -> Arc<Revision> {
    for node in nodes {
        let mut changed = node.cluster.changed().unwrap();
        let there = changed.wait_for(|_| latest(&node.cluster).is_some_and(|latest| latest.meta.number == number));
        assert!(timeout(super::LIMIT, there).await.is_ok_and(|there| there.is_ok()), "{:?}", node.cluster.trouble());
    }
    let newest = latest(&nodes[0].cluster).unwrap();
    assert!(nodes.iter().all(|node| latest(&node.cluster).as_ref() == Some(&newest)));
    newest
}
