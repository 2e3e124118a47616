use std::{borrow::Cow, collections::BTreeMap, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{
    Breaker, Certificate, Discovery, Failover, Health, Policy,
    balance::{Balance, BalanceShortOrLong},
};
use crate::{
    FromText, TextOr,
    values::{
        Bytes, Count, EndpointTarget, Failure, FieldName, HostValue, MethodName, Name, Ratio, ServerName, Timeout,
    },
};

/// Where requests are sent: endpoints that all do the same, and how they are reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// What routes, logs and metrics call it.
    pub name: Name,
    /// The addresses, at least one, each with a weight and labels if need be. Either these, or `discovery`.
    #[serde(default)]
    #[schemars(with = "Vec<ShortOrLong>")]
    pub endpoints: Vec<TextOr<Endpoint>>,
    /// The registry where the endpoints are found while the gateway runs. Either this, or `endpoints`.
    pub discovery: Option<Discovery>,
    /// What is spoken to the endpoints. Default: `http1`.
    #[serde(default)]
    pub protocol: Protocol,
    /// TLS towards the endpoints; `{}` is enough to turn it on. Default: none.
    pub tls: Option<UpstreamTls>,
    /// How an endpoint is chosen. Default: `round_robin`.
    #[serde(default)]
    #[schemars(with = "BalanceShortOrLong")]
    pub balance: TextOr<Balance>,
    /// How long an endpoint that is new takes to its whole share, which rises evenly from a tenth. Not with
    /// `consistent_hash`. Default: it has it at once.
    pub slow_start: Option<Timeout>,
    /// Which endpoints are asked first, and when others help out.
    #[serde(default)]
    pub failover: Failover,
    /// How long an endpoint may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Another attempt for what failed. Default: none, but for a kept connection that turns out to be closed.
    pub retry: Option<Retry>,
    /// A bound on the requests that are under way. Default: none.
    pub bulkhead: Option<Bulkhead>,
    /// How endpoints that do not do their work are found, and left out. Default: they are not.
    pub health: Option<Health>,
    /// Keeps requests from it while it fails them. Default: none.
    pub breaker: Option<Breaker>,
    /// Connections that are kept for the next request.
    #[serde(default)]
    pub pool: Pool,
    /// The `Host` that an endpoint sees. Default: `preserve`.
    #[serde(default)]
    pub host: Host,
    /// Policies for every exchange with this upstream.
    #[serde(default)]
    pub policies: Vec<Policy>,
}

/// An address of an upstream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// A host with a port, or a Unix socket: `127.0.0.1:9001`, `users.internal:9001`, `unix:/run/users.sock`.
    pub address: EndpointTarget,
    /// Its share of the requests, beside those of the others; with 0 it gets none. Default: 1.
    pub weight: Option<u32>,
    /// The endpoints of the lowest tier are asked first; those of the next one get what these cannot bear, as `failover` says.
    /// Default: 0.
    pub tier: Option<u32>,
    /// What tells it from the others, for example `{ version: v2, zone: a }`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What is spoken to endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 over TLS.
    H2,
    /// HTTP/2 in clear text, by prior knowledge.
    H2c,
    /// With TLS what the endpoint chooses (ALPN); without TLS HTTP/1.1.
    Auto,
}

/// TLS towards endpoints.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTls {
    /// The name that an endpoint's certificate must hold. Default: the host of its address.
    pub server_name: Option<ServerName>,
    /// The roots that its certificate must lead to, in PEM. Default: those of the operating system.
    pub ca: Option<PathBuf>,
    /// The certificate that the gateway shows. Default: none.
    pub client_certificate: Option<Certificate>,
}

/// How long an endpoint may take.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To connect, the TLS handshake included. Default: `1s`.
    pub connect: Option<Timeout>,
    /// From the end of the request's head to the first byte of the response. Default: `15s`.
    pub first_byte: Option<Timeout>,
    /// Between two pieces of a body. Default: `60s`.
    pub idle: Option<Timeout>,
    /// For the whole exchange, all attempts and bodies included. Default: no bound.
    pub total: Option<Timeout>,
    /// A request field by which callers say how long they will wait: milliseconds, or a duration such as `2s`. The sooner of it
    /// and `total` holds; endpoints are told what is left. (`grpc-timeout` of gRPC calls is heeded without this.) Default:
    /// none.
    pub header: Option<FieldName>,
}

/// A bound on the requests and connections that an upstream has at a time, over all workers, so that a slow one does not come to
/// hold all that the gateway can bear. What is beyond it waits for a while, or is refused with 503 at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulkhead {
    /// How many requests may be under way, from the choice of an endpoint to the end of the response.
    pub requests: Count<1, { u32::MAX }>,
    /// How many more may wait until one of them ends. Default: 0.
    pub queue: Option<u32>,
    /// How many connections there may be to all endpoints together, kept ones included. A request that needs one more waits for
    /// one, within its place among the `requests`; whoever keeps one that it does not use gives it up. Health probes are not
    /// counted. Default: no bound.
    pub connections: Option<Count<1, { u32::MAX }>>,
    /// How long one may wait in the queue, and how long for a connection. Default: `1s`.
    pub wait: Option<Timeout>,
}

/// Another attempt for requests that failed. Only what is safe is sent twice: what never reached the endpoint, what is
/// idempotent, and methods listed under `methods`; and only if its body is still at hand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How many times an endpoint is asked at most, the first time included. Another endpoint is asked first. Default: 2.
    pub attempts: Option<Count<2, 10>>,
    /// What calls for another attempt: `connect_failure` (no connection), `refused_stream` (HTTP/2 says that it was not looked
    /// at), `reset` (the connection ended before an answer), `timeout` (no answer within `timeouts.first_byte` or
    /// `per_try_timeout`), a status from 400 to 599, `5xx` for all from 500, or a gRPC status such as `grpc_unavailable`.
    /// Default: `connect_failure`, `refused_stream` and `reset`.
    pub on: Option<Vec<Failure>>,
    /// Methods that may be sent twice although they are not idempotent, such as `POST` where the service tells duplicates.
    /// Default: none.
    #[serde(default)]
    pub methods: Vec<MethodName>,
    /// How long one attempt may take, from the choice of the endpoint to the head of its response. Default: no bound of its
    /// own.
    pub per_try_timeout: Option<Timeout>,
    /// How much of a request's body is kept to be sent again; with more of it sent, there is no second attempt. Default: `64KiB`.
    pub body: Option<Bytes<0, { 16 << 20 }>>,
    /// The wait between attempts.
    #[serde(default)]
    pub backoff: Backoff,
    /// The bound on what retries may add to the load.
    #[serde(default)]
    pub budget: Budget,
}

/// The wait between attempts: a random part of `base`, then of twice as much, up to `max`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The most before the second attempt. Default: `25ms`.
    pub base: Option<Timeout>,
    /// The most before any attempt. Default: `250ms`.
    pub max: Option<Timeout>,
}

/// What retries may add to the load of the upstream, over the last ten seconds. Beyond it, failures are passed on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Retries as a share of the requests. Default: `20%`.
    pub ratio: Option<Ratio>,
    /// Retries that are always allowed, for each of these seconds. Default: 3.
    pub min_per_second: Option<u32>,
}

/// Kept connections, for each worker and endpoint.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// How many are kept while nothing uses them. Default: 128.
    pub max_idle: Option<u32>,
    /// How long one is kept unused. Default: `60s`.
    pub idle_timeout: Option<Timeout>,
    /// A connection older than this is not used again. Default: `1h`.
    pub max_age: Option<Timeout>,
    /// Requests at a time on one HTTP/2 connection; the endpoint's own limit holds as well. Default: 100.
    pub streams: Option<Count<1, { u32::MAX }>>,
}

/// The `Host` that an endpoint sees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// What the client sent.
    #[default]
    Preserve,
    /// The endpoint's address.
    Endpoint,
    /// This one.
    Set(HostValue),
}

// === impl Endpoint ===

impl FromText for Endpoint {
    const EXPECTED: &'static str = "an address such as `127.0.0.1:9001`, or a map with `address`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { address: EndpointTarget::from_text(text)?, weight: None, tier: None, labels: BTreeMap::new() })
    }
}

/// The schema of `TextOr<Endpoint>`.
struct ShortOrLong;

impl JsonSchema for ShortOrLong {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EndpointShortOrLong".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms = [generator.subschema_for::<EndpointTarget>(), generator.subschema_for::<Endpoint>()];
        json_schema!({ "anyOf": forms })
    }
}
