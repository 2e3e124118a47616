//! What a foreign hand writes.

use revisions::{CommitError, Store};
use testkit::etcd::Member;

use super::{PREFIX, commit, document, has, is_in_trouble, is_well, latest, number, open};

#[tokio::test]
async fn what_cannot_be_read_changes_nothing() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let state = tempfile::tempdir().unwrap();
    let node = open(etcd.address, state.path()).await;
    let good = commit(&node, 0, document("good")).await.unwrap();
    let latest_key = format!("{PREFIX}latest");
    let meta_key = format!("{PREFIX}metas/{:020}", 2);
    let good_meta = &api.all(&format!("{PREFIX}metas/")).await.into_values().next().unwrap().value;
    let good_meta = String::from_utf8(good_meta.clone()).unwrap();

    for (number, meta, words) in [
        ("x", None, "`latest` is `x`, which is no number"),
        ("7", None, "revision 7 is the latest, and there is none of this number"),
        ("2", Some("{}".to_owned()), "revision 2: missing field `format`"),
        ("2", Some(good_meta.clone()), "revision 2: it says that it is revision 1"),
        ("2", Some(good_meta.replace("\"number\":1", "\"number\":2")), "revision 2: 0 of 1 pieces of its document"),
        (
            "2",
            Some(good_meta.replace("\"number\":1", "\"number\":2").replace("\"format\":1", "\"format\":2")),
            "revision 2: it was written by a later version of sluice (format 2)",
        ),
    ] {
        if let Some(meta) = meta {
            api.put(&meta_key, &meta).await;
        }
        api.put(&latest_key, number).await;
        is_in_trouble(&node, words).await;
        assert_eq!(latest(&node), Some(good.clone()));
        // It is said how to get out of it.
        let Err(CommitError::Failed(why)) = commit(&node, 1, document("next")).await else { panic!("{words}") };
        assert!(why.contains(words) && why.contains("etcdctl put /sluice/latest 1"), "{why}");
    }
    // Who begins now has nothing to be served, and is told why.
    let other = tempfile::tempdir().unwrap();
    let other = open(etcd.address, other.path()).await;
    assert_eq!(latest(&other), None);
    is_in_trouble(&other, "later version").await;

    api.put(&latest_key, "1").await;
    is_well(&node).await;
    has(&other, &good).await;
    // The meta of before is in the way of nothing.
    assert_eq!(commit(&node, 1, document("next")).await.unwrap().meta.number, 2);
}

#[tokio::test]
async fn a_document_that_was_changed_is_not_ours() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let a = open(etcd.address, a.path()).await;
    commit(&a, 0, document("good")).await.unwrap();
    let pieces = api.all(&format!("{PREFIX}documents/")).await;
    let key = String::from_utf8(pieces.into_keys().next().unwrap()).unwrap();
    api.put(&key, "something else").await;
    let b = open(etcd.address, b.path()).await;
    is_in_trouble(&b, "revision 1: its document is not the one that was written").await;
    assert_eq!((number(&b), a.trouble()), (0, None));
    has(&b, &commit(&a, 1, document("next")).await.unwrap()).await;
    is_well(&b).await;
}

#[tokio::test]
async fn revisions_of_a_backup_are_followed_also_back() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let state = tempfile::tempdir().unwrap();
    let node = open(etcd.address, state.path()).await;
    let first = commit(&node, 0, document("one")).await.unwrap();
    commit(&node, 1, document("two")).await.unwrap();
    api.put(&format!("{PREFIX}latest"), "1").await;
    has(&node, &first).await;
    assert_eq!(commit(&node, 2, document("three")).await, Err(CommitError::Stale(1)));
    // The number is taken: it is another revision now.
    let again = commit(&node, 1, document("other")).await.unwrap();
    assert_eq!((again.meta.number, latest(&node)), (2, Some(again.clone())));
}
