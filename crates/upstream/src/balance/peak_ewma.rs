//! Those that answer fast and have little to do.
//!
//! The cost of an endpoint is the moving average of its latency times the requests that it would have under way for its
//! weight, as in Finagle, Linkerd and tower: the average rises at once, falls slowly, and fades without news
//! ([`Learned::latency`](crate::Learned::latency)), so that who was slow is tried again one day. An endpoint of which
//! nothing is known counts as as fast as the fastest that it is compared with. A failure counts as a slow answer, since
//! nobody fails as fast as who refuses everything.
//!
//! In small sets chance decides between all, in proportion to weight / cost²: weights are honoured exactly among equals,
//! and an endpoint ten times as slow gets a hundredth of its share. In large ones two are drawn by weight and the cheaper
//! one is taken, as those do.

use std::{sync::Arc, time::Instant};

use message::Random;

use super::{Ask, LoadBalancer, Weighted, least_requests::SMALL, ramp::Ramp};
use crate::Endpoint;

pub(super) struct PeakEwma {
    weighted: Weighted,
    /// The least weight: who has twice as much is taken to do twice as much at a time.
    lightest: f64,
    rules: model::PeakEwma,
    ramp: Ramp,
}

// === impl PeakEwma ===

impl PeakEwma {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], rules: model::PeakEwma, ramp: Ramp) -> Self {
        let weighted = Weighted::new(endpoints, ramp);
        let lightest = weighted.indices().map(|index| f64::from(endpoints[index].weight)).reduce(f64::min);
        Self { weighted, lightest: lightest.unwrap_or(1.0), rules, ramp }
    }

    fn of_all(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let candidates = || self.weighted.indices().filter(|index| ask.takes(*index, endpoints)).zip(0..SMALL);
        let mut latencies = [None; SMALL];
        for (index, at) in candidates() {
            latencies[at] = self.latency(&endpoints[index], ask.now);
        }
        let fastest = latencies.iter().flatten().copied().reduce(f64::min).unwrap_or(1.0);
        let mut chances = [0.0; SMALL];
        for (index, at) in candidates() {
            // Relative to the fastest, so that no number gets out of hand.
            let cost = latencies[at].unwrap_or(fastest) / fastest * self.requests(&endpoints[index]);
            chances[at] = f64::from(endpoints[index].weight) / (cost * cost);
        }
        self.ramp.apply(candidates().map(|(index, at)| (&*endpoints[index], at)), &mut chances, ask.now);
        let mut drawn = random.fraction() * chances.iter().sum::<f64>();
        let mut last = None;
        for (index, at) in candidates() {
            if drawn < chances[at] {
                return Some(index);
            }
            drawn -= chances[at];
            last = Some(index);
        }
        // Rounding may leave a little more than nothing.
        last
    }

    fn of_two(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let drawn = self.weighted.draw(endpoints, ask, random)?;
        let Some(other) = self.weighted.another(endpoints, ask, drawn, random) else { return Some(drawn) };
        let latencies = [drawn, other].map(|index| self.latency(&endpoints[index], ask.now));
        let fastest = latencies.iter().flatten().copied().reduce(f64::min).unwrap_or(1.0);
        let cost = |at: usize, index: usize| latencies[at].unwrap_or(fastest) * self.requests(&endpoints[index]);
        Some(if cost(1, other) < cost(0, drawn) { other } else { drawn })
    }

    /// That it would have under way, for its weight.
    fn requests(&self, endpoint: &Endpoint) -> f64 {
        1.0 + f64::from(endpoint.learned.in_flight()) * self.lightest / f64::from(endpoint.weight)
    }

    fn latency(&self, endpoint: &Endpoint, now: Instant) -> Option<f64> {
        endpoint.learned.latency(now, self.rules.decay)
    }
}

impl LoadBalancer for PeakEwma {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        let mut random = Random::seeded(ask.random);
        if self.weighted.len() <= SMALL {
            self.of_all(endpoints, ask, &mut random)
        } else {
            self.of_two(endpoints, ask, &mut random)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cmp::Reverse,
        collections::BinaryHeap,
        time::{Duration, Instant},
    };

    use super::{super::contract::endpoints, *};

    /// Endpoints that answer after a time that is their own, with some chance in it, in a world with its own clock.
    struct World {
        endpoints: Vec<Arc<Endpoint>>,
        balancer: PeakEwma,
        random: Random,
        begin: Instant,
        /// Microseconds since then.
        now: u64,
        under_way: BinaryHeap<Reverse<(u64, usize, u64)>>,
    }

    impl World {
        fn new(weights: &[u32]) -> Self {
            let endpoints = endpoints(weights);
            let balancer = PeakEwma::new(&endpoints, model::PeakEwma::default(), Ramp(None));
            let begin = Instant::now();
            Self { endpoints, balancer, random: Random::seeded(3), begin, now: 0, under_way: BinaryHeap::new() }
        }

        /// Sends as many requests a second as `rate` for as long; the share of each endpoint. `answer` says how many
        /// milliseconds an endpoint takes, or that it fails.
        fn run(&mut self, rate: f64, time: Duration, answer: impl Fn(usize) -> Option<f64>) -> Vec<f64> {
            let end = self.now + time.as_micros() as u64;
            let mut counts = vec![0.0; self.endpoints.len()];
            while self.now < end {
                self.now += (-self.random.fraction().max(1e-9).ln() / rate * 1e6) as u64;
                self.finish();
                let (random, now) = (self.random.bits(), self.at(self.now));
                let ask = Ask { worker: 0, tried: &[], key: None, random, now, heeds_health: true };
                let picked = self.balancer.pick(&self.endpoints, &ask).unwrap();
                counts[picked] += 1.0;
                self.endpoints[picked].learned.begin();
                let (takes, counts_as) = match answer(picked) {
                    Some(milliseconds) => {
                        let takes = milliseconds * (0.8 + 0.4 * self.random.fraction()) * 1e3;
                        (takes as u64, takes as u64)
                    }
                    None => (100, self.balancer.rules.failure.as_micros() as u64),
                };
                self.under_way.push(Reverse((self.now + takes, picked, counts_as)));
            }
            let total: f64 = counts.iter().sum();
            counts.iter().map(|count| count / total).collect()
        }

        fn finish(&mut self) {
            while let Some(&Reverse((at, picked, counts_as))) = self.under_way.peek()
                && at <= self.now
            {
                self.under_way.pop();
                let learned = &self.endpoints[picked].learned;
                learned.observe(Duration::from_micros(counts_as), self.at(at), self.balancer.rules.decay);
                learned.end();
            }
        }

        fn at(&self, microseconds: u64) -> Instant {
            self.begin + Duration::from_micros(microseconds)
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    /// One of several is slower by half a second.
    #[test]
    fn who_is_slow_gets_next_to_nothing_until_he_is_fast_again() {
        for (number, rate) in [(4, 400.0), (12, 1200.0)] {
            let mut world = World::new(&vec![1; number]);
            let slow = |endpoint| Some(if endpoint == 0 { 505.0 } else { 5.0 });
            let share = world.run(rate, MINUTE, slow)[0];
            assert!(share <= 0.01, "{share} of {number}");
            world.run(rate, MINUTE, |_| Some(5.0));
            let share = world.run(rate, MINUTE, |_| Some(5.0))[0] * number as f64;
            assert!((0.8..1.2).contains(&share), "{share} of a share of {number}");
        }
    }

    #[test]
    fn who_fails_at_once_is_not_taken_for_fast() {
        let share = World::new(&[1; 4]).run(400.0, MINUTE, |endpoint| (endpoint != 0).then_some(5.0))[0];
        assert!(share <= 0.01, "{share}");
    }

    #[test]
    fn weights_are_honoured_among_equals() {
        let shares = World::new(&[9, 1]).run(50.0, MINUTE, |_| Some(5.0));
        assert!((shares[1] - 0.1).abs() < 0.03, "{shares:?}");
    }

    #[test]
    fn who_is_new_is_not_flooded() {
        let mut world = World::new(&[1; 4]);
        world.run(400.0, MINUTE, |_| Some(5.0));
        // As if it had come this moment, and then it hangs.
        world.endpoints[0] = endpoints(&[1]).remove(0);
        world.run(400.0, Duration::from_secs(10), |endpoint| Some(if endpoint == 0 { 60_000.0 } else { 5.0 }));
        let waiting = world.endpoints[0].learned.in_flight();
        assert!(waiting <= 25, "{waiting} of 4000");
    }
}
