//! What it costs to notice requests: the gateway with one thing switched on, beside the same without.
//!
//! All variants run at once, and one after the other gets the load, round after round. On a machine whose speed changes from one
//! second to the next, many short turns tell more than few long ones: `--seconds 0.3 --warmup 0.1 --rounds 60`. Neighbours make
//! turns dearer and never cheaper, so what is compared is the turn that a tenth of all stay below; the median of the
//! differences within the rounds stands beside it.

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

/// Keys of `gateway`, with what they are called; the first is what others are compared with.
const VARIANTS: [(&str, &str); 5] = [
    ("nothing but metrics", "access_log: off, flight_recorder: off"),
    ("flight recorder, as it is by default", "access_log: off"),
    ("access log to a file", "flight_recorder: off, access_log: { path: FOLDER/access.log }"),
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
    let collector = format!("http://{}", runtime.block_on(Collector::start()).address);
    let begin = |(_, keys): &(_, &str)| Variant::start(args, keys, &collector, bench.origin());
    let variants = VARIANTS.iter().map(begin).collect::<Result<Vec<_>, _>>()?;
    let mut rounds = Vec::new();
    for round in 0..args.rounds.max(1) {
        let mut samples = [0.0; VARIANTS.len()];
        for turn in 0..VARIANTS.len() {
            // Who begins changes.
            let variant = (turn + round) % VARIANTS.len();
            let Variant { gateway, listen, .. } = &variants[variant];
            let sample = bench.as_fast_as_it_goes(gateway, *listen, ROUTES)?;
            if sample.failures() > 0 {
                return Err(format!("{} requests failed: {:?}", sample.failures(), sample.load.first_error).into());
            }
            samples[variant] = sample.micros_per_request;
        }
        eprintln!("round {}: {samples:.2?} µs", round + 1);
        rounds.push(samples);
    }
    let mut text = String::from(
        "| switched on | µs/request, undisturbed | more than nothing | median | median of the differences |\n|---|---|---|---|---|\n",
    );
    let undisturbed = |turns: &[f64]| turns[turns.len() / 10];
    let median = |turns: &[f64]| turns[turns.len() / 2];
    let nothing = sorted(rounds.iter().map(|samples| samples[0]));
    for (variant, (name, _)) in VARIANTS.iter().enumerate() {
        let turns = sorted(rounds.iter().map(|samples| samples[variant]));
        let more = sorted(rounds.iter().map(|samples| samples[variant] - samples[0]));
        let (least, middle) = (undisturbed(&turns), median(&turns));
        let difference = least - undisturbed(&nothing);
        writeln!(text, "| {name} | {least:.2} | {difference:.2} | {middle:.2} | {:.2} |", median(&more))?;
    }
    writeln!(text, "\nProcessor time of all threads, {} rounds of {} s.", rounds.len(), args.seconds)?;
    Ok(text)
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
