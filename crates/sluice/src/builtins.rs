//! The kinds that this program knows.

use policy::Registry;
use upstream::balance::{self, Balancers};

/// Every kind that a document may name. Nothing registers itself: what is not in these lists does not exist.
pub struct Kinds {
    pub policies: Vec<Box<dyn policy::Kind>>,
    /// Beside those that come with the gateway.
    pub balancers: Vec<Box<dyn balance::Kind>>,
}

/// The lists, to be asked by name.
pub(crate) struct Known {
    policies: Registry,
    balancers: Balancers,
}

// === impl Kinds ===

/// The built-in ones.
impl Default for Kinds {
    fn default() -> Self {
        Self { policies: policies::kinds(), balancers: Vec::new() }
    }
}

// === impl Known ===

impl From<Kinds> for Known {
    fn from(Kinds { policies, balancers }: Kinds) -> Self {
        Self { policies: Registry::new(policies), balancers: Balancers::new(balancers) }
    }
}

impl snapshot::Kinds for Known {
    fn policies(&self) -> &Registry {
        &self.policies
    }

    fn balancers(&self) -> &Balancers {
        &self.balancers
    }
}
