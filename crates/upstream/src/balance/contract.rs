//! What must hold of every balancer, and what the tests of each begin with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use expression::Environment;
use message::Random;
use model::{Among, ConsistentHash, Custom, EndpointAddress, HashAlgorithm, HashKey, Place, StickyCookie};

use super::{Ask, Balance, Balancers, LoadBalancer, build};
use crate::Endpoint;

/// Endpoints with these weights, each with an address of its own.
pub(crate) fn endpoints(weights: &[u32]) -> Vec<Arc<Endpoint>> {
    (0..).zip(weights).map(|(number, weight)| endpoint(number, *weight)).collect()
}

/// The endpoint with the address of this number.
pub(crate) fn endpoint(number: usize, weight: u32) -> Arc<Endpoint> {
    let host = format!("e{number}.test").into();
    Arc::new(Endpoint::new(&model::Endpoint {
        place: Place { file: "".into(), line: 1, column: 1 },
        address: EndpointAddress::Name { host, port: 80 },
        weight,
        tier: 0,
        labels: Vec::new(),
    }))
}

pub(crate) fn eligible(endpoint: &Endpoint, is_eligible: bool) {
    endpoint.learned.set_eligible(is_eligible, Instant::now());
}

/// Requests by chance, the same in every run: from two workers in turn, each with a key of its own.
pub(crate) struct Chance {
    pub(crate) random: Random,
    worker: usize,
    pub(crate) now: Instant,
}

// === impl Chance ===

impl Default for Chance {
    fn default() -> Self {
        Self { random: Random::seeded(42), worker: 0, now: Instant::now() }
    }
}

impl Chance {
    pub(crate) fn ask(&mut self) -> Ask<'static> {
        self.worker = 1 - self.worker;
        let key = Some(self.random.bits());
        Ask { worker: self.worker, tried: &[], key, random: self.random.bits(), now: self.now, heeds_health: true }
    }
}

pub(crate) fn hashing(algorithm: HashAlgorithm, bounded_load: Option<f64>) -> ConsistentHash {
    ConsistentHash { key: HashKey::ClientIp, fallback: None, algorithm, bounded_load }
}

/// Every kind, with every form that works in another way.
fn kinds() -> Vec<(&'static str, Balance)> {
    let hash = |algorithm, bounded_load| model::Balance::ConsistentHash(hashing(algorithm, bounded_load));
    let custom = |score: &str, among| {
        let score = Environment::endpoint().number(score).unwrap();
        model::Balance::Custom(Custom { score, among, timing: model::PeakEwma::default() })
    };
    let sticky = StickyCookie { cookie: "s".into(), ttl: None, secret: None };
    let kinds = [
        ("round_robin", model::Balance::RoundRobin),
        ("random", model::Balance::Random),
        ("least_requests", model::Balance::LeastRequests),
        ("peak_ewma", model::Balance::PeakEwma(model::PeakEwma::default())),
        ("ring", hash(HashAlgorithm::Ring, None)),
        ("ring, bounded", hash(HashAlgorithm::Ring, Some(1.25))),
        ("maglev", hash(HashAlgorithm::Maglev, None)),
        ("maglev, bounded", hash(HashAlgorithm::Maglev, Some(1.25))),
        ("custom, two", custom("endpoint.in_flight", Among::Two)),
        ("custom, all", custom("endpoint.labels.none == '' ? 1 : 2", Among::All)),
        ("sticky", model::Balance::Sticky(sticky)),
    ];
    let built = |(kind, balance): (_, model::Balance)| {
        (kind, Balance::new(&balance, None, &Balancers::default(), None).unwrap())
    };
    kinds.into_iter().map(built).collect()
}

/// Every kind, over endpoints with these weights.
fn each(weights: &[u32], check: impl Fn(&'static str, &[Arc<Endpoint>], &dyn LoadBalancer)) {
    for (kind, balance) in kinds() {
        let endpoints = endpoints(weights);
        check(kind, &endpoints, &*build(&balance, &endpoints, 2));
    }
}

/// Weights that are alike, uneven, far apart, in small sets and large ones.
const WEIGHTS: &[&[u32]] = &[
    &[1],
    &[1, 1, 1],
    &[0, 9, 1],
    &[7, 0, 1_000_003, 250_000, 999],
    &[1; 20],
    &[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8],
    &[u32::MAX, u32::MAX, u32::MAX],
];

#[test]
fn weights_are_honoured_within_one_percent() {
    const PICKS: u32 = 100_000;
    for weights in WEIGHTS {
        each(weights, |kind, endpoints, balancer| {
            let mut chance = Chance::default();
            let mut counts = vec![0_u32; weights.len()];
            for _ in 0..PICKS {
                counts[balancer.pick(endpoints, &chance.ask()).unwrap()] += 1;
            }
            let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
            for (count, weight) in counts.iter().zip(*weights) {
                let (share, wanted) = (f64::from(*count) / f64::from(PICKS), f64::from(*weight) / total);
                assert!((share - wanted).abs() < 0.01, "{kind}: {share} instead of {wanted}, {weights:?}");
                assert!(*weight > 0 || *count == 0, "{kind}: {counts:?}, {weights:?}");
            }
        });
    }
}

#[test]
fn who_was_tried_is_not_asked_again_and_nobody_is_left_out() {
    for weights in WEIGHTS {
        each(weights, |kind, endpoints, balancer| {
            let weighted = weights.iter().filter(|weight| **weight > 0).count();
            let mut chance = Chance::default();
            for _ in 0..50 {
                let mut tried = Vec::new();
                while let Some(picked) = balancer.pick(endpoints, &Ask { tried: &tried, ..chance.ask() }) {
                    assert!(!tried.contains(&picked) && weights[picked] > 0, "{kind}: {picked} after {tried:?}");
                    tried.push(picked);
                }
                assert_eq!(tried.len(), weighted, "{kind}: {tried:?} of {weights:?}");
            }
        });
    }
}

/// Those that are left share the requests by their weights; if health counts for nothing, all do.
#[test]
fn who_is_not_eligible_is_not_asked() {
    const PICKS: u32 = 100_000;
    for weights in [&[1, 1, 1][..], &[1, 9, 1, 3, 0], &[1; 20], &[2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5]] {
        each(weights, |kind, endpoints, balancer| {
            let mut chance = Chance::default();
            let bad = |index: usize| index.is_multiple_of(3);
            (0..weights.len()).filter(|index| bad(*index)).for_each(|index| eligible(&endpoints[index], false));
            let left: f64 = (0..).zip(weights).filter(|(at, _)| !bad(*at)).map(|(_, weight)| f64::from(*weight)).sum();
            let mut counts = vec![0_u32; weights.len()];
            for _ in 0..PICKS {
                counts[balancer.pick(endpoints, &chance.ask()).unwrap()] += 1;
            }
            for (index, (count, weight)) in counts.iter().zip(weights).enumerate() {
                let wanted = if bad(index) { 0.0 } else { f64::from(*weight) / left };
                let share = f64::from(*count) / f64::from(PICKS);
                assert!((share - wanted).abs() < 0.01, "{kind}: {share} instead of {wanted}, {weights:?}");
                assert!(wanted > 0.0 || *count == 0, "{kind}: {counts:?}, {weights:?}");
            }
            let mut all = [0_u32; 20];
            for _ in 0..2_000 {
                all[balancer.pick(endpoints, &Ask { heeds_health: false, ..chance.ask() }).unwrap()] += 1;
            }
            assert!((0..).zip(weights).all(|(at, weight)| *weight == 0 || all[at as usize] > 0), "{kind}: {all:?}");
        });
    }
}

#[test]
fn if_nobody_is_eligible_there_is_no_choice() {
    each(&[1, 2, 0], |kind, endpoints, balancer| {
        endpoints.iter().for_each(|endpoint| eligible(endpoint, false));
        let mut chance = Chance::default();
        assert_eq!(balancer.pick(endpoints, &chance.ask()), None, "{kind}");
        assert!(balancer.pick(endpoints, &Ask { heeds_health: false, ..chance.ask() }).is_some(), "{kind}");
        eligible(&endpoints[1], true);
        assert_eq!(balancer.pick(endpoints, &chance.ask()), Some(1), "{kind}");
    });
}

/// Indices of other endpoints than its own may be among them: those of the whole set, for a part of it.
#[test]
fn who_was_tried_may_be_anybody() {
    each(&[1, 0, 1], |kind, endpoints, balancer| {
        let mut chance = Chance::default();
        for _ in 0..50 {
            let picked = balancer.pick(endpoints, &Ask { tried: &[7, 1, 0, 7, 0], ..chance.ask() });
            assert_eq!(picked, Some(2), "{kind}");
        }
    });
}

#[test]
fn without_anybody_there_is_no_choice() {
    for weights in [&[][..], &[0], &[0, 0, 0]] {
        each(weights, |kind, endpoints, balancer| {
            assert_eq!(balancer.pick(endpoints, &Chance::default().ask()), None, "{kind}");
        });
    }
}

#[test]
fn a_request_without_a_key_is_served() {
    each(&[1, 2, 0], |kind, endpoints, balancer| {
        let mut chance = Chance::default();
        let mut counts = [0_u32; 3];
        for _ in 0..30_000 {
            counts[balancer.pick(endpoints, &Ask { key: None, ..chance.ask() }).unwrap()] += 1;
        }
        assert!(counts[0].abs_diff(10_000) < 300 && counts[2] == 0, "{kind}: {counts:?}");
    });
}

#[test]
fn ten_thousand_endpoints_share_the_requests() {
    let weights: Vec<u32> = (0..10_000).map(|index| u32::from(index % 10 > 0)).collect();
    each(&weights, |kind, endpoints, balancer| {
        let mut chance = Chance::default();
        // Looks at all of them for each pick, which documents say is for small sets.
        if kind == "custom, all" {
            return;
        }
        let mut counts = vec![0_u32; weights.len()];
        for _ in 0..90_000 {
            counts[balancer.pick(endpoints, &chance.ask()).unwrap()] += 1;
        }
        // Ten each by chance; a ring of this size is uneven by a fifth besides.
        let most = counts.iter().max().unwrap();
        assert!(*most < 60, "{kind}: {most}");
        let asked = counts.iter().filter(|count| **count > 0).count();
        assert!((8_900..=9_000).contains(&asked), "{kind}: {asked}");
    });
}

/// As many workers as there are, all at once, each with requests that go on for a while.
#[test]
fn workers_pick_at_the_same_time() {
    each(&[3, 1, 0, 2], |kind, endpoints, balancer| {
        std::thread::scope(|scope| {
            for worker in 0..4 {
                scope.spawn(move || {
                    let mut random = Random::seeded(worker as u64);
                    let now = Instant::now();
                    let mut under_way = std::collections::VecDeque::new();
                    for _ in 0..5_000 {
                        let (key, chance) = (Some(random.bits()), random.bits());
                        let ask = Ask { worker, tried: &[], key, random: chance, now, heeds_health: true };
                        let picked = balancer.pick(endpoints, &ask).unwrap();
                        assert_ne!(picked, 2, "{kind}");
                        endpoints[picked].learned.begin();
                        under_way.push_back(picked);
                        if under_way.len() > 10 {
                            let learned = &endpoints[under_way.pop_front().unwrap()].learned;
                            learned.observe(Duration::from_millis(random.bits() % 20), now, Duration::from_secs(10));
                            learned.end();
                        }
                    }
                    under_way.iter().for_each(|picked| endpoints[*picked].learned.end());
                });
            }
        });
        assert!(endpoints.iter().all(|endpoint| endpoint.learned.in_flight() == 0), "{kind}");
    });
}

/// With slow start the share of a new endpoint rises evenly, up to a fifth.
#[test]
fn new_endpoints_get_their_share_little_by_little() {
    const WINDOW: Duration = Duration::from_secs(30);
    for kind in [
        model::Balance::RoundRobin,
        model::Balance::Random,
        model::Balance::LeastRequests,
        model::Balance::PeakEwma(model::PeakEwma::default()),
    ] {
        for many in [4, 12] {
            let balance = Balance::new(&kind, Some(WINDOW), &Balancers::default(), None).unwrap();
            let mut endpoints = endpoints(&vec![1; many]);
            let mut chance = Chance::default();
            let share = |endpoints: &[Arc<Endpoint>], chance: &mut Chance| {
                let balancer = build(&balance, endpoints, 2);
                let picks = 5_000 * many;
                let new = (0..picks).filter(|_| balancer.pick(endpoints, &chance.ask()) == Some(0)).count();
                (new * many) as f64 / picks as f64
            };
            let all_new = share(&endpoints, &mut chance);
            assert!((all_new - 1.0).abs() < 0.1, "{kind:?}: {all_new} of its share, when all are new");
            chance.now += WINDOW;
            let mut newcomer = endpoint(0, 1);
            Arc::get_mut(&mut newcomer).unwrap().learned = Arc::new(crate::Learned::new(chance.now));
            endpoints[0] = newcomer;
            for (seconds, expected) in [(0, 0.1), (7, 0.25), (8, 0.5), (8, 0.75), (7, 1.0)] {
                chance.now += Duration::from_secs(seconds);
                let share = share(&endpoints, &mut chance);
                assert!((share / expected - 1.0).abs() < 0.2, "{kind:?}, {many}: {share} instead of {expected}");
            }
        }
    }
}

/// Nothing is under way there, and still it does not get everything at once.
#[test]
fn a_new_endpoint_is_not_taken_for_idle() {
    let balance =
        Balance::new(&model::Balance::LeastRequests, Some(Duration::from_secs(30)), &Balancers::default(), None)
            .unwrap();
    let mut endpoints = endpoints(&[1; 4]);
    let mut chance = Chance::default();
    chance.now += Duration::from_secs(60);
    endpoints.iter().for_each(|endpoint| (0..50).for_each(|_| endpoint.learned.begin()));
    let mut newcomer = endpoint(0, 1);
    Arc::get_mut(&mut newcomer).unwrap().learned = Arc::new(crate::Learned::new(chance.now));
    endpoints[0] = newcomer;
    let balancer = build(&balance, &endpoints, 1);
    for _ in 0..30 {
        let picked = balancer.pick(&endpoints, &chance.ask()).unwrap();
        endpoints[picked].learned.begin();
    }
    // A tenth of what the others have.
    assert_eq!(endpoints[0].learned.in_flight(), 6);
}
