use std::{borrow::Cow, collections::BTreeMap, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{OtlpCompression, OtlpProtocol, UpstreamTls};
use crate::values::{
    Bytes, Count, FieldName, HttpUrl, LogField, Name, Ratio, SecretSource, Size, StatusRange, SyslogAddress, Timeout,
};

/// A log of exchanges: where its lines go, what they say, and which exchanges get one. Exactly one of `path`, `syslog`, `http`
/// and `otlp` says where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// What metrics and messages call it. Default: `stdout`, `file`, `syslog`, `http` or `otlp`, by where it goes.
    pub name: Option<Name>,
    /// `stdout`, or the path of a file.
    pub path: Option<PathBuf>,
    /// A syslog server (RFC 5424).
    pub syslog: Option<Syslog>,
    /// A server that takes batches of lines over HTTP.
    pub http: Option<HttpLog>,
    /// A collector of OpenTelemetry.
    pub otlp: Option<OtlpLog>,
    /// How a line is written. Default: `json`.
    pub format: Option<LogFormat>,
    /// What a line says, in this order. Default: `time`, `client`, `method`, `host`, `path`, `protocol`, `status`, `cause`,
    /// `nearest`, `route`, `side`, `upstream`, `endpoint`, `attempts`, `duration_ms`, `overhead_ms`, `request_bytes`,
    /// `response_bytes`, `user_agent`, `request_id` and `trace_id`.
    pub fields: Option<Vec<LogField>>,
    /// Fields of the request's head that a line says after those. Of those that hold credentials it says only that they were there.
    #[serde(default)]
    pub request_headers: Vec<FieldName>,
    /// The same of the response's head.
    #[serde(default)]
    pub response_headers: Vec<FieldName>,
    /// The part of the exchanges that get a line. What has a `cause`, or a status from 500 on, gets one always. Default: `100%`.
    pub sample: Option<Ratio>,
    /// Statuses that get a line, alone or as ranges: `[400-599]`; 499 is that of clients who left. Default: all.
    pub status: Option<Vec<StatusRange>>,
    /// When the file is moved away and begun anew. Default: when somebody else moved it and sends SIGHUP.
    pub rotate: Option<Rotate>,
    /// Names of parameters and header fields whose values are secret, beside those that are known to be.
    #[serde(default)]
    pub redact: Vec<String>,
}

/// `off`, one log, or several.
pub(super) struct AccessLogs;

/// How a line is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// An object of JSON. Every line has every key; what is not there is `null`.
    Json,
    /// Pairs as in `status=200 path=/users`. What is not there is left out.
    Logfmt,
    /// A text in which names of fields stand in `{}`, and `{request_headers.NAME}` and `{response_headers.NAME}`. What is not
    /// there is `-`.
    Template(String),
}

/// When a file is moved away. The last one is `PATH.1`, the one before `PATH.2`, and so on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Before it would be larger than this. Default: whatever its size.
    pub size: Option<Size>,
    /// When it was begun so long ago, with the next line. Default: whatever its age.
    pub age: Option<Timeout>,
    /// How many are kept beside the one that is written. Default: 7.
    pub keep: Option<Count<1, 1000>>,
}

/// A syslog server. Each line is a message (RFC 5424): an error if the status is from 500 on, a warning if it is from 400 on or
/// there is a `cause`, otherwise informational.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// Where it is reached, and how.
    pub address: SyslogAddress,
    /// What kind of program this is. Default: `local0`.
    #[serde(default)]
    pub facility: Facility,
    /// What the program calls itself, up to 48 characters. Default: `sluice`.
    pub app_name: Option<String>,
}

/// The facilities of syslog (RFC 5424, 6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facility {
    Kern,
    User,
    Mail,
    Daemon,
    Auth,
    Syslog,
    Lpr,
    News,
    Uucp,
    Cron,
    Authpriv,
    Ftp,
    #[default]
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

/// A server that takes batches of lines over HTTP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpLog {
    /// Its address. Without a path, it is the one that is usual for the `shape`.
    pub url: HttpUrl,
    /// What a batch looks like. Default: `json_lines`.
    #[serde(default)]
    pub shape: LogShape,
    /// The index of `elasticsearch`. Default: the one in the path of `url`.
    pub index: Option<String>,
    /// The labels of the stream of `loki`. Default: `{ job: sluice }`.
    pub labels: Option<BTreeMap<String, String>>,
    /// Header fields that go along, such as `authorization`.
    #[serde(default)]
    pub headers: SecretFields,
    /// TLS, where `url` begins with `https`. Default: the roots of the operating system.
    pub tls: Option<UpstreamTls>,
    /// How lines are put together, and kept while the server does not take them.
    #[serde(default)]
    pub batch: Batch,
}

/// What a batch looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogShape {
    /// The lines as they are, each with its end.
    #[default]
    JsonLines,
    /// For `/loki/api/v1/push`, as JSON.
    Loki,
    /// For `/_bulk` of Elasticsearch or OpenSearch; `time` is called `@timestamp`.
    Elasticsearch,
}

/// A collector of OpenTelemetry. `fields` become attributes of log records; `format` has no say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtlpLog {
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
    /// What the gateway calls itself. Default: `sluice`.
    pub service_name: Option<Name>,
    /// Records that wait, in bytes; beyond it, new ones are dropped and counted. Default: `4MiB`.
    pub queue: Option<Bytes<{ 64 << 10 }, { 1 << 30 }>>,
}

/// How lines are put together, and kept while the server does not take them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// A batch of so many bytes is sent. Default: `1MiB`.
    pub bytes: Option<Bytes<1024, { 64 << 20 }>>,
    /// So is one whose first line came so long ago. Default: `1s`.
    pub age: Option<Timeout>,
    /// Lines that wait, in bytes; beyond it, new ones are dropped and counted. Default: `4MiB`.
    pub queue: Option<Bytes<{ 64 << 10 }, { 1 << 30 }>>,
    /// How long the server may take to answer. Default: `10s`.
    pub timeout: Option<Timeout>,
    /// How long a batch is offered again, at growing intervals, before it is given up. Default: `1m`.
    pub retry: Option<Timeout>,
}

/// Header fields whose values may be secrets.
#[derive(Debug, Default)]
pub struct SecretFields(pub Vec<(FieldName, SecretSource)>);

// === impl AccessLogs ===

impl JsonSchema for AccessLogs {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AccessLogs".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let log = generator.subschema_for::<AccessLog>();
        json_schema!({ "anyOf": [{ "enum": ["off", false] }, log.clone(), { "type": "array", "items": log }] })
    }
}

// === impl SecretFields ===

impl<'de> Deserialize<'de> for SecretFields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = SecretFields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of header fields")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<SecretFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(SecretFields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl JsonSchema for SecretFields {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SecretFields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": generator.subschema_for::<FieldName>(),
            "additionalProperties": generator.subschema_for::<SecretSource>(),
        })
    }
}
