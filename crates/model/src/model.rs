//! The model: what is left of a document once it has been checked.
//!
//! Every reference is resolved to an index, every pattern is known to be well formed, every default is filled in.
//! Whoever holds a [`Model`] need not ask again whether it makes sense; `snapshot` compiles it, nobody else reads it.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ipnet::IpNet;

use crate::{Node, Place};

/// A checked document.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub gateway: Gateway,
    pub listeners: Vec<Listener>,
    pub upstreams: Vec<Upstream>,
    /// In document order; the last tie-breaker of precedence.
    pub routes: Vec<Route>,
}

/// Index of a listener in [`Model::listeners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub u32);

/// Index of an upstream in [`Model::upstreams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub u32);

/// What holds for the whole process.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// `None`: one per core.
    pub workers: Option<NonZeroUsize>,
    pub admin: Option<Address>,
    /// Whose `Forwarded` and `X-Forwarded-*` are believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    pub access_log: AccessLog,
    pub forwarded: Forwarded,
    /// How long in-flight exchanges may take to finish after SIGTERM.
    pub grace: Duration,
    pub policies: Vec<Policy>,
}

/// Which headers tell an endpoint who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded {
    /// `Via` (RFC 9110, 7.6.3), on requests and responses.
    pub via: bool,
    /// `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`.
    pub x_forwarded: bool,
    /// `Forwarded` (RFC 7239).
    pub forwarded: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccessLog {
    #[default]
    Off,
    Stdout,
    File(PathBuf),
}

/// Where something listens or is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug, Clone)]
pub struct Listener {
    pub name: Arc<str>,
    pub place: Place,
    pub address: Address,
    pub tls: Option<ListenerTls>,
    /// A PROXY protocol header (version 1 or 2) must come first.
    pub proxy_protocol: bool,
    pub limits: Limits,
    pub policies: Vec<Policy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTls {
    /// The first one serves clients without SNI and names that no certificate holds.
    pub certificates: Vec<CertificateFiles>,
    pub client_auth: ClientAuth,
    /// TLS 1.2 is allowed beside 1.3.
    pub allow_tls12: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificateFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClientAuth {
    #[default]
    None,
    /// A certificate is asked for; a client without one is served, one with a bad one is not.
    Request {
        ca: PathBuf,
    },
    Require {
        ca: PathBuf,
    },
}

/// Bounds on what a client may send or hold. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// All header fields of a request together (431).
    pub header_bytes: u32,
    /// Number of header fields (431).
    pub header_count: u32,
    /// The request target (414).
    pub uri_bytes: u32,
    /// The request body (413). `None`: no bound.
    pub body_bytes: Option<u64>,
    /// From the first byte of a request to the end of its head (408).
    pub header_timeout: Duration,
    /// A kept-alive connection without a request.
    pub idle_timeout: Duration,
    /// A peer that neither sends nor takes a byte although it should.
    pub stall_timeout: Duration,
    pub handshake_timeout: Duration,
    /// Open connections of this listener, over all workers.
    pub connections: u32,
    pub http2: Http2Limits,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http2Limits {
    pub concurrent_streams: u32,
    /// Streams that a client may reset before they were answered, per connection (CVE-2023-44487).
    pub pending_resets: u32,
    /// Streams that a client's faults may make us reset, per connection (CVE-2025-8671).
    pub local_resets: u32,
    pub stream_window: u32,
    pub connection_window: u32,
    pub frame_bytes: u32,
}

#[derive(Debug, Clone)]
pub struct Upstream {
    pub name: Arc<str>,
    pub place: Place,
    pub endpoints: Vec<Endpoint>,
    pub protocol: Protocol,
    pub tls: Option<UpstreamTls>,
    pub balance: Balance,
    pub timeouts: Timeouts,
    pub pool: Pool,
    pub host: Host,
    pub policies: Vec<Policy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub place: Place,
    pub address: EndpointAddress,
    /// 0: gets nothing.
    pub weight: u32,
    /// Sorted by key.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
}

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

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamTls {
    /// `None`: the host of the endpoint's address.
    pub server_name: Option<Arc<str>>,
    /// `None`: the roots of the operating system.
    pub ca: Option<PathBuf>,
    pub client_certificate: Option<CertificateFiles>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Balance {
    /// Smooth weighted round robin.
    #[default]
    RoundRobin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the end of the request's head to the first byte of the response's.
    pub first_byte: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
    /// The whole exchange, bodies included; `None`: no bound.
    pub total: Option<Duration>,
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

#[derive(Debug, Clone)]
pub struct Route {
    pub name: Arc<str>,
    pub place: Place,
    /// Sorted. Empty: all.
    pub listeners: Vec<ListenerId>,
    pub matching: Match,
    /// Higher wins over every other route that matches.
    pub priority: i32,
    pub policies: Vec<Policy>,
    pub action: Action,
    pub rewrite: Option<Rewrite>,
}

/// What must hold. Everything given must hold at once; within a list of hosts, methods or networks one is enough.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// Empty: any.
    pub hosts: Vec<HostPattern>,
    pub path: Option<PathPattern>,
    /// Empty: any.
    pub methods: Vec<Method>,
    pub headers: Vec<HeaderMatch>,
    pub query: Vec<FieldMatch>,
    pub cookies: Vec<FieldMatch>,
    /// Empty: any.
    pub client_ip: Vec<IpNet>,
}

/// Lower case, without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    Exact(Arc<str>),
    /// `*.example.org` is held as `example.org`; stands for one or more labels in front (Gateway API).
    Suffix(Arc<str>),
}

/// How a path is matched. All patterns are in normal form: begin with `/`, percent-encoding only where it must be.
#[derive(Debug, Clone)]
pub enum PathPattern {
    Exact(Arc<str>),
    /// Ends on a segment border: `/a` stands for `/a` and `/a/b`, not for `/ab`. Without trailing slash, but for `/` itself.
    Prefix(Arc<str>),
    /// `/users/{id}`: a name takes one whole segment; `{name...}` at the end takes all the rest, and may be empty.
    Template(Vec<Segment>),
    /// `*` stands for any run of characters but `/`, `**` for any run at all. Held as a regex that is anchored on both sides.
    Wildcard {
        pattern: Arc<str>,
        regex: regex::Regex,
    },
    /// Anchored only where the writer did so.
    Regex(regex::Regex),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    Literal(Arc<str>),
    Capture(Arc<str>),
    Rest(Arc<str>),
}

#[derive(Debug, Clone)]
pub struct HeaderMatch {
    pub name: HeaderName,
    pub value: ValueMatch,
}

/// A query parameter or a cookie.
#[derive(Debug, Clone)]
pub struct FieldMatch {
    pub name: Arc<str>,
    pub value: ValueMatch,
}

#[derive(Debug, Clone)]
pub enum ValueMatch {
    Exact(Arc<str>),
    Prefix(Arc<str>),
    Regex(regex::Regex),
    AnyOf(Vec<Arc<str>>),
    Present,
    Absent,
}

#[derive(Debug, Clone)]
pub enum Action {
    Upstream(UpstreamId),
    Redirect(Redirect),
    Respond(Respond),
}

#[derive(Debug, Clone)]
pub struct Redirect {
    pub to: Template,
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
}

#[derive(Debug, Clone)]
pub struct Respond {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: bytes::Bytes,
}

/// Changes to the request before it is forwarded.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// The new path; the query stays unless the template holds a `?`.
    pub path: Option<Template>,
    pub host: Option<HeaderValue>,
}

/// Text with holes that the captures of a route's path fill: `/internal/{id}`.
///
/// Every name was checked against what the route's path captures; a prefix captures `{rest}`, a regex its named groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(pub Vec<TemplatePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    Literal(Arc<str>),
    /// Index into [`PathPattern::captures`].
    Capture(usize),
}

/// A policy as written: which kind, and settings that only the kind understands.
#[derive(Debug, Clone)]
pub struct Policy {
    pub kind: Arc<str>,
    pub place: Place,
    pub settings: Node,
}

// === impl PathPattern ===

impl PathPattern {
    /// The names that a match of this pattern captures, in the order of their index.
    ///
    /// A prefix has one, `rest`: what follows the prefix, empty or with its leading slash.
    pub fn captures(&self) -> Vec<&str> {
        match self {
            Self::Exact(_) | Self::Wildcard { .. } => Vec::new(),
            Self::Prefix(_) => vec!["rest"],
            Self::Template(segments) => segments
                .iter()
                .filter_map(|segment| match segment {
                    Segment::Literal(_) => None,
                    Segment::Capture(name) | Segment::Rest(name) => Some(&**name),
                })
                .collect(),
            Self::Regex(regex) => regex.capture_names().flatten().collect(),
        }
    }
}

// === impl HostPattern ===

impl HostPattern {
    /// Whether `host` (lower case, without port) is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *host,
            Self::Suffix(suffix) => {
                host.strip_suffix(&**suffix).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
            }
        }
    }
}

// === impl Address ===

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
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

impl Default for Gateway {
    fn default() -> Self {
        Self {
            workers: None,
            admin: None,
            trusted_proxies: Vec::new(),
            access_log: AccessLog::default(),
            forwarded: Forwarded::default(),
            grace: Duration::from_secs(30),
            policies: Vec::new(),
        }
    }
}

impl Default for Forwarded {
    fn default() -> Self {
        Self { via: true, x_forwarded: true, forwarded: false }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 << 10,
            header_count: 100,
            uri_bytes: 8 << 10,
            body_bytes: Some(64 << 20),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(5),
            connections: 50_000,
            http2: Http2Limits::default(),
        }
    }
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            concurrent_streams: 100,
            pending_resets: 20,
            local_resets: 100,
            stream_window: 64 << 10,
            connection_window: 1 << 20,
            frame_bytes: 16 << 10,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            total: None,
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self { max_idle: 128, idle_timeout: Duration::from_secs(60), max_age: Duration::from_secs(3600), streams: 100 }
    }
}
