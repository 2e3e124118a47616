//! What the gateway alone is measured by, without peers.
//!
//! - [`costs`]: what it costs to notice requests.
//! - [`discovery`]: registries that flap and fail, and registrations.
//! - [`lookup`]: finding one route among many.
//! - [`reload`]: a large document, from its start to its changes.
//! - [`pushes`]: changes by the admin API under load.
//! - [`sinks`]: access logs that cannot be written.

mod costs;
mod discovery;
mod ground;
mod lookup;
mod pushes;
mod reload;
mod sinks;

use super::Args;
use crate::Failure;

/// One measurement; prints a table of its own.
pub(crate) struct Own {
    pub name: &'static str,
    pub what: &'static str,
    pub measure: fn(&Args) -> Result<String, Failure>,
}

pub(crate) const OWN: &[Own] = &[
    Own {
        name: "lookup",
        what: "finding a route, in process, in tables of 50 to 50,000 mixed routes",
        measure: lookup::measure,
    },
    Own {
        name: "reload-50000",
        what: "a document of 50,000 mixed routes: its start, and one changed route",
        measure: reload::measure,
    },
    Own {
        name: "costs",
        what: "metrics, recorder, access log and tracing, as differences in processor time",
        measure: costs::measure,
    },
    Own {
        name: "flapping",
        what: "100 services of Consul, each with an instance that comes and goes ten times a second",
        measure: discovery::flapping::measure,
    },
    Own {
        name: "outages",
        what: "registries that are killed, started again and cut off under 500 requests a second",
        measure: discovery::outages::measure,
    },
    Own {
        name: "pushes",
        what: "50 changes a second by the admin API, of 1,000 routes, at a constant rate of requests",
        measure: pushes::measure,
    },
    Own {
        name: "registered",
        what: "from a registration with the gateway itself to the first request that reaches the instance",
        measure: discovery::registered::measure,
    },
    Own {
        name: "sinks",
        what: "access logs whose sinks are dead, deaf or full, at a constant rate of requests",
        measure: sinks::measure,
    },
];
