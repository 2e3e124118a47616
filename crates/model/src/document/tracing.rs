use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::UpstreamTls;
use crate::values::{Count, Duration, HttpUrl, Name, Ratio, SecretSource, Timeout};

/// Traces: which exchanges are told of as spans, to whom, and what endpoints are told of the trace that a request is part of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tracing {
    /// The collector that gets the spans. Default: none; contexts are handed on all the same.
    pub otlp: Option<Otlp>,
    /// Which exchanges are told of.
    #[serde(default)]
    pub sample: Sample,
    /// What contexts look like: `w3c` (`traceparent`), `b3` (one field) or `b3_multi` (`x-b3-traceid` and others). They are read in
    /// this order, B3 in either form, and the first that is there counts; endpoints get all of them. Default: `[w3c]`.
    pub propagate: Option<Vec<Propagation>>,
    /// Whose traces go on here: `anybody`, `trusted_proxies` or `nobody`. Of all others a new trace begins. Default: `anybody`.
    #[serde(rename = "continue")]
    pub continues: Option<Whose>,
    /// How many exchanges of a worker may wait for a collector that does not keep up. What there is no room for is dropped, and
    /// counted. Default: 4096.
    pub queue: Option<Count<1, 1_000_000>>,
    /// What the gateway calls itself. Default: `sluice`.
    pub service_name: Option<Name>,
    /// More about the gateway that tells, for example `{ deployment.environment.name: prod }`.
    #[serde(default)]
    pub resource: BTreeMap<String, String>,
}

/// Which exchanges are told of.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// So large a part of all traces, chosen by their ids. Endpoints are told of the choice. Default: `1%`.
    pub ratio: Option<Ratio>,
    /// Whose choice is followed instead, if their trace goes on here: `trusted_proxies` (`true` is the same), `anybody` or
    /// `nobody` (`false`). Default: `trusted_proxies`.
    pub parent: Option<Whose>,
    /// Whether exchanges that end with an error of the gateway or an endpoint are told of whatever was chosen. Default: true.
    pub errors: Option<bool>,
    /// Exchanges that take this long are told of whatever was chosen, except for tunnels. Default: none.
    pub slower_than: Option<Duration>,
}

/// A collector that is told in OpenTelemetry's protocol, OTLP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    /// Where it is: `http://127.0.0.1:4317`, or `https://…` for TLS.
    pub endpoint: HttpUrl,
    /// `grpc` or `http`, the latter with protobuf bodies. Default: `grpc`, but `http` at the port 4318, which is for that.
    pub protocol: Option<OtlpProtocol>,
    /// Header fields for every request, such as keys of the collector.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretSource>,
    /// Whose certificates are trusted, and which one is shown, if `endpoint` begins with `https`.
    pub tls: Option<UpstreamTls>,
    /// How long a request may take. Default: `10s`.
    pub timeout: Option<Timeout>,
    /// `gzip` or `none`. Default: `none`.
    #[serde(default)]
    pub compression: OtlpCompression,
}

/// What is spoken to a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtlpProtocol {
    /// gRPC.
    Grpc,
    /// HTTP/1.1 with protobuf bodies.
    Http,
}

/// How requests to a collector are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtlpCompression {
    #[default]
    None,
    Gzip,
}

/// What the context of a trace looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// `traceparent` and `tracestate` (W3C Trace Context).
    W3c,
    /// `b3`.
    B3,
    /// `x-b3-traceid`, `x-b3-spanid` and `x-b3-sampled`.
    B3Multi,
}

/// Who is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Nobody,
    TrustedProxies,
    Anybody,
}

// === impl Whose ===

impl<'de> Deserialize<'de> for Whose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Whose;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`trusted_proxies`, `anybody` or `nobody`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Whose, E> {
                match text {
                    "trusted_proxies" => Ok(Whose::TrustedProxies),
                    "anybody" => Ok(Whose::Anybody),
                    "nobody" => Ok(Whose::Nobody),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Whose, E> {
                Ok(if value { Whose::TrustedProxies } else { Whose::Nobody })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Whose {
    fn schema_name() -> Cow<'static, str> {
        "Whose".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Who is believed.",
            "enum": ["trusted_proxies", "anybody", "nobody", true, false],
        })
    }
}
