//! The document: what operators write, before it is checked.
//!
//! Every field's comment is what the generated reference and the editor say about it. Defaults are not filled in here
//! (a field that was left out is `None`), because they stand beside the [`Model`](crate::Model) that holds them.

mod access_log;
mod balance;
mod breaker;
mod discovery;
mod failover;
mod gateway;
mod health;
mod listener;
mod registries;
mod route;
mod test;
mod tracing;
mod upstream;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

pub use access_log::{AccessLog, Batch, Facility, HttpLog, LogFormat, LogShape, OtlpLog, Rotate, SecretFields, Syslog};
pub use balance::{Among, Balance, ConsistentHash, Custom, HashAlgorithm, HashKey, PeakEwma, StickyCookie};
pub use breaker::{Breaker, BreakerScope, Slow};
pub use discovery::{ConsulService, Discovery, DnsService, EtcdFormat, EtcdService, EurekaService, RegistryService};
pub use failover::Failover;
pub use gateway::{Admin, Debug, FlightRecorder, Forwarded, Gateway, Home, Records, Workers};
pub use health::{ActiveHealth, GrpcCheck, Health, HttpCheck, PassiveHealth, TcpCheck};
pub use listener::{
    BodyLimit, Certificate, ClientAuth, ClientAuthMode, Http2Limits, Limits, Listener, ListenerTls, TlsVersion,
};
pub use registries::{Consul, Dns, Etcd, Eureka, Registration, RegistrationPlace, Registries, Registry};
pub use route::{
    ApiVersion, Cohort, Destination, Fallback, Field, FieldMatch, Fields, HeaderMatch, Match, Mirror, Mirrors, NewPath,
    Path, QueryEdits, Redirect, RedirectQuery, Respond, Reveal, Rewrite, Route, Scheme, Side, Split, Sticky, StickyKey,
    Time, VersionSource, Versions,
};
pub use test::{Expect, ExpectedRoute, Test, TestRequest};
pub use tracing::{Otlp, OtlpCompression, OtlpProtocol, Propagation, Sample, Tracing, Whose};
pub use upstream::{Backoff, Budget, Bulkhead, Endpoint, Host, Pool, Protocol, Retry, Timeouts, Upstream, UpstreamTls};

/// A document of sluice, the API gateway.
// The lists are decoded item by item, so that a thousand good routes are not read again for one bad one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "sluice")]
pub struct Document {
    /// The version of this format: 1.
    pub version: Version,
    /// The address of this schema, for editors that read it from the document.
    #[serde(default, rename = "$schema")]
    pub schema: Option<String>,
    /// Other files that are part of this document: paths in which `*` stands for any run of characters but `/`,
    /// relative to the folder of this file. Their listeners, upstreams, routes, tests and consumers follow those given here.
    #[serde(default)]
    pub include: Vec<String>,
    /// What holds for the whole process.
    #[serde(default)]
    #[schemars(with = "Gateway")]
    pub gateway: Unread,
    /// Where clients connect.
    #[serde(default)]
    #[schemars(with = "Vec<Listener>")]
    pub listeners: Vec<Unread>,
    /// Where requests are sent.
    #[serde(default)]
    #[schemars(with = "Vec<Upstream>")]
    pub upstreams: Vec<Unread>,
    /// Which request goes where.
    #[serde(default)]
    #[schemars(with = "Vec<Route>")]
    pub routes: Vec<Unread>,
    /// Requests, and what is expected to become of them. A test that fails is an error of the document.
    #[serde(default)]
    #[schemars(with = "Vec<Test>")]
    pub tests: Vec<Unread>,
}

/// The version of the format. There is only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version;

/// A part of a document that is decoded by itself, later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread;

/// A policy: a map with one key, its kind, whose value are the settings.
///
/// Only the kind knows its settings, so they are left alone here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy;

// === impl Version ===

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Version;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the number 1, the only version of this format")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Version, E> {
                match number {
                    1 => Ok(Version),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": 1 })
    }
}

// === impl Unread ===

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

// === impl Policy ===

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Policy {
    fn schema_name() -> Cow<'static, str> {
        "Policy".into()
    }

    /// Any map with one key; [`schema`](crate::schema()) puts the known kinds in its place.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "minProperties": 1, "maxProperties": 1 })
    }
}
