//! Traces: which exchanges are told of, and to whom.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

use super::UpstreamTls;
use crate::values::{HttpUrl, SecretSource};

/// Which exchanges are told of as spans, to whom, and what endpoints are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// `None`: nobody is told; contexts are handed on all the same.
    pub otlp: Option<Otlp>,
    pub sample: Sample,
    /// Read in this order; all are written. At least one, none twice.
    pub propagate: Vec<Propagation>,
    /// Whose traces go on here.
    pub continues: Whose,
    /// Of exchanges, per worker.
    pub queue: u32,
    pub service_name: Arc<str>,
    /// Sorted by key.
    pub resource: Vec<(Arc<str>, Arc<str>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// From 0 to 1.
    pub ratio: f64,
    /// Whose choice is followed.
    pub parent: Whose,
    pub errors: bool,
    pub slower_than: Option<Duration>,
}

/// A collector that is told in OpenTelemetry's protocol, OTLP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Signals have paths below its own.
    pub endpoint: HttpUrl,
    pub protocol: OtlpProtocol,
    /// Sorted by name.
    pub headers: Vec<(HeaderName, SecretSource)>,
    pub tls: UpstreamTls,
    pub timeout: Duration,
    pub gzip: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    Grpc,
    /// With protobuf bodies.
    Http,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// `traceparent` and `tracestate`.
    W3c,
    /// In one field.
    B3,
    /// In several.
    B3Multi,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Nobody,
    TrustedProxies,
    Anybody,
}

// === impl Otlp ===

impl Otlp {
    /// With nothing but defaults. The port 4318 is that of OTLP over HTTP.
    pub fn to(endpoint: HttpUrl) -> Self {
        let protocol = if endpoint.port == 4318 { OtlpProtocol::Http } else { OtlpProtocol::Grpc };
        let tls = UpstreamTls::default();
        Self { endpoint, protocol, headers: Vec::new(), tls, timeout: Duration::from_secs(10), gzip: false }
    }
}

// === defaults ===

impl Default for Sample {
    fn default() -> Self {
        Self { ratio: 0.01, parent: Whose::TrustedProxies, errors: true, slower_than: None }
    }
}
