//! What it costs to notice requests: the gateway with one thing switched on, beside the same without.
//!
//! All variants run at once, and one after the other gets the load, round after round. On a machine whose speed changes from one
//! second to the next, many short turns tell more than few long ones: `--seconds 0.3 --warmup 0.1 --rounds 60`. Neighbours make
//! turns dearer and never cheaper, so of each process its cheapest turn counts. Where a process happens to lie in memory makes it
//! dearer or cheaper for as long as it lives, by more than what is measured here, so all are started anew after a few rounds, and
//! what is told is the median over these starts, and between which two values half of them lie.

use std::{fmt::Write as _, net::SocketAddr};

use tempfile::TempDir;
use testkit::collector::Collector;

use crate::{
    Failure,
    run::{
        Args,
        measure::{Bench, free_addresses},
        own::ground::{document, runtime, start},
        peer::Certificate,
        process::Gateway,
    },
};

const ROUTES: u32 = 100;

/// Rounds after which all variants are started anew.
const ROUNDS_OF_A_START: usize = 5;

/// Keys of `gateway`, with what they are called; the first is what others are compared with.
const VARIANTS: [(&str, &str); 6] = [
    ("nothing but metrics", "access_log: off, flight_recorder: off"),
    ("flight recorder, as it is by default", "access_log: off"),
    ("access log to a file", "flight_recorder: off, access_log: { path: FOLDER/access.log }"),
    (
        "tracing of what fails or is slow: contexts, and nothing told",
        "access_log: off, flight_recorder: off, tracing: { otlp: { endpoint: \"COLLECTOR\" }, sample: { ratio: 0% } }",
    ),
    (
        "tracing at 1 %",
        "access_log: off, flight_recorder: off, tracing: { otlp: { endpoint: \"COLLECTOR\" }, sample: { ratio: 1% } }",
    ),
    (
        "all of them",
        "access_log: { path: FOLDER/access.log }, tracing: { otlp: { endpoint: \"COLLECTOR\" }, sample: { ratio: 1% } }",
    ),
];

/// A gateway of one variant.
struct Variant {
    gateway: Gateway,
    listen: SocketAddr,
    _folder: TempDir,
}

pub(in crate::run) fn measure(args: &Args) -> Result<String, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let bench = Bench::start(folder.path(), &certificate, args)?;
    let runtime = runtime()?;
    let collector = runtime.block_on(Collector::start());
    let address = format!("http://{}", collector.address);
    let mut starts = Vec::new();
    for number in 1..=args.rounds.div_ceil(ROUNDS_OF_A_START).max(1) {
        let begin = |(_, keys): &(_, &str)| Variant::start(args, keys, &address, bench.origin());
        let variants = VARIANTS.iter().map(begin).collect::<Result<Vec<_>, _>>()?;
        let told = collector.spans_taken();
        let cheapest = cheapest(&bench, &variants)?;
        if collector.spans_taken() == told {
            return Err("the collector was told nothing, so what tracing costs was not measured".into());
        }
        eprintln!("start {number}: {cheapest:.2?} µs");
        starts.push(cheapest);
    }
    let mut text =
        String::from("| switched on | µs/request | more than nothing | half of the starts |\n|---|---|---|---|\n");
    let of_all = |all: &[f64], quarter: usize| all[(all.len() * quarter / 4).min(all.len() - 1)];
    for (variant, (name, _)) in VARIANTS.iter().enumerate() {
        let costs = sorted(starts.iter().map(|costs| costs[variant]));
        let more = sorted(starts.iter().map(|costs| costs[variant] - costs[0]));
        let [low, middle, high] = [1, 2, 3].map(|quarter| of_all(&more, quarter));
        writeln!(text, "| {name} | {:.2} | {middle:.2} | {low:.2} to {high:.2} |", of_all(&costs, 2))?;
    }
    let turns = starts.len() * ROUNDS_OF_A_START;
    writeln!(
        text,
        "\nProcessor time of all threads, {} starts, {turns} turns of {} s each.",
        starts.len(),
        args.seconds
    )?;
    Ok(text)
}

/// What a request costs each of them in the cheapest of its turns.
fn cheapest(bench: &Bench, variants: &[Variant]) -> Result<[f64; VARIANTS.len()], Failure> {
    let mut cheapest = [f64::INFINITY; VARIANTS.len()];
    for round in 0..ROUNDS_OF_A_START {
        for turn in 0..VARIANTS.len() {
            // Who begins changes.
            let variant = (turn + round) % VARIANTS.len();
            let Variant { gateway, listen, .. } = &variants[variant];
            let sample = bench.as_fast_as_it_goes(gateway, *listen, ROUTES)?;
            if sample.failures() > 0 {
                return Err(format!("{} requests failed: {:?}", sample.failures(), sample.load.first_error).into());
            }
            cheapest[variant] = cheapest[variant].min(sample.micros_per_request);
        }
    }
    Ok(cheapest)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

// === impl Variant ===

impl Variant {
    fn start(args: &Args, keys: &str, collector: &str, origin: SocketAddr) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
        // Beside the folder of the document, whose changes are watched.
        let logs = folder.path().join("logs");
        std::fs::create_dir(&logs)?;
        let keys = keys.replace("FOLDER", &logs.display().to_string()).replace("COLLECTOR", collector);
        let [listen, admin] = free_addresses()?;
        let document = document(&keys, ROUTES, origin, [listen, admin]);
        let gateway = start(args, folder.path(), &document, [listen, admin])?;
        Ok(Self { gateway, listen, _folder: folder })
    }
}
