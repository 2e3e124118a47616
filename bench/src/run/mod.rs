//! The harness: every case, every peer, several rounds, one machine.
//!
//! - [`case`]: what is measured.
//! - [`peer`]: who is measured, and how each is told to do the same thing.
//! - [`measure`]: one case with one peer: start, warm up, count, stop.
//! - [`process`]: a gateway's processes, its processor time and its memory, from the operating system's books.
//! - [`table`]: medians and ratios, as markdown and as JSON.
//! - [`own`]: what the gateway alone is measured by.
//!
//! A machine is never quiet: peers take turns within each round, so that a slow minute hurts all of them, and what is
//! shown is the median of the rounds.

mod case;
mod measure;
mod own;
mod peer;
mod process;
mod table;

use std::{fs, path::PathBuf, time::SystemTime};

pub(crate) use self::measure::Cores;
use crate::Failure;
use case::{CASES, Case};
use measure::{Bench, Outcome};
use own::OWN;
pub(crate) use peer::Certificate;
use peer::Peer;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The gateway's binary
    #[arg(long, default_value = "sluice")]
    sluice: PathBuf,
    #[arg(long, default_value = "nginx")]
    nginx: PathBuf,
    #[arg(long, default_value = "haproxy")]
    haproxy: PathBuf,
    #[arg(long, default_value = "envoy")]
    envoy: PathBuf,
    /// Only this case; may be given several times. An unknown name lists them all
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Only this peer; may be given several times: sluice, nginx, haproxy, envoy, bare
    #[arg(long = "peer", value_name = "NAME")]
    peers: Vec<String>,
    /// Seconds that each measurement counts
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before it counts
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Rounds over all peers; medians are shown
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections of the case `idle`
    #[arg(long, default_value_t = 10_000)]
    idle_connections: usize,
    /// Writes every single measurement to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures what is asked for; prints the tables to stdout, what happens meanwhile to stderr.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (own, shared): (Vec<_>, Vec<_>) =
        args.cases.iter().cloned().partition(|name| OWN.iter().any(|own| own.name == name));
    let is_all = args.cases.is_empty();
    if is_all || !shared.is_empty() {
        run_beside_peers(args, &shared)?;
    }
    for own in OWN.iter().filter(|one| is_all || own.iter().any(|name| name == one.name)) {
        println!("\n`{}`: {}\n\n{}", own.name, own.what, (own.measure)(args)?);
    }
    Ok(())
}

fn run_beside_peers(args: &Args, cases: &[String]) -> Result<(), Failure> {
    let cases = chosen(cases, CASES, |case| case.name, "case")?;
    let peers = present_peers(args)?;
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let load_before = load_average();
    if load_before > 0.3 {
        eprintln!(
            "warning: the machine is busy (load average {load_before}); what is measured now is not worth keeping"
        );
    }
    let bench = Bench::start(folder.path(), &certificate, args)?;
    let mut outcomes = Vec::new();
    for case in cases {
        for round in 0..args.rounds.max(1) {
            // Who begins changes: being first on a machine that warms up is an advantage.
            for turn in 0..peers.len() {
                let peer = &peers[(turn + round) % peers.len()];
                if peer.can(case) {
                    let outcome = Outcome { case, peer: peer.name, round, sample: bench.measure(case, peer) };
                    eprintln!("{outcome}");
                    outcomes.push(outcome);
                }
            }
        }
    }
    let about = about(args, &peers, &bench, load_before);
    let order: Vec<&str> = peers.iter().map(|peer| peer.name).collect();
    print!("{}", table::markdown(&about, &order, &outcomes));
    if let Some(file) = &args.json {
        fs::write(file, serde_json::to_vec_pretty(&table::json(&about, &outcomes))?)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    match outcomes.iter().filter(|outcome| outcome.is_faulty()).count() {
        0 => Ok(()),
        faulty => {
            Err(format!("{faulty} of {} measurements had failures: they measure something else", outcomes.len()).into())
        }
    }
}

/// What was asked for by name, in the order of the table; nothing asked is everything.
fn chosen<'t, T>(
    names: &[String],
    all: &'t [T],
    name: fn(&T) -> &'static str,
    what: &str,
) -> Result<Vec<&'t T>, Failure> {
    if let Some(unknown) = names.iter().find(|asked| !all.iter().any(|one| name(one) == asked.as_str())) {
        let own = OWN.iter().map(|own| own.name).filter(|_| what == "case");
        let known: Vec<&str> = all.iter().map(name).chain(own).collect();
        return Err(format!("unknown {what} `{unknown}`; there are {}", known.join(", ")).into());
    }
    Ok(all.iter().filter(|one| names.is_empty() || names.iter().any(|asked| asked == name(one))).collect())
}

/// The peers that were asked for and are on this machine; one that is missing is named and left out.
fn present_peers(args: &Args) -> Result<Vec<Peer>, Failure> {
    let all = peer::all(args)?;
    let chosen: Vec<&'static str> =
        chosen(&args.peers, &all, |peer| peer.name, "peer")?.into_iter().map(|peer| peer.name).collect();
    let mut present = Vec::new();
    for mut peer in all.into_iter().filter(|peer| chosen.contains(&peer.name)) {
        match peer::find(&peer.program) {
            Some(program) => {
                peer.program = program;
                present.push(peer);
            }
            None => eprintln!("without {}: there is no program {}", peer.name, peer.program.display()),
        }
    }
    if present.is_empty() { Err("none of the peers is installed".into()) } else { Ok(present) }
}

/// What the numbers depend on: when, where, which versions, how long.
fn about(args: &Args, peers: &[Peer], bench: &Bench, load_before: f64) -> Vec<(String, String)> {
    let first_line = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or("unknown");
        line.rsplit(": ").next().unwrap_or_default().trim().to_owned()
    };
    let mut about = vec![
        ("date".into(), httpdate::fmt_http_date(SystemTime::now())),
        ("processor".into(), first_line("/proc/cpuinfo", "model name")),
        ("kernel".into(), first_line("/proc/sys/kernel/osrelease", "")),
        ("cores".into(), bench.cores()),
        ("load average before".into(), load_before.to_string()),
        ("each measurement".into(), format!("{} s after {} s, median of {}", args.seconds, args.warmup, args.rounds)),
    ];
    about.extend(peers.iter().map(|peer| (peer.name.to_owned(), peer.version())));
    about
}

/// Of the last minute: how many threads wanted a core.
fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// The prefix of every path that a case uses is the name of its route.
fn route_names(case: &Case) -> impl Iterator<Item = String> {
    (0..case.routes).map(crate::load::prefix)
}
