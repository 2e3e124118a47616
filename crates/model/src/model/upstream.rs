//! Where requests are sent, and how.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};

use super::{Balance, Breaker, CertificateFiles, Discovery, Failover, Health, Policy, RetryRules};
use crate::Place;

#[derive(Debug, Clone)]
pub struct Upstream {
    pub name: Arc<str>,
    pub place: Place,
    /// Empty if they are found in a registry.
    pub endpoints: Vec<Endpoint>,
    /// `None`: the document says what there is.
    pub discovery: Option<Discovery>,
    pub protocol: Protocol,
    pub tls: Option<UpstreamTls>,
    pub balance: Balance,
    pub failover: Failover,
    /// How long a new endpoint takes to its whole share; `None`: it has it at once.
    pub slow_start: Option<Duration>,
    /// Where the document has the balance ask who calls, if it does.
    pub asks_consumer: Option<Place>,
    pub timeouts: Timeouts,
    /// `None`: one attempt.
    pub retry: Option<RetryRules>,
    /// `None`: no bound.
    pub bulkhead: Option<Bulkhead>,
    /// `None`: every endpoint is taken for good.
    pub health: Option<Health>,
    /// `None`: nothing is kept from it.
    pub breaker: Option<Breaker>,
    pub pool: Pool,
    pub host: Host,
    pub policies: Vec<Policy>,
    /// Which endpoints some routes want alone; each once. Destinations hold the index.
    pub subsets: Vec<Selector>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub place: Place,
    pub address: EndpointAddress,
    /// 0: gets nothing.
    pub weight: u32,
    /// The lowest is asked first.
    pub tier: u32,
    /// Sorted by key.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
}

/// Labels that an endpoint must have, all of them: the endpoints that do are a subset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector(
    /// Sorted by key.
    pub Vec<(Arc<str>, Arc<str>)>,
);

/// An address as written: a name is resolved when a connection is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EndpointAddress {
    Socket(SocketAddr),
    Name { host: Arc<str>, port: u16 },
    Unix(PathBuf),
}

/// What is spoken to the endpoints of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    #[default]
    Http1,
    /// HTTP/2 over TLS.
    H2,
    /// HTTP/2 in clear text, by prior knowledge.
    H2c,
    /// With TLS what ALPN settles; without TLS HTTP/1.1.
    Auto,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UpstreamTls {
    /// `None`: the host of the endpoint's address.
    pub server_name: Option<Arc<str>>,
    /// `None`: the roots of the operating system.
    pub ca: Option<PathBuf>,
    pub client_certificate: Option<CertificateFiles>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the end of the request's head to the first byte of the response's.
    pub first_byte: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
    /// The whole exchange, attempts and bodies included; `None`: no bound.
    pub total: Option<Duration>,
    /// By which callers say how long they will wait.
    pub header: Option<HeaderName>,
}

/// Requests and connections at a time, over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bulkhead {
    pub requests: u32,
    /// More that may wait.
    pub queue: u32,
    /// To all endpoints together, kept ones included; `None`: no bound.
    pub connections: Option<u32>,
    pub wait: Duration,
}

/// Kept connections, per worker and endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool {
    pub max_idle: u32,
    pub idle_timeout: Duration,
    /// A connection older than this is not used again.
    pub max_age: Duration,
    /// Requests on one HTTP/2 connection at a time; the peer's own limit holds as well.
    pub streams: u32,
}

/// The `Host` (`:authority`) that an endpoint sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Host {
    /// What the client sent.
    #[default]
    Preserve,
    /// The endpoint's address.
    Endpoint,
    Set(HeaderValue),
}

// === impl Protocol ===

impl Protocol {
    /// As documents write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::H2 => "h2",
            Self::H2c => "h2c",
            Self::Auto => "auto",
        }
    }
}

// === impl Selector ===

impl Selector {
    /// Whether an endpoint with these labels is in the subset.
    pub fn takes(&self, labels: &[(Arc<str>, Arc<str>)]) -> bool {
        self.0.iter().all(|label| labels.contains(label))
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{key}={value}")?;
        }
        Ok(())
    }
}

// === impl EndpointAddress ===

impl std::fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

// === defaults ===

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            total: None,
            header: None,
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self { max_idle: 128, idle_timeout: Duration::from_secs(60), max_age: Duration::from_secs(3600), streams: 100 }
    }
}
