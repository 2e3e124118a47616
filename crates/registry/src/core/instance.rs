//! What is registered.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// What tells an instance from all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    /// In lower case: the dialects write it differently.
    pub(crate) service: Arc<str>,
    pub(crate) id: Arc<str>,
}

/// One of those that serve under a name, as it says of itself and as operators say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) key: Key,
    /// A name, or an address without brackets.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
    pub(crate) weight: u32,
    /// `zone` and `version` among them.
    pub(crate) labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Words that only Consul has.
    pub(crate) tags: Vec<Arc<str>>,
    /// As it says of itself.
    pub(crate) status: Status,
    /// As operators say, which counts more.
    pub(crate) overridden: Option<Status>,
    /// What it lives by; none: it stays until it is taken out.
    pub(crate) checks: Vec<Check>,
    /// In which it registered.
    pub(crate) dialect: Dialect,
    /// What only Eureka has words for.
    pub(crate) eureka: Option<Box<EurekaWords>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Up,
    /// It will be up soon.
    Starting,
    /// It finishes what it has begun, and wants nothing new.
    Draining,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dialect {
    Rest,
    Eureka,
    Consul,
}

/// Something that must hold for an instance to be up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) notes: Arc<str>,
    pub(crate) kind: CheckKind,
    pub(crate) status: CheckStatus,
    /// What was last said of it, for people.
    pub(crate) output: Arc<str>,
    /// How long after it became critical the instance is taken out; `None`: never.
    pub(crate) remove_after: Option<Duration>,
    /// When a heartbeat is missed.
    #[serde(skip)]
    pub(crate) ends: Option<Instant>,
    #[serde(skip)]
    pub(crate) critical_since: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckKind {
    /// A heartbeat comes at least this often.
    Ttl(Duration),
    /// The registry asks by itself.
    Probe(Probe),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Probe {
    /// Where to connect to: host and port.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
    /// `None`: that it accepts a connection is enough.
    pub(crate) http: Option<HttpProbe>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
}

/// Name and value.
pub(crate) type HeaderField = (Arc<str>, Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HttpProbe {
    pub(crate) method: Arc<str>,
    pub(crate) path: Arc<str>,
    pub(crate) headers: Vec<HeaderField>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckStatus {
    Passing,
    /// It is up, and somebody should look at it.
    Warning,
    Critical,
}

/// What an instance tells a Eureka server and nobody else asks for. Kept as said, for other clients of Eureka.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EurekaWords {
    pub(crate) host_name: Arc<str>,
    pub(crate) ip_address: Arc<str>,
    pub(crate) port: (u16, bool),
    pub(crate) secure_port: (u16, bool),
    /// By their names in JSON: `vipAddress`, `homePageUrl` and others.
    pub(crate) texts: BTreeMap<Arc<str>, Arc<str>>,
    pub(crate) data_center: Option<DataCenter>,
    pub(crate) renewal_interval: u64,
    /// In milliseconds since 1970, by the clock of the instance.
    pub(crate) last_dirty: u64,
}

/// Class, name, and what Amazon's has beside.
pub(crate) type DataCenter = (Arc<str>, Arc<str>, BTreeMap<Arc<str>, Arc<str>>);

// === impl Key ===

impl Key {
    pub(crate) fn new(service: &str, id: &str) -> Self {
        Self { service: service.to_ascii_lowercase().into(), id: id.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of service `{}`", self.id, self.service)
    }
}

// === impl Instance ===

impl Instance {
    /// Whatever counts most: operators, then checks, then the instance itself.
    pub(crate) fn effective_status(&self) -> Status {
        let fails = || self.checks.iter().any(|check| check.status == CheckStatus::Critical);
        match self.overridden {
            Some(status) => status,
            None if fails() => Status::Down,
            None => self.status,
        }
    }

    /// The bound that its heartbeats must keep, if it sends some.
    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.checks.iter().find_map(|check| match check.kind {
            CheckKind::Ttl(ttl) => Some(ttl),
            CheckKind::Probe(_) => None,
        })
    }

    /// Host and port, as they stand in an address.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

// === impl Check ===

impl Check {
    /// What an instance lives by that sends heartbeats and is taken out with the first that it misses.
    pub(crate) fn lease(instance: &str, ttl: Duration) -> Self {
        Self {
            id: format!("service:{instance}").into(),
            name: "lease".into(),
            notes: "".into(),
            kind: CheckKind::Ttl(ttl),
            status: CheckStatus::Passing,
            output: "".into(),
            remove_after: Some(Duration::ZERO),
            ends: None,
            critical_since: None,
        }
    }

    /// Whether the instance goes with the first heartbeat that is missed, and not a while after it.
    pub(crate) fn is_lease(&self) -> bool {
        matches!(self.kind, CheckKind::Ttl(_)) && self.remove_after == Some(Duration::ZERO)
    }

    /// Counts the time until the next heartbeat from now on.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.ends = match self.kind {
            CheckKind::Ttl(ttl) => Some(now + ttl),
            CheckKind::Probe(_) => None,
        };
        self.critical_since = (self.status == CheckStatus::Critical).then_some(now);
    }

    /// Takes what was found out or said. A heartbeat that says nothing good does not make a lease longer.
    pub(crate) fn set(&mut self, status: CheckStatus, now: Instant) {
        if status != CheckStatus::Critical {
            self.status = status;
            self.begin(now);
        } else if self.status != CheckStatus::Critical {
            self.status = status;
            self.critical_since = Some(now);
        }
    }

    /// When something happens by itself: a heartbeat is missed, or the instance has been critical for too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match (self.critical_since, self.remove_after) {
            (Some(_), Some(_)) if self.is_lease() => self.ends,
            (Some(since), Some(after)) => Some(since + after),
            (Some(_), None) => None,
            (None, _) => self.ends,
        }
    }
}

// === impl Status ===

impl Status {
    pub(crate) const ALL: [Self; 4] = [Self::Up, Self::Starting, Self::Draining, Self::Down];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Draining => "draining",
            Self::Down => "down",
        }
    }
}

// === impl CheckStatus ===

impl CheckStatus {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

// === impl Dialect ===

impl Dialect {
    pub(crate) const ALL: [Self; 3] = [Self::Rest, Self::Eureka, Self::Consul];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Eureka => "eureka",
            Self::Consul => "consul",
        }
    }
}
