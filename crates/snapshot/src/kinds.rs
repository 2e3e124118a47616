//! The kinds that a program knows.

use policy::Registry;
use upstream::balance::Balancers;

/// What documents may name beside the things that every program has.
pub trait Kinds: Send + Sync {
    fn policies(&self) -> &Registry;

    /// Those that do not come with the gateway.
    fn balancers(&self) -> &Balancers {
        static NONE: Balancers = Balancers::new(Vec::new());
        &NONE
    }
}

/// Of policies alone.
impl Kinds for Registry {
    fn policies(&self) -> &Registry {
        self
    }
}
