//! What a pick costs, for each kind and size of set; and what it costs to count requests under way.
//!
//! `alone` is one core. `together` is one thread for each core, all at the same set: what the others' writes to the
//! shared counts add is the difference.

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin has nothing to say")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use message::Random;
use model::{ConsistentHash, EndpointAddress, HashAlgorithm, HashKey, Place, StickyCookie};
use upstream::{
    Endpoint,
    balance::{self, Ask, Balance, Balancers, LoadBalancer},
};

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [3, 100, 10_000];

const KINDS: [&str; 8] =
    ["round_robin", "random", "least_requests", "peak_ewma", "ring", "ring bounded", "maglev", "sticky"];

fn balance(kind: &str) -> Balance {
    let hash = |algorithm, bounded_load| {
        model::Balance::ConsistentHash(ConsistentHash {
            key: HashKey::ClientIp,
            fallback: None,
            algorithm,
            bounded_load,
        })
    };
    let balance = match kind {
        "random" => model::Balance::Random,
        "least_requests" => model::Balance::LeastRequests,
        "peak_ewma" => model::Balance::PeakEwma(model::PeakEwma::default()),
        "ring" => hash(HashAlgorithm::Ring, None),
        "ring bounded" => hash(HashAlgorithm::Ring, Some(1.25)),
        "maglev" => hash(HashAlgorithm::Maglev, None),
        "sticky" => model::Balance::Sticky(StickyCookie { cookie: "s".into(), ttl: None, secret: None }),
        _ => model::Balance::RoundRobin,
    };
    Balance::new(&balance, None, &Balancers::default(), None).expect("a secret of its own")
}

struct Set {
    endpoints: Vec<Arc<Endpoint>>,
    balancer: Box<dyn LoadBalancer>,
    counts: bool,
    now: Instant,
    workers: AtomicUsize,
}

fn set(kind: &str, size: usize) -> Set {
    let endpoint = |number: usize| {
        let host = format!("e{number}.test").into();
        Arc::new(Endpoint::new(&model::Endpoint {
            place: Place { file: "bench".into(), line: 1, column: 1 },
            address: EndpointAddress::Name { host, port: 80 },
            weight: 1,
            tier: 0,
            labels: Vec::new(),
        }))
    };
    let endpoints: Vec<_> = (0..size).map(endpoint).collect();
    let (balance, now) = (balance(kind), Instant::now());
    for endpoint in &endpoints {
        // Something is under way and something is known, as in a gateway at work.
        endpoint.learned.begin();
        endpoint.learned.observe(Duration::from_millis(5), now, Duration::from_secs(10));
    }
    let balancer = balance::build(&balance, &endpoints, 64);
    Set { endpoints, balancer, counts: balance.counts_requests(), now, workers: AtomicUsize::new(0) }
}

/// One choice, and the count of it.
fn pick(set: &Set, worker: usize, random: &mut Random) -> usize {
    // Sticky clients have no cookie yet, all others have a key.
    let (key, random) = (Some(random.bits()), random.bits());
    let ask = Ask { worker, tried: &[], key, random, now: set.now, heeds_health: true };
    let picked = set.balancer.pick(&set.endpoints, &ask).expect("an endpoint");
    if set.counts {
        set.endpoints[picked].learned.begin();
        set.endpoints[picked].learned.end();
    }
    picked
}

#[divan::bench(args = KINDS, consts = SIZES, sample_size = 10_000)]
fn alone<const SIZE: usize>(bencher: divan::Bencher<'_, '_>, kind: &str) {
    let set = set(kind, SIZE);
    let mut random = Random::seeded(1);
    bencher.bench_local(|| pick(&set, 0, &mut random));
}

#[divan::bench(args = KINDS, threads = 0)]
fn together(bencher: divan::Bencher<'_, '_>, kind: &str) {
    let set = set(kind, 3);
    bencher
        .with_inputs(|| {
            let worker = set.workers.fetch_add(1, Ordering::Relaxed) % 64;
            (worker, Random::seeded(worker as u64))
        })
        .bench_values(|(worker, mut random)| (0..1000).map(|_| pick(&set, worker, &mut random)).sum::<usize>());
}

/// The build of a set, which the control plane pays for.
#[divan::bench(args = KINDS, consts = SIZES, sample_count = 10, sample_size = 1)]
fn build<const SIZE: usize>(bencher: divan::Bencher<'_, '_>, kind: &str) {
    let (set, balance) = (set(kind, SIZE), balance(kind));
    bencher.bench_local(|| balance::build(&balance, &set.endpoints, 2));
}
