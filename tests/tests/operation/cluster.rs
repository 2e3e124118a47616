//! Many gateways that share what the API keeps, in a real etcd.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

use cluster::Cluster;
use http::Method;
use model::{EtcdHome, FromText, UpstreamTls, values::HttpUrl};
use revisions::{CommitError, Draft, Revision, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    client::{self, Client, Load},
    etcd::Member,
    eventually,
    faults::{Fault, FaultProxy},
    gateway::{Process, Settings, Signal},
};
use tokio::task::spawn_blocking;

use crate::asking::Operator;

/// Whoever changes what all serve: a node that serves nothing itself.
struct Writer {
    store: Arc<Cluster>,
    _state: TempDir,
}

/// A gateway with a state directory that outlives it.
struct Node {
    process: Option<Process>,
    document: String,
    state: TempDir,
}

const TOKEN: &str = "an-admin-token-for-tests-of-clusters";

fn document(etcd: SocketAddr) -> String {
    format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }}, home: {{ etcd: {{ endpoints: [\"http://{etcd}\"] }} }} }}\n\
         listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n"
    )
}

/// A route that says this.
fn saying(text: &str) -> Value {
    json!({ "routes": [route(text)] })
}

fn route(text: &str) -> Value {
    json!({ "name": "say", "match": { "path": "/" }, "respond": { "status": 200, "body": text } })
}

// === impl Writer ===

impl Writer {
    async fn start(etcd: SocketAddr) -> Self {
        let state = tempfile::tempdir().unwrap();
        let tls = UpstreamTls { server_name: None, ca: None, client_certificate: None };
        let endpoints = vec![HttpUrl::from_text(&format!("http://{etcd}")).unwrap()];
        let home = EtcdHome { etcd: model::Etcd { endpoints, user: None, tls }, prefix: EtcdHome::PREFIX.into() };
        let store = Arc::new(Cluster::open(&home, state.path(), 500).await.unwrap());
        Self { store, _state: state }
    }

    /// Puts this in place of what is there.
    async fn write(&self, document: Value) -> Result<Arc<Revision>, CommitError> {
        let store = self.store.clone();
        let commit = spawn_blocking(move || {
            let seen = store.latest().unwrap().map_or(0, |latest| latest.meta.number);
            let document = Arc::new(serde_json::from_value(document).unwrap());
            store.commit(
                seen,
                Draft { time: SystemTime::now(), author: "test".into(), message: String::new(), document },
            )
        });
        commit.await.unwrap()
    }

    async fn say(&self, text: &str) {
        self.write(saying(text)).await.unwrap();
    }
}

// === impl Node ===

impl Node {
    async fn start(etcd: SocketAddr) -> Self {
        let mut node = Self { process: None, document: document(etcd), state: tempfile::tempdir().unwrap() };
        node.start_again().await;
        node
    }

    async fn start_again(&mut self) {
        self.process = Some(run(&self.document, self.state.path()).start().await);
    }

    /// In order: with what it knows on the disk.
    async fn end(&mut self) {
        let process = self.process.take().expect("it runs");
        process.signal(Signal::TERM);
        process.wait_exit().await;
    }

    /// As by a failure of its machine.
    fn kill(&mut self) {
        self.process = None;
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    fn operator(&self) -> Operator {
        Operator::with(self.process(), TOKEN)
    }

    /// What probes are told, with 200.
    async fn ready(&self) -> String {
        let answer = client::get(self.process().admin(), "/readyz").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().to_owned()
    }

    fn web(&self) -> SocketAddr {
        self.process().address("web")
    }

    async fn says(&self, text: &str) {
        let web = self.web();
        let says = async || (client::get(web, "/").await.body == text.as_bytes()).then_some(());
        eventually(&format!("it says {text}"), says).await;
    }

    /// Waits until the metric has this value.
    async fn has(&self, metric: &str, expected: f64) {
        let has = |metrics: &testkit::gateway::Metrics| (metrics.value(metric, &[]) == Some(expected)).then_some(());
        self.process().metrics_until(&format!("{metric} is {expected}"), has).await;
    }
}

fn run(document: &str, state: &Path) -> Settings {
    Process::with(document).argument("--state").argument(state).env("SLUICE_ADMIN_TOKEN", TOKEN)
}

/// Prints how long it takes until all serve what one has written.
#[tokio::test]
async fn all_serve_what_one_has_written() {
    let etcd = Member::start().await;
    let (a, b) = (Node::start(etcd.address).await, Node::start(etcd.address).await);
    assert_eq!(client::get(a.web(), "/").await.status, 404);
    let writer = Writer::start(etcd.address).await;
    for number in 1..=20 {
        let begun = Instant::now();
        writer.say(&number.to_string()).await;
        let kept = begun.elapsed();
        for node in [&a, &b] {
            node.says(&number.to_string()).await;
        }
        if number % 5 == 0 {
            println!("kept after {kept:?}, served by both after {:?}", begun.elapsed());
        }
    }
    for node in [&a, &b] {
        node.has("sluice_revisions_live", 20.0).await;
        node.has("sluice_revisions_latest", 20.0).await;
        node.has("sluice_revisions_up", 1.0).await;
        node.has("sluice_revisions_nodes", 2.0).await;
    }
    // Whoever is drained is gone from the list before it ends.
    let Node { process: Some(b), .. } = b else { panic!("it runs") };
    b.signal(Signal::TERM);
    assert_eq!(b.wait_exit().await.code, Some(0));
    assert_eq!(etcd.api().await.all("/sluice/nodes/").await.len(), 1);
}

/// Changes by the admin API of one are served by the other as well; each tells of both. Prints how long it takes.
#[tokio::test]
async fn what_one_is_told_all_serve_and_all_are_listed() {
    let etcd = Member::start().await;
    let nodes = [Node::start(etcd.address).await, Node::start(etcd.address).await];
    for number in 1..=20 {
        let (told, other) = if number % 2 == 0 { (&nodes[0], &nodes[1]) } else { (&nodes[1], &nodes[0]) };
        let begun = Instant::now();
        told.operator().done(Method::PUT, "/routes/say", route(&number.to_string())).await;
        let kept = begun.elapsed();
        assert_eq!(client::get(told.web(), "/").await.text(), number.to_string(), "at once where it was told");
        other.says(&number.to_string()).await;
        if number % 5 == 0 {
            println!("answered after {kept:?}, served by the other after {:?}", begun.elapsed());
        }
    }
    for node in &nodes {
        let all = eventually("both are up to date", async || {
            let told = node.operator().get("/nodes").await.json();
            let all = told["nodes"].as_array().cloned().unwrap_or_default();
            let is_up_to_date =
                |node: &Value| node["revision"] == 20 && node["skew"] == 0 && node["dependencies"][0]["ok"] == true;
            (all.len() == 2 && all.iter().all(is_up_to_date)).then_some(all)
        })
        .await;
        assert_eq!(all.iter().filter(|node| node["is_self"] == true).count(), 1, "{all:#?}");
        for node in &all {
            assert!(node["name"].is_string() && node["version"].is_string(), "{node}");
            assert!(node["uptime_seconds"].is_u64() && node["generation"].as_u64() > Some(1), "{node}");
            assert_eq!(node["dependencies"][0], json!({ "name": "etcd", "ok": true, "detail": null }), "{node}");
        }
    }
    let revisions = nodes[0].operator().get("/revisions?limit=1").await.json();
    assert_eq!(revisions, nodes[1].operator().get("/revisions?limit=1").await.json());
    assert_eq!(revisions["items"][0]["number"], 20);
}

/// FAULTS 56: whoever asks for a change is told that it did not happen, and requests go on.
#[tokio::test]
async fn changes_are_refused_while_etcd_is_away() {
    let mut etcd = Member::start().await;
    let node = Node::start(etcd.address).await;
    node.operator().done(Method::PUT, "/routes/say", route("before")).await;
    assert_eq!(node.ready().await, "ok\n");
    let web = node.web();
    let load = Load::start(2, "/", move || Client::http1(web));

    etcd.kill();
    node.has("sluice_revisions_up", 0.0).await;
    let writes = [
        (Method::PUT, "/routes/say", route("meanwhile")),
        (Method::DELETE, "/routes/say", Value::Null),
        (Method::PUT, "/config", json!({})),
        (Method::POST, "/transactions", json!({ "edits": [{ "do": "delete", "list": "routes", "name": "say" }] })),
    ];
    for (method, path, body) in writes {
        let refused = node.operator().ask(method.clone(), path, &body).await;
        let told = refused.json();
        assert_eq!(refused.status, 503, "{method} {path}: {told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("nothing changed")), "{told}");
    }
    assert!(node.ready().await.contains("revisions: revision 1 is served, the last good one: etcd is away"));
    let told = node.operator().get("/nodes").await.json();
    let etcd_told = &told["nodes"][0]["dependencies"][0];
    assert!(etcd_told["ok"] == false && etcd_told["detail"].is_string(), "{told}");
    assert_eq!(client::get(web, "/").await.text(), "before");
    load.more(100).await;

    etcd.start_again().await;
    node.has("sluice_revisions_up", 1.0).await;
    node.operator().done(Method::PUT, "/routes/say", route("after")).await;
    assert_eq!((client::get(web, "/").await.text(), &*node.ready().await), ("after", "ok\n"));
    load.stop().await.unharmed();
}

#[tokio::test]
async fn a_gateway_that_is_killed_amid_changes_catches_up() {
    let etcd = Member::start().await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::start(etcd.address).await);
    }
    let writer = Writer::start(etcd.address).await;
    writer.say("0").await;
    nodes[0].says("0").await;
    let web = nodes[0].web();
    let load = Load::start(2, "/", move || Client::http1(web));
    for number in 1..=30 {
        writer.say(&number.to_string()).await;
        match number {
            7 => nodes[2].kill(),
            12 => {
                let mut api = etcd.api().await;
                let revision = api.revision().await;
                api.compact(revision).await;
            }
            18 => nodes[2].start_again().await,
            _ => {}
        }
    }
    for node in &nodes {
        node.says("30").await;
    }
    load.more(100).await;
    load.stop().await.unharmed();
}

/// FAULTS 58, with a compaction meanwhile.
#[tokio::test]
async fn a_gateway_that_is_cut_off_serves_on_and_catches_up() {
    let etcd = Member::start().await;
    let proxy = FaultProxy::start(etcd.address).await;
    let node = Node::start(proxy.address).await;
    let writer = Writer::start(etcd.address).await;
    writer.say("before").await;
    node.says("before").await;
    let web = node.web();
    let load = Load::start(2, "/", move || Client::http1(web));

    proxy.set_both([Fault::Blackhole]);
    for text in ["a", "b", "c"] {
        writer.say(text).await;
    }
    let mut api = etcd.api().await;
    let revision = api.revision().await;
    api.compact(revision).await;
    node.has("sluice_revisions_up", 0.0).await;
    assert_eq!(client::get(web, "/").await.text(), "before");
    let begun = Instant::now();
    proxy.heal();
    node.says("c").await;
    println!("caught up after {:?}", begun.elapsed());
    node.has("sluice_revisions_up", 1.0).await;
    load.stop().await.unharmed();
}

/// FAULTS 55. Prints how long it takes from the start to the first answer.
#[tokio::test]
async fn a_gateway_starts_without_etcd_with_what_was_in_force() {
    let mut etcd = Member::start().await;
    let mut node = Node::start(etcd.address).await;
    let writer = Writer::start(etcd.address).await;
    writer.say("before").await;
    node.says("before").await;
    node.has("sluice_revisions_live", 1.0).await;
    node.end().await;
    etcd.kill();

    let begun = Instant::now();
    node.start_again().await;
    assert_eq!(client::get(node.web(), "/").await.text(), "before");
    println!("served without etcd {:?} after the start", begun.elapsed());
    let told = node.ready().await;
    assert!(told.contains("revisions: revision 1 is served, the last good one: etcd"), "{told}");
    node.has("sluice_revisions_up", 0.0).await;
    etcd.start_again().await;
    node.has("sluice_revisions_up", 1.0).await;
    let writer = Writer::start(etcd.address).await;
    writer.say("after").await;
    node.says("after").await;
}

#[tokio::test]
async fn a_gateway_that_never_had_a_revision_does_not_start_without_etcd() {
    let mut etcd = Member::start().await;
    etcd.kill();
    let state = tempfile::tempdir().unwrap();
    let run = run(&document(etcd.address), state.path()).try_start().await.unwrap_err();
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("etcd does not answer"), "{}", run.stderr);
}

#[tokio::test]
async fn a_revision_that_is_no_good_changes_nothing() {
    let etcd = Member::start().await;
    let mut node = Node::start(etcd.address).await;
    let writer = Writer::start(etcd.address).await;
    writer.say("good").await;
    node.says("good").await;
    // The library does not compile what it keeps.
    writer
        .write(json!({ "routes": [{ "name": "say", "match": { "path": "/" }, "upstream": "nowhere" }] }))
        .await
        .unwrap();
    node.process().says("nowhere").await;
    node.has("sluice_revisions_latest", 2.0).await;
    node.has("sluice_revisions_live", 1.0).await;
    assert_eq!(client::get(node.web(), "/").await.text(), "good");
    let told = node.ready().await;
    let note = "revisions: revision 1 is served, the last good one: revision 2 is not in force here";
    assert!(told.contains(note), "{told}");
    // Files are followed all the same.
    let more = document(etcd.address) + "routes: [{ name: file, match: { path: /file }, respond: { body: file } }]\n";
    node.process().write_document(&more);
    let web = node.web();
    let is_there = async || (client::get(web, "/file").await.body == "file".as_bytes()).then_some(());
    eventually("the file is followed", is_there).await;

    // Likewise at a start.
    node.end().await;
    node.start_again().await;
    assert_eq!(client::get(node.web(), "/").await.text(), "good");
    writer.say("better").await;
    node.says("better").await;
    node.has("sluice_revisions_live", 3.0).await;
}
