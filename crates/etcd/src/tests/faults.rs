//! Members and networks that fail.

use std::time::Duration;

use testkit::{
    etcd::{Cluster, Member, Settings},
    faults::{Fault, FaultProxy},
    within,
};
use upstream::discovery::FailureKind;

use super::{Followed, Members, PREFIX, key, members, settings};

/// How soon a partition that nobody is told of must be noticed.
const NOTICED: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_silent_partition_is_noticed_and_made_up_for() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    api.put(&key("a"), "1").await;
    api.put(&key("b"), "1").await;
    let proxy = FaultProxy::start(etcd.address).await;
    let mut followed = Followed::start(&members(proxy.address));
    followed.becomes(&api.all(PREFIX).await).await;

    proxy.set_both([Fault::Blackhole]);
    api.put(&key("a"), "2").await;
    api.delete(&key("b")).await;
    let revision = api.put(&key("c"), "1").await;
    api.compact(revision).await;
    let before = followed.failures();
    assert_eq!(within(NOTICED, followed.fails(before)).await, FailureKind::Unreachable);
    assert_eq!(followed.seen.borrow().keys.entries().len(), 2, "what was known stays known");

    proxy.heal();
    followed.becomes(&api.all(PREFIX).await).await;
}

#[tokio::test]
async fn a_quiet_watch_is_not_a_dead_one() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    let mut followed = Followed::start(&members(etcd.address));
    followed.becomes(&api.all(PREFIX).await).await;
    // Nothing can be waited for: what is to be seen is that nothing happens for longer than a silence may last.
    tokio::time::sleep(NOTICED).await;
    assert_eq!((followed.failures(), followed.seen.borrow().told), (0, 1));
    api.put(&key("a"), "1").await;
    followed.becomes(&api.all(PREFIX).await).await;
    assert_eq!(followed.failures(), 0);
}

#[tokio::test]
async fn what_was_compacted_is_read_again() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    for name in ["a", "b", "c"] {
        api.put(&key(name), "1").await;
    }
    let proxy = FaultProxy::start(etcd.address).await;
    let mut followed = Followed::start(&members(proxy.address));
    followed.becomes(&api.all(PREFIX).await).await;

    proxy.refuse();
    proxy.reset_all();
    let before = followed.failures();
    followed.fails(before).await;
    api.put(&key("a"), "2").await;
    api.delete(&key("b")).await;
    let revision = api.put(&key("d"), "1").await;
    api.compact(revision).await;
    proxy.heal();
    followed.becomes(&api.all(PREFIX).await).await;
}

#[tokio::test]
async fn a_store_that_begins_anew_is_read_anew() {
    let mut etcd = Member::start().await;
    let mut api = etcd.api().await;
    for name in ["a", "b"] {
        api.put(&key(name), "old").await;
    }
    let mut followed = Followed::start(&members(etcd.address));
    followed.becomes(&api.all(PREFIX).await).await;
    let revision = followed.seen.borrow().keys.revision();

    etcd.wipe();
    etcd.start_again().await;
    let mut api = etcd.api().await;
    assert!(api.put(&key("b"), "new").await < revision, "a watch from the old revision would hear nothing of it");
    followed.becomes(&api.all(PREFIX).await).await;
    api.delete_all(PREFIX).await;
    followed.until(|seen| seen.keys.entries().is_empty()).await;
}

#[tokio::test]
async fn many_keys_are_read_in_pages_and_told_as_one() {
    // What is longer than a request may be comes in parts.
    let etcd = Settings::default().argument("--max-request-bytes=16384").start().await;
    let mut api = etcd.api().await;
    let entries: Vec<_> = (0..1001).map(|name| (key(name), "1".repeat(50))).collect();
    for some in entries.chunks(100) {
        api.put_all(some).await;
    }
    let mut followed = Followed::start(&members(etcd.address));
    followed.becomes(&api.all(PREFIX).await).await;
    assert_eq!(followed.seen.borrow().told, 1);
    api.delete_all(PREFIX).await;
    followed.until(|seen| seen.told == 2).await;
    assert_eq!((followed.seen.borrow().keys.entries().len(), followed.failures()), (0, 0));
}

#[tokio::test]
async fn members_stand_in_for_each_other() {
    let mut cluster = Cluster::start().await;
    let urls = cluster.urls();
    let mut followed = Followed::start(&Members::new(settings(urls.iter().map(String::as_str))));
    cluster.members[0].api().await.put(&key("first"), "1").await;
    followed.until(|seen| seen.keys.get(key("first").as_bytes()).is_some()).await;
    // Whoever is asked is among those that go, and twice it is the leader.
    for round in 0..4 {
        let gone = if round % 2 == 0 { cluster.leader().await } else { round % 3 };
        cluster.members[gone].kill();
        let left = (gone + 1) % 3;
        cluster.leader().await;
        let mut api = cluster.members[left].api().await;
        api.put(&key(round), "1").await;
        followed.becomes(&api.all(PREFIX).await).await;
        cluster.members[gone].start_again().await;
    }
}

#[tokio::test]
async fn a_member_that_says_nothing_is_left_for_another() {
    let mut cluster = Cluster::start().await;
    let urls = cluster.urls();
    let members = Members::new(settings(urls.iter().map(String::as_str)));
    let mut followed = Followed::start(&members);
    followed.until(|seen| seen.told > 0).await;
    let asked = members.session().await.unwrap().member().to_string();
    let frozen = urls.iter().position(|url| *url == asked).expect("one of the members");
    // Its connections stay, as they do when a machine hangs.
    cluster.members[frozen].freeze();
    let leader = cluster.leader().await;
    let mut api = cluster.members[leader].api().await;
    api.put(&key("a"), "1").await;
    followed.becomes(&api.all(PREFIX).await).await;
    cluster.members[frozen].thaw();
}
