//! What the gateway alone is measured by, without peers.
//!
//! - [`lookup`]: finding one route among many.
//! - [`reload`]: a large document, from its start to its changes.
//! - [`pushes`]: changes by the admin API under load.

mod lookup;
mod pushes;
mod reload;

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
        name: "pushes",
        what: "50 changes a second by the admin API, of 1,000 routes, at half of what goes at most",
        measure: pushes::measure,
    },
];
