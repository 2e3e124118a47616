use std::{borrow::Cow, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::Policy;
use crate::{
    FromText,
    values::{Bytes, Count, ListenAddress, Name, Size, Timeout},
};

/// An address on which clients are served.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// What routes, logs and metrics call it.
    pub name: Name,
    /// Where it listens: `0.0.0.0:8080`, `[::]:80` or `unix:/run/x.sock`. Without `tls`, HTTP/1.1 and, by prior
    /// knowledge, HTTP/2 are served.
    pub address: ListenAddress,
    /// TLS for all who connect. Default: none.
    pub tls: Option<ListenerTls>,
    /// Every connection begins with a PROXY protocol header, version 1 or 2, which names the client. Default: false.
    #[serde(default)]
    pub proxy_protocol: bool,
    /// What a client may send or hold.
    #[serde(default)]
    pub limits: Limits,
    /// Policies for every exchange on this listener.
    #[serde(default)]
    pub policies: Vec<Policy>,
}

/// TLS towards clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// The certificates, chosen by the name that the client asks for (SNI). The first one also serves clients that ask
    /// for none, or for one that no certificate holds. Read again when the files change.
    pub certificates: Vec<Certificate>,
    /// Whether clients must show a certificate. Default: no.
    pub client_auth: Option<ClientAuth>,
    /// The oldest version that is accepted. Default: `"1.2"`.
    #[serde(default)]
    pub min_version: TlsVersion,
}

/// The files of a certificate.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The certificate and those that lead to its root, in PEM.
    pub cert: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// The certificates of clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientAuth {
    /// `none`: none is asked for. `request`: a client without one is served, one with a bad one is not. `require`: only
    /// clients with a good one are served.
    pub mode: ClientAuthMode,
    /// The roots that clients' certificates must lead to, in PEM. Needed unless the mode is `none`.
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMode {
    None,
    Request,
    Require,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

/// What a client may send or hold. The defaults are safe to face the internet with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// All header fields of a request together, from `1KiB` to `16MiB`; more is answered with 431. Default: `64KiB`.
    pub header_bytes: Option<Bytes<1024, 0x0100_0000>>,
    /// The number of header fields, at most 16384; more is answered with 431. Default: 100.
    // A header map holds 32,768, the gateway's own included.
    pub header_count: Option<Count<1, 16_384>>,
    /// The request target, at most 65534 bytes; a longer one is answered with 414. Default: `8KiB`.
    // What the `http` crate can hold.
    pub uri_bytes: Option<Bytes<16, 65_534>>,
    /// The request body, or `off` for no bound; a longer one is answered with 413. Default: `64MiB`.
    pub body_bytes: Option<BodyLimit>,
    /// From the first byte of a request to the end of its head; a slower one is answered with 408. Default: `10s`.
    pub header_timeout: Option<Timeout>,
    /// How long a connection is kept without a request. Default: `75s`.
    pub idle_timeout: Option<Timeout>,
    /// How long a client may neither send nor take a byte although it should. Default: `30s`.
    pub stall_timeout: Option<Timeout>,
    /// How long the TLS handshake, or the PROXY protocol header, may take. Default: `5s`.
    pub handshake_timeout: Option<Timeout>,
    /// Open connections of this listener, over all workers. Default: 50000.
    pub connections: Option<Count<1, { u32::MAX }>>,
    /// What an HTTP/2 connection may hold.
    #[serde(default)]
    pub http2: Http2Limits,
}

/// The largest window, and more than any count (RFC 9113, 6.5.2).
const LARGEST: u32 = (1 << 31) - 1;

/// What an HTTP/2 connection may hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http2Limits {
    /// Requests at a time. Default: 100.
    pub concurrent_streams: Option<Count<1, LARGEST>>,
    /// Requests that a client may reset before they are answered (CVE-2023-44487). Default: 20.
    pub pending_resets: Option<Count<0, LARGEST>>,
    /// Streams that a client's faults may make the gateway reset (CVE-2025-8671). Default: 100.
    pub local_resets: Option<Count<0, LARGEST>>,
    /// Bytes of a request body that may be in flight. Default: `64KiB`.
    pub stream_window: Option<Bytes<1024, LARGEST>>,
    /// Bytes of all request bodies of a connection that may be in flight, at least 65535. Default: `1MiB`.
    // It begins at this size, and no setting makes it smaller (RFC 9113, 6.9.2).
    pub connection_window: Option<Bytes<65_535, LARGEST>>,
    /// The largest frame that is accepted, from `16KiB` to 16777215 bytes. Default: `16KiB`.
    pub frame_bytes: Option<Bytes<16_384, 16_777_215>>,
}

/// A bound on a body, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLimit {
    Off,
    Size(Size),
}

// === impl BodyLimit ===

impl<'de> Deserialize<'de> for BodyLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = BodyLimit;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a size such as `10MiB`, a number of bytes, or `off`")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<BodyLimit, E> {
                match value {
                    false => Ok(BodyLimit::Off),
                    true => Err(E::invalid_type(de::Unexpected::Bool(value), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<BodyLimit, E> {
                match text {
                    "off" => Ok(BodyLimit::Off),
                    _ => Size::from_text(text).map(BodyLimit::Size).map_err(E::custom),
                }
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<BodyLimit, E> {
                let size = u64::try_from(bytes).map(|bytes| BodyLimit::Size(Size(bytes)));
                size.map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for BodyLimit {
    fn schema_name() -> Cow<'static, str> {
        "BodyLimit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "enum": ["off", false] }, generator.subschema_for::<Size>()] })
    }
}
