//! What the document says: the lowest score wins.
//!
//! The score is an expression over what is known of an endpoint. Those that are compared are two that are drawn by weight,
//! or all; among equals, weights decide.

use std::{borrow::Cow, sync::Arc, time::Instant};

use expression::{DoubleVariable, EntryKey, Failure, IntVariable, MapVariable, Subject};
use message::Random;
use model::{Among, PeakEwma};

use super::{Ask, LoadBalancer, Weighted, ramp::Ramp};
use crate::Endpoint;

pub(super) struct Custom {
    weighted: Weighted,
    rules: model::Custom,
    ramp: Ramp,
}

/// An endpoint as expressions see it.
struct Facts<'a> {
    endpoint: &'a Endpoint,
    timing: &'a PeakEwma,
    now: Instant,
}

// === impl Custom ===

impl Custom {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], rules: &model::Custom, ramp: Ramp) -> Self {
        Self { weighted: Weighted::new(endpoints, ramp), rules: rules.clone(), ramp }
    }

    /// The lowest of all; of several, one by weight.
    fn of_all(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let (mut best, mut equals) = (None, 0.0);
        for index in self.weighted.indices().filter(|index| ask.takes(*index, endpoints)) {
            let score = self.score(&endpoints[index], ask.now);
            let weight = f64::from(endpoints[index].weight) * self.ramp.part(&endpoints[index], ask.now);
            match best {
                Some((_, least)) if score > least => continue,
                Some((_, least)) if score == least => {
                    equals += weight;
                    if !random.hits(weight / equals) {
                        continue;
                    }
                }
                _ => equals = weight,
            }
            best = Some((index, score));
        }
        best.map(|(index, _)| index)
    }

    /// The lower one of two that are drawn by weight.
    fn of_two(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>, random: &mut Random) -> Option<usize> {
        let drawn = self.weighted.draw(endpoints, ask, random)?;
        let Some(other) = self.weighted.another(endpoints, ask, drawn, random) else { return Some(drawn) };
        let [score, others] = [drawn, other].map(|index| self.score(&endpoints[index], ask.now));
        Some(if others < score { other } else { drawn })
    }

    /// Without a value, or with one that cannot be compared, it is asked only if nobody else is there.
    fn score(&self, endpoint: &Endpoint, now: Instant) -> f64 {
        let facts = Facts { endpoint, timing: &self.rules.timing, now };
        self.rules.score.value(&facts).ok().filter(|score| !score.is_nan()).unwrap_or(f64::INFINITY)
    }
}

impl LoadBalancer for Custom {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        let mut random = Random::seeded(ask.random);
        match self.rules.among {
            Among::Two => self.of_two(endpoints, ask, &mut random),
            Among::All => self.of_all(endpoints, ask, &mut random),
        }
    }
}

// === impl Facts ===

impl Facts<'_> {
    fn label(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Option<&str>, Failure> {
        match map {
            MapVariable::EndpointLabels => {
                let labels = &self.endpoint.labels;
                let at = labels.binary_search_by(|(label, _)| (**label).cmp(key.as_str())).ok();
                Ok(at.map(|at| &*labels[at].1))
            }
            MapVariable::RequestHeaders | MapVariable::RequestQuery | MapVariable::RequestCookies => {
                Err(Failure::Undeclared)
            }
        }
    }
}

impl Subject for Facts<'_> {
    fn int(&self, variable: IntVariable) -> Result<i64, Failure> {
        Ok(match variable {
            IntVariable::EndpointWeight => self.endpoint.weight.into(),
            IntVariable::EndpointInFlight => self.endpoint.learned.in_flight().into(),
            IntVariable::RecordStatus | IntVariable::RecordAttempts => return Err(Failure::Undeclared),
        })
    }

    fn double(&self, variable: DoubleVariable) -> Result<f64, Failure> {
        let latency = || self.endpoint.learned.latency(self.now, self.timing.decay).unwrap_or(0.0) * 1000.0;
        match variable {
            DoubleVariable::EndpointLatency => Ok(latency()),
            DoubleVariable::RecordDuration => Err(Failure::Undeclared),
        }
    }

    fn entry(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Cow<'_, str>, Failure> {
        self.label(map, key)?.map(Cow::Borrowed).ok_or(Failure::Missing)
    }

    fn has(&self, map: MapVariable, key: EntryKey<'_>) -> Result<bool, Failure> {
        Ok(self.label(map, key)?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expression::Environment;
    use model::{EndpointAddress, Place};

    use super::{super::contract::Chance, *};

    fn rules(score: &str, among: Among) -> model::Custom {
        let score = Environment::endpoint().number(score).unwrap();
        model::Custom { score, among, timing: PeakEwma::default() }
    }

    /// With these labels.
    fn endpoint(labels: &[(&str, &str)]) -> Arc<Endpoint> {
        Arc::new(Endpoint::new(&model::Endpoint {
            place: Place { file: "".into(), line: 1, column: 1 },
            address: EndpointAddress::Name { host: "e".into(), port: 1 },
            weight: 1,
            tier: 0,
            labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        }))
    }

    /// Who is picked of hundred times.
    fn picked(endpoints: &[Arc<Endpoint>], score: &str, among: Among) -> Vec<u32> {
        let balancer = Custom::new(endpoints, &rules(score, among), Ramp(None));
        let mut chance = Chance::default();
        let mut counts = vec![0; endpoints.len()];
        for _ in 0..100 {
            counts[balancer.pick(endpoints, &chance.ask()).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn the_lowest_score_wins() {
        let endpoints =
            [endpoint(&[("disk", "hdd"), ("rack", "1")]), endpoint(&[("disk", "ssd")]), endpoint(&[("disk", "ssd")])];
        let now = Instant::now();
        (0..3).for_each(|_| endpoints[1].learned.begin());
        endpoints[0].learned.observe(Duration::from_millis(4), now, Duration::from_secs(10));
        for (score, expected) in [
            ("endpoint.in_flight + (endpoint.labels.disk == 'hdd' ? 2 : 0)", [0, 0, 100]),
            ("endpoint.labels.disk == 'hdd' ? 0 : 1", [100, 0, 0]),
            ("endpoint.latency * -1.0", [100, 0, 0]),
            ("has(endpoint.labels.rack) ? 0 : 1", [100, 0, 0]),
            ("-endpoint.in_flight", [0, 100, 0]),
            // Who has no score is asked if nobody has.
            ("endpoint.labels.rack == '' ? 1 : 2", [100, 0, 0]),
        ] {
            assert_eq!(picked(&endpoints, score, Among::All), expected, "{score}");
        }
        // One of them is not among two in a third of all draws.
        let counts = picked(&endpoints, "endpoint.labels.disk == 'hdd' ? 1 : 0", Among::Two);
        assert!(counts[0] < 10, "{counts:?}");
        assert!(picked(&endpoints, "endpoint.labels.none == '' ? 1 : 2", Among::All).iter().all(|count| *count > 0));
        assert!(picked(&endpoints, "0.0 / 0.0", Among::Two).iter().all(|count| *count > 0));
    }
}
