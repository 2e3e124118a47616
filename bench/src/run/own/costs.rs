//! What it costs to notice requests: the gateway with one thing switched on, beside the same without.
//!
//! Variants take turns, round after round, and what is shown is the median of the differences within the rounds: a slow
//! minute hurts both sides of a difference.

use std::fmt::Write as _;

use testkit::collector::Collector;

use crate::{
    Failure,
    run::{
        Args,
        measure::{Bench, Sample, free_addresses},
        own::ground::{document, runtime, start},
        peer::Certificate,
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

pub(in crate::run) fn measure(args: &Args) -> Result<String, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let bench = Bench::start(folder.path(), &certificate, args)?;
    let runtime = runtime()?;
    let collector = runtime.block_on(Collector::start());
    let mut rounds = Vec::new();
    for round in 0..args.rounds.max(1) {
        let mut samples = Vec::new();
        for turn in 0..VARIANTS.len() {
            // Who begins changes.
            let variant = (turn + round) % VARIANTS.len();
            let sample = one(args, &bench, VARIANTS[variant].1, &format!("http://{}", collector.address))?;
            if sample.failures() > 0 {
                return Err(format!("{} requests failed: {:?}", sample.failures(), sample.load.first_error).into());
            }
            eprintln!("{} round {}: {:.2} µs", VARIANTS[variant].0, round + 1, sample.micros_per_request);
            samples.push((variant, sample.micros_per_request));
        }
        samples.sort_by_key(|(variant, _)| *variant);
        rounds.push(samples);
    }
    let mut text =
        String::from("| switched on | µs/request | more than nothing: median, least, most |\n|---|---|---|\n");
    for (variant, (name, _)) in VARIANTS.iter().enumerate() {
        let whole = sorted(rounds.iter().map(|samples| samples[variant].1));
        let more = sorted(rounds.iter().map(|samples| samples[variant].1 - samples[0].1));
        let middle = rounds.len() / 2;
        let last = rounds.len() - 1;
        writeln!(text, "| {name} | {:.2} | {:.2}, {:.2}, {:.2} |", whole[middle], more[middle], more[0], more[last])?;
    }
    writeln!(text, "\nProcessor time of all threads, {} rounds of {} s.", rounds.len(), args.seconds)?;
    Ok(text)
}

fn one(args: &Args, bench: &Bench<'_>, keys: &str, collector: &str) -> Result<Sample, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let [listen, admin] = free_addresses()?;
    let keys = keys.replace("FOLDER", &folder.path().display().to_string()).replace("COLLECTOR", collector);
    let document = document(&keys, ROUTES, bench.origin(), [listen, admin]);
    let gateway = start(args, folder.path(), &document, [listen, admin])?;
    bench.as_fast_as_it_goes(&gateway, listen, ROUTES)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
