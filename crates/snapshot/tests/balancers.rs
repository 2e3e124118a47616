//! Balancers that do not come with the gateway: who is refused, and what a reload adopts.

use std::sync::Arc;

use model::{Node, Report};
use policy::Registry;
use schemars::JsonSchema;
use serde::Deserialize;
use snapshot::{Kinds, Snapshot};
use upstream::{
    Endpoint,
    balance::{self, Ask, BalancerKind, BalancerRules, Balancers, LoadBalancer},
};

/// A program with one.
struct Program(Registry, Balancers);

/// Always the last one.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Last {
    #[serde(default)]
    odd: u32,
}

// === impl Program ===

impl Default for Program {
    fn default() -> Self {
        Self(Registry::new(Vec::new()), Balancers::new(vec![balance::erase::<Last>()]))
    }
}

impl Kinds for Program {
    fn policies(&self) -> &Registry {
        &self.0
    }

    fn balancers(&self) -> &Balancers {
        &self.1
    }
}

// === impl Last ===

impl BalancerKind for Last {
    const NAME: &'static str = "last";

    fn check(&self, settings: &Node, report: &mut Report) {
        if self.odd == 2 {
            report.error(&settings.near("odd").place, "2 is even");
        }
    }
}

impl BalancerRules for Last {
    fn build(&self, _: &[Arc<Endpoint>], _: usize) -> Box<dyn LoadBalancer> {
        Box::new(*self)
    }
}

impl LoadBalancer for Last {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        (0..endpoints.len()).rev().find(|index| ask.takes(*index, endpoints))
    }
}

/// What upstreams with these balances come to, one to a line from the fourth on.
fn compile(balances: &[&str], kinds: &dyn Kinds, previous: Option<&Snapshot>) -> (Option<Snapshot>, Vec<String>) {
    let mut document = "version: 1\nlisteners: [{ name: web, address: 127.0.0.1:0 }]\nupstreams:\n".to_owned();
    for (number, balance) in balances.iter().enumerate() {
        document += &format!("  - {{ name: u{number}, endpoints: [a:1, b:1], balance: {balance} }}\n");
    }
    let mut report = Report::default();
    let root = model::parse("test", &document, &|_| None, &mut report);
    let model = root.and_then(|root| model::check(&root, &mut report));
    let snapshot = model.and_then(|model| snapshot::compile(&model, kinds, 1, previous, &mut report));
    report.sort();
    (snapshot, report.problems.iter().map(|problem| problem.to_string().replace("test:", "")).collect())
}

#[test]
fn what_no_kind_takes_is_refused_with_its_place() {
    let balances =
        ["last", "{ last: { odd: 2 } }", "{ last: { odd: x, even: 2 } }", "lost", "{ rendom: }", "{ sticy: {} }"];
    let (_, problems) = compile(&balances, &Program::default(), None);
    assert_eq!(
        problems,
        [
            "5:64: error: 2 is even",
            "6:64: error: expected a whole number from 0 to 4294967295, found the text `x`",
            "6:67: error: unknown key `even`; only `odd` is known here",
            "7:49: error: unknown way to balance `lost`; did you mean `last`?",
            "8:51: error: unknown way to balance `rendom`; did you mean `random`?",
            "9:51: error: unknown way to balance `sticy`; did you mean `sticky`?",
        ]
    );
    let (_, problems) = compile(&["last"], &Registry::new(Vec::new()), None);
    let known =
        "`round_robin`, `random`, `least_requests`, `peak_ewma`, `ip_hash`, `sticky`, `consistent_hash`, `custom`";
    assert_eq!(problems, [format!("4:49: error: unknown way to balance `last`; known here: {known}")]);
}

#[test]
fn the_same_settings_are_the_same_balancer() {
    let kinds = Program::default();
    let (first, problems) = compile(&["last", "{ last: { odd: 1 } }"], &kinds, None);
    let first = first.unwrap_or_else(|| panic!("{problems:#?}"));
    assert_eq!(first.upstreams[0].rules.balance.to_string(), "last");
    let (second, _) = compile(&["{ last: {} }", "{ last: { odd: 3 } }"], &kinds, Some(&first));
    let second = second.unwrap();
    assert!(Arc::ptr_eq(&first.upstreams[0], &second.upstreams[0]));
    assert!(!Arc::ptr_eq(&first.upstreams[1].rules, &second.upstreams[1].rules));
}

#[test]
fn it_chooses() {
    let (snapshot, _) = compile(&["last"], &Program::default(), None);
    let set = snapshot.unwrap().upstreams[0].set();
    let ask = Ask { worker: 0, tried: &[], key: None, random: 0, now: std::time::Instant::now(), heeds_health: true };
    let pick = |ask: &Ask<'_>| set.pick(None, ask).map(|picked| picked.endpoint);
    assert_eq!(pick(&ask), Some(1));
    assert_eq!(pick(&Ask { tried: &[1], ..ask }), Some(0));
    assert_eq!(pick(&Ask { tried: &[0, 1], ..ask }), None);
}
