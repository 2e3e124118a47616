//! Where clients connect, and what they may do there.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use super::Policy;
use crate::Place;

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

// === impl Address ===

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

// === defaults ===

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
