//! The gateway hears of everything, by push.

use std::sync::Arc;

use model::{EndpointAddress, Service};
use registry::Registry;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use upstream::discovery::{Answer, Failure, Hear, Registries, Status};

use crate::{settings, start, within};

struct Ear(UnboundedSender<Answer>);

impl Hear for Ear {
    fn answered(&self, answer: Answer) {
        _ = self.0.send(answer);
    }

    fn failed(&self, failure: Failure) {
        panic!("our own registry fails: {failure}");
    }
}

fn watch(registry: &Registry, service: &str) -> UnboundedReceiver<Answer> {
    let (ear, heard) = unbounded_channel();
    tokio::spawn(registry.watch(&Service::Registry(service.into()), Arc::new(Ear(ear))));
    heard
}

/// The last thing that is heard until it is what was expected.
async fn until(heard: &mut UnboundedReceiver<Answer>, expected: &[(&str, Status)]) -> Answer {
    within(async {
        loop {
            let answer = heard.recv().await.unwrap();
            if answer.instances.iter().map(|one| (&*one.id, one.status)).eq(expected.iter().copied()) {
                return answer;
            }
        }
    })
    .await
}

#[tokio::test]
async fn every_change_is_heard_and_nothing_of_others() {
    let running = start().await;
    let mut heard = watch(&running.registry, "Orders");
    until(&mut heard, &[]).await;
    running.register("users", "u", 1).await;
    let body = r#"{"address":"10.0.0.7:8080","weight":5,"labels":{"version":"v2"},"zone":"a"}"#;
    running.put("/v1/services/orders/instances/a", body).await;
    let answer = until(&mut heard, &[("a", Status::Up)]).await;
    let instance = &answer.instances[0];
    assert_eq!(instance.address, EndpointAddress::Socket("10.0.0.7:8080".parse().unwrap()));
    assert_eq!((instance.weight, instance.tier), (5, 0));
    let labels: Vec<_> = instance.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(labels, [("version", "v2"), ("zone", "a")]);

    running.put("/v1/services/orders/instances/b", r#"{"address":"orders.internal:1","status":"starting"}"#).await;
    let answer = until(&mut heard, &[("a", Status::Up), ("b", Status::Down)]).await;
    assert_eq!(answer.instances[1].address, EndpointAddress::Name { host: "orders.internal".into(), port: 1 });
    running.ask("PATCH", "/v1/services/orders/instances/a", "", r#"{"status":"draining"}"#).await;
    until(&mut heard, &[("a", Status::Draining), ("b", Status::Down)]).await;
    running.delete("/v1/services/orders/instances/a").await;
    until(&mut heard, &[("b", Status::Down)]).await;
    running.put("/v1/services/orders/instances/b/heartbeat", "").await;
    running.delete("/v1/services/orders/instances/b").await;
    until(&mut heard, &[]).await;
}

#[tokio::test]
async fn many_registrations_are_few_answers() {
    let running = start().await;
    let mut heard = watch(&running.registry, "orders");
    until(&mut heard, &[]).await;
    for id in 0..200 {
        running.register("orders", &format!("a{id:03}"), 1).await;
    }
    let mut answers = 0;
    within(async {
        while heard.recv().await.unwrap().instances.len() < 200 {
            answers += 1;
        }
    })
    .await;
    assert!(answers < 200, "one answer each");
}

/// Before it is known whether there is one, nobody may be told that it is empty.
#[tokio::test]
async fn one_that_is_not_open_yet_says_nothing() {
    let registry = Registry::new();
    let mut heard = watch(&registry, "orders");
    tokio::task::yield_now().await;
    assert!(heard.try_recv().is_err());
    registry.open(settings(), None).unwrap();
    until(&mut heard, &[]).await;
}
