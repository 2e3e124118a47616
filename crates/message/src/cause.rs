//! Why the gateway did what it did.

use http::StatusCode;

/// Who is responsible for an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client sent something that cannot be served.
    Client,
    /// A rule of this gateway decided so.
    Gateway,
    /// The endpoint, or the way to it, failed.
    Upstream,
}

/// The table below, one row per cause: variant, name, side, status, gRPC status, RFC 9209 token, title.
macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $side:ident $status:literal $grpc:literal $token:literal $title:literal;)+) => {
        /// The one code that says why an exchange ended as it did when it did not simply end well.
        ///
        /// The same name stands in the access log, in metric labels, in the `type` of a problem and in `Proxy-Status`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Cause {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Cause {
            /// Every cause, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used everywhere.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            pub const fn side(self) -> Side {
                match self { $(Self::$variant => Side::$side,)+ }
            }

            /// The status that a client gets.
            pub const fn status(self) -> StatusCode {
                const STATUS: &[u16] = &[$($status,)+];
                match StatusCode::from_u16(STATUS[self as usize]) {
                    Ok(status) => status,
                    Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
                }
            }

            /// The `grpc-status` that a gRPC caller gets.
            pub const fn grpc_status(self) -> u8 {
                match self { $(Self::$variant => $grpc,)+ }
            }

            /// The error token of `Proxy-Status` (RFC 9209, 2.3).
            pub const fn proxy_status(self) -> &'static str {
                match self { $(Self::$variant => $token,)+ }
            }

            /// A short sentence for people, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What it means and what to do, from the table's comments; `docs/errors.md` is made of it.
            pub const fn manual(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n",)+),)+ }
            }
        }
    };
}

causes! {
    /// The request is not HTTP as RFC 9112 or RFC 9113 describe it; bare control characters in a field are the usual reason.
    MalformedRequest "malformed_request" Client 400 3 "http_request_error" "The request is malformed";
    /// The length of the body can be read in two ways (`Content-Length` beside `Transfer-Encoding`, or several lengths).
    AmbiguousFraming "ambiguous_framing" Client 400 3 "http_request_error" "The length of the request body is ambiguous";
    /// The path holds something that two parsers could read differently: an encoded slash, backslash or NUL, or a way above the root.
    InvalidPath "invalid_path" Client 400 3 "http_request_error" "The path of the request has no canonical form";
    /// `Host` is missing, given twice, malformed, or contradicts the request target.
    InvalidHost "invalid_host" Client 400 3 "http_request_error" "The host of the request is missing or invalid";
    /// The request target is longer than the listener's `limits.uri_bytes`.
    UriTooLong "uri_too_long" Client 414 8 "http_request_error" "The request target is too long";
    /// The header section exceeds the listener's `limits.header_bytes` or `limits.header_count`.
    HeadersTooLarge "headers_too_large" Client 431 8 "http_request_error" "The header section is too large";
    /// The body is longer than the listener's `limits.body_bytes`, or than a policy that reads it can take.
    BodyTooLarge "body_too_large" Client 413 8 "http_request_error" "The request body is too large";
    /// The head of the request did not arrive within `limits.header_timeout`.
    HeaderTimeout "header_timeout" Client 408 4 "http_request_error" "The request head took too long";
    /// The client stopped sending the body for longer than `limits.stall_timeout`.
    BodyStalled "body_stalled" Client 408 4 "http_request_error" "The request body stalled";
    /// The client broke off the request body.
    BodyIncomplete "body_incomplete" Client 400 1 "http_request_error" "The request body ended early";
    /// The client went away before the response was complete. It gets no answer; logs show status 499.
    ClientClosed "client_closed" Client 499 1 "connection_terminated" "The client closed the connection";
    /// The client did not take the response for longer than `limits.stall_timeout`.
    ClientStalled "client_stalled" Client 499 1 "connection_write_timeout" "The client stopped taking the response";
    /// The method or protocol that was asked for cannot be forwarded (`CONNECT` without a protocol, an unknown upgrade).
    UnsupportedMethod "unsupported_method" Client 501 12 "http_request_error" "The method is not supported here";
    /// The request names no version of the API, and the route has no `versions.default`.
    VersionRequired "version_required" Client 400 3 "http_request_error" "The request names no version";
    /// The request names a version that is not among the route's `versions.known`.
    UnknownVersion "unknown_version" Client 400 3 "http_request_error" "The version is not known";
    /// The version that the request names is past its `sunset`.
    VersionExpired "version_expired" Client 410 12 "http_request_denied" "The version is no longer served";
    /// The route wants to know who calls, and the request does not show it. `detail` says where it could; see
    /// [consumers](consumers.md).
    Unauthenticated "unauthenticated" Client 401 16 "http_request_denied" "The request does not show who calls";
    /// What the request shows of who calls is not known, or does not hold any more. With status 400: it shows several things,
    /// and nobody can say which one counts.
    InvalidCredentials "invalid_credentials" Client 401 16 "http_request_denied" "The credentials of the request are not valid";
    /// The request went through this gateway already, more often than a chain of gateways explains.
    LoopDetected "loop_detected" Client 508 13 "proxy_loop_detected" "The request is going in circles";

    /// No route matches: host, path, method or another matcher of each differs. `nearest` in the access log says which came
    /// near, and [`sluice explain`](explain.md) says the rest; mind that `methods: [GET]` does not take HEAD.
    NoRoute "no_route" Gateway 404 12 "destination_not_found" "No route matches the request";
    /// The path fills in the name of the route's `upstream`, and no upstream has the name that comes of this request.
    UnknownUpstream "unknown_upstream" Gateway 404 12 "destination_not_found" "The path names no service that is known here";
    /// A policy refused the request.
    Denied "denied" Gateway 403 7 "http_request_denied" "The request was denied";
    /// A policy failed while it was at work.
    PolicyFailed "policy_failed" Gateway 500 13 "proxy_internal_error" "A policy of the route failed";
    /// A policy of the route could not be built; the route answers nothing else until it can.
    PolicyUnavailable "policy_unavailable" Gateway 503 14 "proxy_configuration_error" "A policy of the route is not available";
    /// A policy `fault` refused the request on purpose, for a trial, with the status that is set there; or it had it wait, and
    /// the status is that of the answer that it got.
    FaultInjected "fault_injected" Gateway 503 14 "proxy_internal_response" "A fault was injected on purpose";
    /// A rewrite of the route made a path or host that is not valid.
    RewriteFailed "rewrite_failed" Gateway 500 13 "proxy_configuration_error" "A rewrite of the route made an invalid request";
    /// Something in the gateway went wrong that should not have; please report it.
    Internal "internal" Gateway 500 13 "proxy_internal_error" "The gateway failed";

    /// The upstream has no endpoint that could be used: none has a weight, none has passed its first health probe yet, or the
    /// registry that its `discovery` names knows none, or has not answered yet (`GET /api/v1/services` says which).
    NoEndpoint "no_endpoint" Upstream 503 14 "destination_unavailable" "No endpoint is available";
    /// As many requests as `bulkhead` allows are under way, and those that may wait for one of them to end do so already, or one
    /// did for longer than `bulkhead.wait`; or there are as many connections as it allows, and none became free in that time.
    UpstreamSaturated "upstream_saturated" Upstream 503 8 "connection_limit_reached" "The upstream has as many requests or connections as it may have";
    /// The circuit breaker of the route, of the upstream or of each of its endpoints is open: too many requests failed, or were
    /// slow, of late. `Retry-After` says when it is worth another try; `GET /api/v1/breakers` says why it opened.
    BreakerOpen "breaker_open" Upstream 503 14 "destination_unavailable" "The circuit breaker is open";
    /// The name of the endpoint could not be resolved.
    DnsFailed "dns_failed" Upstream 502 14 "dns_error" "The name of the endpoint could not be resolved";
    /// The endpoint refused the connection: nothing listens there, or a firewall rejects.
    ConnectRefused "connect_refused" Upstream 502 14 "connection_refused" "The endpoint refused the connection";
    /// No connection within `timeouts.connect`.
    ConnectTimeout "connect_timeout" Upstream 504 14 "connection_timeout" "Connecting to the endpoint took too long";
    /// The connection could not be made for another reason (no route to host, no descriptor left).
    ConnectFailed "connect_failed" Upstream 502 14 "destination_unavailable" "The endpoint could not be reached";
    /// The TLS handshake with the endpoint failed.
    TlsFailed "tls_failed" Upstream 502 14 "tls_protocol_error" "The TLS handshake with the endpoint failed";
    /// The endpoint's certificate is not trusted for its name.
    TlsCertificate "tls_certificate" Upstream 502 14 "tls_certificate_error" "The certificate of the endpoint is not trusted";
    /// The endpoint closed or reset the connection before it answered.
    UpstreamReset "upstream_reset" Upstream 502 14 "connection_terminated" "The endpoint closed the connection without an answer";
    /// No response head within `timeouts.first_byte`.
    ResponseTimeout "response_timeout" Upstream 504 4 "http_response_timeout" "The endpoint took too long to answer";
    /// The exchange took longer than `timeouts.total`.
    TotalTimeout "total_timeout" Upstream 504 4 "http_response_timeout" "The exchange took too long";
    /// The endpoint stopped sending the body for longer than `timeouts.idle`; the response was broken off.
    ResponseStalled "response_stalled" Upstream 504 4 "connection_read_timeout" "The response body stalled";
    /// The endpoint broke off the response body; so did the gateway, so that nobody takes it for complete.
    ResponseIncomplete "response_incomplete" Upstream 502 14 "http_response_incomplete" "The response body ended early";
    /// The endpoint's answer is not HTTP, or breaks its rules.
    ResponseMalformed "response_malformed" Upstream 502 13 "http_protocol_error" "The endpoint's answer is malformed";
    /// The endpoint did not switch protocols although the client asked for it.
    UpgradeFailed "upgrade_failed" Upstream 502 14 "http_upgrade_failed" "The endpoint did not switch protocols";
}

// === impl Cause ===

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_own_and_every_status_is_valid() {
        for (index, cause) in Cause::ALL.iter().enumerate() {
            assert!(Cause::ALL[..index].iter().all(|other| other.name() != cause.name()), "{cause} stands twice");
            assert!(cause.status() != StatusCode::INTERNAL_SERVER_ERROR || cause.side() == Side::Gateway, "{cause}");
            assert!(cause.grpc_status() <= 16, "{cause}");
        }
    }
}
