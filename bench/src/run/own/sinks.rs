//! Access logs whose sinks are dead, slow or full, under a constant rate of requests: what those who are served notice of it.

use std::{
    fmt::Write as _,
    net::{SocketAddr, TcpListener},
};

use crate::{
    Failure, load,
    run::{
        Args,
        measure::{Bench, Rate, free_addresses},
        own::ground::{document, median, metric, start},
        peer::Certificate,
    },
};

const ROUTES: u32 = 100;
/// Requests a second: less than what the gateway can do, and soon more lines than can wait.
const RATE: f64 = 10_000.0;

/// The value of `gateway.access_log`, with what it is called; the first is what others are compared with.
const SINKS: [(&str, &str); 6] = [
    ("none", "off"),
    ("a file", "{ path: FOLDER/access.log }"),
    ("a full disk", "{ path: /dev/full }"),
    ("syslog, nobody there", "{ syslog: { address: \"tcp://NOBODY\" } }"),
    ("syslog that reads nothing", "{ syslog: { address: \"tcp://DEAF\" } }"),
    ("HTTP that answers nothing", "{ http: { url: \"http://DEAF/\", shape: json_lines } }"),
];

/// What was seen of one sink in one round.
struct Seen {
    report: load::Report,
    written: f64,
    dropped: f64,
}

pub(in crate::run) fn measure(args: &Args) -> Result<String, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let bench = Bench::start(folder.path(), &certificate, args)?;
    // Connections are taken by the kernel; nobody ever reads what they bring.
    let deaf = TcpListener::bind("127.0.0.1:0")?;
    let mut rounds = Vec::new();
    for round in 0..args.rounds.max(1) {
        let mut seen: Vec<_> = (0..SINKS.len()).map(|_| None).collect();
        for turn in 0..SINKS.len() {
            // Who begins changes.
            let sink = (turn + round) % SINKS.len();
            seen[sink] = Some(one(args, &bench, SINKS[sink].1, deaf.local_addr()?)?);
        }
        rounds.push(seen.into_iter().flatten().collect::<Vec<_>>());
    }
    let mut text = String::from(
        "| sink | p50 ms | p99 ms | more than without | lines written | dropped | failed requests |\n|---|---|---|---|---|---|---|\n",
    );
    for (sink, (name, _)) in SINKS.iter().enumerate() {
        let median = |of: &dyn Fn(&[Seen]) -> f64| median(rounds.iter().map(|round| of(round)));
        writeln!(
            text,
            "| {name} | {:.2} | {:.2} | {:+.2} | {:.0} | {:.0} | {:.0} |",
            median(&|round| round[sink].report.p50_us / 1e3),
            median(&|round| round[sink].report.p99_us / 1e3),
            median(&|round| (round[sink].report.p99_us - round[0].report.p99_us) / 1e3),
            median(&|round| round[sink].written),
            median(&|round| round[sink].dropped),
            rounds.iter().map(|round| round[sink].report.errors + round[sink].report.non_2xx).sum::<u64>(),
        )?;
    }
    writeln!(text, "\n{RATE} requests a second, medians of {} rounds of {} s.", rounds.len(), args.seconds)?;
    Ok(text)
}

fn one(args: &Args, bench: &Bench<'_>, sink: &str, deaf: SocketAddr) -> Result<Seen, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let [listen, admin] = free_addresses()?;
    let [nobody, _] = free_addresses()?;
    let sink = sink
        .replace("FOLDER", &folder.path().display().to_string())
        .replace("NOBODY", &nobody.to_string())
        .replace("DEAF", &deaf.to_string());
    let document = document(&format!("access_log: {sink}"), ROUTES, bench.origin(), [listen, admin]);
    let _gateway = start(args, folder.path(), &document, [listen, admin])?;
    let rate = Rate { target: listen, routes: ROUTES, per_second: RATE, seconds: args.seconds };
    let report = bench.at_rate(&rate, || {})?;
    // Nothing is minus nothing if it is a sum.
    let count = |name| metric(admin, name).map(f64::abs);
    Ok(Seen {
        report,
        written: count("sluice_access_log_lines_total")?,
        dropped: count("sluice_access_log_dropped_lines_total")?,
    })
}
