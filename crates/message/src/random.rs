//! Chance, for what is decided by shares: a split, a mirror, a fault.

/// A sequence of numbers that follows from its seed (SplitMix64; Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", 2014). Not for secrets.
///
/// An exchange has its own, whose seed is its worker's next number: without a draw it costs an addition, and a test that
/// knows the seed knows the draws.
#[derive(Debug, Clone)]
pub struct Random(u64);

/// What the state moves on by: odd, so that it comes by every number once.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

// === impl Random ===

impl Random {
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence for somebody else, apart from this one.
    pub fn split(&mut self) -> Self {
        self.0 = self.0.wrapping_add(STEP);
        Self(self.0.rotate_left(32))
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// From 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        // As many bits as the mantissa has room for.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True for so large a part of all calls: `share` from 0, never, to 1, always.
    pub fn hits(&mut self, share: f64) -> bool {
        self.fraction() < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the authors' own program for the seed 0.
    #[test]
    fn numbers_are_those_of_the_authors() {
        let mut random = Random::seeded(0);
        assert_eq!([random.bits(), random.bits()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn shares_are_hit_as_often_as_they_say() {
        let mut worker = Random::seeded(7);
        for share in [0.0, 0.05, 0.5, 1.0] {
            // As exchanges draw: each once, from its own sequence.
            let hits = (0..100_000).filter(|_| worker.split().hits(share)).count();
            assert!((hits as f64 / 1e5 - share).abs() < 0.003, "{hits} for {share}");
        }
    }
}
