//! What follows from the address of an endpoint: XXH3 of its text seeds the numbers of [`Random`](message::Random). Both
//! are specified, so every gateway of any version comes to the same layout; the tests pin it.

use std::sync::Arc;

use message::Random;

use super::key::hash;
use crate::Endpoint;

/// An endpoint with a weight, and the numbers by which it is laid out.
pub(super) struct Seeded {
    /// Index of the endpoint.
    pub(super) index: u32,
    pub(super) weight: u64,
    pub(super) numbers: Random,
}

/// Of all endpoints that have a weight, in an order that does not depend on that of the document.
pub(super) fn seeded(endpoints: &[Arc<Endpoint>]) -> Vec<Seeded> {
    let weighted = (0..).zip(endpoints).filter(|(_, endpoint)| endpoint.weight > 0);
    let mut seeds: Vec<(u64, u32)> =
        weighted.map(|(index, endpoint)| (hash(endpoint.address.to_string().as_bytes()), index)).collect();
    seeds.sort_unstable();
    let mut all = Vec::with_capacity(seeds.len());
    let mut before: Option<(u64, Random)> = None;
    for (seed, index) in seeds {
        // An address that is given twice has two parts: the second one's numbers are split off the first one's.
        let numbers = match &mut before {
            Some((same, numbers)) if *same == seed => numbers.split(),
            _ => Random::seeded(seed),
        };
        before = Some((seed, numbers.clone()));
        all.push(Seeded { index, weight: endpoints[index as usize].weight.into(), numbers });
    }
    all
}
