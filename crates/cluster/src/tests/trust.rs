//! Users.

use std::sync::Arc;

use model::{EtcdHome, Secret, values::SecretSource};
use testkit::etcd::Member;

use super::{MOST, commit, document, home};
use crate::Cluster;

const PASSWORD: &str = "correct horse";

#[tokio::test]
async fn a_user_needs_what_is_below_the_prefix_and_no_more() {
    let etcd = Member::start().await;
    etcd.enable_auth("gateway", PASSWORD, "/sluice/").await;
    let url = etcd.url();
    let with = |prefix: &str| {
        let home = home([&*url]);
        let user = Some(("gateway".into(), SecretSource::Text(Secret::new(PASSWORD))));
        EtcdHome { etcd: model::Etcd { user, ..home.etcd }, prefix: prefix.into() }
    };
    let state = tempfile::tempdir().unwrap();
    let node = Arc::new(Cluster::open(&with("/sluice/"), state.path(), MOST).await.unwrap());
    assert_eq!(commit(&node, 0, document("one")).await.unwrap().meta.number, 1);

    let Err(error) = Cluster::open(&with("/others/"), state.path(), MOST).await else { panic!("they are others'") };
    assert!(error.to_string().contains("permission denied"), "{error}");

    let root = format!("--user=root:{PASSWORD}");
    etcd.ctl(&[&root, "role", "revoke-permission", "--prefix=true", "gateway", "/sluice/"]).await;
    let refused = commit(&node, 1, document("two")).await.unwrap_err().to_string();
    assert!(refused.contains("permission denied") && refused.ends_with("nothing has changed"), "{refused}");
    assert_eq!(super::number(&node), 1);
}
