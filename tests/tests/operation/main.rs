//! What goes wrong, and what operators do: errors, limits, reload, drain, bad input, metrics. One program, because
//! linking is slow.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

/// Somebody who asks at the admin address.
mod asking;
/// Requests by hand, each bad in its own way.
mod bad_requests;
/// Endpoints that fail, in every way.
mod failing;
/// An origin that answers when the test says.
mod held;
/// What the gateway keeps on the disk for a start without its registries.
mod kept;
/// A stock Eureka estate.
mod spring;
/// How a refusal looks, whatever it refuses.
mod refusal;
/// What the gateway says of itself: access log, flight recorder and metrics.
mod witness;

/// The end of a gateway, as its clients and its supervisor see it.
mod drain;
/// Orders about endpoints that the document writes.
mod endpoints;
/// Endpoints that are found in registries.
mod discovery;
/// A gateway that is driven by commands.
mod commands;
/// Who calls, by the keys that they show.
mod consumers;
/// Each cause, with everything that names it.
mod errors;
/// What happened to a request.
mod flights;
/// What a client may hold, and for how long.
mod limits;
/// The admin API, asked for everything.
mod openapi;
/// Why requests go where they go.
mod explain;
/// Services that register with the gateway itself.
mod registry;
/// Who may do what at the admin address.
mod operators;
/// Documents that change while traffic flows.
mod reload;
/// What operators change by the admin API, as clients of the gateway see it.
mod changes;
/// What no document reaches.
mod confined;
/// Documents that are no good in five hundred ways.
mod mutated;
/// Names in the DNS, and name servers that fail.
mod dns;
/// etcd as a registry, and the gateway in it.
mod etcd;
/// Services that register with Eureka.
mod eureka;
/// What a gateway cannot start with.
mod bad_input;
/// Many gateways that share what the API keeps, in etcd.
mod cluster;
/// Consul, its catalog, and the gateway in it.
mod consul;
/// What operators read.
mod metrics;
/// Access logs where they go, and what the program says of itself.
mod logs;
/// Exchanges told as traces, and contexts handed on.
mod tracing;
/// A real Prometheus reads the same.
mod prometheus;
