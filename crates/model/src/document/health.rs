use schemars::JsonSchema;
use serde::Deserialize;

use super::Fields;
use crate::values::{Count, HostValue, MethodName, ProbeTarget, Ratio, StatusRange, Timeout};

/// How it is found out which endpoints do their work. Those that do not get no requests until they do again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Probes: each endpoint is asked at intervals how it is. Default: none.
    pub active: Option<ActiveHealth>,
    /// What requests tell: an endpoint that fails too many of them is left out for a while. Default: nothing is learned from
    /// requests.
    pub passive: Option<PassiveHealth>,
}

/// Probes. Exactly one of `http`, `tcp` and `grpc` says how an endpoint is asked. Until its first probe has passed, an endpoint
/// gets no requests; that one decides alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActiveHealth {
    /// By a request, over TLS if the upstream has `tls`, and in its `protocol`.
    pub http: Option<HttpCheck>,
    /// By a connection that is made and closed again.
    pub tcp: Option<TcpCheck>,
    /// By `grpc.health.v1.Health/Check`. The `protocol` of the upstream must be `h2` or `h2c`.
    pub grpc: Option<GrpcCheck>,
    /// From the end of one probe to the begin of the next. Default: `5s`.
    pub interval: Option<Timeout>,
    /// By this part of itself, `interval` is made longer or shorter by chance, so that probes spread out. Default: `10%`.
    pub jitter: Option<Ratio>,
    /// How long a probe may take, the connection included. Default: `1s`.
    pub timeout: Option<Timeout>,
    /// So many probes in a row must pass before an endpoint that was unhealthy gets requests again. Default: 2.
    pub healthy_after: Option<Count<1, 1000>>,
    /// So many probes in a row must fail before an endpoint gets no more requests. Default: 3.
    pub unhealthy_after: Option<Count<1, 1000>>,
    /// The port that is asked. Default: that of the endpoint.
    pub port: Option<Count<1, 65535>>,
}

/// A probe by a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// The path, with a query if need be, as in `/healthz?full=1`.
    pub path: ProbeTarget,
    /// The method. Default: `GET`.
    pub method: Option<MethodName>,
    /// The `Host` that is asked for. Default: the address of the endpoint, or what `host` of the upstream sets.
    pub host: Option<HostValue>,
    /// More header fields; for several of one name give a list.
    #[serde(default)]
    pub headers: Fields,
    /// Statuses that are good, alone or as ranges: `[200-299, 401]`. Default: `[200-299]`.
    pub expect: Option<Vec<StatusRange>>,
    /// A text that must be in the first 64 KiB of the body. Default: the body is not looked at.
    pub body_contains: Option<String>,
}

/// A probe by a connection. There is nothing to set: `{}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpCheck {}

/// A probe by `grpc.health.v1.Health/Check`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcCheck {
    /// The service that is asked for. Default: the server as a whole.
    pub service: Option<String>,
    /// The `:authority` that is asked for. Default: as for `http`.
    pub host: Option<HostValue>,
}

/// What requests tell of an endpoint. One that fails too many is ejected: it gets no requests for a while, each time for
/// longer.
///
/// A failure is a status from 500 on, or no answer: no connection, a connection that broke off, no answer in time. Answers
/// with 502, 503 or 504, and no answer, are gateway errors. That a deadline of the caller ran out is no failure.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PassiveHealth {
    /// So many failures in a row eject. Default: 5, unless one of the two others is given.
    pub consecutive_failures: Option<Count<1, { u32::MAX }>>,
    /// So many gateway errors in a row eject. Default: any number may be.
    pub consecutive_gateway_errors: Option<Count<1, { u32::MAX }>>,
    /// Failures that are this part of the requests of the last `window` eject. Default: any part may be.
    pub failure_ratio: Option<Ratio>,
    /// With fewer requests in the window, `failure_ratio` says nothing. Default: 20.
    pub min_requests: Option<Count<1, { u32::MAX }>>,
    /// What `failure_ratio` looks back on. Default: `10s`.
    pub window: Option<Timeout>,
    /// How long an endpoint is left out the first time; twice as long each time that it happens again soon. Default: `30s`.
    pub ejection: Option<Timeout>,
    /// How long an endpoint is left out at most, chance aside. Default: `5m`.
    pub max_ejection: Option<Timeout>,
    /// No more than this part of the endpoints is ejected at a time; of several endpoints it may always be one, the only one never
    /// is. Default: `50%`.
    pub max_ejected: Option<Ratio>,
}
