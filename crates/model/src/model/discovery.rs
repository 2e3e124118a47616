//! Endpoints that are found in a registry, and the registries.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use ipnet::IpNet;

use super::{Address, UpstreamTls};
use crate::{
    Place,
    values::{HttpUrl, SecretSource},
};

/// Where the endpoints of an upstream are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    pub place: Place,
    pub service: Service,
}

/// What to ask of which registry. Equal ones are one watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Service {
    Consul(ConsulService),
    Etcd(EtcdService),
    Eureka(EurekaService),
    Dns(DnsService),
    File(PathBuf),
    /// Our own.
    Registry(Arc<str>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConsulService {
    pub service: Arc<str>,
    /// An instance must have all of them.
    pub tags: Vec<Arc<str>>,
    /// `None`: that of the agent.
    pub datacenter: Option<Arc<str>>,
    pub namespace: Option<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EtcdService {
    /// Of the keys of the instances, whole: with the slash at its end.
    pub prefix: Arc<str>,
    pub format: EtcdFormat,
}

/// What the values below a prefix look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EtcdFormat {
    /// Ours: `{"address": "10.0.0.1:80", "weight": 2, "labels": {…}}`.
    #[default]
    Sluice,
    /// That of the naming resolver of etcd's Go client: `{"Op": 0, "Addr": "10.0.0.1:80", "Metadata": …}`.
    Naming,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EurekaService {
    /// Name of the application, in upper case.
    pub app: Arc<str>,
    /// The instances with this virtual host name only.
    pub vip: Option<Arc<str>>,
    /// Whether the secure port is wanted.
    pub is_secure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DnsService {
    /// The addresses of a name (A, AAAA), with this port.
    Host { name: Arc<str>, port: u16 },
    /// What SRV records name (RFC 2782).
    Srv { name: Arc<str> },
}

/// How registries are reached, and how far they are believed. One of each kind for the whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registries {
    pub consul: Consul,
    pub etcd: Etcd,
    pub eureka: Eureka,
    pub dns: Dns,
    /// Our own; `None`: there is none.
    pub registry: Option<Registry>,
    /// Where instances may be; addresses elsewhere are left out. Empty: everywhere but link-local.
    pub allow: Vec<IpNet>,
    /// How long an answer that is suspicious is held back; the last good one holds meanwhile.
    pub hold: Duration,
    /// What the gateway tells registries of itself; `None`: nothing.
    pub register: Option<Registration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consul {
    pub address: HttpUrl,
    pub token: Option<SecretSource>,
    pub tls: UpstreamTls,
    pub datacenter: Option<Arc<str>>,
    pub namespace: Option<Arc<str>>,
    /// How long a blocking query may wait.
    pub wait: Duration,
    /// Whether services with `sluice.*` tags become upstreams and routes.
    pub catalog: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etcd {
    /// Members; any of them may be asked.
    pub endpoints: Vec<HttpUrl>,
    pub user: Option<(Arc<str>, SecretSource)>,
    pub tls: UpstreamTls,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eureka {
    /// With their path, such as `/eureka`; the first that answers is asked.
    pub servers: Vec<HttpUrl>,
    pub user: Option<(Arc<str>, SecretSource)>,
    pub tls: UpstreamTls,
    /// Between two questions.
    pub interval: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    /// Empty: those of the operating system.
    pub servers: Vec<std::net::SocketAddr>,
    /// However short the time is that an answer may be kept, it is kept as long as this.
    pub min_ttl: Duration,
    /// How long the last answer holds while there is no new one.
    pub stale: Duration,
}

/// Our own registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Where services register: our own API, Eureka's and Consul's.
    pub address: Address,
    /// What shows that somebody may register; `None`: everybody may who reaches the address.
    pub token: Option<SecretSource>,
    /// The longest that an instance may live without a heartbeat.
    pub max_ttl: Duration,
}

/// What the gateway tells registries of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub place: Place,
    pub consul: bool,
    pub etcd: bool,
    pub eureka: bool,
    pub service: Arc<str>,
    /// `None`: made of the address.
    pub id: Option<Arc<str>>,
    /// Where others reach the gateway.
    pub host: Arc<str>,
    pub port: u16,
    pub is_tls: bool,
    /// Sorted by key.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// How long registries believe in it without a heartbeat.
    pub ttl: Duration,
}

// === impl Service ===

impl Service {
    /// Every kind of registry, as documents, metrics and logs call it.
    pub const REGISTRIES: [&'static str; 6] = ["consul", "etcd", "eureka", "dns", "registry", "file"];

    /// The registry that is asked, as documents, metrics and logs call it.
    pub const fn registry(&self) -> &'static str {
        match self {
            Self::Consul(_) => "consul",
            Self::Etcd(_) => "etcd",
            Self::Eureka(_) => "eureka",
            Self::Dns(_) => "dns",
            Self::Registry(_) => "registry",
            Self::File(_) => "file",
        }
    }
}

/// What is asked for, in the words of the registry. Different services differ in it.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consul(ConsulService { service, tags, datacenter, namespace }) => {
                write!(f, "{service}")?;
                tags.iter().try_for_each(|tag| write!(f, "#{tag}"))?;
                datacenter.iter().try_for_each(|datacenter| write!(f, "@{datacenter}"))?;
                namespace.iter().try_for_each(|namespace| write!(f, "~{namespace}"))
            }
            Self::Etcd(EtcdService { prefix, format: EtcdFormat::Sluice }) => f.write_str(prefix),
            Self::Etcd(EtcdService { prefix, format: EtcdFormat::Naming }) => write!(f, "{prefix} (naming)"),
            Self::Eureka(EurekaService { app, vip, is_secure }) => {
                write!(f, "{app}")?;
                vip.iter().try_for_each(|vip| write!(f, "@{vip}"))?;
                if *is_secure { f.write_str(" (secure)") } else { Ok(()) }
            }
            Self::Dns(DnsService::Host { name, port }) => write!(f, "{name}:{port}"),
            Self::Dns(DnsService::Srv { name }) | Self::Registry(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

// === defaults ===

impl Default for Registries {
    fn default() -> Self {
        Self {
            consul: Consul::default(),
            etcd: Etcd::default(),
            eureka: Eureka::default(),
            dns: Dns::default(),
            registry: None,
            allow: Vec::new(),
            hold: Duration::from_secs(30),
            register: None,
        }
    }
}

impl Default for Consul {
    fn default() -> Self {
        Self {
            address: local(8500, ""),
            token: None,
            tls: UpstreamTls::default(),
            datacenter: None,
            namespace: None,
            wait: Duration::from_mins(5),
            catalog: false,
        }
    }
}

impl Default for Etcd {
    fn default() -> Self {
        Self { endpoints: vec![local(2379, "")], user: None, tls: UpstreamTls::default() }
    }
}

impl Default for Eureka {
    fn default() -> Self {
        Self {
            servers: vec![local(8761, "/eureka")],
            user: None,
            tls: UpstreamTls::default(),
            interval: Duration::from_secs(30),
        }
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self { servers: Vec::new(), min_ttl: Duration::from_secs(1), stale: Duration::from_hours(1) }
    }
}

/// Where an agent on the same machine is asked.
fn local(port: u16, path: &str) -> HttpUrl {
    HttpUrl { is_tls: false, host: "127.0.0.1".into(), port, path: path.into() }
}
