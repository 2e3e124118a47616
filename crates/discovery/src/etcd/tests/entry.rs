//! The gateway's own entry.

use std::time::Duration;

use ::etcd::Members;
use model::{EtcdFormat, Place, Registration};
use testkit::etcd::{Cluster, Member};
use tokio::time::timeout;
use upstream::discovery::FailureKind;

use super::{members, settings};
use crate::{
    etcd::{OwnEntry, instance},
    registration::Entry as _,
};

const KEY: &str = "/services/sluice/sluice-10.0.0.9-8080";

fn registration() -> Registration {
    Registration {
        place: Place { file: "sluice.yaml".into(), line: 1, column: 1 },
        consul: false,
        etcd: true,
        eureka: false,
        service: "sluice".into(),
        id: None,
        host: "10.0.0.9".into(),
        port: 8080,
        is_tls: false,
        labels: vec![("zone".into(), "a".into())],
        ttl: Duration::from_secs(10),
    }
}

#[tokio::test]
async fn the_key_lives_with_its_lease() {
    let mut etcd = Member::start().await;
    let mut api = etcd.api().await;
    let mut entry = OwnEntry::new(members(etcd.address), &registration());

    entry.renew().await.unwrap();
    let stored = api.all(KEY).await;
    let told = instance::read(EtcdFormat::Sluice, KEY.as_bytes(), &stored[KEY.as_bytes()].value).unwrap();
    assert_eq!(told.labels, [("secure".into(), "false".into()), ("zone".into(), "a".into())]);
    let leases = api.leases().await;
    assert_eq!(leases.len(), 1);

    // Renewed, it is not written again: nobody who watches is disturbed.
    entry.renew().await.unwrap();
    assert_eq!((api.all(KEY).await, api.leases().await), (stored, leases.clone()));

    // Somebody deletes it by hand.
    api.delete(KEY).await;
    entry.renew().await.unwrap();
    assert_eq!((api.all(KEY).await.len(), api.leases().await), (1, leases.clone()));

    // The lease is lost, as if the gateway had been away for too long.
    api.revoke(leases[0]).await;
    assert!(api.all(KEY).await.is_empty());
    entry.renew().await.unwrap();
    let anew = api.leases().await;
    assert_eq!((api.all(KEY).await.len(), anew.len(), anew != leases), (1, 1, true));

    // The member is away, and comes back.
    etcd.kill();
    assert_eq!(entry.renew().await.unwrap_err().kind, FailureKind::Unreachable);
    etcd.start_again().await;
    entry.renew().await.unwrap();
    let mut api = etcd.api().await;
    assert_eq!(api.leases().await, anew);

    entry.leave().await.unwrap();
    assert_eq!((api.all(KEY).await.len(), api.leases().await.len()), (0, 0));
    // Gone already, by whatever way.
    entry.leave().await.unwrap();
}

#[tokio::test]
async fn a_member_that_says_nothing_is_left_for_another() {
    let mut cluster = Cluster::start().await;
    let urls = cluster.urls();
    let members = Members::new(settings(urls.iter().map(String::as_str)));
    let mut entry = OwnEntry::new(members.clone(), &registration());
    entry.renew().await.unwrap();
    let asked = members.session().await.unwrap().member().to_string();
    let frozen = urls.iter().position(|url| *url == asked).expect("one of the members");
    cluster.members[frozen].freeze();
    // As long as who keeps the entry waits, and no longer.
    let renewed = async || timeout(Duration::from_secs(3), entry.renew()).await.ok()?.ok();
    testkit::eventually("another member renews it", renewed).await;
    cluster.members[frozen].thaw();
}

#[tokio::test]
async fn a_store_that_forgot_the_lease_gets_another() {
    let mut etcd = Member::start().await;
    let mut entry = OwnEntry::new(members(etcd.address), &registration());
    entry.renew().await.unwrap();
    etcd.wipe();
    etcd.start_again().await;
    // The first try may find the connection broken.
    testkit::eventually("the key is there again", async || entry.renew().await.ok()).await;
    assert_eq!(etcd.api().await.all(KEY).await.len(), 1);
}
