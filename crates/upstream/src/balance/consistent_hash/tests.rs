//! Where keys go, how many move, and how even it is.

use model::HashAlgorithm;

use super::{
    super::contract::{Chance, endpoint, endpoints, hashing},
    *,
};

const BOTH: [HashAlgorithm; 2] = [HashAlgorithm::Ring, HashAlgorithm::Maglev];

fn build(endpoints: &[Arc<Endpoint>], algorithm: HashAlgorithm, bounded_load: Option<f64>) -> ConsistentHash {
    ConsistentHash::new(endpoints, &hashing(algorithm, bounded_load), 2)
}

/// Whose the first so many keys are, by the number in the address.
fn owners(endpoints: &[Arc<Endpoint>], algorithm: HashAlgorithm, keys: u64) -> Vec<usize> {
    let balancer = build(endpoints, algorithm, None);
    let numbers: Vec<usize> = endpoints.iter().map(number).collect();
    let mut chance = Chance::default();
    let owner = |key: u64| {
        let ask = Ask { key: Some(key::hash(&key.to_le_bytes())), ..chance.ask() };
        numbers[balancer.pick(endpoints, &ask).unwrap()]
    };
    (0..keys).map(owner).collect()
}

fn number(endpoint: &Arc<Endpoint>) -> usize {
    let address = endpoint.address.to_string();
    address.trim_start_matches('e').split_once('.').unwrap().0.parse().unwrap()
}

/// The hash is XXH3, as others compute it: `xxhsum -H3` says the same.
#[test]
fn the_hash_is_the_specified_one() {
    assert_eq!(key::hash(b""), 0x2d06_8005_38d3_94c2);
}

/// Gateways of different versions stand beside each other: whoever changes these numbers moves every key.
#[test]
fn places_are_pinned() {
    let endpoints = endpoints(&[1, 1, 1, 2]);
    for (algorithm, expected) in
        [(HashAlgorithm::Ring, "132331010030203030013112"), (HashAlgorithm::Maglev, "230202320013330203333330")]
    {
        let owners: String = owners(&endpoints, algorithm, 24).iter().map(usize::to_string).collect();
        assert_eq!(owners, expected, "{algorithm:?}");
    }
}

#[test]
fn the_order_in_the_document_does_not_matter() {
    let there = endpoints(&[1, 2, 0, 3, 1]);
    let mut back = there.clone();
    back.reverse();
    for algorithm in BOTH {
        assert_eq!(owners(&there, algorithm, 1000), owners(&back, algorithm, 1000), "{algorithm:?}");
    }
}

/// What part of all keys was the one's that goes from a set of this many, and must move; and what part of all keys was
/// somebody else's, and moves as well.
fn moved(many: usize, algorithm: HashAlgorithm) -> (f64, f64) {
    const KEYS: u64 = 50_000;
    let before = endpoints(&vec![1; many]);
    let gone = many / 2;
    let after: Vec<_> = before.iter().filter(|endpoint| number(endpoint) != gone).cloned().collect();
    let (before, after) = (owners(&before, algorithm, KEYS), owners(&after, algorithm, KEYS));
    let own = before.iter().filter(|owner| **owner == gone).count();
    let others = before.iter().zip(&after).filter(|(before, after)| before != after && **before != gone).count();
    (own as f64 / KEYS as f64, others as f64 / KEYS as f64)
}

/// The papers: about 1 / N of the keys, with either. With a ring no other; with Maglev a few, the fewer the larger the table
/// is beside N. To come is the same as to go.
#[test]
fn few_keys_move_when_an_endpoint_comes_or_goes() {
    for many in [2, 3, 10, 32] {
        let (own, others) = moved(many, HashAlgorithm::Ring);
        assert!((own * many as f64 - 1.0).abs() < 0.06, "{own} of {many} in the ring");
        assert_eq!(others, 0.0, "{many} in the ring");
        let (own, others) = moved(many, HashAlgorithm::Maglev);
        assert!((own * many as f64 - 1.0).abs() < 0.06, "{own} of {many} in the table");
        assert!(others < 0.01, "{others} of {many} in the table");
    }
}

/// Beyond 32 endpoints the points of the ring are shared out, and as many keys of the others move as of the one that goes.
/// The table is at its worst where an endpoint has a hundred entries.
#[test]
fn few_keys_move_in_large_sets() {
    let (own, others) = moved(500, HashAlgorithm::Ring);
    assert!((0.0015..0.0025).contains(&own) && others < 0.0025, "{own} and {others}");
    let (own, others) = moved(650, HashAlgorithm::Maglev);
    assert!((0.001..0.002).contains(&own) && others < 0.03, "{own} and {others}");
}

#[test]
fn what_is_left_of_a_ring_takes_over_evenly() {
    let before = endpoints(&[1; 5]);
    let (before, after) =
        (owners(&before, HashAlgorithm::Ring, 50_000), owners(&before[1..], HashAlgorithm::Ring, 50_000));
    for heir in 1..5 {
        let taken = before.iter().zip(&after).filter(|(before, after)| **before == 0 && **after == heir).count();
        assert!((2200..2800).contains(&taken), "{taken} for {heir}");
    }
}

#[test]
fn an_address_that_is_given_twice_has_two_shares() {
    let endpoints = [endpoint(1, 1), endpoint(1, 1), endpoint(2, 1)];
    for algorithm in BOTH {
        let balancer = build(&endpoints, algorithm, None);
        let mut chance = Chance::default();
        let mut counts = [0_u32; 3];
        for _ in 0..30_000 {
            counts[balancer.pick(&endpoints, &chance.ask()).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 600), "{counts:?}");
    }
}

/// Whatever the keys, be it a single one: nobody has more than the factor times the average, up to one for the sum that
/// may be a little old.
#[test]
fn bounded_load_holds() {
    for (weights, factor, keys) in [
        (&[1; 3][..], 1.25, 1),
        (&[1; 10], 1.25, 1),
        (&[1; 10], 1.01, 3),
        (&[1; 100], 1.5, 1),
        (&[1; 100], 1.1, 5),
        (&[5, 1, 1, 3], 1.25, 1),
    ] {
        for algorithm in BOTH {
            let endpoints = endpoints(weights);
            let balancer = build(&endpoints, algorithm, Some(factor));
            let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
            let mut chance = Chance::default();
            for under_way in 1..=2000 {
                let ask = Ask { worker: 0, key: Some(key::hash(&[chance.random.bits() as u8 % keys])), ..chance.ask() };
                let picked = balancer.pick(&endpoints, &ask).unwrap();
                endpoints[picked].learned.begin();
                let load = endpoints[picked].learned.in_flight();
                let bound = (factor * f64::from(under_way) * f64::from(weights[picked]) / total).ceil();
                assert!(f64::from(load) <= bound + 1.0, "{load} of {under_way}, {algorithm:?}, {weights:?}");
            }
        }
    }
}

#[test]
fn keys_stay_where_they_are_while_nobody_is_full() {
    let endpoints = endpoints(&[1; 10]);
    for algorithm in BOTH {
        let (free, bounded) = (build(&endpoints, algorithm, None), build(&endpoints, algorithm, Some(1.25)));
        let mut chance = Chance::default();
        for _ in 0..1000 {
            let ask = chance.ask();
            assert_eq!(free.pick(&endpoints, &ask), bounded.pick(&endpoints, &ask));
        }
    }
}
