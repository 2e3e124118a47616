//! Whom the document knows, from one snapshot to the next.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use model::{Model, Report, values::SecretHash};
use policy::Registry;
use snapshot::Snapshot;

const DOCUMENT: &str = "
version: 1
listeners: [{ name: web, address: 127.0.0.1:0 }]
routes:
  - { name: keys, policies: [{ key_auth: { anonymous: guest } }, { headers: { request: { set: { x: '1' } } } }], respond: {} }
  - { name: plain, match: { path: /plain }, policies: [{ headers: { request: { set: { x: '1' } } } }], respond: {} }
consumers:
  - { name: guest }
  - { name: alice, credentials: [{ key: { hash: 'blake3:HASH' } }] }
";

fn model() -> Model {
    let mut report = Report::default();
    let text = DOCUMENT.replace("blake3:HASH", &SecretHash::of(b"alice's").to_string());
    let root = model::parse("test", &text, &|_| None, &mut report).unwrap();
    model::check(&root, &mut report).unwrap_or_else(|| panic!("{:?}", report.problems))
}

fn compile(model: &Model, previous: Option<&Snapshot>) -> Result<Snapshot, Vec<String>> {
    let mut report = Report::default();
    let snapshot = snapshot::compile(model, &Registry::new(policies::kinds()), 1, previous, &mut report);
    snapshot.ok_or_else(|| report.problems.iter().map(ToString::to_string).collect())
}

/// Whether both routes are the very same, and then whether both policies of the first one are.
fn kept(one: &Snapshot, other: &Snapshot) -> [bool; 4] {
    let route = |index: usize| Arc::ptr_eq(&one.routes[index], &other.routes[index]);
    let links = |snapshot: &Snapshot| {
        let snapshot::Chains::One(chain) = &snapshot.routes[0].chains else { panic!("several chains") };
        chain.links().iter().map(|link| link.policy.clone()).collect::<Vec<_>>()
    };
    let (own, others) = (links(one), links(other));
    let link = |index: usize| Arc::ptr_eq(&own[index], &others[index]);
    [route(0), route(1), link(0), link(1)]
}

#[test]
fn policies_that_find_out_who_calls_are_made_anew_when_consumers_change() {
    let mut model = model();
    let first = compile(&model, None).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
    assert!(first.consumers.identify(b"alice's", now).is_ok());

    let same = compile(&model, Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first.consumers, &same.consumers));
    assert_eq!(kept(&first, &same), [true; 4]);

    model.consumers[1].groups.push("gold".into());
    let second = compile(&model, Some(&same)).unwrap();
    assert_eq!(kept(&same, &second), [false, true, false, true]);
    assert_eq!(second.consumers.used("alice")[0].last, Some(now), "its key was used before");
    assert_eq!(first.consumers.named("alice").unwrap().groups, None, "the old world stays as it was");
}

#[test]
fn a_consumer_that_a_policy_names_stays() {
    let mut model = model();
    let first = compile(&model, None).unwrap();
    model.consumers.remove(0);
    let problems = compile(&model, Some(&first)).err().unwrap();
    let expected = "test:5:32: error: policy `key_auth`: `anonymous` names an unknown consumer `guest`; \
                    add it to `consumers`; it needs no credentials";
    assert_eq!(problems, [expected]);
}
