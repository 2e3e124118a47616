//! The first endpoint that has room: in the order of the document, each is filled before the next one is asked, so that
//! those at the end can sleep while there is little to do.
//!
//! ```yaml
//! balance: { first_fit: { most: 50 } }
//! ```

use std::sync::Arc;

use model::{Node, Report};
use schemars::JsonSchema;
use serde::Deserialize;
use upstream::{
    Endpoint,
    balance::{Ask, BalancerKind, BalancerRules, LoadBalancer},
};

/// Settings of `first_fit`. With nothing to prepare for a set of endpoints, they are the balancer as well.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstFit {
    /// How many requests an endpoint has under way before the next one is asked.
    most: u32,
}

// === impl FirstFit ===

impl BalancerKind for FirstFit {
    const NAME: &'static str = "first_fit";

    fn check(&self, settings: &Node, report: &mut Report) {
        if self.most == 0 {
            let hint = "for example `most: 50`";
            report.error_with_hint(&settings.near("most").place, "with `most: 0` no endpoint ever has room", hint);
        }
    }
}

impl BalancerRules for FirstFit {
    fn build(&self, _: &[Arc<Endpoint>], _: usize) -> Box<dyn LoadBalancer> {
        Box::new(*self)
    }

    fn counts_requests(&self) -> bool {
        true
    }
}

impl LoadBalancer for FirstFit {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        let under_way = |index: &usize| endpoints[*index].learned.in_flight();
        let may_be_asked = |index: &usize| endpoints[*index].weight > 0 && ask.takes(*index, endpoints);
        let known = (0..endpoints.len()).filter(may_be_asked);
        // If all are full, whoever has the least to do is better than nobody.
        known.clone().find(|index| under_way(index) < self.most).or_else(|| known.min_by_key(under_way))
    }
}
