//! What it costs to find out by a key who calls, among few consumers and many.
//!
//! The first row, an exchange and a policy that looks at nothing, is the floor.

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin has nothing to say")]

use std::{rc::Rc, sync::Arc, time::Instant};

use http::{HeaderValue, Request};
use message::{Body, Exchange, Peer, Random, Record};
use model::{Report, values::SecretHash};
use policy::{Consumers, Policy, Registry, Site, Step};

fn main() {
    divan::main();
}

/// So many consumers with one key each, `key-0` and so on, as long as keys are that the gateway makes.
fn consumers(number: usize) -> Arc<Consumers> {
    let credential = |hash| model::Credential { hash, id: "a".into(), created: None, not_after: None };
    let place = model::Place { file: "bench".into(), line: 1, column: 1 };
    let consumer = |n: usize| model::Consumer {
        name: format!("consumer-{n}").into(),
        place: place.clone(),
        groups: vec!["gold".into()],
        labels: Vec::new(),
        credentials: vec![credential(SecretHash::of(key(n).as_bytes()))],
    };
    Consumers::new(&(0..number).map(consumer).collect::<Vec<_>>(), None)
}

fn key(n: usize) -> String {
    format!("slk_{n:043}")
}

fn policy(settings: &str, consumers: &Arc<Consumers>) -> Arc<dyn Policy> {
    let mut report = Report::default();
    let settings = model::parse("bench", settings, &|_| None, &mut report).expect("settings");
    let site = Site { place: &settings.place, captures: None, consumers };
    Registry::new(policies::kinds()).get("key_auth").expect("the kind").build(&settings, &site).expect("a policy")
}

fn exchange(key: Option<&str>) -> Exchange {
    let (mut head, ()) = Request::get("/orders/7").body(()).expect("a request").into_parts();
    for (name, value) in [("host", "api.test"), ("user-agent", "bench"), ("accept", "*/*")] {
        head.headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(key) = key {
        head.headers.insert("x-api-key", HeaderValue::try_from(key).expect("a value"));
    }
    let address = "192.0.2.1:1000".parse().expect("an address");
    let peer = Rc::new(Peer::new(address, address, false, None));
    let (record, random) = (Record::new(Instant::now()), Random::seeded(0));
    let authority = HeaderValue::from_static("api.test");
    Exchange::new(head, Body::empty(), peer, address.ip(), authority, record, random)
}

fn run(bencher: divan::Bencher<'_, '_>, settings: &str, number: usize, key: Option<&str>) {
    let policy = policy(settings, &consumers(number));
    bencher.with_inputs(|| exchange(key)).bench_local_refs(|exchange| {
        let step = policy.on_request(exchange);
        matches!(step, Step::Continue)
    });
}

#[divan::bench]
fn no_key_and_none_is_needed(bencher: divan::Bencher<'_, '_>) {
    run(bencher, "required: false", 1, None);
}

#[divan::bench(args = [1, 1_000, 100_000])]
fn a_right_key(bencher: divan::Bencher<'_, '_>, number: usize) {
    run(bencher, "{}", number, Some(&key(number / 2)));
}

#[divan::bench(args = [1, 100_000])]
fn a_wrong_key(bencher: divan::Bencher<'_, '_>, number: usize) {
    run(bencher, "{}", number, Some(&key(number)));
}

#[divan::bench]
fn the_hash_alone(bencher: divan::Bencher<'_, '_>) {
    let key = key(1);
    bencher.bench_local(|| SecretHash::of(std::hint::black_box(key.as_bytes())));
}
