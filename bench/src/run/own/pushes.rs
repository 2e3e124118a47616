//! Changes by the admin API under load: what they cost those who are served meanwhile, and how soon the last one is live.
//!
//! Turns with and without follow each other, many and short, so that what else happens on the machine meets both alike and few of
//! either: `--rounds 200 --seconds 0.3 --warmup 0.1` changes for a minute.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Failure,
    load::{self, prefix},
    run::{
        Args,
        measure::{Bench, Cores, Rate, free_addresses},
        own::ground::{median, undisturbed},
        peer::Certificate,
        process::Gateway,
    },
};

/// Changes a second.
const RATE: u32 = 50;

const ROUTES: u32 = 1_000;

/// Requests a second: the gateway and whoever sends and answers them have room for more, so that what is seen is not a queue.
const REQUESTS: f64 = 4_000.0;

/// The route that is changed. Nobody but we ask for it; it answers with its version.
const CHANGED: &str = "pushed";

/// How long a change may take to be live.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a request looks whether it is.
const LOOK: Duration = Duration::from_millis(1);

/// The admin API, over one connection.
struct Admin {
    stream: BufReader<TcpStream>,
    token: String,
}

/// What became of the changes.
#[derive(Default)]
struct Pushed {
    changes: u32,
    /// From the request to its answer.
    took: Vec<Duration>,
    /// From the request of the last one of a turn until it was served, at most.
    live: Duration,
}

pub(super) fn measure(args: &Args) -> Result<String, Failure> {
    let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
    let certificate = Certificate::generate(folder.path())?;
    let bench = Bench::start(folder.path(), &certificate, args)?;
    let [listen, admin] = free_addresses()?;
    let gateway = start(args, folder.path(), listen, admin)?;
    let token = fs::read_to_string(folder.path().join("state/admin-token"))?.trim().to_owned();
    Admin::connect(admin, &token)?.put("/api/v1/config", &document(bench.origin()))?;
    let load = Rate { target: listen, routes: ROUTES, per_second: REQUESTS, seconds: args.seconds };
    let used = |report: &mut Vec<load::Report>, at_go: &mut dyn FnMut()| -> Result<Duration, Failure> {
        let before = gateway.usage();
        report.push(bench.at_rate(&load, at_go)?);
        Ok(gateway.usage().since(&before))
    };
    let (mut alone, mut with_changes, mut pushed) = (Vec::new(), Vec::new(), Pushed::default());
    let mut more = 0.0;
    for _ in 0..args.rounds.max(1) {
        let without = used(&mut alone, &mut || {})?;
        let (mut pushing, first) = (None, pushed.changes);
        let with = used(&mut with_changes, &mut || {
            let (token, seconds) = (token.clone(), args.seconds);
            let push = move || push(listen, admin, &token, first, seconds).map_err(|error| error.to_string());
            pushing = Some(thread::spawn(push));
        })?;
        pushed.add(pushing.ok_or("nothing was pushed")?.join().map_err(|_| "the changes broke off")??);
        more += with.as_secs_f64() - without.as_secs_f64();
    }
    let mut text = String::from(
        "| | requests | p50 ms | p99 ms | p99 ms of all turns | most ms | non-2xx | errors |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (name, reports) in [("alone", &alone), ("with changes", &with_changes)] {
        writeln!(text, "| {name} {}", row(reports))?;
    }
    let ratio = p99(&with_changes) / p99(&alone);
    let turns = format!("{} turns of {} s each, {REQUESTS} requests a second", alone.len(), args.seconds);
    let changes = f64::from(pushed.changes);
    writeln!(text, "\np99 with changes is {ratio:.2} times that without: {turns}.")?;
    writeln!(text, "{}", pushed.told(more / changes, gateway.memory()))?;
    Ok(text)
}

fn p99(reports: &[load::Report]) -> f64 {
    undisturbed(reports.iter().map(|report| report.p99_us))
}

fn row(reports: &[load::Report]) -> String {
    let sum = |of: fn(&load::Report) -> u64| reports.iter().map(of).sum::<u64>();
    format!(
        "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {} |",
        sum(|report| report.requests),
        undisturbed(reports.iter().map(|report| report.p50_us)) / 1e3,
        p99(reports) / 1e3,
        median(reports.iter().map(|report| report.p99_us)) / 1e3,
        reports.iter().map(|report| report.max_us).fold(0.0, f64::max) / 1e3,
        sum(|report| report.non_2xx),
        sum(|report| report.errors),
    )
}

fn start(args: &Args, folder: &Path, listen: SocketAddr, admin: SocketAddr) -> Result<Gateway, Failure> {
    let file = folder.join("sluice.yaml");
    fs::write(
        &file,
        format!(
            "version: 1\ngateway: {{ workers: 1, admin: {{ address: {admin} }} }}\n\
             listeners: [{{ name: bench, address: {listen} }}]\n"
        ),
    )?;
    let state = folder.join("state");
    let command = [args.sluice.clone().into(), "run".into(), "-c".into(), file.into(), "--state".into(), state.into()];
    Gateway::start(Cores::of_this_machine().gateway, &command, folder, listen, Some(admin))
}

/// All that the API keeps before the first change.
fn document(origin: SocketAddr) -> Value {
    let route = |prefix: String| {
        let name = prefix.trim_start_matches('/');
        json!({ "name": name, "match": { "path": { "prefix": prefix } }, "upstream": "origin" })
    };
    let mut routes: Vec<_> = (0..ROUTES).map(prefix).map(route).collect();
    routes.push(changed(0));
    json!({
        "version": 1,
        "upstreams": [{ "name": "origin", "endpoints": [origin.to_string()] }],
        "routes": routes,
    })
}

fn changed(version: u32) -> Value {
    json!({ "name": CHANGED, "match": { "path": format!("/{CHANGED}") }, "respond": { "body": format!("version-{version}") } })
}

/// Changes the route for so long, to the versions after `first`, and then waits until the last change is live.
fn push(listen: SocketAddr, admin: SocketAddr, token: &str, first: u32, seconds: f64) -> Result<Pushed, Failure> {
    crate::pinned::aside();
    let mut admin = Admin::connect(admin, token)?;
    let mut pushed = Pushed::default();
    let begun = Instant::now();
    let mut last = begun;
    while begun.elapsed().as_secs_f64() < seconds {
        let due = begun + Duration::from_secs(1) / RATE * pushed.changes;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        pushed.changes += 1;
        last = Instant::now();
        admin.put(&format!("/api/v1/routes/{CHANGED}"), &changed(first + pushed.changes))?;
        pushed.took.push(last.elapsed());
    }
    until_live(listen, first + pushed.changes)?;
    pushed.live = last.elapsed();
    Ok(pushed)
}

fn until_live(listen: SocketAddr, version: u32) -> Result<(), Failure> {
    let patience = Instant::now() + PATIENCE;
    while Instant::now() < patience {
        let mut stream = TcpStream::connect(listen)?;
        write!(stream, "GET /{CHANGED} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.ends_with(&format!("version-{version}")) {
            return Ok(());
        }
        thread::sleep(LOOK);
    }
    Err(format!("change {version} is not live after {PATIENCE:?}").into())
}

// === impl Pushed ===

impl Pushed {
    fn add(&mut self, turn: Self) {
        self.changes += turn.changes;
        self.took.extend(turn.took);
        self.live = self.live.max(turn.live);
    }

    /// `seconds` of processor time are what a change costs.
    fn told(mut self, seconds: f64, memory: u64) -> String {
        self.took.sort_unstable();
        let millis = |duration: &Duration| duration.as_secs_f64() * 1e3;
        let at = |percent: usize| self.took.get(self.took.len().saturating_sub(1) * percent / 100).map_or(0.0, millis);
        format!(
            "{} changes, {RATE} a second asked for; each took {:.1} ms (median), {:.1} ms (p99), {:.1} ms (most), and {:.1} ms of \
             processor time. The last one of a turn was live after {:.0} ms at most. RSS after them {:.1} MiB.",
            self.changes,
            at(50),
            at(99),
            at(100),
            seconds * 1e3,
            millis(&self.live),
            memory as f64 / f64::from(1 << 20),
        )
    }
}

// === impl Admin ===

impl Admin {
    fn connect(address: SocketAddr, token: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), token: token.to_owned() })
    }

    fn put(&mut self, path: &str, body: &Value) -> Result<(), Failure> {
        let body = body.to_string();
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_ascii_lowercase()),
            }
        }
        let length = head.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let mut answer = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut answer)?;
        let status = head.first().map(String::as_str).unwrap_or_default();
        if status.split(' ').nth(1).is_some_and(|code| code.starts_with('2')) {
            return Ok(());
        }
        Err(format!("PUT {path}: {status}: {}", String::from_utf8_lossy(&answer)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_understands_the_document() {
        let address = ([127, 0, 0, 1], 1).into(); // tidy-allow fixed-port: never bound; an endpoint needs one
        let text = document(address).to_string();
        let mut report = model::Report::default();
        let tree = model::parse("api", &text, &|_| None, &mut report).expect("a tree");
        let model = model::check(&tree, &mut report).expect("a model");
        assert_eq!(model.routes.len(), ROUTES as usize + 1);
    }
}
