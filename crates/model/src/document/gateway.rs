use std::{borrow::Cow, num::NonZeroUsize};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::{Policy, Registries, Registry, Tracing, Unread, UpstreamTls, access_log::AccessLogs};
use crate::{
    FromText, TextOr,
    values::{Count, Duration, FieldName, HttpUrl, ListenAddress, Name, Network, SecretSource, ServerName, Zone},
};

/// What holds for the whole process.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// How many workers serve: `auto`, one for each core, or a number. Default: `auto`.
    #[serde(default)]
    pub workers: Workers,
    /// The admin API, the panel, `/livez`, `/readyz` and `/metrics`. Default: none.
    pub admin: Option<Admin>,
    /// Whose `Forwarded`, `X-Forwarded-*` and `x-request-id` are believed. Default: nobody's.
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    /// Where the gateway stands, for example `eu-1a` or `${ZONE}`. Endpoints whose label `zone` says the same are asked before
    /// others of their tier. Default: nobody says, and all zones are alike.
    pub zone: Option<Zone>,
    /// A line for each exchange: `off`, a log, or a list of several. Default: `off`.
    #[serde(default)]
    #[schemars(with = "Option<AccessLogs>")]
    pub access_log: Unread,
    /// How many requests can be told about afterwards, or `off`. Default: the last 10000.
    #[schemars(with = "Option<FlightRecorder>")]
    pub flight_recorder: Option<TextOr<FlightRecorder>>,
    /// Who sees in the fields of responses where the time went. Default: nobody.
    pub debug: Option<Debug>,
    /// Traces, by OpenTelemetry. Default: none; what requests say of traces goes to endpoints as it came.
    pub tracing: Option<Tracing>,
    /// How long exchanges that have begun may take to finish after SIGTERM. Default: `30s`.
    pub grace: Option<Duration>,
    /// Which headers tell an endpoint who called.
    #[serde(default)]
    pub forwarded: Forwarded,
    /// How the registries are reached that `discovery` of upstreams names, and how far they are believed.
    #[serde(default)]
    pub discovery: Registries,
    /// A registry of the gateway's own, where services register themselves. Default: none.
    pub registry: Option<Registry>,
    /// Where what the admin API changes is kept: `state`, in the state directory; `read_only`, nowhere: then only whoever
    /// writes the files changes anything; or `etcd`, for many gateways. Default: `state`.
    pub home: Option<Home>,
    /// Policies for every exchange.
    #[serde(default)]
    pub policies: Vec<Policy>,
}

/// Where what the admin API changes is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    /// In the state directory of this gateway.
    State,
    /// Nowhere: the API changes nothing.
    ReadOnly,
    /// In etcd, for all gateways that name the same prefix there.
    Etcd(EtcdHome),
}

/// Where in etcd what the admin API changes is kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EtcdHome {
    /// Members of the cluster; any of them may be asked. Default: `http://127.0.0.1:2379`.
    #[serde(default)]
    pub endpoints: Vec<HttpUrl>,
    /// What all keys begin with; a slash at its end goes without saying. Default: `/sluice/`.
    pub prefix: Option<String>,
    /// Whom the gateway logs in as. Default: nobody.
    pub user: Option<Name>,
    /// The password of `user`.
    pub password: Option<SecretSource>,
    /// TLS towards it, for addresses with `https`.
    pub tls: Option<UpstreamTls>,
}

/// Where the operators' side of the gateway listens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// The address, apart from all listeners: `127.0.0.1:9901` or `unix:/run/sluice.sock`.
    pub address: ListenAddress,
    /// Names under which it may be asked, for example `gateway.internal`, beside addresses and `localhost`. A page in a browser
    /// can reach it by any name that resolves to it, so other names are refused. Default: none.
    #[serde(default)]
    pub names: Vec<ServerName>,
}

/// What is recorded of requests, in memory, for `sluice trace` and `/api/v1/requests`.
#[derive(Debug)]
pub enum FlightRecorder {
    Off,
    On(Records),
}

/// What is recorded of requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// The last so many, over all workers. Each takes 768 bytes. Default: 10000.
    pub records: Option<Count<1, 10_000_000>>,
    /// Beyond those, so many that failed or were among the slowest of their minute. Default: 1000.
    pub keep: Option<Count<0, 1_000_000>>,
    /// The fields of requests that are recorded, as far as there is room. Credentials are not. Default: `[content-type, user-agent]`.
    pub headers: Option<Vec<FieldName>>,
}

/// Who sees in the fields of responses where the time went: `Server-Timing` and `sluice-trail`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Debug {
    /// Whoever shows it, of at least 16 bytes.
    pub token: SecretSource,
    /// The field of the request that shows it; it never goes further. Default: `x-sluice-debug`.
    pub header: Option<FieldName>,
}

/// Which headers tell an endpoint who called.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forwarded {
    /// `Via`, on requests and responses (RFC 9110, 7.6.3). Without it, nobody notices a route that leads back to the gateway.
    /// Default: true.
    pub via: Option<bool>,
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`. Default: true.
    pub x_forwarded: Option<bool>,
    /// `Forwarded` (RFC 7239). Default: false.
    pub forwarded: Option<bool>,
}

/// How many workers serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Workers(pub Option<NonZeroUsize>);

// === impl Workers ===

/// More threads than any machine has cores are a slip of the keyboard.
const MOST_WORKERS: i64 = 1024;

impl<'de> Deserialize<'de> for Workers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Workers;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "`auto` or a number from 1 to {MOST_WORKERS}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Workers, E> {
                match text {
                    "auto" => Ok(Workers(None)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Workers, E> {
                let workers =
                    usize::try_from(number).ok().filter(|_| number <= MOST_WORKERS).and_then(NonZeroUsize::new);
                match workers {
                    Some(workers) => Ok(Workers(Some(workers))),
                    None => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Workers {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Workers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1, "maximum": MOST_WORKERS }] })
    }
}

// === impl FlightRecorder ===

impl FromText for FlightRecorder {
    const EXPECTED: &'static str = "`off`, or a map with `records`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => Err(format!("expected {}, found the text `{text}`", Self::EXPECTED)),
        }
    }

    fn from_bool(value: bool) -> Option<Self> {
        (!value).then_some(Self::Off)
    }
}

impl<'de> Deserialize<'de> for FlightRecorder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Records::deserialize(deserializer).map(Self::On)
    }
}

impl JsonSchema for FlightRecorder {
    fn schema_name() -> Cow<'static, str> {
        "FlightRecorder".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut records = Records::json_schema(generator);
        json_schema!({
            "description": "What is recorded of requests, in memory.",
            "anyOf": [{ "enum": ["off", false] }, std::mem::take(records.ensure_object())],
        })
    }
}
