//! Registries that are killed, started again and cut off, while requests come at a constant rate.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use testkit::{
    consul::{Consul, Instance},
    dns::{self, NameServer, Record},
    etcd::Member,
    eureka::EurekaServer,
    faults::{Fault, FaultProxy},
};
use tokio::runtime::{Handle, Runtime};

use crate::{
    Failure, load,
    run::{
        Args,
        measure::{Bench, Rate, free_addresses},
        own::ground::{metric, runtime, start, until, until_served},
        peer::Certificate,
    },
};

/// Requests a second.
const RATE: f64 = 500.0;
/// How long each thing is so: longer than it takes until silence is noticed.
const LASTS: Duration = Duration::from_secs(6);
/// Silence is noticed after a while; longer than that.
const CUT: Duration = Duration::from_secs(20);

/// A registry with one instance of one service, and what happens to it.
struct Registry {
    name: &'static str,
    /// How documents have it reached.
    discovery: String,
    /// What the upstream asks it for.
    service: String,
    phases: Vec<Phase>,
}

struct Phase {
    what: &'static str,
    lasts: Duration,
    begin: Box<dyn FnMut() + Send>,
}

struct Row {
    load: load::Report,
    heard: f64,
    start: Duration,
}

pub(in crate::run) fn measure(args: &Args) -> Result<String, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let bench = Bench::start(folder.path(), &certificate, args)?;
    let runtime = runtime()?;
    let mut text = String::from(
        "| registry | what happens to it | requests | failed | p99 µs | longest ms | failures that the gateway counted | start without it ms |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for made in [consul, etcd, eureka, names] {
        let registry = made(&runtime, bench.origin());
        let (name, what) =
            (registry.name, registry.phases.iter().map(|phase| phase.what).collect::<Vec<_>>().join(", "));
        let Row { load, heard, start } = suffer(args, &bench, registry)?;
        let failed = load.errors + load.non_2xx;
        writeln!(
            text,
            "| {name} | {what} | {} | {failed} | {:.0} | {:.1} | {heard} | {:.0} |",
            load.requests + failed,
            load.p99_us,
            load.max_us / 1e3,
            start.as_secs_f64() * 1e3
        )?;
    }
    writeln!(text, "\n{RATE} requests a second all the time; the start is from exec to the first answer.")?;
    Ok(text)
}

fn suffer(args: &Args, bench: &Bench<'_>, registry: Registry) -> Result<Row, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let path = format!("{}/json", load::prefix(0));
    let [listen, admin] = free_addresses()?;
    let Registry { discovery, service, phases, .. } = registry;
    let document = |listen: SocketAddr, admin: SocketAddr| {
        format!(
            "version: 1
gateway: {{ workers: 1, admin: {{ address: {admin} }}, access_log: off, discovery: {{ {discovery} }} }}
listeners: [ {{ name: web, address: {listen} }} ]
upstreams: [ {{ name: service, discovery: {{ {service} }} }} ]
routes: [ {{ name: all, upstream: service }} ]
"
        )
    };
    let gateway = start(args, folder.path(), &document(listen, admin), [listen, admin])?;
    until_served(listen, &path)?;
    let before = metric(admin, "sluice_registry_failures_total")?;
    let seconds = phases.iter().map(|phase| phase.lasts).sum::<Duration>().as_secs_f64();
    let rate = Rate { target: listen, routes: 1, per_second: RATE, seconds };
    let phases = Arc::new(Mutex::new(phases));
    let mut fate = None;
    let load = bench.at_rate(&rate, || {
        let phases = phases.clone();
        fate = Some(thread::spawn(move || {
            for phase in &mut *locked(&phases) {
                (phase.begin)();
                sleep(phase.lasts);
            }
        }));
    })?;
    if let Some(fate) = fate {
        fate.join().map_err(|_| "what was to happen to the registry did not")?;
    }
    let heard = metric(admin, "sluice_registry_failures_total")? - before;
    drop(gateway);

    // Away again, and the gateway knows only what it kept.
    (locked(&phases)[0].begin)();
    let [listen, admin] = free_addresses()?;
    let begun = Instant::now();
    let _gateway = start(args, folder.path(), &document(listen, admin), [listen, admin])?;
    until_served(listen, &path)?;
    let start = begun.elapsed();
    until("the registry is missed", || Ok(metric(admin, "sluice_registry_failures_total")? > 0.0))?;
    Ok(Row { load, heard, start })
}

fn phase(what: &'static str, lasts: Duration, begin: impl FnMut() + Send + 'static) -> Phase {
    Phase { what, lasts, begin: Box::new(begin) }
}

/// What may happen to whoever is reached over TCP, after it was killed and came back.
fn network(proxy: FaultProxy) -> [Phase; 3] {
    let (cut, silent) = (Arc::new(proxy), Fault::Blackhole);
    let [refuse, heal] = [cut.clone(), cut.clone()];
    [
        phase("cut off in silence", CUT, move || cut.set_both([silent])),
        phase("refused", LASTS, move || {
            refuse.refuse();
            refuse.reset_all();
        }),
        phase("healed", LASTS, move || heal.heal()),
    ]
}

fn consul(runtime: &Runtime, origin: SocketAddr) -> Registry {
    let (handle, consul) = (runtime.handle().clone(), Arc::new(runtime.block_on(Consul::start())));
    consul.put(Instance::new("service", "a", origin));
    let proxy = runtime.block_on(FaultProxy::start(consul.address));
    let discovery = format!("consul: {{ address: \"http://{}\", wait: 2s }}", proxy.address);
    let (killed, back) = (consul.clone(), consul);
    let mut phases = vec![
        phase("killed", LASTS, move || killed.kill()),
        phase("started again", LASTS, move || handle.block_on(back.restart())),
    ];
    phases.extend(network(proxy));
    Registry { name: "Consul (ours for tests)", discovery, service: "consul: { service: service }".into(), phases }
}

fn etcd(runtime: &Runtime, origin: SocketAddr) -> Registry {
    let etcd = runtime.block_on(async {
        let etcd = Member::start().await;
        etcd.api().await.put("/service/a", &format!(r#"{{"address":"{origin}"}}"#)).await;
        etcd
    });
    let proxy = runtime.block_on(FaultProxy::start(etcd.address));
    let discovery = format!("etcd: {{ endpoints: [\"http://{}\"] }}", proxy.address);
    let (killed, handle) = (Arc::new(Mutex::new(etcd)), runtime.handle().clone());
    let (back, inside) = (killed.clone(), handle.clone());
    let mut phases = vec![
        phase("killed", LASTS, move || entered(&inside, || locked(&killed).kill())),
        phase("started again", LASTS, move || handle.block_on(locked(&back).start_again())),
    ];
    phases.extend(network(proxy));
    Registry { name: "etcd", discovery, service: "etcd: { prefix: /service/ }".into(), phases }
}

fn eureka(runtime: &Runtime, origin: SocketAddr) -> Registry {
    let server = runtime.block_on(EurekaServer::start());
    server.up("SERVICE", "a", origin);
    let proxy = Arc::new(runtime.block_on(FaultProxy::start(server.address())));
    let below = server.url.splitn(4, '/').nth(3).unwrap_or_default();
    let discovery = format!("eureka: {{ servers: [\"http://{}/{below}\"], interval: 1s }}", proxy.address);
    let (killed, back, cut, healed) = (proxy.clone(), proxy.clone(), proxy.clone(), proxy);
    let phases = vec![
        phase("gone", LASTS, move || {
            killed.refuse();
            killed.reset_all();
        }),
        phase("back", LASTS, move || back.heal()),
        phase("cut off in silence", CUT, move || cut.set_both([Fault::Blackhole])),
        // It is there as long as this is.
        phase("healed", LASTS, move || {
            _ = &server;
            healed.heal();
        }),
    ];
    Registry { name: "Eureka (ours for tests)", discovery, service: "eureka: { app: service }".into(), phases }
}

fn names(runtime: &Runtime, origin: SocketAddr) -> Registry {
    let server = Arc::new(runtime.block_on(NameServer::start()));
    server.set("service.test", 0, &[Record::Address(origin.ip())]);
    let discovery = format!("dns: {{ servers: [\"{}\"], min_ttl: 1s }}", server.address);
    let say = |what, lasts, fault: dns::Fault| {
        let server = server.clone();
        phase(what, lasts, move || server.fault(fault.clone()))
    };
    let phases = vec![
        say("SERVFAIL", LASTS, dns::Fault::Fails),
        say("well", LASTS, dns::Fault::Nothing),
        say("silent", CUT, dns::Fault::Silent),
        say("well", LASTS, dns::Fault::Nothing),
    ];
    let service = format!("dns: {{ name: service.test, port: {} }}", origin.port());
    Registry { name: "a name server (ours for tests)", discovery, service, phases }
}

/// Within the runtime: what ends a process waits for it there.
fn entered(handle: &Handle, what: impl FnOnce()) {
    let _inside = handle.enter();
    what();
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
