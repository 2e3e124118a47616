//! One case with one peer: start, warm up, count, stop.

use std::{
    ffi::OsString,
    fmt,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use serde::Serialize;

use super::{
    Args,
    case::{Case, Kind, SMALL},
    peer::{Certificate, Ground, Peer},
    process::{Gateway, pinned},
};
use crate::{Failure, load, load::Protocol, origin};

/// What stays up for the whole run.
pub(crate) struct Bench<'a> {
    folder: &'a Path,
    certificate: &'a Certificate,
    args: &'a Args,
    cores: Cores,
    origin: origin::Addresses,
    _origin: Origin,
}

/// Where everybody runs: the gateway has a core to itself where there are two, and everybody where there are three.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) gateway: Option<usize>,
    origin: Option<usize>,
    pub(crate) load: Option<usize>,
}

/// Requests at a constant rate, for the gateway alone.
pub(crate) struct Rate {
    pub(crate) target: SocketAddr,
    /// As many as there are, hit in turn.
    pub(crate) routes: u32,
    pub(crate) per_second: f64,
    pub(crate) seconds: f64,
}

/// Killed when dropped.
struct Origin(Child);

/// One measurement, or why there is none.
pub(crate) struct Outcome {
    pub case: &'static Case,
    pub peer: &'static str,
    pub round: usize,
    pub sample: Result<Sample, Failure>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    pub load: load::Report,
    /// Processor time of the gateway for each request, in microseconds.
    pub micros_per_request: f64,
    /// Bytes in memory, right after the load.
    pub memory: u64,
    /// [`Kind::Idle`]: bytes in memory before the connections came.
    pub memory_before: Option<u64>,
    /// [`Kind::HalfLoad`]: the same rate without a gateway in between.
    pub direct: Option<load::Report>,
}

/// What the load is told.
struct Traffic<'a> {
    case: &'a Case,
    target: SocketAddr,
    connections: usize,
    warmup: f64,
    seconds: f64,
    rate: Option<f64>,
    idle: bool,
}

/// What connections cost while they are idle is seen once they are: gateways keep buffers for a moment in case more comes.
const SETTLE: Duration = Duration::from_secs(3);

// === impl Bench ===

impl<'a> Bench<'a> {
    pub(crate) fn start(folder: &'a Path, certificate: &'a Certificate, args: &'a Args) -> Result<Self, Failure> {
        let cores = Cores::of_this_machine();
        let mut command = pinned(cores.origin, &[std::env::current_exe()?.into(), "origin".into()])?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let origin = serde_json::from_str(&line).map_err(|_| "the origin does not say where it listens")?;
        Ok(Self { folder, certificate, args, cores, origin, _origin: Origin(child) })
    }

    /// Where the origin speaks HTTP/1.1.
    pub(crate) fn origin(&self) -> SocketAddr {
        self.origin.http1
    }

    /// Small requests to a gateway with so many routes, with what they cost it.
    pub(crate) fn as_fast_as_it_goes(
        &self,
        gateway: &Gateway,
        target: SocketAddr,
        routes: u32,
    ) -> Result<Sample, Failure> {
        self.counted(gateway, &self.traffic(&Case { routes, ..SMALL }, target))
    }

    /// Small requests at a constant rate; `at_go` is called when they begin to count.
    pub(crate) fn at_rate(&self, rate: &Rate, at_go: impl FnOnce()) -> Result<load::Report, Failure> {
        let Rate { target, routes, per_second, seconds } = *rate;
        let case = Case { routes, ..SMALL };
        let traffic = Traffic { seconds, rate: Some(per_second), ..self.traffic(&case, target) };
        self.load(&traffic, at_go)
    }

    pub(crate) fn cores(&self) -> String {
        self.cores.to_string()
    }

    pub(crate) fn measure(&self, case: &'static Case, peer: &Peer) -> Result<Sample, Failure> {
        let folder = tempfile::tempdir_in(self.folder)?;
        let [listen, admin] = free_addresses()?;
        let ground = Ground {
            case,
            folder: folder.path(),
            listen,
            admin,
            origin: if case.protocol == Protocol::Grpc { self.origin.h2c } else { self.origin.http1 },
            certificate: self.certificate,
            connections: self.connections(case),
        };
        let command = peer.command(&ground)?;
        let admin = peer.has_readyz.then_some(admin);
        let gateway = Gateway::start(self.cores.gateway, &command, folder.path(), listen, admin)?;
        match case.kind {
            Kind::Closed => self.closed(&gateway, case, listen),
            Kind::Idle => self.idle(&gateway, case, listen),
            Kind::HalfLoad => self.half_load(&gateway, case, listen),
        }
    }

    fn closed(&self, gateway: &Gateway, case: &Case, listen: SocketAddr) -> Result<Sample, Failure> {
        self.counted(gateway, &self.traffic(case, listen))
    }

    /// A short loop first: what a gateway sets up with its first requests is not the price of a connection.
    fn idle(&self, gateway: &Gateway, case: &Case, listen: SocketAddr) -> Result<Sample, Failure> {
        self.load(&Traffic { warmup: 0.2, seconds: 0.3, ..self.traffic(case, listen) }, || {})?;
        let before = gateway.memory();
        let connections = self.connections(case);
        let sample = self.counted(gateway, &Traffic { connections, idle: true, ..self.traffic(case, listen) })?;
        Ok(Sample { memory_before: Some(before), ..sample })
    }

    /// Finds the maximum, then sends half of it, past the gateway and through it.
    fn half_load(&self, gateway: &Gateway, case: &Case, listen: SocketAddr) -> Result<Sample, Failure> {
        let most = self.load(&Traffic { seconds: self.args.seconds / 2.0, ..self.traffic(case, listen) }, || {})?;
        let rate = Some((most.requests_per_second / 2.0).max(1.0));
        let direct = self.load(&Traffic { rate, ..self.traffic(case, self.origin.http1) }, || {})?;
        let sample = self.counted(gateway, &Traffic { rate, ..self.traffic(case, listen) })?;
        Ok(Sample { direct: Some(direct), ..sample })
    }

    /// The load, with the gateway's books before and after what counts.
    fn counted(&self, gateway: &Gateway, traffic: &Traffic) -> Result<Sample, Failure> {
        let (mut before, mut memory) = (gateway.usage(), 0);
        let load = self.load(traffic, || {
            before = gateway.usage();
            // The connections are all open now; idle ones will not be when the load has ended.
            if traffic.idle {
                std::thread::sleep(SETTLE);
            }
            memory = gateway.memory();
        })?;
        let used = gateway.usage().since(&before);
        if !traffic.idle {
            memory = gateway.memory();
        }
        let micros_per_request = used.as_secs_f64() * 1e6 / load.requests.max(1) as f64;
        Ok(Sample { load, micros_per_request, memory, memory_before: None, direct: None })
    }

    /// Runs the load to its end; `at_go` is called when it is warm and waits.
    fn load(&self, traffic: &Traffic, at_go: impl FnOnce()) -> Result<load::Report, Failure> {
        let mut command = vec![std::env::current_exe()?.into(), "load".into(), "--hold".into()];
        command.extend(traffic.arguments(self.certificate));
        let mut child = pinned(self.cores.load, &command)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the load has no input or output".into());
        };
        let mut lines = BufReader::new(output).lines();
        if lines.next().transpose()?.as_deref() == Some("ready") {
            at_go();
            input.write_all(b"go\n")?;
        }
        let report = lines.next().transpose()?;
        let status = child.wait()?;
        let report = report.filter(|_| status.success()).ok_or("the load failed; it says above why")?;
        Ok(serde_json::from_str(&report)?)
    }

    fn traffic<'c>(&self, case: &'c Case, target: SocketAddr) -> Traffic<'c> {
        let Args { warmup, seconds, .. } = *self.args;
        Traffic { case, target, connections: case.connections, warmup, seconds, rate: None, idle: false }
    }

    fn connections(&self, case: &Case) -> usize {
        if case.kind == Kind::Idle { self.args.idle_connections } else { case.connections }
    }
}

// === impl Traffic ===

impl Traffic<'_> {
    fn arguments(&self, certificate: &Certificate) -> Vec<OsString> {
        let case = self.case;
        let protocol = match case.protocol {
            Protocol::Http1 => "http1",
            Protocol::Tls => "tls",
            Protocol::H2c => "h2c",
            Protocol::Grpc => "grpc",
        };
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |flag: &str, value: OsString| arguments.extend([flag.into(), value]);
        add("--target", self.target.to_string().into());
        add("--protocol", protocol.into());
        add("--ca", certificate.cert.clone().into());
        add("--connections", self.connections.to_string().into());
        add("--streams", case.streams.to_string().into());
        add("--routes", case.routes.to_string().into());
        add("--tail", case.tail.into());
        add("--warmup", self.warmup.to_string().into());
        add("--seconds", self.seconds.to_string().into());
        if let Some(rate) = self.rate {
            add("--rate", rate.to_string().into());
        }
        if self.idle {
            arguments.push("--idle".into());
        }
        arguments
    }
}

// === impl Cores ===

impl Cores {
    pub(crate) fn of_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match cores {
            1 => Self { gateway: None, origin: None, load: None },
            2 => Self { gateway: Some(1), origin: Some(0), load: Some(0) },
            _ => Self { gateway: Some(1), origin: Some(0), load: Some(2) },
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.gateway, self.origin, self.load) {
            (Some(gateway), Some(origin), Some(load)) => {
                write!(f, "gateway on {gateway}, origin on {origin}, load on {load}")
            }
            _ => f.write_str("one, shared by everybody"),
        }
    }
}

// === impl Origin ===

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// === impl Outcome ===

impl Outcome {
    /// Whether a request failed, or the whole measurement.
    pub(crate) fn is_faulty(&self) -> bool {
        self.sample.as_ref().map_or(true, |sample| sample.failures() > 0)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} round {}: ", self.case.name, self.peer, self.round + 1)?;
        match &self.sample {
            Err(failure) => write!(f, "FAILED: {failure}"),
            Ok(sample) => {
                let load = &sample.load;
                write!(f, "{:.1} µs, {:.0} requests/s", sample.micros_per_request, load.requests_per_second)?;
                match &load.first_error {
                    None => Ok(()),
                    Some(first) => write!(f, ", {} FAILED, the first one: {first}", sample.failures()),
                }
            }
        }
    }
}

// === impl Sample ===

impl Sample {
    /// Requests without a good answer.
    pub(crate) fn failures(&self) -> u64 {
        let direct = self.direct.as_ref().map_or(0, |direct| direct.errors + direct.non_2xx);
        self.load.errors + self.load.non_2xx + direct
    }
}

/// Two ports of this machine that are free now, and with luck when the gateway binds them.
pub(crate) fn free_addresses() -> Result<[SocketAddr; 2], Failure> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (first, second) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    Ok([first.local_addr()?, second.local_addr()?])
}
