//! A hundred services of Consul, each with an instance that comes and goes ten times a second.
//!
//! Turns with and without follow each other, many and short, so that what else happens on the machine meets both alike and few of
//! either: `--rounds 30 --seconds 0.5 --warmup 0.1`.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use testkit::consul::{Consul, Instance};

use crate::{
    Failure, load,
    run::{
        Args,
        measure::{Bench, Rate, free_addresses},
        own::ground::{median, metric, runtime, start, undisturbed, until_served},
        peer::Certificate,
    },
};

const SERVICES: u32 = 100;
const PERIOD: Duration = Duration::from_millis(100);
/// How long at least processor time is counted without requests.
const AT_REST: Duration = Duration::from_secs(5);
/// Requests a second: far from what the gateway can do, so that what is seen is not a queue.
const RATE: f64 = 1_000.0;

pub(in crate::run) fn measure(args: &Args) -> Result<String, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let [first, second] =
        [Bench::start(folder.path(), &certificate, args)?, Bench::start(folder.path(), &certificate, args)?];
    let runtime = runtime()?;
    let consul = runtime.block_on(Consul::start());
    let names: Vec<String> = (0..SERVICES).map(|number| format!("s{number}")).collect();
    for name in &names {
        consul.put(Instance::new(name, &format!("{name}-1"), first.origin()));
        consul.put(Instance::new(name, &format!("{name}-2"), second.origin()));
    }
    let [listen, admin] = free_addresses()?;
    let gateway = start(args, folder.path(), &document(&consul.url(), listen, admin), [listen, admin])?;
    for index in 0..SERVICES {
        until_served(listen, &format!("{}/json", load::prefix(index)))?;
    }

    let seconds = Duration::from_secs_f64(args.seconds).max(AT_REST);
    let share = |what: &dyn Fn() -> Result<(), Failure>| -> Result<f64, Failure> {
        let (begun, before) = (Instant::now(), gateway.usage());
        what()?;
        Ok(gateway.usage().since(&before).as_secs_f64() / begun.elapsed().as_secs_f64())
    };
    let rest = || {
        sleep(seconds);
        Ok(())
    };
    let quiet = share(&rest)?;
    let swaps = metric(admin, "sluice_registry_swaps_total")?;
    let flapping = {
        let _inside = runtime.enter();
        let _flapping = consul.flap(names.clone(), PERIOD);
        share(&rest)?
    };
    let swaps = (metric(admin, "sluice_registry_swaps_total")? - swaps) / seconds.as_secs_f64();

    let mut seen = [const { Vec::new() }; 4];
    for _ in 0..args.rounds.max(1) {
        // The load has to bear the registry as well: what it sees past the gateway is not the gateway's.
        for (target, [calm, busy]) in [(first.origin(), [0, 1]), (listen, [2, 3])] {
            let rate = Rate { target, routes: SERVICES, per_second: RATE, seconds: args.seconds };
            seen[calm].push(first.at_rate(&rate, || {})?);
            let _inside = runtime.enter();
            let _flapping = consul.flap(names.clone(), PERIOD);
            seen[busy].push(first.at_rate(&rate, || {})?);
        }
    }
    let failed: u64 = seen.iter().flatten().map(|report| report.errors + report.non_2xx).sum();
    let mut text = String::from("| | without | flapping |\n|---|---|---|\n");
    writeln!(text, "| share of a core, no requests | {quiet:.3} | {flapping:.3} |")?;
    writeln!(text, "| swaps of endpoint sets a second | 0 | {swaps:.0} |")?;
    let [past_calm, past_busy, calm, busy] = &seen;
    for (whose, [calm, busy]) in [("past the gateway", [past_calm, past_busy]), ("through it", [calm, busy])] {
        let mut row = |name, of: fn(&[load::Report]) -> f64| {
            writeln!(text, "| {name} µs {whose} | {:.0} | {:.0} |", of(calm), of(busy))
        };
        row("p50", |reports| undisturbed(reports.iter().map(|report| report.p50_us)))?;
        row("p99", |reports| undisturbed(reports.iter().map(|report| report.p99_us)))?;
        row("p99 of all turns", |reports| median(reports.iter().map(|report| report.p99_us)))?;
    }
    let (turns, seconds) = (calm.len(), args.seconds);
    let how = format!("{SERVICES} services, {RATE} requests a second, {turns} turns of {seconds} s");
    writeln!(text, "\n{failed} requests failed. {how}.")?;
    Ok(text)
}

fn document(consul: &str, listen: SocketAddr, admin: SocketAddr) -> String {
    let (mut upstreams, mut routes) = (String::new(), String::new());
    for index in 0..SERVICES {
        upstreams += &format!("  - {{ name: s{index}, discovery: {{ consul: {{ service: s{index} }} }} }}\n");
        let prefix = load::prefix(index);
        routes += &format!("  - {{ name: s{index}, match: {{ path: {{ prefix: {prefix} }} }}, upstream: s{index} }}\n");
    }
    format!(
        "version: 1
gateway: {{ workers: 1, admin: {{ address: {admin} }}, access_log: off, discovery: {{ consul: {{ address: \"{consul}\" }} }} }}
listeners: [ {{ name: web, address: {listen} }} ]
upstreams:
{upstreams}routes:
{routes}"
    )
}
