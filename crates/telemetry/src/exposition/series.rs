//! Which routes, upstreams or mirrors get series of their own.

use std::sync::atomic::Ordering::Relaxed;

use crate::{names, shard::Sharded};

/// How many may have. What a scraper stores grows with it: a route has about thirty series.
const MAX_NAMES: usize = 10_000;

/// The used ones, by name as far as there is room; those beyond are shown as one, [`names::OTHER`]. A name is the values
/// of so many labels.
///
/// First come, first served, and whoever was shown by name always will be: a counter that moved between two names at
/// every scrape would look like a restart at every scrape.
pub(crate) struct Series<'m, S, const LABELS: usize = 1> {
    named: Vec<([&'m str; LABELS], &'m Sharded<S>)>,
    other: Vec<&'m Sharded<S>>,
}

// === impl Series ===

impl<'m, S: Default, const LABELS: usize> Series<'m, S, LABELS> {
    pub(crate) fn admit(all: impl Iterator<Item = ([&'m str; LABELS], &'m Sharded<S>)>) -> Self {
        Self::admit_up_to(MAX_NAMES, all)
    }

    fn admit_up_to(max: usize, all: impl Iterator<Item = ([&'m str; LABELS], &'m Sharded<S>)>) -> Self {
        let used: Vec<_> = all.filter(|(_, metrics)| metrics.is_used()).collect();
        let known = used.iter().filter(|(_, metrics)| metrics.named.load(Relaxed)).count();
        let mut room = max.saturating_sub(known);
        let (named, other): (Vec<_>, Vec<_>) = used.into_iter().partition(|(_, metrics)| {
            if metrics.named.load(Relaxed) {
                return true;
            }
            let admitted = room > 0;
            room = room.saturating_sub(1);
            metrics.named.store(admitted, Relaxed);
            admitted
        });
        Self { named, other: other.into_iter().map(|(_, metrics)| metrics).collect() }
    }

    /// How many are shown by name.
    pub(crate) fn names(&self) -> usize {
        self.named.len()
    }

    /// Gives every name with the shards that count for it.
    pub(crate) fn each(&self, mut show: impl FnMut([&str; LABELS], &mut dyn Iterator<Item = &'m S>)) {
        for (name, metrics) in &self.named {
            show(*name, &mut metrics.iter().map(|(_, shard)| shard));
        }
        if !self.other.is_empty() {
            show(
                [names::OTHER; LABELS],
                &mut self.other.iter().flat_map(|metrics| metrics.iter().map(|(_, shard)| shard)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Counter;

    fn shown(max: usize, all: &[(&str, &Sharded<Counter>)]) -> Vec<(String, u64)> {
        let mut shown = Vec::new();
        Series::admit_up_to(max, all.iter().map(|(name, metrics)| ([*name], *metrics)))
            .each(|[name], shards| shown.push((name.to_owned(), shards.map(Counter::get).sum())));
        shown
    }

    fn counted(amount: u64) -> Sharded<Counter> {
        let sharded = Sharded::<Counter>::new(2);
        sharded.of(0).add(amount);
        sharded.of(1).add(amount);
        sharded
    }

    #[test]
    fn the_unused_are_not_shown() {
        assert_eq!(shown(2, &[("idle", &Sharded::new(2)), ("busy", &counted(1))]), [("busy".to_owned(), 2)]);
    }

    #[test]
    fn beyond_the_bound_they_are_one_and_names_are_kept() {
        let (early, late, later) = (counted(1), counted(10), counted(100));
        assert_eq!(shown(1, &[("late", &late)]), [("late".to_owned(), 20)]);
        let all = [("early", &early), ("late", &late), ("later", &later)];
        assert_eq!(shown(1, &all), [("late".to_owned(), 20), ("_other".to_owned(), 202)]);
        assert_eq!(shown(2, &all), [("early".to_owned(), 2), ("late".to_owned(), 20), ("_other".to_owned(), 200)]);
        assert_eq!(shown(2, &all[1..]), [("late".to_owned(), 20), ("later".to_owned(), 200)]);
    }
}
