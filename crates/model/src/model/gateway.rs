//! What holds for the whole process.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use ipnet::IpNet;

use super::{AccessLog, Address, Policy, Registries};

/// What holds for the whole process.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// `None`: one per core.
    pub workers: Option<NonZeroUsize>,
    pub admin: Option<Address>,
    /// Whose `Forwarded` and `X-Forwarded-*` are believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Where it stands; `None`: nobody says.
    pub zone: Option<Arc<str>>,
    /// In the order of the document; empty: off.
    pub access_logs: Vec<AccessLog>,
    pub forwarded: Forwarded,
    /// How registries are reached.
    pub registries: Registries,
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

// === defaults ===

impl Default for Gateway {
    fn default() -> Self {
        Self {
            workers: None,
            admin: None,
            trusted_proxies: Vec::new(),
            zone: None,
            access_logs: Vec::new(),
            forwarded: Forwarded::default(),
            registries: Registries::default(),
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
