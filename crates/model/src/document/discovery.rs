use std::{borrow::Cow, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::{
    FromText, TextOr,
    values::{Count, DnsName, Name},
};

/// Where the endpoints of an upstream are found: exactly one registry, and what it is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Discovery {
    /// A service in Consul: its instances whose checks pass.
    Consul(ConsulService),
    /// The keys below a prefix in etcd (version 3).
    Etcd(EtcdService),
    /// An application in Eureka.
    Eureka(EurekaService),
    /// A name in the DNS, asked again before its answer has run out.
    Dns(DnsService),
    /// A service in the gateway's own registry, see `gateway.registry`.
    #[schemars(with = "RegistryShortOrLong")]
    Registry(TextOr<RegistryService>),
    /// A file that others write, in JSON or YAML: a list of instances, each a map with `address`, and `weight`, `tier`,
    /// `labels`, `status` and `id` if need be; or what Prometheus reads (`file_sd`): a list of `targets` with `labels`.
    File(PathBuf),
}

/// A service in Consul.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsulService {
    /// What it is registered as.
    pub service: Name,
    /// Only instances with this tag.
    pub tag: Option<Name>,
    /// Only instances with all of these tags.
    #[serde(default)]
    pub tags: Vec<Name>,
    /// Default: `gateway.discovery.consul.datacenter`, or that of the agent.
    pub datacenter: Option<Name>,
    /// A namespace of Consul Enterprise. Default: `gateway.discovery.consul.namespace`.
    pub namespace: Option<Name>,
}

/// Keys in etcd.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EtcdService {
    /// What the keys of the instances begin with, such as `/services/orders/`; a slash at its end goes without saying.
    pub prefix: String,
    /// What their values look like. Default: `sluice`.
    #[serde(default)]
    pub format: EtcdFormat,
}

/// What values in etcd look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EtcdFormat {
    /// `{"address": "10.0.0.1:80", "weight": 2, "labels": {"version": "v2"}}`.
    #[default]
    Sluice,
    /// That of the naming resolver of etcd's Go client: `{"Op": 0, "Addr": "10.0.0.1:80"}`.
    Naming,
}

/// An application in Eureka.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EurekaService {
    /// The name of the application; case does not count.
    pub app: Name,
    /// Only instances with this virtual host name.
    pub vip: Option<Name>,
    /// Whether the secure port of instances is asked; usually with `tls`. Default: false.
    #[serde(default)]
    pub secure: bool,
}

/// A name in the DNS: either `name` with `port`, or `srv`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsService {
    /// A host: each of its addresses (A, AAAA) is an endpoint.
    pub name: Option<DnsName>,
    /// The port of these endpoints.
    pub port: Option<Count<1, 65535>>,
    /// A service such as `_http._tcp.orders.internal`, whose SRV records tell hosts, ports, weights and priorities.
    pub srv: Option<DnsName>,
}

/// A service in the gateway's own registry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryService {
    /// What its instances register as.
    pub service: Name,
}

// === impl RegistryService ===

impl FromText for RegistryService {
    const EXPECTED: &'static str = "the name of a service, or a map with `service`";

    fn from_text(text: &str) -> Result<Self, String> {
        Name::from_text(text).map(|service| Self { service })
    }
}

/// The schema of `TextOr<RegistryService>`.
struct RegistryShortOrLong;

impl JsonSchema for RegistryShortOrLong {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RegistryShortOrLong".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms = [generator.subschema_for::<Name>(), generator.subschema_for::<RegistryService>()];
        json_schema!({ "anyOf": forms })
    }
}
