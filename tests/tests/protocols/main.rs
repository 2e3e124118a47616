//! Each protocol row, driven through a running gateway over real sockets. One program, because linking is slow.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

mod http1;

mod http1_endpoints;

mod http2;

mod upstreams;

mod balancing;
mod retries;

mod bulkheads;

mod breakers;

mod fallbacks;

mod health;

mod survival;

mod deadlines;

mod tls;

mod proxy_protocol;

mod websocket;

mod streaming;

mod grpc;

mod forwarding;

mod routing;

mod rewrites;

mod policies;

mod mirror;

mod split;

mod versions;
