//! Which endpoints of an upstream some routes want alone.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Destination, Place, Report, Selector, SubsetId, Upstream, UpstreamId};

/// The selectors of each upstream, with the place where each was met first.
pub(crate) struct Subsets(Vec<Vec<(Selector, Place)>>);

// === impl Subsets ===

impl Subsets {
    pub(super) fn of(upstreams: usize) -> Self {
        Self(vec![Vec::new(); upstreams])
    }

    /// The upstream with this index, or those of its endpoints that have all of `labels`, as asked for at `place`.
    pub(super) fn destination(
        &mut self,
        upstream: u32,
        labels: BTreeMap<String, String>,
        place: &Place,
    ) -> Destination {
        // Sorted, because a `BTreeMap` is.
        let labels: Vec<_> = labels.into_iter().map(|(key, value)| (Arc::from(key), Arc::from(value))).collect();
        let subset = (!labels.is_empty()).then(|| self.subset(upstream, Selector(labels), place));
        Destination { upstream: UpstreamId(upstream), subset }
    }

    fn subset(&mut self, upstream: u32, selector: Selector, place: &Place) -> SubsetId {
        let subsets = &mut self.0[upstream as usize];
        let known = subsets.iter().position(|(known, _)| *known == selector);
        let index = known.unwrap_or_else(|| {
            subsets.push((selector, place.clone()));
            subsets.len() - 1
        });
        // A document of 4 GiB does not get here.
        SubsetId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Hands each upstream its selectors. Warns of those that no endpoint satisfies.
    pub(super) fn hand_over(&mut self, upstreams: &mut [Option<Upstream>], report: &mut Report) {
        for (upstream, subsets) in upstreams.iter_mut().zip(std::mem::take(&mut self.0)) {
            let Some(upstream) = upstream else { continue };
            for (selector, place) in &subsets {
                let mut taken = upstream.endpoints.iter().filter(|endpoint| selector.takes(&endpoint.labels));
                if !upstream.endpoints.is_empty() && taken.all(|endpoint| endpoint.weight == 0) {
                    let name = &upstream.name;
                    let message = format!("no endpoint of the upstream `{name}` has {selector} and a weight");
                    report.warning_with_hint(place, message, "requests that go there are refused with 503");
                }
            }
            upstream.subsets = subsets.into_iter().map(|(selector, _)| selector).collect();
        }
    }
}
