//! Consul as a registry: its faults under load, its catalog as a source of routes, the gateway's own entry in it.

use std::{
    fs,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use testkit::{
    client::{self, Client, Load},
    consul::{Consul, Fault, Instance, Settings, Status},
    eventually,
    faults::{self, Direction, FaultProxy},
    gateway::{Metrics, Process, Signal},
    origin::Origin,
};

use crate::{held::Held, kept::kept};

/// A document with services of Consul as upstreams and routes, each of its name.
fn document(consul: &str, more: &str, services: &[&str]) -> String {
    let (mut upstreams, mut routes) = (String::new(), String::new());
    if !services.is_empty() {
        upstreams += "upstreams:\n";
    }
    for service in services {
        upstreams += &format!("  - {{ name: {service}, discovery: {{ consul: {{ service: {service} }} }} }}\n");
        routes += &format!("  - {{ name: {service}, match: {{ path: /{service} }}, upstream: {service} }}\n");
    }
    format!(
        "gateway: {{ workers: 2, admin: {{ address: \"127.0.0.1:0\" }}, discovery: {{ {more} consul: {{ address: \"{consul}\", wait: 1s, catalog: {} }} }} }}\n\
         listeners: [{{ name: web, address: \"127.0.0.1:0\" }}]\n{upstreams}routes:\n{routes}  - {{ name: ping, match: {{ path: /ping }}, respond: {{ body: pong }} }}\n",
        services.is_empty(),
    )
}

fn instance(service: &str, id: &str, origin: &Origin) -> Instance {
    Instance::new(service, id, origin.address)
}

async fn answers(gateway: &Process, path: &str, text: &str) {
    let address = gateway.address("web");
    let asked = async || Some(client::get(address, path).await).filter(|answer| answer.body == text.as_bytes());
    eventually("it is this one who answers", asked).await;
}

/// Waits until nobody else has answered twenty times.
async fn answers_only(gateway: &Process, path: &str, text: &str) {
    let mut client = Client::http1(gateway.address("web")).await;
    let mut in_a_row = 0;
    let only = async || {
        let is_this = client.get(path).await.body == text.as_bytes();
        in_a_row = if is_this { in_a_row + 1 } else { 0 };
        (in_a_row == 20).then_some(())
    };
    eventually("nobody else answers", only).await;
}

fn load(gateway: &Process, path: &str) -> Load {
    let address = gateway.address("web");
    Load::start(2, path, move || Client::http1(address))
}

fn failures(metrics: &Metrics, kind: &str) -> f64 {
    metrics.value("sluice_registry_failures_total", &[("registry", "consul"), ("kind", kind)]).unwrap_or_default()
}

/// The registry is away, in every way, and clients see nothing of it; what changes afterwards is followed.
#[tokio::test]
async fn whatever_happens_to_the_registry_requests_are_answered() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let consul = Consul::start().await;
    let network = FaultProxy::start(consul.address).await;
    consul.put(instance("orders", "a", &a));
    let url = format!("http://{}", network.address);
    let gateway = Process::start(&document(&url, "", &["orders"])).await;
    answers(&gateway, "/orders", "a").await;
    let load = load(&gateway, "/orders");

    // Killed, and started again without what it knew.
    consul.kill();
    gateway.metrics_until("it is away", |metrics| (failures(metrics, "unreachable") > 0.0).then_some(())).await;
    load.more(50).await;
    consul.forget();
    consul.put(instance("orders", "b", &b));
    consul.restart().await;
    answers_only(&gateway, "/orders", "b").await;

    // Nothing comes through, and no connection breaks.
    let before = failures(&gateway.metrics().await, "unreachable");
    network.set(Direction::ToClient, [faults::Fault::Blackhole]);
    gateway.metrics_until("nothing comes", |metrics| (failures(metrics, "unreachable") > before).then_some(())).await;
    load.more(50).await;
    network.heal();
    network.reset_all();

    for (fault, kind) in [
        (Fault::Status(500), "refused"),
        (Fault::NoLeader, "refused"),
        (Fault::Garbage("[{\"Node\"".to_owned()), "malformed"),
        (Fault::Status(403), "denied"),
    ] {
        let before = failures(&gateway.metrics().await, kind);
        consul.fault(fault.clone());
        let what = format!("{fault:?}");
        gateway.metrics_until(&what, |metrics| (failures(metrics, kind) > before).then_some(())).await;
        load.more(20).await;
        consul.heal();
    }
    // An answer that is empty is held.
    consul.fault(Fault::Empty);
    gateway
        .metrics_until("it is held", |metrics| {
            (metrics.value("sluice_registry_holding", &[]) == Some(1.0)).then_some(())
        })
        .await;
    load.more(50).await;
    consul.heal();

    // Another begin of the index, and the way back.
    consul.set_index(2);
    consul.put(instance("orders", "a", &a));
    answers(&gateway, "/orders", "a").await;
    consul.set_maintenance("b", true);
    answers_only(&gateway, "/orders", "a").await;
    load.stop().await.unharmed();
    assert_eq!(gateway.generation().await, 1.0);
}

/// Row 60 of what goes wrong.
#[tokio::test]
async fn services_that_flap_are_swapped_at_most_ten_times_a_second() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let consul = Consul::start().await;
    let names: Vec<String> = (0..100).map(|number| format!("s{number}")).collect();
    for name in &names {
        consul.put(instance(name, &format!("{name}-1"), &a));
        consul.put(instance(name, &format!("{name}-2"), &b));
    }
    let services: Vec<&str> = names.iter().map(String::as_str).collect();
    // So long that nobody asks again while all are waited for.
    let document = document(&consul.url(), "", &services).replace("wait: 1s", "wait: 1m");
    let gateway = Process::start(&document).await;
    consul.is_watched_by(services.len()).await;
    let swaps = |metrics: &Metrics| -> Vec<f64> {
        let of =
            |service: &&str| metrics.value("sluice_registry_swaps_total", &[("service", service)]).unwrap_or_default();
        services.iter().map(of).collect()
    };
    let before = swaps(&gateway.metrics().await);
    let (begun, processor) = (Instant::now(), processor_time(gateway.id()));
    let flapping = consul.flap(names.clone(), Duration::from_millis(100));
    // For a second, or longer where others want the processor as well.
    let all = |metrics: &Metrics| swaps(metrics).iter().sum::<f64>() - before.iter().sum::<f64>();
    let enough = |metrics: &Metrics| begun.elapsed() >= Duration::from_secs(1) && all(metrics) >= 300.0;
    let after = gateway.metrics_until("many swaps", |metrics| enough(metrics).then(|| swaps(metrics))).await;
    let took = begun.elapsed();
    // Nobody sends requests yet, so that this is what discovery costs.
    let share = (processor_time(gateway.id()) - processor).as_secs_f64() / took.as_secs_f64();
    let load = load(&gateway, "/s0");
    load.more(200).await;
    drop(flapping);
    for ((service, before), after) in services.iter().zip(&before).zip(&after) {
        // The first is at once, the others a tenth of a second apart.
        let bound = took.as_secs_f64() / 0.1 + 1.0;
        assert!(after - before <= bound, "{service}: {} in {took:?}", after - before);
    }
    println!("{} swaps in {took:?}, {share:.2} of a core", after.iter().sum::<f64>() - before.iter().sum::<f64>());

    // In the end, everybody is where they were left.
    for name in &names {
        consul.set_status(&format!("{name}-2"), Status::Critical);
    }
    answers_only(&gateway, "/s0", "a").await;
    answers_only(&gateway, "/s99", "a").await;
    load.stop().await.unharmed();
}

/// What a process has used of all cores, as the kernel counts it: in hundredths of a second.
fn processor_time(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

#[tokio::test]
async fn a_token_that_is_rotated_needs_no_reload() {
    let a = Origin::text("a").await;
    let consul = Consul::with(Settings { token: Some("first".to_owned()), ..Settings::default() }).await;
    consul.put(instance("orders", "a", &a));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first").unwrap();
    let token = format!("token: {{ file: \"{}\" }}, wait", file.display());
    let gateway = Process::start(&document(&consul.url(), "", &["orders"]).replace("wait", &token)).await;
    answers(&gateway, "/orders", "a").await;
    consul.set_token(Some("second"));
    gateway.metrics_until("it is refused", |metrics| (failures(metrics, "denied") > 0.0).then_some(())).await;
    fs::write(&file, "second").unwrap();
    let b = Origin::text("b").await;
    consul.put(instance("orders", "a", &b));
    answers_only(&gateway, "/orders", "b").await;
}

/// A state directory that outlives a gateway.
async fn start_with_state(document: &str, state: &TempDir) -> Process {
    Process::with(document).argument("--state").argument(state.path()).start().await
}

#[tokio::test]
async fn routes_come_from_the_catalog_without_a_restart() {
    let (a, b) = (Origin::text("a").await, Origin::text("b").await);
    let consul = Consul::start().await;
    let state = tempfile::tempdir().unwrap();
    let own = document(&consul.url(), "", &[]);
    let gateway = start_with_state(&own, &state).await;
    answers(&gateway, "/ping", "pong").await;

    let served = |service: &str, path: &str, origin: &Origin| {
        let route = format!("sluice.route.api.path_prefix={path}");
        instance(service, &format!("{service}-1"), origin).tags(&["sluice.enable=true", &route])
    };
    consul.put(served("users", "/users", &a));
    // Who does not ask for it is not served, and who asks for nonsense is told so.
    consul.put(instance("secret", "secret-1", &b).tags(&["sluice.route.api.path=/secret"]));
    consul.put(instance("bad", "bad-1", &b).tags(&["sluice.enable=true", "sluice.route.api.pfad=/bad"]));
    answers(&gateway, "/users/7", "a").await;
    assert_eq!(client::get(gateway.address("web"), "/secret").await.status, 404);
    gateway.says("there is no key `pfad`").await;

    // What the operator wrote wins, and is told of the other.
    consul.put(instance("ping", "ping-1", &b).tags(&["sluice.enable=true", "sluice.route.own.path=/ping"]));
    consul.put(served("users", "/people", &b));
    answers(&gateway, "/people/7", "b").await;
    assert_eq!(client::get(gateway.address("web"), "/users/7").await.status, 404);
    assert_eq!(client::get(gateway.address("web"), "/ping").await.text(), "pong");
    kept(state.path(), "/people").await;
    kept(&state.path().join("discovery"), &b.address.to_string()).await;

    // Started without Consul, it serves what it served.
    drop(gateway);
    consul.kill();
    let gateway = start_with_state(&own, &state).await;
    answers(&gateway, "/people/7", "b").await;
    consul.restart().await;
    consul.put(served("late", "/late", &a));
    answers(&gateway, "/late", "a").await;

    // A catalog that is empty is none.
    let load = load(&gateway, "/people/7");
    consul.fault(Fault::Garbage("{}".to_owned()));
    gateway.says("an answer of the catalog of consul is held").await;
    load.more(50).await;
    consul.heal();
    gateway.says("the catalog of consul answers as it should again").await;
    load.stop().await.unharmed();

    // Nobody asks for it any more.
    gateway.reload_and_wait(&own.replace("catalog: true", "catalog: false")).await;
    assert_eq!(client::get(gateway.address("web"), "/people/7").await.status, 404);
    assert_eq!(client::get(gateway.address("web"), "/ping").await.text(), "pong");
}

#[tokio::test]
async fn the_gateway_is_registered_while_it_serves() {
    let (held, consul) = (Held::start().await, Consul::start().await);
    consul.put(instance("orders", "a", &held.origin));
    let register =
        "register: { in: [consul], service: edge, address: \"10.0.0.7:8080\", labels: { zone: a }, ttl: 10s },";
    let own = document(&consul.url(), register, &["orders"]);
    let gateway = Process::start(&own).await;
    consul.has("edge", 1).await;
    let told = consul.instances("edge").remove(0);
    assert_eq!(
        (&*told.id, &*told.address, told.port, &*told.meta["zone"]),
        ("edge-10.0.0.7-8080", "10.0.0.7", 8080, "a")
    );

    // A reload that says nothing else leaves it alone, another does what it says.
    let registrations =
        || consul.asked().iter().filter(|asked| asked.starts_with("/v1/agent/service/register")).count();
    let before = registrations();
    gateway.reload_and_wait(&format!("# the same\n{own}")).await;
    assert_eq!(registrations(), before);
    gateway.reload_and_wait(&own.replace("8080", "8081")).await;
    let is_moved = async || (consul.instances("edge").iter().map(|edge| edge.port).eq([8081])).then_some(());
    eventually("it is registered anew", is_moved).await;

    // An agent that forgot it is told again; what it says of others meanwhile is held.
    consul.forget();
    consul.has("edge", 1).await;

    // While requests are under way, it is gone already.
    let address = gateway.address("web");
    let under_way = tokio::spawn(async move { client::get(address, "/orders").await });
    held.has(1).await;
    gateway.signal(Signal::TERM);
    let is_gone = async || consul.instances("edge").is_empty().then_some(());
    eventually("it is gone from the registry", is_gone).await;
    held.release();
    assert_eq!(under_way.await.unwrap().text(), "at last");
    assert_eq!(gateway.wait_exit().await.code, Some(0));
}

/// A registry that does not answer holds nobody up.
#[tokio::test]
async fn a_drain_does_not_wait_for_a_registry_that_says_nothing() {
    let consul = Consul::start().await;
    let register = "register: { in: [consul], address: \"10.0.0.7:8080\" },";
    let gateway = Process::start(&document(&consul.url(), register, &["orders"])).await;
    consul.has("sluice", 1).await;
    consul.fault(Fault::Hang);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait_exit().await.code, Some(0));
}
