//! From a registration with the gateway itself to the first request that reaches the instance.

use std::{fmt::Write as _, fs, time::Instant};

use crate::{
    Failure, load,
    run::{
        Args,
        measure::{Bench, free_addresses},
        own::ground::{ask, start, until_served},
        peer::Certificate,
    },
};

const SERVICES: u32 = 50;

pub(in crate::run) fn measure(args: &Args) -> Result<String, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let bench = Bench::start(folder.path(), &certificate, args)?;
    let ([listen, admin], [registry, _]) = (free_addresses()?, free_addresses()?);
    let (mut upstreams, mut routes) = (String::new(), String::new());
    for index in 0..SERVICES {
        upstreams += &format!("  - {{ name: s{index}, discovery: {{ registry: s{index} }} }}\n");
        let prefix = load::prefix(index);
        routes += &format!("  - {{ name: s{index}, match: {{ path: {{ prefix: {prefix} }} }}, upstream: s{index} }}\n");
    }
    let document = format!(
        "version: 1
gateway: {{ workers: 1, admin: {{ address: {admin} }}, registry: {{ address: {registry} }}, access_log: off }}
listeners: [ {{ name: web, address: {listen} }} ]
upstreams:
{upstreams}routes:
{routes}"
    );
    let _gateway = start(args, folder.path(), &document, [listen, admin])?;
    let mut took = Vec::new();
    let instance = format!(r#"{{"address":"{}","ttl":"60s"}}"#, bench.origin());
    for index in 0..SERVICES {
        let begun = Instant::now();
        let (status, answer) = ask(registry, "PUT", &format!("/v1/services/s{index}/instances/a"), &instance)?;
        if !(200..300).contains(&status) {
            return Err(format!("the registration was refused: {answer}").into());
        }
        until_served(listen, &format!("{}/json", load::prefix(index)))?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    let mut text = String::from("| | ms: least, median, most |\n|---|---|\n");
    writeln!(
        text,
        "| registration until the first answer of the instance | {:.1}, {:.1}, {:.1} |",
        took[0],
        took[took.len() / 2],
        took[took.len() - 1]
    )?;
    let store = fs::canonicalize(folder.path())?;
    writeln!(text, "\n{SERVICES} services; each is on the disk ({}) before it is answered.", store.display())?;
    Ok(text)
}
