//! The gateway's own registry: services register with it as they would with Eureka or Consul, or by a plain API.
//!
//! ```text
//!  rest ────┐            ┌─▶ push: the gateway, and whoever waits for changes
//!  eureka ──┼─▶ core ────┤
//!  consul ──┘  ▲         └─▶ store: a file, in batches
//!              │ time, probes
//! ```
//!
//! An instance is the same one in all dialects: who registers in one of them is found in the others.

/// The registry as it is without files, sockets and clocks.
mod core;

/// What outlives a restart.
mod store;

/// The registry that runs.
mod registry;
/// Who waits for changes is woken.
mod signals;
/// Asks instances how they are that want to be asked.
mod probe;

/// The sockets, and what all dialects have in common.
mod front;

/// Our own API: `/v1/services`.
mod rest;
/// As clients of Netflix's and Spring's registry speak: `/eureka`.
mod eureka;
/// As clients of a Consul agent speak: `/v1/agent`, `/v1/health`, `/v1/catalog`.
mod consul;

/// Our own registry, as the gateway hears of it.
mod watch;
/// What a scrape shows of it.
mod metrics;

pub use registry::{Registry, Settings};
pub use store::StoreError;
