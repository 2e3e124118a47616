//! Members and networks that fail.

use std::time::Instant;

use revisions::{CommitError, Store};
use testkit::{
    etcd::{Cluster as Members, Member},
    faults::{Fault, FaultProxy},
};

use super::{commit, document, has, home, is_in_trouble, is_well, latest, number, open, try_open};
use crate::{Cluster, OpenError};

/// Why it is not kept.
fn refused(answer: Result<std::sync::Arc<revisions::Revision>, CommitError>) -> String {
    match answer {
        Err(CommitError::Failed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_start_without_etcd_begins_with_the_last_good_one() {
    let mut etcd = Member::start().await;
    let state = tempfile::tempdir().unwrap();
    let node = open(etcd.address, state.path()).await;
    let good = commit(&node, 0, document("good")).await.unwrap();
    node.in_force(&good);
    let bad = commit(&node, 1, document("does not compile")).await.unwrap();
    // It is written by and by.
    let written = async || {
        let name = std::fs::read_dir(state.path()).unwrap().next()?.unwrap().path();
        (std::fs::metadata(name).unwrap().len() > 0).then_some(())
    };
    testkit::eventually("it is written", written).await;
    drop(node);

    etcd.kill();
    let opened = async || try_open(etcd.address, state.path()).await.ok();
    let begun = Instant::now();
    let node = testkit::eventually("the file is let go", opened).await;
    println!("began without etcd after {:?}", begun.elapsed());
    assert_eq!((latest(&node), number(&node)), (Some(good), 1));
    is_in_trouble(&node, "etcd is away").await;
    let why = refused(commit(&node, 1, document("new")).await);
    assert!(why.contains("nothing has changed"), "{why}");
    assert!(node.list(None, 10).unwrap_err().contains("etcd is away"));

    etcd.start_again().await;
    has(&node, &bad).await;
    is_well(&node).await;
    assert_eq!(commit(&node, 2, document("new")).await.unwrap().meta.number, 3);
}

#[tokio::test]
async fn a_start_without_anything_says_so() {
    let mut etcd = Member::start().await;
    etcd.kill();
    let state = tempfile::tempdir().unwrap();
    let Err(error) = try_open(etcd.address, state.path()).await else { panic!("it has nothing to begin with") };
    assert!(matches!(error, OpenError::Away(_)), "{error}");
    assert!(error.to_string().contains("no revision of before to begin with: http://127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_node_that_is_cut_off_changes_nothing_and_catches_up() {
    let etcd = Member::start().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let proxy = FaultProxy::start(etcd.address).await;
    let (a, b) = (open(etcd.address, a.path()).await, open(proxy.address, b.path()).await);
    let first = commit(&a, 0, document("one")).await.unwrap();
    has(&b, &first).await;

    proxy.refuse();
    proxy.reset_all();
    is_in_trouble(&b, "etcd is away").await;
    let why = refused(commit(&b, 1, document("cut off")).await);
    assert!(why.starts_with("etcd does not take it: ") && why.ends_with("nothing has changed"), "{why}");
    for seen in 1..20 {
        commit(&a, seen, document(seen)).await.unwrap();
    }
    let mut api = etcd.api().await;
    let revision = api.revision().await;
    api.compact(revision).await;
    assert_eq!(latest(&b), Some(first));

    proxy.heal();
    has(&b, &latest(&a).unwrap()).await;
    is_well(&b).await;
    assert_eq!(commit(&b, 20, document("back")).await.unwrap().meta.number, 21);
}

#[tokio::test]
async fn a_silent_partition_is_noticed() {
    let etcd = Member::start().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let proxy = FaultProxy::start(etcd.address).await;
    let (a, b) = (open(etcd.address, a.path()).await, open(proxy.address, b.path()).await);
    has(&b, &commit(&a, 0, document("one")).await.unwrap()).await;
    proxy.set_both([Fault::Blackhole]);
    let second = commit(&a, 1, document("two")).await.unwrap();
    is_in_trouble(&b, "etcd is away").await;
    assert_eq!(number(&b), 1);
    proxy.heal();
    has(&b, &second).await;
    is_well(&b).await;
}

#[tokio::test]
async fn a_store_that_was_wiped_changes_nothing_and_is_filled_by_the_next_change() {
    let mut etcd = Member::start().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (open(etcd.address, a.path()).await, open(etcd.address, b.path()).await);
    for seen in 0..3 {
        has(&b, &commit(&a, seen, document(seen)).await.unwrap()).await;
    }
    etcd.wipe();
    etcd.start_again().await;
    for node in [&a, &b] {
        is_in_trouble(node, "etcd holds no revision below `/sluice/`; revision 3, of before, stays").await;
        assert_eq!(number(node), 3);
    }
    // Nobody who saw something else goes on there.
    assert_eq!(commit(&b, 2, document("other")).await, Err(CommitError::Stale(0)));
    let next = commit(&b, 3, document("next")).await.unwrap();
    assert_eq!(next.meta.number, 4);
    has(&a, &next).await;
    is_well(&a).await;
}

#[tokio::test]
async fn members_stand_in_for_each_other() {
    let mut etcd = Members::start().await;
    let urls = etcd.urls();
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = async |state| {
        let home = home(urls.iter().map(String::as_str));
        std::sync::Arc::new(Cluster::open(&home, state, super::MOST).await.unwrap())
    };
    let (a, b) = (node(a.path()).await, node(b.path()).await);
    for round in 0..6 {
        let gone = etcd.leader().await;
        etcd.members[gone].kill();
        // A leader is elected meanwhile; what cannot be kept before is tried again by who wants it.
        let kept = testkit::eventually("it is kept", async || commit(&a, round, document(round)).await.ok()).await;
        has(&b, &kept).await;
        etcd.members[gone].start_again().await;
    }
    assert_eq!(number(&b), 6);
}
