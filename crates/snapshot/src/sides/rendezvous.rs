//! The same caller on the same side, and few callers moved when weights change.
//!
//! Weighted rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998; with
//! weights: Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005). For each side, key and name are hashed
//! to an evenly spread `u` between 0 and 1, and the side with the least `-ln(u) / weight` gets the key: times of arrival of
//! which one of rate `weight` is the first with a probability of `weight / total`.
//!
//! The `u` of a side does not depend on weights or on other sides. So a key leaves a side only for one whose weight has
//! grown in proportion to that of its own; nobody moves to a side that has got less, or away from one that has got more.
//!
//! The hash is written out here, because every node and every version of the gateway must agree on it, and so that
//! services can compute it: FNV-1a of 64 bits (Fowler, Noll and Vo) over salt, `0xff` and key, combined by exclusive or
//! with the FNV-1a of the side's name, and mixed by one step of SplitMix64 ([`Random`]).

use message::Random;

/// What keys are hashed onto: the state after the salt of a split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Salted(u64);

/// The hash of a name of a side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed(u64);

// === impl Salted ===

impl Salted {
    pub(super) fn new(salt: &str) -> Self {
        // No text holds this byte, so salt and key cannot run into each other.
        Self(fnv1a(fnv1a(OFFSET, salt.as_bytes()), &[0xff]))
    }

    /// The side, by index in `seeds` and `weights`, that `key` falls to; `None` if none has a weight.
    pub(super) fn side(self, key: &[u8], seeds: &[Seed], weights: &[u32]) -> Option<usize> {
        let Self(salted) = self;
        let key = fnv1a(salted, key);
        let mut first: Option<(f64, usize)> = None;
        for (side, (Seed(seed), weight)) in
            seeds.iter().zip(weights).enumerate().filter(|(_, (_, weight))| **weight > 0)
        {
            // Above 0 and up to 1, as a logarithm needs it.
            let u = 1.0 - Random::seeded(key ^ seed).fraction();
            let arrives = -u.ln() / f64::from(*weight);
            if first.is_none_or(|(earliest, _)| arrives < earliest) {
                first = Some((arrives, side));
            }
        }
        first.map(|(_, side)| side)
    }
}

// === impl Seed ===

impl Seed {
    pub(super) fn of(name: &str) -> Self {
        Self(fnv1a(OFFSET, name.as_bytes()))
    }
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

fn fnv1a(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: u32 = 100_000;

    /// Where each key falls.
    fn sides(salt: &str, names: &[&str], weights: &[u32]) -> Vec<usize> {
        let seeds: Vec<_> = names.iter().map(|name| Seed::of(name)).collect();
        let salted = Salted::new(salt);
        (0..KEYS).map(|key| salted.side(format!("user-{key}").as_bytes(), &seeds, weights).unwrap()).collect()
    }

    /// How many went from where to where.
    fn moves(before: &[usize], after: &[usize]) -> [[u32; 3]; 3] {
        let mut moves = [[0; 3]; 3];
        for (before, after) in before.iter().zip(after).filter(|(before, after)| before != after) {
            moves[*before][*after] += 1;
        }
        moves
    }

    /// The first bytes of the authors' own list of tests for 64 bits.
    #[test]
    fn hashes_are_those_of_the_authors() {
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv1a(OFFSET, text.as_bytes()), hash, "{text}");
        }
    }

    /// Whoever changes these sends callers of running gateways to other sides. They were computed by a program of a few
    /// lines that knows nothing of this one.
    #[test]
    fn sides_never_change() {
        let seeds = [Seed::of("stable"), Seed::of("canary"), Seed::of("grün")];
        let side = |salt: &str, key: &[u8]| Salted::new(salt).side(key, &seeds, &[2, 1, 1]).unwrap();
        let keys = ["alice", "bob", "carol", "dave", "erin", "frank", "7f3c", "ü", "x", "192.0.2.1"];
        let golden = |salt| keys.map(|key| side(salt, key.as_bytes()));
        assert_eq!(golden(""), [2, 2, 0, 0, 2, 2, 1, 0, 0, 0]);
        assert_eq!(golden("autumn"), [1, 1, 1, 0, 0, 2, 0, 1, 0, 0]);
        assert_eq!(side("", &[192, 0, 2, 1]), 0);
    }

    #[test]
    fn shares_are_what_the_weights_say() {
        for weights in [[95, 5, 0], [50, 30, 20], [1, 1, 998], [u32::MAX, 1, u32::MAX]] {
            let sides = sides("", &["stable", "canary", "next"], &weights);
            let total: f64 = weights.iter().copied().map(f64::from).sum();
            for (side, weight) in weights.into_iter().enumerate() {
                let count = sides.iter().filter(|found| **found == side).count();
                let (share, wanted) = (count as f64 / f64::from(KEYS), f64::from(weight) / total);
                assert!((share - wanted).abs() < 0.01, "{share} instead of {wanted} for {side} of {weights:?}");
            }
        }
    }

    #[test]
    fn a_canary_that_grows_takes_from_the_stable_side_only() {
        let names = ["stable", "canary"];
        for (before, after) in [([95, 5], [90, 10]), ([99, 1], [50, 50]), ([100, 0], [95, 5]), ([95, 5], [95, 10])] {
            let moves = moves(&sides("", &names, &before), &sides("", &names, &after));
            let share = |[stable, canary]: [u32; 2]| f64::from(canary) / f64::from(stable + canary);
            let must = (share(after) - share(before)) * f64::from(KEYS);
            assert_eq!(moves[1][0], 0, "nobody goes back");
            assert!((f64::from(moves[0][1]) - must).abs() < 0.01 * f64::from(KEYS), "{} for {must}", moves[0][1]);
        }
    }

    #[test]
    fn of_three_sides_nobody_goes_against_the_weights() {
        let names = ["stable", "canary", "next"];
        let before = sides("", &names, &[80, 10, 10]);
        // One weight grows, the others stay: whoever moves, moves there.
        let [[_, _, a], [b, _, c], [d, _, _]] = moves(&before, &sides("", &names, &[80, 20, 10]));
        assert_eq!([a, b, c, d], [0; 4]);
        // One gains what another loses: nobody goes to the loser or from the winner, and hardly anybody changes beside.
        let moves = moves(&before, &sides("", &names, &[70, 20, 10]));
        let [[_, gained, beside], [back, _, lost], [wrong, instead, _]] = moves;
        assert_eq!([back, lost, wrong], [0; 3], "{moves:?}");
        let share = |count: u32| f64::from(count) / f64::from(KEYS);
        assert!((share(gained + instead) - 0.1).abs() < 0.01, "{moves:?}");
        assert!(share(beside) < 0.015 && share(instead) < 0.015, "{moves:?}");
    }

    #[test]
    fn a_side_is_its_name_and_a_salt_mixes_anew() {
        let found = sides("", &["stable", "canary"], &[90, 10]);
        let swapped = sides("", &["canary", "stable"], &[10, 90]);
        assert!(found.iter().zip(&swapped).all(|(side, swapped)| side + swapped == 1), "the order counts for nothing");
        let salted = sides("salt", &["stable", "canary"], &[90, 10]);
        let both = found.iter().zip(&salted).filter(|(side, salted)| **side == 1 && **salted == 1).count();
        assert!((both as f64 / f64::from(KEYS) - 0.01).abs() < 0.003, "{both} are on the canary of both");
    }
}
