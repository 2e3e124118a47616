//! What the gateway alone is measured by, without peers and without load.
//!
//! - [`lookup`]: finding one route among many.
//! - [`reload`]: a large document, from its start to its changes.

mod lookup;
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
];
