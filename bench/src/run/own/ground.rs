//! What these measurements share: a gateway with a document, and questions to it.

use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

use crate::{
    Failure, load,
    run::{Args, measure::Cores, process::Gateway},
};

/// How long anything may take to be so.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// For fakes and what they do: on the core of the load.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().on_thread_start(crate::pinned::aside);
    Ok(runtime.build()?)
}

/// Starts the gateway with this document and waits until it is ready.
pub(super) fn start(
    args: &Args,
    folder: &Path,
    text: &str,
    [listen, admin]: [SocketAddr; 2],
) -> Result<Gateway, Failure> {
    let document = folder.join("sluice.yaml");
    std::fs::write(&document, text)?;
    let command: [OsString; 6] = [
        args.sluice.clone().into(),
        "run".into(),
        "-c".into(),
        document.into(),
        "--state".into(),
        folder.join("state").into(),
    ];
    Gateway::start(Cores::of_this_machine().gateway, &command, folder, listen, Some(admin))
}

/// A document with so many routes to the origin; `keys` are those of `gateway`, beside the usual ones.
pub(super) fn document(keys: &str, routes: u32, origin: SocketAddr, [listen, admin]: [SocketAddr; 2]) -> String {
    let mut text = format!(
        "version: 1
gateway: {{ workers: 1, admin: {{ address: {admin} }}, {keys} }}
listeners: [ {{ name: web, address: {listen} }} ]
upstreams: [ {{ name: origin, endpoints: [ {origin} ] }} ]
routes:
"
    );
    for prefix in (0..routes).map(load::prefix) {
        let name = prefix.trim_start_matches('/');
        text += &format!("  - {{ name: {name}, match: {{ path: {{ prefix: {prefix} }} }}, upstream: origin }}\n");
    }
    text
}

/// One request; the status and all that came.
pub(super) fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Result<(u16, String), Failure> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or("an answer without a status")?, answer))
}

/// Asks until it is answered with 200.
pub(super) fn until_served(address: SocketAddr, path: &str) -> Result<(), Failure> {
    until(&format!("{path} is served"), || Ok(matches!(ask(address, "GET", path, ""), Ok((200, _)))))
}

/// The sum of the values of a metric.
pub(super) fn metric(admin: SocketAddr, name: &str) -> Result<f64, Failure> {
    let (_, text) = ask(admin, "GET", "/metrics", "")?;
    let lines = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

pub(super) fn until(what: &str, mut is_so: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let patience = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > patience {
            return Err(format!("not so after {PATIENCE:?}: {what}").into());
        }
        sleep(LOOK);
    }
    Ok(())
}

/// Of many turns the one in the middle, the upper one of two; `values` are not empty.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    share(values, 2)
}

/// The turn that a quarter of all stay below: one that was left alone, as far as any was. What else happens on a machine makes
/// turns slower and never faster, and what is measured is in all of them.
pub(super) fn undisturbed(values: impl Iterator<Item = f64>) -> f64 {
    share(values, 4)
}

fn share(values: impl Iterator<Item = f64>, parts: usize) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / parts]
}
