//! Requests shared out among versions of a service, and callers that stay where they are.

use std::collections::BTreeMap;

use http::Method;
use testkit::{
    client::{Answer, Client},
    origin::Origin,
};

use crate::support::{Gateway, assert_reply, with_fields};

/// A stable version and a canary, as endpoints of one upstream that differ in a label.
struct Orders {
    stable: Origin,
    canary: Origin,
}

async fn ask(client: &mut Client, target: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = client.fetch(with_fields(Method::GET, target, fields)).await;
    assert_eq!(answer.status, 200, "{target} {fields:?}: {}", answer.text());
    answer
}

/// The side of each of so many callers, by a header.
async fn sides(client: &mut Client, callers: usize) -> Vec<String> {
    let mut sides = Vec::with_capacity(callers);
    for caller in 0..callers {
        let caller = format!("user-{caller}");
        sides.push(ask(client, "/", &[("x-user-id", &caller)]).await.text().to_owned());
    }
    sides
}

fn canaries(sides: &[String]) -> usize {
    sides.iter().filter(|side| *side == "canary").count()
}

// === impl Orders ===

impl Orders {
    async fn start() -> Self {
        Self { stable: Origin::text("stable").await, canary: Origin::text("canary").await }
    }

    /// A document with this split: the weights of both sides, and what else it says.
    fn document(&self, [stable, canary]: [u32; 2], more: &str) -> String {
        let (v1, v2) = (self.stable.address, self.canary.address);
        format!(
            r#"gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, access_log: {{ path: stdout }}, trusted_proxies: [127.0.0.1] }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - name: orders
    endpoints:
      - {{ address: "{v1}", labels: {{ version: v1 }} }}
      - {{ address: "{v2}", labels: {{ version: v2 }} }}
routes:
  - name: orders
    split:
      to:
        - {{ name: stable, upstream: orders, labels: {{ version: v1 }}, weight: {stable} }}
        - {{ upstream: orders, labels: {{ version: v2 }}, weight: {canary}, cohort: {{ headers: [{{ name: x-beta, exact: "yes" }}] }} }}
      {more}
"#
        )
    }
}

#[tokio::test]
async fn chance_keeps_to_the_weights() {
    let orders = Orders::start().await;
    let gateway = Gateway::start(&orders.document([80, 20], "")).await;
    let mut found = 0;
    for (_, mut client) in gateway.both().await {
        for _ in 0..1000 {
            found += usize::from(ask(&mut client, "/", &[]).await.text() == "canary");
        }
    }
    // Six standard deviations of 2000 draws.
    assert!((290..=510).contains(&found), "{found} of 2000 for 20%");
    assert_eq!(orders.canary.counts.requests(), found, "labels keep each side to its endpoints");
    assert_eq!(orders.stable.counts.requests(), 2000 - found);
}

/// Whoever has a key stays, over any connection, version of HTTP, worker and start of the gateway.
#[tokio::test]
async fn callers_stay_on_their_side() {
    let orders = Orders::start().await;
    let sticky = "sticky: [{ header: x-user-id }, { cookie: uid }, { query: u }, client_ip]";
    let document = orders.document([50, 50], sticky);
    let mut first: Option<Vec<String>> = None;
    for _ in 0..2 {
        let gateway = Gateway::start(&document).await;
        for (version, mut client) in gateway.both().await {
            let mut found = sides(&mut client, 40).await;
            for caller in 0..40 {
                let address = format!("192.0.2.{caller}");
                found.push(ask(&mut client, "/", &[("x-forwarded-for", &address)]).await.text().to_owned());
            }
            assert!(found.iter().any(|side| side == "canary") && found.iter().any(|side| side == "stable"));
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{version}");
            // The same key is the same caller, wherever it stands.
            for (caller, side) in found.iter().enumerate().take(10) {
                let cookie = format!("a=b; uid=user-{caller}");
                assert_eq!(ask(&mut client, "/", &[("cookie", &cookie)]).await.text(), side, "{version}");
                let target = format!("/?u=user%2D{caller}");
                assert_eq!(ask(&mut client, &target, &[]).await.text(), side, "{version}");
            }
        }
    }
}

/// A weight that grows while traffic flows moves callers one way, and back again when it shrinks.
#[tokio::test]
async fn weights_change_live_and_move_only_who_must() {
    let orders = Orders::start().await;
    let document = |weights| orders.document(weights, "sticky: { header: x-user-id }");
    let gateway = Gateway::start(&document([95, 5])).await;
    let mut client = gateway.http1().await;
    let before = sides(&mut client, 400).await;
    let mut last = before.clone();
    for weights in [[90, 10], [50, 50], [0, 100]] {
        gateway.reload_and_wait(&document(weights)).await;
        let grown = sides(&mut client, 400).await;
        let back = last.iter().zip(&grown).filter(|(before, after)| *before == "canary" && *after == "stable").count();
        assert_eq!(back, 0, "nobody goes back at {weights:?}");
        assert!(canaries(&grown) > canaries(&last), "{} at {weights:?}", canaries(&grown));
        last = grown;
    }
    assert_eq!(canaries(&last), 400);
    gateway.reload_and_wait(&document([95, 5])).await;
    assert_eq!(sides(&mut client, 400).await, before);
}

#[tokio::test]
async fn testers_and_cohorts_go_first() {
    let orders = Orders::start().await;
    let more = "force: { cookie: side }\n      sticky: { header: x-user-id }\n      reveal: { header: x-served-by }";
    let gateway = Gateway::start(&orders.document([1, 0], more)).await;
    for (version, mut client) in gateway.both().await {
        for (fields, side) in [
            (&[][..], "stable"),
            (&[("x-user-id", "alice")], "stable"),
            (&[("cookie", "side=v2")], "canary"),
            (&[("cookie", "side=v3")], "stable"),
            (&[("x-beta", "yes")], "canary"),
            (&[("x-beta", "no")], "stable"),
            (&[("x-beta", "yes"), ("cookie", "side=stable")], "stable"),
        ] {
            let answer = ask(&mut client, "/", fields).await;
            assert_eq!(answer.text(), side, "{version} {fields:?}");
            let name = if side == "canary" { "v2" } else { "stable" };
            assert_eq!(answer.field("x-served-by"), Some(name), "{version} {fields:?}");
        }
    }
}

/// Metrics and log name the side; a route without sides has none.
#[tokio::test]
async fn sides_are_counted_and_logged() {
    let orders = Orders::start().await;
    let document =
        orders.document([1, 1], "force: { query: v }") + "  - { name: ping, match: { path: /ping }, respond: {} }\n";
    let gateway = Gateway::start(&document).await;
    let mut client = gateway.http1().await;
    for target in ["/?v=stable", "/?v=v2", "/?v=v2", "/ping"] {
        let answer = ask(&mut client, target, &[]).await;
        assert_eq!(answer.field("x-served-by"), None);
    }
    let counted = gateway.metrics_until("all are counted", |metrics| {
        let ended = metrics.value("sluice_requests_total", &[]) == Some(4.0);
        let of = |side| metrics.value("sluice_split_requests_total", &[("route", "orders"), ("side", side)]);
        ended.then(|| (of("stable"), of("v2"), metrics.value("sluice_split_duration_seconds_count", &[])))
    });
    assert_eq!(counted.await, (Some(1.0), Some(2.0), Some(3.0)));
    gateway.says("\"route\":\"ping\",\"side\":null").await;
    let (log, mut logged) = (gateway.stdout(), BTreeMap::new());
    for line in log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
        *logged.entry(line["side"].to_string()).or_insert(0) += 1;
    }
    let expected = [("\"stable\"", 1), ("\"v2\"", 2), ("null", 1)].map(|(side, count)| (side.to_owned(), count));
    assert_eq!(logged, BTreeMap::from(expected));
}

/// Labels also stand beside a plain upstream; nobody has them: 503, and those who may know learn which.
#[tokio::test]
async fn labels_choose_endpoints() {
    let (a, b, c) = (Origin::text("a").await, Origin::text("b").await, Origin::text("c").await);
    let gateway = Gateway::start(&format!(
        r#"gateway: {{ workers: 1, admin: {{ address: "127.0.0.1:0" }}, trusted_proxies: [127.0.0.1] }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams:
  - name: orders
    endpoints:
      - {{ address: "{}", labels: {{ version: v1, zone: one }} }}
      - {{ address: "{}", labels: {{ version: v2, zone: one }} }}
      - {{ address: "{}", labels: {{ version: v2, zone: two }} }}
routes:
  - {{ name: all, upstream: orders }}
  - {{ name: v2, match: {{ path: /v2 }}, upstream: {{ name: orders, labels: {{ version: v2 }} }} }}
  - {{ name: both, match: {{ path: /both }}, upstream: {{ name: orders, labels: {{ version: v2, zone: two }} }} }}
  - {{ name: none, match: {{ path: /none }}, upstream: {{ name: orders, labels: {{ version: v3 }} }} }}
"#,
        a.address, b.address, c.address
    ))
    .await;
    let mut client = gateway.http1().await;
    for (target, expected) in [("/v2", &["b", "c"][..]), ("/both", &["c"]), ("/", &["a", "b", "c"])] {
        let mut found = Vec::new();
        for _ in 0..expected.len() {
            found.push(ask(&mut client, target, &[]).await.text().to_owned());
        }
        found.sort_unstable();
        assert_eq!(found, expected, "{target}: each endpoint has its turn");
    }
    let answer = client.get("/none").await;
    assert_reply(&answer, 503, "no_endpoint");
    assert_eq!(answer.json()["detail"], "upstream `orders` has no endpoint with the labels version=v3 to ask");
}

/// Each side brings the policies of its own upstream; those of the route run for all.
#[tokio::test]
async fn each_side_has_the_policies_of_its_upstream() {
    let (old, new) = (Origin::text("old").await, Origin::text("new").await);
    let gateway = Gateway::start(&format!(
        r#"gateway: {{ workers: 1, admin: {{ address: "127.0.0.1:0" }} }}
listeners: [{{ name: web, address: "127.0.0.1:0", policies: [{{ headers: {{ response: {{ set: {{ x-listener: "1" }} }} }} }}] }}]
upstreams:
  - {{ name: old, endpoints: ["{}"] }}
  - {{ name: new, endpoints: ["{}"], policies: [{{ headers: {{ response: {{ set: {{ x-new: "1" }} }} }} }}] }}
routes:
  - name: all
    split: {{ force: {{ query: v }}, to: [{{ upstream: old }}, {{ upstream: new }}] }}
    policies: [{{ headers: {{ response: {{ set: {{ x-route: "1" }} }} }} }}]
    rewrite: {{ path: /rewritten }}
"#,
        old.address, new.address
    ))
    .await;
    let mut client = gateway.http1().await;
    for (side, own) in [("old", None), ("new", Some("1"))] {
        let answer = ask(&mut client, &format!("/?v={side}"), &[]).await;
        let told = ["x-listener", "x-route", "x-new"].map(|name| answer.field(name));
        assert_eq!((answer.text(), told), (side, [Some("1"), Some("1"), own]));
    }
}
