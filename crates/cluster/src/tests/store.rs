use std::{sync::Arc, time::Instant};

use revisions::{CommitError, Document, Store, pack};
use serde_json::json;
use testkit::{etcd::Member, within};
use tokio::task::spawn_blocking;

use super::{LIMIT, PREFIX, commit, document, has, home, latest, number, open};
use crate::{Cluster, stored::CHUNK};

#[tokio::test]
async fn what_one_keeps_all_have() {
    let etcd = Member::start().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(etcd.address, a.path()).await, open(etcd.address, b.path()).await);
    assert_eq!((latest(&a), a.list(None, 10), a.trouble()), (None, Ok(Vec::new()), None));

    let first = commit(&a, 0, document("one")).await.unwrap();
    assert_eq!((first.meta.number, latest(&a)), (1, Some(first.clone())));
    has(&b, &first).await;
    let second = commit(&b, 1, document("two")).await.unwrap();
    has(&a, &second).await;

    // Whoever saw less than there is looks again.
    for seen in [0, 1, 3] {
        let answer = commit(&a, seen, document("lost")).await;
        assert_eq!(answer, Err(CommitError::Stale(2)), "{seen}");
    }
    let numbers = |metas: Vec<revisions::Meta>| metas.iter().map(|meta| meta.number).collect::<Vec<_>>();
    assert_eq!(numbers(a.list(None, 10).unwrap()), [2, 1]);
    assert_eq!(numbers(a.list(Some(2), 10).unwrap()), [1]);
    assert_eq!(numbers(a.list(None, 1).unwrap()), [2]);
    let get = |number| {
        let a = a.clone();
        spawn_blocking(move || a.get(number).unwrap())
    };
    assert_eq!((get(1).await.unwrap(), get(2).await.unwrap()), (Some(first), Some(second)));
    assert_eq!(get(3).await.unwrap(), None);
}

/// Prints how long it takes until others have it.
#[tokio::test]
async fn others_have_it_soon() {
    let etcd = Member::start().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(etcd.address, a.path()).await, open(etcd.address, b.path()).await);
    for seen in 0..50 {
        let begun = Instant::now();
        let revision = commit(&a, seen, document(seen)).await.unwrap();
        let kept = begun.elapsed();
        has(&b, &revision).await;
        if seen % 10 == 0 {
            println!("kept after {kept:?}, with another node after {:?}", begun.elapsed());
        }
    }
    assert_eq!(number(&b), 50);
}

/// A document as big as it may get: 50,000 routes that are hard to compress.
fn routes() -> Document {
    let mut random = message::Random::seeded(7);
    let route = |number: u32| {
        let host = format!("{:016x}.example.com", random.bits());
        json!({ "name": format!("route-{number}"), "match": { "hosts": [host], "path": { "prefix": format!("/{:x}", random.bits()) } },
            "upstream": format!("users-{}", number % 100), "policies": [{ "rate_limit": { "requests": number, "per": "1s" } }] })
    };
    serde_json::from_value(json!({ "routes": (0..50_000).map(route).collect::<Vec<_>>() })).unwrap()
}

#[tokio::test]
async fn long_documents_are_kept_in_pieces() {
    let etcd = Member::start().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(etcd.address, a.path()).await, open(etcd.address, b.path()).await);
    let (begun, routes) = (Instant::now(), routes());
    let packed = pack(&routes).unwrap().len();
    let revision = commit(&a, 0, routes).await.unwrap();
    has(&b, &revision).await;
    println!("50,000 routes are {packed} bytes; another node had them after {:?}", begun.elapsed());
    let pieces = etcd.api().await.all(&format!("{PREFIX}documents/")).await;
    assert_eq!(pieces.len(), packed.div_ceil(CHUNK));
    assert!(pieces.len() > 1 && pieces.values().all(|piece| piece.value.len() <= CHUNK));
}

#[tokio::test]
async fn old_revisions_are_forgotten_and_what_nobody_took_away() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let state = tempfile::tempdir().unwrap();
    let url = etcd.url();
    let node = Arc::new(Cluster::open(&home([&*url]), state.path(), 3).await.unwrap());
    // Of somebody who was killed, twice: of a number that comes, and of one that is long gone by then.
    let orphan = |number| format!("{PREFIX}documents/{number:020}/orphan/00000");
    for number in [1, 7] {
        api.put(&orphan(number), "half").await;
    }
    for seen in 0..7 {
        commit(&node, seen, document(seen)).await.unwrap();
    }
    let all = async || {
        let (metas, documents) =
            (api.all(&format!("{PREFIX}metas/")).await, api.all(&format!("{PREFIX}documents/")).await);
        (metas.len() == 3 && documents.len() == 3).then_some(documents)
    };
    let documents = testkit::eventually("all that is old is forgotten", all).await;
    assert!(!documents.contains_key(orphan(7).as_bytes()));
    testkit::eventually("so it is told", async || (node.list(None, 10).unwrap().len() == 3).then_some(())).await;
    let get = |number| {
        let node = node.clone();
        within(LIMIT, spawn_blocking(move || node.get(number).unwrap().map(|revision| revision.meta.number)))
    };
    assert_eq!((get(4).await.unwrap(), get(5).await.unwrap()), (None, Some(5)));
}
