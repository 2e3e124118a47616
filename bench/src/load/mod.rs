//! The client: as many requests as go, or a constant rate.
//!
//! - [`board`]: what all lanes share: when to warm up, when to measure, what was seen.
//! - [`client`]: one exchange after the other, over the protocol of the case; [`http1`] and [`http2`] speak.
//! - [`pace`]: the clock of the open loop.
//!
//! A *lane* is one request at a time: a connection of HTTP/1.1, a stream of HTTP/2. A closed loop begins the next request
//! when the last one is answered, and so never sees a queue. An open loop begins requests when the clock says so, and
//! counts from then: a gateway that stalls for a second spoils every request that was due in that second.

mod board;
mod client;
mod http1;
mod http2;
mod pace;

use std::{io::Write as _, net::SocketAddr, path::PathBuf, rc::Rc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use crate::{Failure, on_one_thread};
use board::Board;
use client::{Client, Connector};

/// How long after its time a request may still come back; then it counts as an error.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where requests go
    #[arg(long)]
    target: SocketAddr,
    /// What is spoken
    #[arg(long, value_enum, default_value_t = Protocol::Http1)]
    protocol: Protocol,
    /// The certificate to trust, for TLS
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests at a time on each connection; more than one needs HTTP/2
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// Routes that are hit, in turn
    #[arg(long, default_value_t = 1)]
    routes: u32,
    /// The last segment of the path: json, 64k, 1m or Echo
    #[arg(long, default_value = "json")]
    tail: String,
    /// Requests per second, for an open loop
    #[arg(long)]
    rate: Option<f64>,
    /// Opens the connections, sends one request on each and holds them
    #[arg(long, conflicts_with = "rate")]
    idle: bool,
    /// Seconds before it counts
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Seconds that count
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Says `ready` after the warm-up and waits for a line on stdin
    #[arg(long)]
    hold: bool,
}

/// What a lane speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    Http1,
    /// HTTP/1.1 over TLS 1.3.
    Tls,
    /// HTTP/2 by prior knowledge.
    H2c,
    /// A unary call over HTTP/2 by prior knowledge.
    Grpc,
}

/// What was seen between the word to go and the last answer; the last line of output, as JSON.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Answered with 2xx and, for gRPC, with status 0.
    pub requests: u64,
    pub non_2xx: u64,
    /// Not answered, or not to the end.
    pub errors: u64,
    pub first_error: Option<String>,
    pub seconds: f64,
    /// Of the good ones.
    pub requests_per_second: f64,
    pub body_bytes: u64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

/// The path prefix of the route `index`: what a gateway's document and the load agree on.
pub(crate) fn prefix(index: u32) -> String {
    format!("/service-{index:05}")
}

/// Sends what is asked for and prints the report.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let report = on_one_thread(drive(args))?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

async fn drive(args: &Args) -> Result<Report, Failure> {
    if args.streams > 1 && matches!(args.protocol, Protocol::Http1 | Protocol::Tls) {
        return Err("several streams on a connection need HTTP/2: --protocol h2c or grpc".into());
    }
    let connector = Rc::new(Connector::new(args)?);
    if args.idle { idle(args, &connector).await } else { busy(args, &connector).await }
}

/// One request on each connection, then silence. One after the other: no queue of connections that nobody accepts.
async fn idle(args: &Args, connector: &Rc<Connector>) -> Result<Report, Failure> {
    let board = Board::new(0, args.routes);
    let mut held = Vec::with_capacity(args.connections);
    let begun = Instant::now();
    for _ in 0..args.connections {
        let sent = Instant::now();
        let one = async {
            let mut lanes = connector.open().await?;
            let answer = lanes[0].exchange(board.next_route()).await;
            held.push(lanes);
            answer
        };
        let outcome = timeout(PATIENCE, one).await;
        board.record(sent.elapsed(), outcome.unwrap_or_else(|_| Err("no answer in time".into())));
    }
    hold(args)?;
    Ok(board.report(begun.elapsed()))
}

async fn busy(args: &Args, connector: &Rc<Connector>) -> Result<Report, Failure> {
    let mut clients = Vec::with_capacity(args.connections * args.streams);
    for _ in 0..args.connections {
        clients.extend(timeout(PATIENCE, connector.open()).await.map_err(|_| "no connection in time")??);
    }
    let board = Rc::new(Board::new(clients.len(), args.routes));
    let warm_until = Instant::now() + Duration::from_secs_f64(args.warmup);
    let mut lanes = JoinSet::new();
    for client in clients {
        lanes.spawn_local(lane(client, Rc::clone(&board), warm_until));
    }
    // Everybody is warm, and nothing is on the wire: what the gateway has used until now is not counted.
    let all_warm = timeout_at(warm_until + PATIENCE, board.line_up()).await;
    all_warm.map_err(|_| format!("requests were not answered in the warm-up: {}", board.first_error()))?;
    board.forget();
    hold(args)?;
    let begun = Instant::now();
    let seconds = Duration::from_secs_f64(args.seconds);
    board.begin(begun, seconds, args.rate);
    board.line_up().await;
    if let Some(rate) = args.rate {
        pace::release(&board, begun, seconds, rate).await?;
    }
    while let Ok(Some(_)) = timeout_at(begun + seconds + PATIENCE, lanes.join_next()).await {}
    for _ in 0..lanes.len() {
        board.record(PATIENCE, Err("no answer in time".into()));
    }
    Ok(board.report(begun.elapsed()))
}

/// Waits at the gate twice: when it is warm, and for the word to go.
async fn lane(mut client: Client, board: Rc<Board>, warm_until: Instant) {
    while Instant::now() < warm_until {
        let sent = Instant::now();
        let outcome = client.exchange(board.next_route()).await;
        board.record(sent.elapsed(), outcome);
    }
    board.line_up().await;
    board.line_up().await;
    while let Some(due) = board.next_due().await {
        let outcome = client.exchange(board.next_route()).await;
        let failed = outcome.is_err();
        board.record(due.elapsed(), outcome);
        if failed {
            // A gateway that refuses everything is not asked a million times for it.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Blocks the whole thread, and with it every lane: nothing moves until the harness has looked.
fn hold(args: &Args) -> Result<(), Failure> {
    if args.hold {
        println!("ready");
        std::io::stdout().flush()?;
        std::io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{Role, bare, origin, run::Certificate};

    /// The role that this command line means.
    fn role(line: &str) -> Role {
        Role::try_parse_from(std::iter::once("bench").chain(line.split_whitespace())).expect("a valid command line")
    }

    fn start_origin() -> origin::Addresses {
        let Role::Origin(args) = role("origin") else { unreachable!("asked for the origin") };
        origin::start(&args).expect("an origin")
    }

    fn start_bare(line: &str) -> SocketAddr {
        let Role::Bare(args) = role(&format!("bare --listen 127.0.0.1:0 {line}")) else {
            unreachable!("asked for bare")
        };
        bare::start(&args).expect("a bare proxy")
    }

    /// Every request of a short load is answered, with bodies of `body` bytes.
    async fn expect(line: &str, body: u64) {
        let Role::Load(args) = role(&format!("load --warmup 0 --seconds 0.05 {line}")) else {
            unreachable!("asked for the load")
        };
        let report = drive(&args).await.expect("a report");
        assert_eq!((report.errors, report.non_2xx, &report.first_error), (0, 0, &None), "{line}");
        assert!(report.requests > 0, "{line}: {report:?}");
        assert_eq!(report.body_bytes, report.requests * body, "{line}");
    }

    #[test]
    fn the_origin_answers_every_protocol() {
        let outcome = on_one_thread(async {
            let origin::Addresses { http1, h2c } = start_origin();
            expect(&format!("--target {http1} --connections 4 --routes 1000"), 150).await;
            expect(&format!("--target {http1} --connections 2 --tail 64k"), 64 << 10).await;
            expect(&format!("--target {http1} --connections 2 --tail 1m"), 1 << 20).await;
            expect(&format!("--target {http1} --connections 20 --idle"), 150).await;
            expect(&format!("--target {http1} --connections 4 --rate 1000"), 150).await;
            expect(&format!("--target {h2c} --protocol h2c --connections 2 --streams 8"), 150).await;
            expect(&format!("--target {h2c} --protocol h2c --connections 1 --tail 1m"), 1 << 20).await;
            expect(&format!("--target {h2c} --protocol grpc --connections 2 --streams 8 --tail Echo"), 21).await;
            Ok(())
        });
        outcome.expect("a runtime");
    }

    #[test]
    fn the_bare_proxy_passes_on_what_the_origin_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let Certificate { cert, key, .. } = Certificate::generate(folder.path()).expect("a certificate");
        let (cert, key) = (cert.display(), key.display());
        let outcome = on_one_thread(async {
            let origin = start_origin().http1;
            let plain = start_bare(&format!("--origin {origin}"));
            expect(&format!("--target {plain} --connections 4 --tail 64k"), 64 << 10).await;
            let h2c = start_bare(&format!("--origin {origin} --h2c"));
            expect(&format!("--target {h2c} --protocol h2c --connections 2 --streams 8"), 150).await;
            let tls = start_bare(&format!("--origin {origin} --cert {cert} --key {key}"));
            expect(&format!("--target {tls} --protocol tls --ca {cert} --connections 4"), 150).await;
            Ok(())
        });
        outcome.expect("a runtime");
    }

    #[test]
    fn what_is_not_answered_well_is_counted() {
        let report = on_one_thread(async {
            let line =
                format!("load --warmup 0 --seconds 0.02 --connections 2 --tail gone --target {}", start_origin().http1);
            let Role::Load(args) = role(&line) else { unreachable!("asked for the load") };
            drive(&args).await
        });
        let report = report.expect("a report");
        assert!(report.non_2xx > 0 && report.requests == 0, "{report:?}");
        assert_eq!(report.first_error.as_deref(), Some("status 404"));
    }
}
