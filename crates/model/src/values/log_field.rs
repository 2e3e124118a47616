use schemars::JsonSchema;
use serde::Deserialize;

/// The table below: documentation, variant, name.
macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal;)+) => {
        /// What a line of the access log can say of an exchange.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
        pub enum LogField {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl LogField {
            /// Every field, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As documents and lines have it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

fields! {
    /// When the request began, in UTC.
    Time "time";
    /// The address of the client, through trusted proxies.
    Client "client";
    /// The address that the connection came from.
    Peer "peer";
    /// The method that was asked with.
    Method "method";
    /// `http` or `https`, as the client connected.
    Scheme "scheme";
    /// Who was asked for, with the port.
    Host "host";
    /// The path that was asked for, without the query.
    Path "path";
    /// The query, with the values of secret parameters replaced.
    Query "query";
    /// `http1`, `http2`, `grpc` or `websocket`.
    Protocol "protocol";
    /// What the client got; 499 if it left before.
    Status "status";
    /// Why it did not simply go well.
    Cause "cause";
    /// If no route took it: which came near, and what each missed.
    Nearest "nearest";
    /// The listener that it arrived on.
    Listener "listener";
    /// The route that took it.
    Route "route";
    /// The side of a split, or the version.
    Side "side";
    /// The upstream of the last attempt.
    Upstream "upstream";
    /// The endpoint of the last attempt.
    Endpoint "endpoint";
    /// How many endpoints were asked.
    Attempts "attempts";
    /// From the head of the request to the end of the response.
    DurationMs "duration_ms";
    /// What of the time to the head of the response was not spent on waiting for endpoints.
    OverheadMs "overhead_ms";
    /// What was: the sum over all attempts.
    UpstreamMs "upstream_ms";
    /// Of the body of the request.
    RequestBytes "request_bytes";
    /// Of the body of the response.
    ResponseBytes "response_bytes";
    /// What the client says that it is.
    UserAgent "user_agent";
    /// Where the client says that it comes from, with the values of secret parameters replaced.
    Referer "referer";
    /// The id of the request, if anybody asked for it.
    RequestId "request_id";
    /// The trace that it belongs to, if the document asks for traces.
    TraceId "trace_id";
    /// Who called, as a policy found out.
    Consumer "consumer";
    /// The name that the client asked for in the TLS handshake.
    Sni "sni";
}

// === impl LogField ===

impl LogField {
    /// What a line says unless the document says otherwise.
    pub const USUAL: &'static [Self] = &[
        Self::Time,
        Self::Client,
        Self::Method,
        Self::Host,
        Self::Path,
        Self::Protocol,
        Self::Status,
        Self::Cause,
        Self::Nearest,
        Self::Route,
        Self::Side,
        Self::Upstream,
        Self::Endpoint,
        Self::Attempts,
        Self::DurationMs,
        Self::OverheadMs,
        Self::RequestBytes,
        Self::ResponseBytes,
        Self::UserAgent,
        Self::RequestId,
        Self::TraceId,
    ];
}
