//! Endpoints that are found in registries: what of an answer is believed, when, and what stays across restarts.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    client::{self, Answer, Client, Load},
    eventually,
    gateway::{Metrics, Process, Settings, Signal, command},
    origin::Origin,
};

use crate::{asking::Operator, held::Held, kept::kept};

/// A file that instances are found in, and a state directory, both of which outlive a gateway.
struct Found {
    folder: TempDir,
}

const TOKEN: &str = "an-admin-token-for-tests-of-discovery";

// === impl Found ===

impl Found {
    fn new(instances: &Value) -> Self {
        let found = Self { folder: tempfile::tempdir().unwrap() };
        found.write(instances);
        found
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("orders.json")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Replaces the file in one step.
    fn write(&self, instances: &Value) {
        let beside = self.folder.path().join("beside");
        fs::write(&beside, instances.to_string()).unwrap();
        fs::rename(beside, self.file()).unwrap();
    }

    /// A document with an upstream `orders` that is found in the file, and a route for everything else that catches what falls
    /// through.
    fn document(&self, gateway: &str, more: &str) -> String {
        format!(
            r#"
gateway: {{ workers: 2, admin: {{ address: "127.0.0.1:0" }}, {gateway} }}
listeners: [{{ name: web, address: "127.0.0.1:0" }}]
upstreams: [{{ name: orders, discovery: {{ file: "{}" }} }}]
routes:
  - {{ name: orders, match: {{ path: {{ prefix: /orders }} }}, upstream: orders }}
  - {{ name: rest, respond: {{ body: rest }} }}
{more}
"#,
            self.file().display()
        )
    }

    fn with(&self, document: &str) -> Settings {
        Process::with(document).argument("--state").argument(self.state()).env("SLUICE_ADMIN_TOKEN", TOKEN)
    }

    async fn start(&self) -> Process {
        self.with(&self.document("", "")).start().await
    }

    /// Waits until the disk has this of a service.
    async fn kept(&self, text: &str) {
        kept(&self.state().join("discovery"), text).await;
    }
}

fn at(origin: &Origin) -> Value {
    json!({ "address": origin.address.to_string() })
}

async fn ask(gateway: &Process) -> Answer {
    client::get(gateway.address("web"), "/orders").await
}

/// Waits until it is these who answer, and nobody else for as many requests as would meet all of them several times.
async fn answers(gateway: &Process, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    let mut client = Client::http1(gateway.address("web")).await;
    let are_these = async || {
        let mut answered = BTreeSet::new();
        for _ in 0..12 {
            answered.insert(client.get("/orders").await.text().to_owned());
        }
        (answered == expected).then_some(())
    };
    eventually(&format!("it is {expected:?} who answer"), are_these).await;
}

async fn operate(gateway: &Process, method: Method, content: &Value) -> Answer {
    Operator::with(gateway, TOKEN).ask(method, "/services", content).await
}

/// What operators are told of the one service.
async fn told(gateway: &Process) -> Value {
    let answer = operate(gateway, Method::GET, &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["services"][0].clone()
}

async fn order(gateway: &Process, order: &Value) -> Value {
    let answer = operate(gateway, Method::POST, order).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["services"][0].clone()
}

/// An instance as operators are told of it.
async fn instance(gateway: &Process, address: impl ToString) -> Option<Value> {
    let address = address.to_string();
    let told = told(gateway).await;
    told["instances"].as_array()?.iter().find(|instance| instance["address"] == address).cloned()
}

fn metric(metrics: &Metrics, name: &str) -> f64 {
    metrics.value(name, &[("registry", "file")]).unwrap_or_default()
}

fn instances(metrics: &Metrics, state: &str) -> Option<f64> {
    metrics.value("sluice_registry_instances", &[("state", state)])
}

#[tokio::test]
async fn instances_come_and_go_without_a_reload() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let found = Found::new(&json!([at(&a)]));
    let gateway = found.start().await;
    answers(&gateway, &["a"]).await;
    found.write(&json!([at(&a), at(&b)]));
    answers(&gateway, &["a", "b"]).await;
    found.write(&json!([at(&b)]));
    answers(&gateway, &["b"]).await;
    // Prometheus' way to say it.
    found.write(&json!([{ "targets": [a.address.to_string(), b.address.to_string()], "labels": { "zone": "a" } }]));
    answers(&gateway, &["a", "b"]).await;
    let metrics = gateway.metrics().await;
    assert_eq!((gateway.generation().await, instances(&metrics, "up")), (1.0, Some(2.0)));
    assert!(metric(&metrics, "sluice_registry_last_sync_timestamp_seconds") > 1e9);
    assert_eq!(metric(&metrics, "sluice_registry_stale"), 0.0);
}

/// Weights, labels and tiers are those that the registry tells, and follow it.
#[tokio::test]
async fn subsets_are_of_labels_that_are_found() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let labelled = |first: &str, second: &str| {
        json!([
            { "address": a.address.to_string(), "labels": { "version": first } },
            { "address": b.address.to_string(), "labels": { "version": second }, "weight": 3 },
        ])
    };
    let found = Found::new(&labelled("v1", "v2"));
    let document = found.document("", "").replace(
        "upstream: orders }",
        "split: { to: [{ upstream: orders, labels: { version: v1 }, weight: 0 }, \
         { upstream: orders, labels: { version: v2 }, weight: 1 }] } }",
    );
    let gateway = found.with(&document).start().await;
    answers(&gateway, &["b"]).await;
    found.write(&labelled("v2", "v1"));
    answers(&gateway, &["a"]).await;
    found.write(&labelled("v1", "v1"));
    let is_refused = async || (ask(&gateway).await.status == StatusCode::SERVICE_UNAVAILABLE).then_some(());
    eventually("nobody has the labels", is_refused).await;
    found.write(&labelled("v2", "v2"));
    answers(&gateway, &["a", "b"]).await;
}

/// Row 59 and 61 of what goes wrong: an answer that is empty is none, and what is left of a service answers, or nobody does,
/// but never another route.
#[tokio::test]
async fn an_empty_answer_is_held_and_no_other_route_is_asked() {
    let origins = [Origin::text("a").await, Origin::text("b").await, Origin::text("c").await];
    let all = json!(origins.iter().map(at).collect::<Vec<_>>());
    let found = Found::new(&all);
    let gateway = found.with(&found.document("discovery: { hold: 1h }", "")).start().await;
    answers(&gateway, &["a", "b", "c"]).await;
    let address = gateway.address("web");
    let load = Load::start(2, "/orders", move || Client::http1(address));
    let begun = Instant::now();
    found.write(&json!([]));
    let is_held = |metrics: &Metrics| (metric(metrics, "sluice_registry_holding") == 1.0).then_some(());
    gateway.metrics_until("the answer is held", is_held).await;
    gateway.says("the answer of a registry is held").await;
    println!("held after {:?}", begun.elapsed());
    // Two of three are more than half, too.
    found.write(&json!([at(&origins[0])]));
    let of_one = async || (told(&gateway).await["held"]["has"] == 1).then_some(());
    eventually("one is less than half of three", of_one).await;
    load.more(100).await;
    answers(&gateway, &["a", "b", "c"]).await;
    found.write(&all);
    let is_released = |metrics: &Metrics| (metric(metrics, "sluice_registry_holding") == 0.0).then_some(());
    gateway.metrics_until("a good answer releases it", is_released).await;
    assert_eq!(metric(&gateway.metrics().await, "sluice_registry_held_total"), 1.0);
    load.stop().await.unharmed();
    for origin in origins {
        assert_ne!(origin.counts.requests(), 0);
    }

    // Somebody knows that it is right.
    found.write(&json!([]));
    gateway.metrics_until("the answer is held again", is_held).await;
    assert_eq!(order(&gateway, &json!({ "service": found.file(), "believe": true })).await["held"], Value::Null);
    let is_refused = async || Some(ask(&gateway).await).filter(|answer| answer.text() != "a" && answer.status != 200);
    let refused = eventually("nobody is left", is_refused).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["cause"]), (503, &json!("no_endpoint")));
    assert_eq!(client::get(address, "/other").await.text(), "rest");
}

#[tokio::test]
async fn what_stays_empty_is_believed_in_the_end() {
    let a = Origin::text("a").await;
    let found = Found::new(&json!([at(&a)]));
    let gateway = found.with(&found.document("discovery: { hold: 300ms }", "")).start().await;
    answers(&gateway, &["a"]).await;
    found.write(&json!([]));
    let is_refused = async || (ask(&gateway).await.status == StatusCode::SERVICE_UNAVAILABLE).then_some(());
    eventually("it is believed", is_refused).await;
    gateway.says("that was held is believed").await;
}

/// Killed, and started again with nobody to ask: what was known serves with the first request.
#[tokio::test]
async fn a_restart_without_the_registry_serves_what_was_known() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let found = Found::new(&json!([at(&a)]));
    let gateway = found.start().await;
    answers(&gateway, &["a"]).await;
    found.kept(&a.address.to_string()).await;
    gateway.signal(Signal::KILL);
    gateway.wait_exit().await;
    fs::remove_file(found.file()).unwrap();

    let gateway = found.start().await;
    assert_eq!(ask(&gateway).await.text(), "a");
    assert_eq!(client::get(gateway.admin(), "/readyz").await.status, StatusCode::OK);
    let has_failed = async || Some(told(&gateway).await).filter(|told| told["failure"]["kind"] == "unreachable");
    let told = eventually("the registry is away", has_failed).await;
    assert_eq!((&told["stale"], &told["last_sync"]), (&json!(true), &Value::Null), "{told}");
    assert!(told["since"].is_string(), "{told}");
    let metrics = gateway.metrics().await;
    assert_eq!(metric(&metrics, "sluice_registry_stale"), 1.0);
    assert!(metrics.value("sluice_registry_failures_total", &[("kind", "unreachable")]) >= Some(1.0));
    // The first answer is judged beside what was known.
    found.write(&json!([]));
    let is_held = |metrics: &Metrics| (metric(metrics, "sluice_registry_holding") == 1.0).then_some(());
    gateway.metrics_until("the first answer is held", is_held).await;
    found.write(&json!([at(&b)]));
    answers(&gateway, &["b"]).await;
    assert_eq!(metric(&gateway.metrics().await, "sluice_registry_stale"), 0.0);
}

/// What a disk made of it is not believed, and no reason not to start.
#[tokio::test]
async fn a_broken_file_is_as_good_as_none() {
    let a = Origin::text("a").await;
    let found = Found::new(&json!([at(&a)]));
    let gateway = found.start().await;
    answers(&gateway, &["a"]).await;
    found.kept(&a.address.to_string()).await;
    gateway.signal(Signal::KILL);
    gateway.wait_exit().await;
    for entry in fs::read_dir(found.state().join("discovery")).unwrap() {
        let file = entry.unwrap().path();
        let content = fs::read_to_string(&file).unwrap();
        fs::write(&file, content.replace("up", "pu")).unwrap();
    }
    fs::remove_file(found.file()).unwrap();
    let gateway = found.start().await;
    assert_eq!(ask(&gateway).await.status, StatusCode::SERVICE_UNAVAILABLE);
    gateway.says("its checksum does not fit").await;
    found.write(&json!([at(&a)]));
    answers(&gateway, &["a"]).await;
}

/// A gateway that has not heard of its services yet says so, and answers 503 meanwhile.
#[tokio::test]
async fn nobody_is_sent_here_before_the_first_answer() {
    let a = Origin::text("a").await;
    let found = Found::new(&json!([at(&a)]));
    fs::remove_file(found.file()).unwrap();
    let gateway = found.start().await;
    let ready = client::get(gateway.admin(), "/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.text());
    assert!(ready.text().contains("[-] discovery: no answer yet for file /"), "{}", ready.text());
    let refused = ask(&gateway).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["cause"]), (503, &json!("no_endpoint")));
    found.write(&json!([at(&a)]));
    answers(&gateway, &["a"]).await;
    assert_eq!(client::get(gateway.admin(), "/readyz").await.status, StatusCode::OK);
    // Whoever was ready stays so: a service that is new is no reason to take all the others away.
    let more = "upstreams: [{ name: new, discovery: { file: nowhere.json } },";
    gateway.reload_and_wait(&found.document("", "").replace("upstreams: [", more)).await;
    assert_eq!(client::get(gateway.admin(), "/readyz").await.status, StatusCode::OK);
    answers(&gateway, &["a"]).await;
}

/// A reload has nothing to do with the registry: what was found stays, also while that is away.
#[tokio::test]
async fn a_reload_keeps_what_was_found() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let found = Found::new(&json!([at(&a), at(&b)]));
    let gateway = found.start().await;
    answers(&gateway, &["a", "b"]).await;
    fs::remove_file(found.file()).unwrap();
    let address = gateway.address("web");
    let load = Load::start(4, "/orders", move || Client::http1(address));
    for number in 1..=10 {
        // Other rules each time, so that the upstream is made anew.
        let rules = format!("upstreams: [{{ name: orders, timeouts: {{ total: {number}m }},");
        let document = found.document("", "").replace("upstreams: [{ name: orders,", &rules);
        gateway.reload_and_wait(&document).await;
        load.more(20).await;
    }
    load.stop().await.unharmed();
    answers(&gateway, &["a", "b"]).await;
}

/// From a list to a registry that does not answer yet, and back: somebody serves all the time.
#[tokio::test]
async fn an_upstream_moves_to_a_registry_and_back() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let found = Found::new(&json!([at(&b)]));
    fs::remove_file(found.file()).unwrap();
    let discovered = found.document("", "");
    let discovery = format!("discovery: {{ file: \"{}\" }}", found.file().display());
    let listed = discovered.replace(&discovery, &format!("endpoints: [\"{}\"]", a.address));
    let gateway = found.with(&listed).start().await;
    let address = gateway.address("web");
    let load = Load::start(2, "/orders", move || Client::http1(address));
    load.more(1).await;
    gateway.reload_and_wait(&discovered).await;
    load.more(10).await;
    answers(&gateway, &["a"]).await;
    found.write(&json!([at(&b)]));
    answers(&gateway, &["b"]).await;
    gateway.reload_and_wait(&listed).await;
    answers(&gateway, &["a"]).await;
    load.stop().await.unharmed();
    assert_eq!(operate(&gateway, Method::GET, &Value::Null).await.json()["services"], json!([]));
}

/// Who drains finishes what it has begun, gets nothing new, and goes; nobody notices.
#[tokio::test]
async fn a_drain_loses_no_request() {
    let (held, b) = (Held::start().await, Origin::text("b").await);
    let with_status = |status: &str| json!([{ "address": held.origin.address.to_string(), "status": status }, at(&b)]);
    let found = Found::new(&json!([at(&held.origin)]));
    let gateway = found.start().await;
    let address = gateway.address("web");
    let is_ready = async || (client::get(gateway.admin(), "/readyz").await.status == StatusCode::OK).then_some(());
    eventually("the first answer", is_ready).await;
    let asking = tokio::spawn(async move { client::get(address, "/orders").await });
    held.has(1).await;
    found.write(&with_status("draining"));
    // A request that comes too early would wait for an answer that does not come.
    let swapped =
        |times: f64| move |metrics: &Metrics| (metric(metrics, "sluice_registry_swaps_total") >= times).then_some(());
    gateway.metrics_until("it drains", swapped(2.0)).await;
    let load = Load::start(4, "/orders", move || Client::http1(address));
    load.more(100).await;
    assert_eq!(instances(&gateway.metrics().await, "draining"), Some(1.0));
    found.write(&json!([at(&b)]));
    gateway.metrics_until("it is gone", swapped(3.0)).await;
    load.more(100).await;
    assert_eq!(held.origin.counts.requests(), 1, "nothing new");
    held.release();
    assert_eq!(asking.await.unwrap().text(), "at last", "what had begun is finished");
    load.stop().await.unharmed();
}

/// What operators order holds whatever the registry says, also after a restart.
#[tokio::test]
async fn orders_survive() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let found = Found::new(&json!([at(&a), at(&b)]));
    let gateway = found.start().await;
    answers(&gateway, &["a", "b"]).await;
    let service = found.file();
    let address = a.address.to_string();
    let drain = json!({ "service": service, "endpoint": address, "drain": true, "labels": { "version": "v9" } });
    let told = order(&gateway, &drain).await;
    let drained = told["instances"].as_array().unwrap().iter().find(|instance| instance["address"] == address).unwrap();
    assert_eq!((&drained["state"], &drained["why"]), (&json!("draining"), &json!("ordered")), "{told}");
    assert_eq!((&drained["weight"], &drained["labels"]["version"]), (&json!(0), &json!("v9")), "{told}");
    answers(&gateway, &["b"]).await;
    // The registry says something new.
    found.write(&json!([{ "id": "anew", "address": address, "weight": 5 }, at(&b)]));
    let is_new = async || instance(&gateway, &address).await.filter(|told| told["id"] == "anew");
    eventually("it is told again", is_new).await;
    found.kept("anew").await;
    answers(&gateway, &["b"]).await;
    gateway.signal(Signal::KILL);
    gateway.wait_exit().await;

    let gateway = found.start().await;
    answers(&gateway, &["b"]).await;
    let weigh = json!({ "service": service, "endpoint": address, "drain": false, "weight": 0 });
    order(&gateway, &weigh).await;
    let told = instance(&gateway, &address).await.unwrap();
    assert_eq!((&told["weight"], &told["state"]), (&json!(0), &json!("up")), "{told}");
    answers(&gateway, &["b"]).await;
    order(&gateway, &json!({ "service": service, "endpoint": address, "clear": true })).await;
    answers(&gateway, &["a", "b"]).await;
    assert_eq!(instance(&gateway, &address).await.unwrap()["order"], Value::Null);
}

#[tokio::test]
async fn orders_that_make_no_sense_say_why() {
    let found = Found::new(&json!([]));
    let gateway = found.start().await;
    let service = found.file();
    for (order, why) in [
        (
            json!({ "service": "odrers", "endpoint": "a:80", "drain": true }),
            "there is no such service; there are file `/",
        ),
        (json!({ "service": service, "registry": "consul", "believe": true }), "there is no such service"),
        (json!({ "service": service }), "name an `endpoint`, or say `believe`"),
        (json!({ "service": service, "drain": true }), "say which `endpoint`"),
        (json!({ "service": service, "endpoint": "a:80" }), "say what is to hold"),
        (json!({ "service": service, "endpoint": "a", "drain": true }), "add the port: `a:80`"),
        (json!({ "service": service, "endpoint": "a:80", "drain": true, "clear": true }), "`clear` takes all back"),
    ] {
        let answer = operate(&gateway, Method::POST, &order).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{order}");
        assert!(answer.text().contains(why), "{order}: {}", answer.text());
    }
    let answer = operate(&gateway, Method::POST, &json!({ "service": service, "endpiont": "a:80" })).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// A registry must not be a way to the gateway's own admin address, nor to the metadata of a cloud.
#[tokio::test]
async fn addresses_that_are_not_allowed_are_left_out() {
    let a = Origin::text("a").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // tidy-allow fixed-port: data, never bound
    let bad = ["169.254.169.254:80", "[fe80::1]:80", "0.0.0.0:80", "224.0.0.1:80"];
    let mut all: Vec<Value> = bad.iter().map(|address| json!({ "address": address })).collect();
    all.extend([json!({ "address": free.to_string() }), json!({ "adress": "a:80" }), at(&a), at(&a)]);
    let found = Found::new(&json!(all));
    let document = found.document("", "").replacen("127.0.0.1:0", &free.to_string(), 1);
    let gateway = found.with(&document).start().await;
    answers(&gateway, &["a"]).await;
    for address in bad {
        let told = instance(&gateway, address).await.unwrap();
        assert_eq!((&told["state"], &told["why"]), (&json!("left_out"), &json!("not_allowed")), "{told}");
    }
    assert_eq!(instance(&gateway, free).await.unwrap()["why"], "own_address");
    let metrics = gateway.metrics().await;
    let counts =
        ["up", "not_allowed", "own_address", "doubled_id", "malformed"].map(|state| instances(&metrics, state));
    assert_eq!(counts, [1.0, 4.0, 1.0, 1.0, 1.0].map(Some));
    gateway.says("instances are left out").await;
}

/// Row 60: however a registry flaps, sets are swapped ten times in a second at most, the first change is there at once, and
/// nobody notices.
#[tokio::test]
async fn flapping_is_coalesced() {
    let origins = [Origin::text("a").await, Origin::text("b").await, Origin::text("c").await];
    let sets = [json!([at(&origins[0]), at(&origins[1])]), json!(origins.iter().map(at).collect::<Vec<_>>())];
    let found = Found::new(&sets[0]);
    let gateway = found.start().await;
    answers(&gateway, &["a", "b"]).await;
    let address = gateway.address("web");
    let load = Load::start(2, "/orders", move || Client::http1(address));
    let swaps = async || metric(&gateway.metrics().await, "sluice_registry_swaps_total");
    let (before, begun) = (swaps().await, Instant::now());
    let answered = async || {
        let told = told(&gateway).await;
        told["instances"].as_array().map_or(0, Vec::len)
    };
    for set in sets.iter().cycle().skip(1).take(40) {
        found.write(set);
        load.more(20).await;
    }
    eventually("sets are swapped", async || (swaps().await > before).then_some(())).await;
    let (after, elapsed) = (swaps().await, begun.elapsed());
    let most = 1.0 + elapsed.as_millis() as f64 / 100.0;
    assert!(after - before <= most, "{} swaps in {elapsed:?}", after - before);
    found.write(&sets[1]);
    let is_settled = async || (answered().await == 3).then_some(());
    eventually("the last word counts", is_settled).await;
    answers(&gateway, &["a", "b", "c"]).await;
    load.stop().await.unharmed();
}

/// Two upstreams that want the same are one watch; each keeps its own rules.
#[tokio::test]
async fn upstreams_share_a_service() {
    let a = Origin::text("a").await;
    let found = Found::new(&json!([at(&a)]));
    let file = found.file();
    let document = found
        .document("", "")
        .replace(
            "upstreams: [",
            &format!("upstreams: [{{ name: other, discovery: {{ file: \"{}\" }} }}, ", file.display()),
        )
        .replace("routes:", "routes:\n  - { name: other, match: { path: /other }, upstream: other }");
    let gateway = found.with(&document).start().await;
    answers(&gateway, &["a"]).await;
    let is_other = async || (client::get(gateway.address("web"), "/other").await.text() == "a").then_some(());
    eventually("both have it", is_other).await;
    let told = operate(&gateway, Method::GET, &Value::Null).await.json();
    assert_eq!(told["services"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(told["services"][0]["upstreams"], json!(["other", "orders"]));
}

/// What is found has its health looked after like what is written.
#[tokio::test]
async fn what_is_found_is_probed() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let found = Found::new(&json!([at(&a)]));
    let document = found.document("", "").replace(
        "{ name: orders, discovery",
        "{ name: orders, health: { active: { http: { path: / }, interval: 100ms } }, discovery",
    );
    let gateway = found.with(&document).start().await;
    answers(&gateway, &["a"]).await;
    found.write(&json!([at(&a), at(&b)]));
    answers(&gateway, &["a", "b"]).await;
    found.write(&json!([at(&b)]));
    answers(&gateway, &["b"]).await;
    let healthy = |metrics: &Metrics| {
        let state = [("upstream", "orders"), ("state", "healthy")];
        (metrics.value("sluice_upstream_endpoints", &state) == Some(1.0)).then_some(())
    };
    gateway.metrics_until("only who is there is counted", healthy).await;
}

#[tokio::test]
async fn explain_tells_where_endpoints_come_from() {
    let a = Origin::text("a").await;
    let found = Found::new(&json!([at(&a)]));
    let gateway = found.start().await;
    answers(&gateway, &["a"]).await;
    let document = gateway.document();
    let offline = command(&["explain", "-c", document.to_str().unwrap(), "GET", "/orders"]).await;
    let text = offline.success();
    assert!(text.contains("found in file /") && text.contains("none is known here; a running gateway"), "{text}");
    let (admin, state) = (gateway.admin().to_string(), found.state());
    fs::create_dir_all(&state).unwrap();
    write_token(&state);
    let running = command(&["explain", "--admin", &admin, "--state", state.to_str().unwrap(), "GET", "/orders"]).await;
    let text = running.success();
    assert!(text.contains("found in file /") && text.contains(&a.address.to_string()), "{text}");
}

/// For commands, which have no environment of their own here.
fn write_token(state: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let token = state.join("admin-token");
    fs::write(&token, TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
}
