//! Instances of a service.

use std::{fmt::Display, sync::Arc, time::Duration};

use fetch::Backoff;
use message::Random;
use model::{EtcdFormat, EtcdService};
use testkit::{etcd::Member, within};
use tokio::sync::mpsc;
use upstream::discovery::{Answer, Failure, FailureKind, Hear};

use super::members;
use crate::etcd::service;

const PREFIX: &str = "/services/orders/";

struct Ear(mpsc::UnboundedSender<Result<Answer, Failure>>);

// === impl Ear ===

impl Hear for Ear {
    fn answered(&self, answer: Answer) {
        _ = self.0.send(Ok(answer));
    }

    fn failed(&self, failure: Failure) {
        _ = self.0.send(Err(failure));
    }
}

#[tokio::test]
async fn instances_come_change_and_go() {
    let etcd = Member::start().await;
    let mut api = etcd.api().await;
    api.put(&key("a"), r#"{"address": "10.0.0.1:80", "weight": 2, "zone": "a"}"#).await;
    api.put(&key("b"), "10.0.0.2:80").await;
    api.put("/services/orders-old/c", r#"{"address": "10.0.0.3:80"}"#).await;

    let service = EtcdService { prefix: PREFIX.into(), format: EtcdFormat::Sluice };
    let (sender, mut heard) = mpsc::unbounded_channel();
    let backoff = Backoff::new(Random::seeded(1));
    let watch = tokio::spawn(service::watch(&members(etcd.address), &service, backoff, Arc::new(Ear(sender))));
    let mut next = async || within(Duration::from_secs(60), heard.recv()).await.expect("the watch goes on");

    let answer = next().await.unwrap();
    assert_eq!((answer.instances.len(), answer.flaws.len()), (1, 1));
    assert_eq!((&*answer.instances[0].id, answer.instances[0].weight), ("/services/orders/a", 2));
    assert_eq!(&*answer.flaws[0].id, "/services/orders/b");

    api.put(&key("b"), r#"{"address": "10.0.0.2:80", "status": "down"}"#).await;
    let answer = next().await.unwrap();
    assert_eq!((answer.instances.len(), answer.flaws.len()), (2, 0));

    api.delete(&key("a")).await;
    assert_eq!(next().await.unwrap().instances.len(), 1);
    api.delete_all(PREFIX).await;
    assert_eq!(next().await.unwrap(), Answer::default());

    drop(etcd);
    assert_eq!(next().await.unwrap_err().kind, FailureKind::Unreachable);
    watch.abort();
}

fn key(name: impl Display) -> String {
    format!("{PREFIX}{name}")
}
