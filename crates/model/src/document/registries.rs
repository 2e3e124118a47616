use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::UpstreamTls;
use crate::values::{
    Duration, EndpointTarget, HttpUrl, ListenAddress, Name, NameServer, Network, SecretSource, Timeout,
};

/// How registries are reached, one of each kind for the whole gateway, and how far they are believed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registries {
    /// How Consul is reached.
    #[serde(default)]
    pub consul: Consul,
    /// How etcd is reached.
    #[serde(default)]
    pub etcd: Etcd,
    /// How Eureka is reached.
    #[serde(default)]
    pub eureka: Eureka,
    /// How names are resolved for `discovery: { dns: … }`.
    #[serde(default)]
    pub dns: Dns,
    /// The networks in which instances may be; those elsewhere are left out. Instances that a registry tells by name are not
    /// bound by it. Default: everywhere but link-local, unspecified and multicast addresses.
    pub allow: Option<Vec<Network>>,
    /// How long an answer is held back that is empty, or leaves less than half of the instances that were up; the last good
    /// one serves meanwhile. `0s`: every answer is believed at once. Default: `30s`.
    pub hold: Option<Duration>,
    /// What the gateway tells registries of itself. Default: nothing.
    pub register: Option<Registration>,
}

/// How Consul is reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consul {
    /// The agent, or a server. Default: `http://127.0.0.1:8500`.
    pub address: Option<HttpUrl>,
    /// An ACL token. Default: none.
    pub token: Option<SecretSource>,
    /// TLS towards it, for an address with `https`.
    pub tls: Option<UpstreamTls>,
    /// Default: that of the agent.
    pub datacenter: Option<Name>,
    /// A namespace of Consul Enterprise. Default: none.
    pub namespace: Option<Name>,
    /// How long it may wait for something new before it answers. From `1s` to `10m`. Default: `5m`.
    pub wait: Option<Timeout>,
    /// Whether services with `sluice.*` tags become upstreams and routes. Default: false.
    pub catalog: Option<bool>,
}

/// How etcd is reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Etcd {
    /// Members of the cluster; any of them may be asked. Default: `http://127.0.0.1:2379`.
    #[serde(default)]
    pub endpoints: Vec<HttpUrl>,
    /// Whom the gateway logs in as. Default: nobody.
    pub user: Option<Name>,
    /// The password of `user`.
    pub password: Option<SecretSource>,
    /// TLS towards it, for addresses with `https`.
    pub tls: Option<UpstreamTls>,
}

/// How Eureka is reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Eureka {
    /// Servers, with their path; the first that answers is asked. Default: `http://127.0.0.1:8761/eureka`.
    #[serde(default)]
    pub servers: Vec<HttpUrl>,
    /// Whom the gateway logs in as. Default: nobody.
    pub user: Option<Name>,
    /// The password of `user`.
    pub password: Option<SecretSource>,
    /// TLS towards it, for addresses with `https`.
    pub tls: Option<UpstreamTls>,
    /// Between two questions. At least `1s`. Default: `30s`.
    pub interval: Option<Timeout>,
}

/// How names are resolved for `discovery: { dns: … }`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// IP addresses of servers; the port is 53 if none is said. Default: those of the operating system.
    #[serde(default)]
    pub servers: Vec<NameServer>,
    /// However short the time is that an answer may be kept, it is kept as long as this. Default: `1s`.
    pub min_ttl: Option<Timeout>,
    /// How long the last answer holds while there is no new one. Default: `1h`.
    pub stale: Option<Duration>,
}

/// What the gateway tells registries of itself, so that others find it there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The registries, at least one.
    #[serde(rename = "in")]
    pub places: Vec<RegistrationPlace>,
    /// The service of which it is an instance. Default: `sluice`.
    pub service: Option<Name>,
    /// What tells this instance from others. Default: made of the service and the address.
    pub id: Option<Name>,
    /// Where others reach it: a host with a port.
    pub address: EndpointTarget,
    /// Whether TLS is spoken there. Default: false.
    #[serde(default)]
    pub tls: bool,
    /// What tells it from others, for example `{ zone: a }`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long registries believe in it without a heartbeat. From `3s` to `1h`. Default: `30s`.
    pub ttl: Option<Timeout>,
}

/// A registry that the gateway may register in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationPlace {
    Consul,
    Etcd,
    Eureka,
}

/// A registry of the gateway's own, where services register themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Where services register, apart from all listeners: by our own API, Eureka's or Consul's.
    pub address: ListenAddress,
    /// What a service must show. Default: nothing, so that everybody may register who reaches the address.
    pub token: Option<SecretSource>,
    /// The longest that an instance may live without a heartbeat. Default: `5m`.
    pub max_ttl: Option<Timeout>,
}
