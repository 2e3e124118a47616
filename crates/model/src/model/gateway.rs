//! What holds for the whole process.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use http::{HeaderName, header};
use ipnet::IpNet;

use super::{AccessLog, Address, Etcd, Policy, Registries, Tracing};
use crate::{Place, values::SecretSource};

/// What holds for the whole process.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// `None`: one per core.
    pub workers: Option<NonZeroUsize>,
    pub admin: Option<Address>,
    /// Under which names it may be asked, beside addresses and `localhost`.
    pub admin_names: Arc<[Arc<str>]>,
    /// Whose `Forwarded` and `X-Forwarded-*` are believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Where it stands; `None`: nobody says.
    pub zone: Option<Arc<str>>,
    /// In the order of the document; empty: off.
    pub access_logs: Vec<AccessLog>,
    /// `None`: nothing is recorded.
    pub flight_recorder: Option<FlightRecorder>,
    /// `None`: nobody sees more than others.
    pub debug: Option<Debugging>,
    /// `None`: what requests say of traces goes to endpoints as it came.
    pub tracing: Option<Tracing>,
    pub forwarded: Forwarded,
    /// How registries are reached.
    pub registries: Registries,
    /// How long in-flight exchanges may take to finish after SIGTERM.
    pub grace: Duration,
    pub home: Home,
    pub policies: Vec<Policy>,
}

/// Where what operators change at run time is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Home {
    /// In the state directory.
    #[default]
    State,
    /// Nowhere: nothing can be changed but in the files.
    ReadOnly,
    /// In etcd, for many gateways.
    Etcd(EtcdHome),
}

/// Where in etcd what operators change is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdHome {
    pub etcd: Etcd,
    /// What all keys begin with, with a slash at its end.
    pub prefix: Arc<str>,
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

/// What is recorded of exchanges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlightRecorder {
    /// The last so many, over all workers.
    pub records: u32,
    /// Beyond those, so many that failed or were among the slowest of their minute.
    pub keep: u32,
    /// The fields of requests that are recorded.
    pub headers: Vec<HeaderName>,
}

/// Who sees in the fields of responses where the time went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debugging {
    /// Of the token in the document.
    pub place: Place,
    pub token: SecretSource,
    /// The field that shows it.
    pub header: HeaderName,
}

// === defaults ===

impl Default for Gateway {
    fn default() -> Self {
        Self {
            workers: None,
            admin: None,
            admin_names: Arc::default(),
            trusted_proxies: Vec::new(),
            zone: None,
            access_logs: Vec::new(),
            flight_recorder: Some(FlightRecorder::default()),
            debug: None,
            tracing: None,
            forwarded: Forwarded::default(),
            registries: Registries::default(),
            grace: Duration::from_secs(30),
            home: Home::default(),
            policies: Vec::new(),
        }
    }
}

impl Default for FlightRecorder {
    fn default() -> Self {
        Self { records: 10_000, keep: 1_000, headers: vec![header::CONTENT_TYPE, header::USER_AGENT] }
    }
}

impl EtcdHome {
    pub const PREFIX: &str = "/sluice/";
}

impl Debugging {
    pub const HEADER: HeaderName = HeaderName::from_static("x-sluice-debug");
}

impl Default for Forwarded {
    fn default() -> Self {
        Self { via: true, x_forwarded: true, forwarded: false }
    }
}
