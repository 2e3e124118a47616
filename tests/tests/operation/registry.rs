//! Services that register with the gateway itself, as they and their clients see it.

use std::{net::SocketAddr, path::Path, process::Stdio};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{
    PATIENCE, body,
    client::{self, Answer, Client, Load, request},
    eventually,
    gateway::{Process, Settings, Signal},
    origin::Origin,
    within,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
};

/// A service that registers itself by a client that is not ours.
const PYTHON_SERVICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operation/registry_service.py");

fn document(hold: &str) -> String {
    format!(
        "version: 1\n\
         gateway:\n  workers: 2\n  admin: {{ address: \"127.0.0.1:0\" }}\n  registry: {{ address: \"127.0.0.1:0\" }}\n  \
         discovery: {{ hold: {hold} }}\n\
         listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n\
         upstreams: [{{ name: orders, discovery: {{ registry: orders }} }}]\n\
         routes: [{{ name: orders, upstream: orders }}]\n"
    )
}

/// A gateway that believes at once whatever its registry says.
async fn gateway() -> Process {
    Process::start(&document("0s")).await
}

/// One whose registry outlives it.
fn gateway_in(state: &Path) -> Settings {
    Process::with(&document("0s")).argument("--state").argument(state)
}

async fn ask(gateway: &Process, method: Method, target: &str, content: &str) -> Answer {
    let mut client = Client::http1(gateway.registry()).await;
    let mut request = request(method, target);
    *request.body_mut() = body::full(content.to_owned());
    client.fetch(request).await
}

async fn register(gateway: &Process, id: &str, address: SocketAddr, ttl: &str) {
    let content = json!({ "address": address.to_string(), "ttl": ttl }).to_string();
    let answer = ask(gateway, Method::PUT, &format!("/v1/services/orders/instances/{id}"), &content).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

/// The status of each instance, by its id.
async fn statuses(gateway: &Process) -> Vec<(String, String)> {
    let told = ask(gateway, Method::GET, "/v1/services/orders", "").await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told["instances"].as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["status"]))).collect()
}

/// Waits until requests are answered with these texts, and with no others.
async fn answered_by(gateway: &Process, expected: &[&str]) {
    let address = gateway.address("web");
    eventually("answered by the instances that there are", async || {
        let mut client = Client::http1(address).await;
        let mut heard = Vec::new();
        for _ in 0..8 {
            let answer = client.get("/").await;
            let text = if answer.status == StatusCode::OK { answer.text().to_owned() } else { String::new() };
            heard.push(text);
        }
        heard.sort_unstable();
        heard.dedup();
        (heard == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_registers_is_asked_until_it_is_not_heard_of() {
    let (stays, goes) = (Origin::text("stays").await, Origin::text("goes").await);
    let gateway = gateway().await;
    let before = client::get(gateway.address("web"), "/").await;
    assert_eq!(before.status, StatusCode::SERVICE_UNAVAILABLE, "{}", before.text());
    register(&gateway, "stays", stays.address, "5m").await;
    answered_by(&gateway, &["stays"]).await;
    register(&gateway, "goes", goes.address, "5m").await;
    answered_by(&gateway, &["goes", "stays"]).await;
    // From now on heartbeats are expected, and it sends none.
    register(&gateway, "goes", goes.address, "1s").await;
    answered_by(&gateway, &["stays"]).await;
    assert_eq!(statuses(&gateway).await, [("stays".to_owned(), "up".to_owned())]);
    assert_eq!(
        ask(&gateway, Method::DELETE, "/v1/services/orders/instances/stays", "").await.status,
        StatusCode::NO_CONTENT
    );
    answered_by(&gateway, &[""]).await;

    let metrics = gateway.metrics().await;
    let value = |name, labels: &[(&str, &str)]| metrics.value(name, labels);
    assert_eq!(value("sluice_own_registry_registrations_total", &[("dialect", "rest")]), Some(3.0));
    assert_eq!(value("sluice_own_registry_expirations_total", &[("dialect", "rest")]), Some(1.0));
    assert_eq!(value("sluice_own_registry_instances", &[("status", "up")]), Some(0.0));
}

/// An instance that says so gets nothing new, and what it has begun is finished, so that it may end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_loses_nothing_under_load() {
    let (stays, drains) = (Origin::text("ok").await, Origin::text("ok").await);
    let gateway = gateway().await;
    register(&gateway, "stays", stays.address, "5m").await;
    register(&gateway, "drains", drains.address, "5m").await;
    let address = gateway.address("web");
    eventually("both are asked", async || {
        client::get(address, "/").await;
        (stays.counts.requests() > 0 && drains.counts.requests() > 0).then_some(())
    })
    .await;
    let load = Load::start(8, "/", move || Client::http1(address));
    load.more(200).await;
    let answer = ask(&gateway, Method::PATCH, "/v1/services/orders/instances/drains", r#"{"status":"draining"}"#).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let mut asked = drains.counts.requests();
    eventually("nobody asks it any more", async || {
        load.more(100).await;
        let before = std::mem::replace(&mut asked, drains.counts.requests());
        (before == asked).then_some(())
    })
    .await;
    drop(drains);
    load.more(200).await;
    ask(&gateway, Method::DELETE, "/v1/services/orders/instances/drains", "").await;
    load.more(200).await;
    load.stop().await.unharmed();
}

#[tokio::test]
async fn a_restart_forgets_nobody() {
    let state = tempfile::tempdir().unwrap();
    let origin = Origin::text("here").await;
    let first = gateway_in(state.path()).start().await;
    register(&first, "a", origin.address, "5m").await;
    let maintained = ask(&first, Method::PUT, "/eureka/apps/orders/a/status?value=OUT_OF_SERVICE", "").await;
    assert_eq!(maintained.status, StatusCode::OK);
    first.signal(Signal::TERM);
    assert_eq!(first.wait_exit().await.code, Some(0));

    let second = gateway_in(state.path()).start().await;
    assert_eq!(statuses(&second).await, [("a".to_owned(), "draining".to_owned())]);
    ask(&second, Method::DELETE, "/eureka/apps/orders/a/status", "").await;
    answered_by(&second, &["here"]).await;
    drop(second);

    let file = state.path().join("registry.redb");
    std::fs::write(&file, "something else").unwrap();
    let Err(refused) = gateway_in(state.path()).try_start().await else { panic!("it started") };
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("registry.redb cannot be read"), "{}", refused.stderr);
    assert!(refused.stderr.contains("mv "), "what to do: {}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "something else");
}

/// Whatever was answered is there after a kill, wherever it hit.
#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    let state = tempfile::tempdir().unwrap();
    let mut known = Vec::new();
    for round in 0..5_usize {
        let gateway = gateway_in(state.path()).start().await;
        let there: Vec<String> = statuses(&gateway).await.into_iter().map(|(id, _)| id).collect();
        let lost: Vec<&String> = known.iter().filter(|id| !there.contains(id)).collect();
        assert!(lost.is_empty(), "in round {round}, of {}: {lost:?}", known.len());
        let address = gateway.registry();
        let registering = tokio::spawn(async move {
            let mut answered = Vec::new();
            let mut client = Client::http1(address).await;
            for number in 0.. {
                let id = format!("{round}-{number}");
                let mut request = request(Method::PUT, &format!("/v1/services/orders/instances/{id}"));
                // tidy-allow fixed-port: data, never bound
                *request.body_mut() = body::full(r#"{"address":"127.0.0.1:1","ttl":"5m"}"#);
                match client.try_fetch(request).await {
                    Ok(answer) if answer.status == StatusCode::CREATED => answered.push(id),
                    _ => break,
                }
            }
            answered
        });
        // Somewhere in between.
        eventually("some are registered", async || {
            (statuses(&gateway).await.len() > there.len() + 7 * round).then_some(())
        })
        .await;
        gateway.signal(Signal::KILL);
        known.extend(within(PATIENCE, registering).await.unwrap());
        gateway.wait_exit().await;
    }
    // Each round saw more than 7 for each round before it, and the answer of the last one may have been cut off.
    assert!(known.len() >= 70, "{}", known.len());
}

/// A service in Python until its standard input is closed.
struct PythonService {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl PythonService {
    /// `None`, aloud, where nobody has installed what it needs.
    async fn start(dialect: &str, registry: SocketAddr) -> Option<Self> {
        let Some(python) = std::env::var_os("SLUICE_PYTHON") else {
            eprintln!(
                "skipped: SLUICE_PYTHON names no Python with the clients of registries; `cargo xtask test` makes one"
            );
            return None;
        };
        let mut child = Command::new(python)
            .args([PYTHON_SERVICE, dialect, &registry.port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("SLUICE_PYTHON can be started");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let registered = within(PATIENCE, lines.next_line()).await.unwrap();
        assert_eq!(registered.as_deref(), Some("registered"));
        let stdin = child.stdin.take();
        Some(Self { child, stdin })
    }

    /// Has it deregister.
    async fn end(mut self) {
        drop(self.stdin.take());
        assert!(within(PATIENCE, self.child.wait()).await.unwrap().success());
    }
}

async fn lives_and_goes(dialect: &str) {
    let gateway = gateway().await;
    let Some(service) = PythonService::start(dialect, gateway.registry()).await else { return };
    answered_by(&gateway, &["hello from python"]).await;
    let renewals = |metrics: &testkit::gateway::Metrics| {
        let renewals = metrics.value("sluice_own_registry_renewals_total", &[("dialect", dialect)]);
        renewals.filter(|renewals| *renewals >= 3.0)
    };
    gateway.metrics_until("heartbeats", renewals).await;
    assert_eq!(statuses(&gateway).await.len(), 1);
    service.end().await;
    answered_by(&gateway, &[""]).await;
    assert_eq!(statuses(&gateway).await, []);
}

#[tokio::test]
async fn a_client_of_eureka_in_python_registers_renews_and_goes() {
    lives_and_goes("eureka").await;
}

#[tokio::test]
async fn a_client_of_consul_in_python_registers_renews_and_goes() {
    lives_and_goes("consul").await;
}
