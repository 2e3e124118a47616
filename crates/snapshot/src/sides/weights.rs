//! How requests are shared out.

use message::Random;

/// The weights of the sides, by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    each: Box<[u32]>,
    total: u64,
    /// The only side with a weight.
    only: Option<usize>,
}

// === impl Weights ===

impl Weights {
    pub fn new(each: impl IntoIterator<Item = u32>) -> Self {
        let each: Box<[u32]> = each.into_iter().collect();
        let mut weighted = each.iter().enumerate().filter(|(_, weight)| **weight > 0).map(|(side, _)| side);
        let only = weighted.next().filter(|_| weighted.next().is_none());
        Self { total: each.iter().copied().map(u64::from).sum(), only, each }
    }

    pub fn each(&self) -> &[u32] {
        &self.each
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// The side that gets everything that nothing else decides, if there is only one.
    pub fn only(&self) -> Option<usize> {
        self.only
    }

    /// Of each side, from 0 to 1.
    pub fn shares(&self) -> impl Iterator<Item = f64> {
        let total = self.total.max(1) as f64;
        self.each.iter().map(move |weight| f64::from(*weight) / total)
    }

    /// A side by chance; `None` if none has a weight.
    pub fn draw(&self, random: &mut Random) -> Option<usize> {
        let mut left = (random.fraction() * self.total as f64) as u64;
        for (side, weight) in self.each.iter().enumerate() {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return Some(side),
            }
        }
        // Sums beyond the 53 bits of a fraction may round up to the total.
        self.each.iter().rposition(|weight| *weight > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_what_the_weights_say() {
        for weights in [&[95, 5][..], &[1, 1], &[0, 7, 3], &[1, 99, 0, 900], &[u32::MAX, u32::MAX]] {
            let weights = Weights::new(weights.iter().copied());
            let mut counts = vec![0; weights.each.len()];
            let mut worker = Random::seeded(7);
            for _ in 0..100_000 {
                // As exchanges draw: each from its own sequence.
                counts[weights.draw(&mut worker.split()).unwrap()] += 1;
            }
            for (count, share) in counts.into_iter().zip(weights.shares()) {
                assert!((f64::from(count) / 1e5 - share).abs() < 0.01, "{count} of {weights:?}");
                assert!(count == 0 || share > 0.0);
            }
        }
    }

    #[test]
    fn who_has_no_weight_is_never_drawn() {
        let mut random = Random::seeded(1);
        assert_eq!(Weights::new([]).draw(&mut random), None);
        assert_eq!(Weights::new([0, 0]).draw(&mut random), None);
        assert!((0..1000).all(|_| Weights::new([0, 1, 0]).draw(&mut random) == Some(1)));
    }

    #[test]
    fn one_may_be_alone() {
        for (weights, only) in [(&[][..], None), (&[0], None), (&[5], Some(0)), (&[0, 5], Some(1)), (&[1, 5], None)] {
            assert_eq!(Weights::new(weights.iter().copied()).only(), only, "{weights:?}");
        }
    }
}
