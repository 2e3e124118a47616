//! The kinds that a program knows.

use policy::Registry;
use serde_json::Value;
use upstream::balance::Balancers;

/// What documents may name beside the things that every program has.
pub trait Kinds: Send + Sync {
    fn policies(&self) -> &Registry;

    /// Those that do not come with the gateway.
    fn balancers(&self) -> &Balancers {
        static NONE: Balancers = Balancers::new(Vec::new());
        &NONE
    }

    /// The JSON Schema of documents that may name these.
    fn schema(&self) -> Value {
        let policies: Vec<_> = self.policies().iter().map(|kind| (kind.name(), kind.schema())).collect();
        let balancers: Vec<_> = self.balancers().iter().map(|kind| (kind.name(), kind.schema())).collect();
        model::schema(&policies, &balancers)
    }
}

/// Of policies alone.
impl Kinds for Registry {
    fn policies(&self) -> &Registry {
        self
    }
}
