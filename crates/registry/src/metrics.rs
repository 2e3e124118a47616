//! What a scrape shows of the registry.

use telemetry::{Expose, Exposition, names};

use crate::{
    Registry,
    core::{Dialect, Status},
    registry::PerDialect,
};

impl Expose for Registry {
    /// Nothing of a gateway that has none.
    fn expose(&self, out: &mut Exposition) {
        if !self.0.is_open() {
            return;
        }
        let counts = {
            let core = self.0.core();
            Status::ALL.map(|status| (status, core.count(status)))
        };
        let mut samples = out.family(&names::OWN_REGISTRY_INSTANCES);
        for (status, count) in counts {
            samples.count(&[status.name()], count as u64);
        }
        let counters = &self.0.counters;
        let mut show = |family, counter: &PerDialect| {
            let mut samples = out.family(family);
            for dialect in Dialect::ALL {
                samples.count(&[dialect.name()], counter.value(dialect));
            }
        };
        show(&names::OWN_REGISTRY_REGISTRATIONS, &counters.registrations);
        show(&names::OWN_REGISTRY_RENEWALS, &counters.renewals);
        show(&names::OWN_REGISTRY_EXPIRATIONS, &counters.expirations);
        show(&names::OWN_REGISTRY_REFUSALS, &counters.refusals);
        out.family(&names::OWN_REGISTRY_WRITE_FAILURES).count(&[], self.0.write_failures());
    }
}
