//! Who is asked first, and who helps out.
//!
//! Endpoints stand in tiers: those that the document says, and within each, those of the gateway's own zone before all
//! others. The first tier gets all requests as long as enough of it is fit to be asked; what it cannot bear any more goes
//! to the next one, and so on (Envoy's priority levels, with its overprovisioning factor as `headroom`). If less of a tier
//! is fit than the panic threshold says, and the others cannot make up for it, then whoever judges health is doubted
//! rather than all endpoints: everybody in that tier is asked, whatever their health.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use message::Random;
use model::Failover;
use smallvec::SmallVec;

use crate::{
    Endpoint, Learned,
    balance::{self, Ask, Balance, LoadBalancer},
};

/// Some endpoints of a set, each tier with a balancer of its own, so that shares within do not depend on what others get.
pub(crate) struct Tiers {
    /// The first one is asked first.
    tiers: Box<[Tier]>,
    rules: Failover,
    /// Whether keys lead to endpoints, and then also to the tier; else chance does.
    places_by_key: bool,
    states: Box<[State]>,
}

/// An endpoint that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picked {
    /// Its index in the set.
    pub endpoint: usize,
    /// It is of another tier than the first.
    pub overflows: bool,
    /// Its health counted for nothing.
    pub panics: bool,
}

struct Tier {
    /// Of the set, in its order; `None`: all.
    indices: Option<Box<[usize]>>,
    endpoints: Box<[Arc<Endpoint>]>,
    balancer: Box<dyn LoadBalancer>,
}

/// What a worker goes by, computed when the health of some endpoint has changed. On cache lines of its own, and written by
/// nobody else.
#[repr(align(128))]
struct State {
    /// [`Learned::changes`] for which it was computed; 0: for none.
    changes: AtomicU64,
    parts: Box<[Part]>,
}

/// What a tier gets.
#[derive(Default)]
struct Part {
    /// Of 2³² requests, those that come after the part before this, and up to here.
    up_to: AtomicU32,
    panics: AtomicBool,
    /// Whether anybody is left out for their health.
    heeds_health: AtomicBool,
}

// === impl Tiers ===

impl Tiers {
    /// Of those with these indices in the set, which are in its order.
    pub(crate) fn new(
        all: &[Arc<Endpoint>],
        indices: impl Iterator<Item = usize>,
        balance: &Balance,
        rules: &Failover,
        workers: usize,
    ) -> Self {
        let mut grouped = BTreeMap::<_, Vec<usize>>::new();
        for index in indices {
            let endpoint = &all[index];
            grouped.entry((endpoint.tier, !rules.is_near(&endpoint.labels))).or_default().push(index);
        }
        let tiers: Box<[Tier]> =
            grouped.into_values().map(|indices| Tier::new(all, indices, balance, workers)).collect();
        let state = |_| State { changes: AtomicU64::new(0), parts: tiers.iter().map(|_| Part::default()).collect() };
        let states = (0..workers.max(1)).map(state).collect();
        Self { tiers, rules: rules.clone(), places_by_key: balance.places_by_key(), states }
    }

    /// One of them; `None` if there is nobody left with a weight.
    pub(crate) fn pick(&self, ask: &Ask<'_>) -> Option<Picked> {
        let state = &self.states[ask.worker % self.states.len()];
        state.renew(self);
        if let [tier] = &*self.tiers {
            return tier.pick(ask, &state.parts[0], false);
        }
        if let Some(picked) = self.bound(ask, state) {
            return Some(picked);
        }
        let chance = if self.places_by_key { ask.key.unwrap_or(ask.random) } else { ask.random };
        // Drawn from it, as balancers go by its bits themselves.
        let drawn = (Random::seeded(chance).split().bits() >> 32) as u32;
        let first = state.parts.iter().position(|part| drawn <= part.up_to.load(Relaxed)).unwrap_or(0);
        // If all of that one were tried, others are better than nobody.
        let others = (0..self.tiers.len()).filter(|tier| *tier != first);
        let mut tiers = [first].into_iter().chain(others);
        tiers.find_map(|tier| self.tiers.get(tier)?.pick(ask, &state.parts[tier], tier > 0))
    }

    /// All of them, with their index in the set.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = (usize, &Arc<Endpoint>)> {
        self.tiers.iter().flat_map(|tier| {
            let index = |place| tier.indices.as_ref().map_or(place, |indices| indices[place]);
            tier.endpoints.iter().enumerate().map(move |(place, endpoint)| (index(place), endpoint))
        })
    }

    /// The [`Ask::key`] by which a client can come back to this endpoint of the set.
    pub(crate) fn token(&self, endpoint: usize) -> Option<u64> {
        self.tiers.iter().find_map(|tier| tier.balancer.token(tier.place(endpoint)?))
    }

    /// The endpoint that a client is bound to, in whatever tier.
    fn bound(&self, ask: &Ask<'_>, state: &State) -> Option<Picked> {
        ask.key?;
        let mut tiers = self.tiers.iter().zip(&state.parts).enumerate();
        tiers.find_map(|(at, (tier, part))| {
            let bound = tier.with_ask(ask, part, |ask| tier.balancer.bound(&tier.endpoints, ask))?;
            Some(tier.picked(bound, part, at > 0))
        })
    }
}

// === impl Tier ===

impl Tier {
    fn new(all: &[Arc<Endpoint>], indices: Vec<usize>, balance: &Balance, workers: usize) -> Self {
        let endpoints: Box<[_]> = indices.iter().map(|index| all[*index].clone()).collect();
        let balancer = balance::build(balance, &endpoints, workers);
        Self { indices: (indices.len() < all.len()).then(|| indices.into()), endpoints, balancer }
    }

    fn pick(&self, ask: &Ask<'_>, part: &Part, overflows: bool) -> Option<Picked> {
        let picked = self.with_ask(ask, part, |ask| self.balancer.pick(&self.endpoints, ask))?;
        // Balancers come from others as well, and one that errs must cost an answer at most.
        (picked < self.endpoints.len()).then(|| self.picked(picked, part, overflows))
    }

    /// Balancers know nothing of the whole: what was tried is told to them, and what they say is read, in indices of the
    /// tier.
    fn with_ask<T>(&self, ask: &Ask<'_>, part: &Part, answer: impl FnOnce(&Ask<'_>) -> T) -> T {
        let heeds_health = ask.heeds_health && part.heeds_health.load(Relaxed);
        if self.indices.is_none() || ask.tried.is_empty() {
            return answer(&Ask { heeds_health, ..*ask });
        }
        let tried: SmallVec<[usize; 4]> = ask.tried.iter().filter_map(|index| self.place(*index)).collect();
        answer(&Ask { tried: &tried, heeds_health, ..*ask })
    }

    fn picked(&self, place: usize, part: &Part, overflows: bool) -> Picked {
        let endpoint = self.indices.as_ref().map_or(place, |indices| indices[place]);
        Picked { endpoint, overflows, panics: part.panics.load(Relaxed) }
    }

    /// Where an endpoint of the set is here, if it is.
    fn place(&self, endpoint: usize) -> Option<usize> {
        match &self.indices {
            Some(indices) => indices.binary_search(&endpoint).ok(),
            None => (endpoint < self.endpoints.len()).then_some(endpoint),
        }
    }

    /// The part of it that is fit to be asked, by weight, and the whole weight.
    fn fit(&self) -> (f64, f64) {
        let weight = |endpoint: &&Arc<Endpoint>| f64::from(endpoint.weight);
        let all: f64 = self.endpoints.iter().map(|endpoint| weight(&endpoint)).sum();
        let fit: f64 = self.endpoints.iter().filter(|endpoint| endpoint.is_eligible()).map(|e| weight(&e)).sum();
        (if all > 0.0 { fit / all } else { 0.0 }, all)
    }

    /// Whether nobody is fit, and the first probe of somebody has not ended yet.
    fn is_awaited(&self) -> bool {
        let is_awaited = |endpoint: &Arc<Endpoint>| !endpoint.is_last_resort();
        !self.endpoints.iter().any(|endpoint| endpoint.is_eligible()) && self.endpoints.iter().any(is_awaited)
    }
}

// === impl State ===

impl State {
    /// Computes it anew, if the health of anybody has changed.
    fn renew(&self, tiers: &Tiers) {
        // Counted from 1, so that what was never computed is.
        let changes = Learned::changes() + 1;
        if self.changes.load(Relaxed) == changes {
            return;
        }
        let fit: SmallVec<[(f64, f64); 4]> = tiers.tiers.iter().map(Tier::fit).collect();
        let mut up_to = 0.0;
        let given = given(&fit, &tiers.rules);
        for ((part, tier), Given { share, panics, heeds_health }) in self.parts.iter().zip(&tiers.tiers).zip(given) {
            // Who has not been probed yet may be well, which is worth waiting for.
            let waits = panics && tier.is_awaited();
            up_to += share;
            part.up_to.store((up_to * f64::from(u32::MAX)).round() as u32, Relaxed);
            part.panics.store(panics && !waits, Relaxed);
            part.heeds_health.store(heeds_health || waits, Relaxed);
        }
        self.changes.store(changes, Relaxed);
    }
}

/// What a tier is to get.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Given {
    /// Of all requests, from 0 to 1.
    share: f64,
    panics: bool,
    heeds_health: bool,
}

/// By the part of each tier that is fit, and its weight.
fn given(fit: &[(f64, f64)], rules: &Failover) -> SmallVec<[Given; 4]> {
    let bears = |(fit, _): &(f64, f64)| (fit * rules.headroom).min(1.0);
    let all: f64 = fit.iter().map(bears).sum();
    let is_doubted =
        |(part, weight): &(f64, f64)| *weight > 0.0 && *part < rules.panic_threshold && (fit.len() == 1 || all < 1.0);
    let mut left = 1.0;
    let share = |tier: &(f64, f64)| {
        // If nobody is fit, the first who has a weight is asked, as if they were.
        let bears = match all {
            0.0 => f64::from(tier.1 > 0.0),
            all => bears(tier) / all.min(1.0),
        };
        let share = f64::min(bears, left);
        left -= share;
        let panics = is_doubted(tier);
        Given { share, panics, heeds_health: tier.0 < 1.0 && !panics }
    };
    fit.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use model::{EndpointAddress, Place};

    use super::*;
    use crate::balance::{Balancers, contract::Chance};

    /// By tier, zone and weight.
    fn endpoint(number: usize, tier: u32, zone: &str, weight: u32) -> Arc<Endpoint> {
        Arc::new(Endpoint::new(&model::Endpoint {
            place: Place { file: "".into(), line: 1, column: 1 },
            address: EndpointAddress::Name { host: format!("e{number}").into(), port: 1 },
            weight,
            tier,
            labels: vec![("zone".into(), zone.into())],
        }))
    }

    fn tiers(endpoints: &[Arc<Endpoint>], balance: &model::Balance, zone: Option<&str>) -> Tiers {
        let balance = Balance::new(balance, None, &Balancers::default(), None).unwrap();
        let rules = Failover { zone: zone.map(Into::into), ..Failover::default() };
        Tiers::new(endpoints, 0..endpoints.len(), &balance, &rules, 2)
    }

    fn eligible(endpoints: &[Arc<Endpoint>], is_eligible: bool) {
        endpoints.iter().for_each(|endpoint| endpoint.learned.set_eligible(is_eligible, Instant::now()));
    }

    /// The share of each endpoint.
    fn shares(tiers: &Tiers, endpoints: usize) -> Vec<f64> {
        const PICKS: usize = 20_000;
        let mut chance = Chance::default();
        let mut counts = vec![0.0; endpoints];
        for _ in 0..PICKS {
            counts[tiers.pick(&chance.ask()).unwrap().endpoint] += 1.0 / PICKS as f64;
        }
        counts
    }

    fn assert_near(shares: &[f64], expected: &[f64]) {
        let near = shares.iter().zip(expected).all(|(share, expected)| (share - expected).abs() < 0.02);
        assert!(near && shares.len() == expected.len(), "{shares:?} instead of {expected:?}");
    }

    #[test]
    fn what_a_tier_cannot_bear_goes_to_the_next() {
        let rules = Failover { zone: None, headroom: 1.4, panic_threshold: 0.5 };
        // Fit parts of tiers of one weight; their shares, and which of them panic.
        for (fit, expected, panicking) in [
            (&[1.0][..], &[1.0][..], &[false][..]),
            (&[0.5], &[1.0], &[false]),
            (&[0.4], &[1.0], &[true]),
            (&[0.0], &[1.0], &[true]),
            (&[1.0, 1.0], &[1.0, 0.0], &[false; 2]),
            (&[0.75, 1.0], &[1.0, 0.0], &[false; 2]),
            (&[0.5, 1.0], &[0.7, 0.3], &[false; 2]),
            (&[0.0, 1.0], &[0.0, 1.0], &[false; 2]),
            (&[0.25, 0.25, 1.0], &[0.35, 0.35, 0.3], &[false; 3]),
            (&[0.3, 0.2], &[0.6, 0.4], &[true; 2]),
            (&[0.0, 0.6], &[0.0, 1.0], &[true, false]),
            (&[0.0, 0.0], &[1.0, 0.0], &[true; 2]),
        ] {
            let tiers: Vec<_> = fit.iter().map(|fit| (*fit, 3.0)).collect();
            let given = given(&tiers, &rules);
            assert_near(&given.iter().map(|given| given.share).collect::<Vec<_>>(), expected);
            assert_eq!(given.iter().map(|given| given.panics).collect::<Vec<_>>(), panicking, "{fit:?}");
        }
        // A tier without weight bears nothing, and has nobody to doubt.
        let given = given(&[(0.0, 0.0), (0.0, 2.0)], &rules);
        assert_eq!((given[0].share, given[0].panics, given[1].share), (0.0, false, 1.0));
        let never = Failover { panic_threshold: 0.0, ..rules };
        assert!(super::given(&[(0.0, 1.0)], &never).iter().all(|given| !given.panics && given.heeds_health));
    }

    #[test]
    fn the_first_tier_has_all_as_long_as_it_can() {
        let mut endpoints: Vec<_> = (0..4).map(|number| endpoint(number, 3, "a", 1)).collect();
        endpoints.push(endpoint(4, 7, "a", 1));
        for balance in [model::Balance::RoundRobin, model::Balance::LeastRequests] {
            let tiers = tiers(&endpoints, &balance, None);
            eligible(&endpoints, true);
            assert_near(&shares(&tiers, 5), &[0.25, 0.25, 0.25, 0.25, 0.0]);
            eligible(&endpoints[..1], false);
            assert_near(&shares(&tiers, 5), &[0.0, 0.333, 0.333, 0.333, 0.0]);
            eligible(&endpoints[..2], false);
            assert_near(&shares(&tiers, 5), &[0.0, 0.0, 0.35, 0.35, 0.3]);
            eligible(&endpoints[..4], false);
            assert_near(&shares(&tiers, 5), &[0.0, 0.0, 0.0, 0.0, 1.0]);
            eligible(&endpoints[4..], false);
            assert_near(&shares(&tiers, 5), &[0.25, 0.25, 0.25, 0.25, 0.0]);
            let picked = tiers.pick(&Chance::default().ask()).unwrap();
            assert!(picked.panics && !picked.overflows);
        }
    }

    #[test]
    fn the_own_zone_is_asked_first() {
        let zones = ["b", "a", "a", "b"];
        let endpoints: Vec<_> = (0..).zip(zones).map(|(number, zone)| endpoint(number, 0, zone, 1)).collect();
        let all = [0.25; 4];
        assert_near(&shares(&tiers(&endpoints, &model::Balance::Random, None), 4), &all);
        assert_near(&shares(&tiers(&endpoints, &model::Balance::Random, Some("c")), 4), &all);
        let near = tiers(&endpoints, &model::Balance::Random, Some("a"));
        assert_near(&shares(&near, 4), &[0.0, 0.5, 0.5, 0.0]);
        eligible(&endpoints[1..2], false);
        assert_near(&shares(&near, 4), &[0.15, 0.0, 0.7, 0.15]);
    }

    #[test]
    fn others_are_better_than_nobody() {
        let endpoints = [endpoint(0, 0, "a", 1), endpoint(1, 1, "a", 1), endpoint(2, 1, "a", 0)];
        let tiers = tiers(&endpoints, &model::Balance::RoundRobin, None);
        let mut chance = Chance::default();
        assert_eq!(tiers.pick(&chance.ask()).map(|picked| picked.endpoint), Some(0));
        let second = Picked { endpoint: 1, overflows: true, panics: false };
        assert_eq!(tiers.pick(&Ask { tried: &[0], ..chance.ask() }), Some(second));
        assert_eq!(tiers.pick(&Ask { tried: &[0, 1], ..chance.ask() }), None);
    }

    /// A key leads to one endpoint, and to the tier of that.
    #[test]
    fn keys_and_cookies_hold_across_tiers() {
        let endpoints: Vec<_> = (0..6).map(|number| endpoint(number, number as u32 / 3, "a", 1)).collect();
        eligible(&endpoints[..2], false);
        let hashing = balance::contract::hashing(model::HashAlgorithm::Ring, None);
        let by_key = tiers(&endpoints, &model::Balance::ConsistentHash(hashing), None);
        let mut chance = Chance::default();
        for _ in 0..200 {
            let ask = chance.ask();
            let picked = by_key.pick(&ask);
            assert!(picked.is_some_and(|picked| picked.endpoint >= 2));
            assert_eq!(by_key.pick(&Ask { random: chance.random.bits(), ..ask }), picked);
        }
        // What lies beyond the first tier is spread over all of the second.
        assert_near(&shares(&by_key, 6), &[0.0, 0.0, 0.467, 0.178, 0.178, 0.178]);

        let cookies = model::StickyCookie { cookie: "s".into(), ttl: None, secret: None };
        let sticky = tiers(&endpoints, &model::Balance::Sticky(cookies), None);
        for endpoint in 2..6 {
            let key = sticky.token(endpoint);
            assert!(key.is_some());
            for _ in 0..20 {
                let picked = sticky.pick(&Ask { key, ..chance.ask() }).unwrap();
                assert_eq!((picked.endpoint, picked.overflows), (endpoint, endpoint > 2));
            }
        }
        let gone = sticky.pick(&Ask { key: sticky.token(0), ..chance.ask() }).unwrap();
        assert!(gone.endpoint >= 2);
    }
}
