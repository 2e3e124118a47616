//! How many retries an upstream may be asked for, beside its requests.
//!
//! Without a bound, retries multiply the load on an upstream in the very moment in which it cannot bear it. A budget ties
//! them to the requests of the last seconds: whatever fails, the upstream sees at most that share on top.

use std::time::{Duration, Instant};

use model::Budget;

use crate::recent::Recent;

/// Requests and retries of the last [`RetryBudget::WINDOW`]. Two workers that retry in the same instant may both take the
/// last one.
#[derive(Debug)]
pub struct RetryBudget {
    rules: Budget,
    recent: Recent,
}

const REQUESTS: usize = 0;
const RETRIES: usize = 1;

// === impl RetryBudget ===

impl RetryBudget {
    /// How long a second counts.
    pub const WINDOW: Duration = Duration::from_secs(10);

    pub fn new(rules: Budget, workers: usize, now: Instant) -> Self {
        Self { rules, recent: Recent::new(Self::WINDOW, workers, now) }
    }

    pub fn rules(&self) -> &Budget {
        &self.rules
    }

    /// A request arrived that is no retry.
    pub fn note_request(&self, worker: usize, now: Instant) {
        self.recent.slot(worker, self.recent.part(now)).bump(REQUESTS);
    }

    /// Takes one retry out of the budget; false if there is none left.
    pub fn withdraw(&self, worker: usize, now: Instant) -> bool {
        let part = self.recent.part(now);
        let [requests, retries] = self.recent.totals(part, 0);
        let share = (requests as f64 * self.rules.ratio) as u64;
        let floor = u64::from(self.rules.min_per_second) * Self::WINDOW.as_secs();
        let granted = retries < share.max(floor);
        if granted {
            self.recent.slot(worker, part).bump(RETRIES);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(ratio: f64, min_per_second: u32, workers: usize) -> (RetryBudget, Instant) {
        let now = Instant::now();
        (RetryBudget::new(Budget { ratio, min_per_second }, workers, now), now)
    }

    /// A dead upstream at 1,000 requests a second, each of which wants three retries.
    #[test]
    fn a_dead_upstream_sees_a_fifth_more() {
        let (budget, start) = budget(0.2, 3, 4);
        let mut retries = 0;
        for request in 0..60_000_u64 {
            let now = start + Duration::from_millis(request);
            let worker = request as usize % 4;
            budget.note_request(worker, now);
            retries += (0..3).filter(|_| budget.withdraw(worker, now)).count();
        }
        assert!((11_900..=12_000).contains(&retries), "{retries}");
    }

    #[test]
    fn a_quiet_upstream_has_its_minimum() {
        let (budget, start) = budget(0.2, 3, 1);
        let granted = |second| (0..100).filter(|_| budget.withdraw(0, start + Duration::from_secs(second))).count();
        // Three for each second of the window, whenever they are wanted.
        assert_eq!((granted(0), granted(1), granted(9)), (30, 0, 0));
        assert_eq!((granted(10), granted(11)), (30, 0));
    }

    #[test]
    fn what_is_past_is_forgotten() {
        let (budget, start) = budget(0.5, 0, 2);
        (0..10).for_each(|_| budget.note_request(1, start));
        assert!(budget.withdraw(0, start + Duration::from_secs(9)));
        assert!(!budget.withdraw(0, start + RetryBudget::WINDOW));
    }

    proptest! {
        /// However requests and failures come, no retry is granted beyond the share of the window, or its minimum.
        #[test]
        fn retries_keep_within_the_budget(steps in prop::collection::vec((0_u64..400, 0_usize..3, 0_u32..4), 1..400)) {
            let (budget, start) = budget(0.2, 1, 3);
            let (mut now, mut requests, mut retries) = (start, Vec::new(), Vec::new());
            for (wait, worker, wanted) in steps {
                now += Duration::from_millis(wait);
                budget.note_request(worker, now);
                requests.push(now);
                let second = |at: Instant| at.duration_since(start).as_secs();
                let within = |at: &&Instant| second(now) - second(**at) < RetryBudget::WINDOW.as_secs();
                let allowed = (requests.iter().filter(within).count() as f64 * 0.2).max(RetryBudget::WINDOW.as_secs_f64());
                for _ in 0..wanted {
                    if budget.withdraw(worker, now) {
                        retries.push(now);
                        prop_assert!(retries.iter().filter(within).count() as f64 <= allowed);
                    }
                }
            }
        }
    }
}
