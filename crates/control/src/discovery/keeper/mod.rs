//! What is believed of a service. Pure: time is an argument, and what comes of it is handed back.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use model::{Endpoint, EndpointAddress, Place};
use snapshot::OverrideTold as Override;
use upstream::discovery::{Answer, Failure, FailureKind, Instance, Status};

use super::judge::{Judged, Reason, Rules};

/// Sets follow each other no closer than this: a service that flaps is its own problem.
pub(crate) const BETWEEN_SWAPS: Duration = Duration::from_millis(100);

/// What is known of one service, whatever registry tells it.
///
/// ```text
///             ┌──── not suspicious ────────────────────┐
///  answer ─▶ judge                                     ├─▶ believed ─▶ wanted ─100 ms─▶ live
///             └──── suspicious ─▶ held ─ hold is over ─┘                  ▲
///                                                        overrides ───────┘
/// ```
#[derive(Debug)]
pub(crate) struct Keeper {
    rules: Arc<Rules>,
    overrides: Overrides,
    believed: Option<Believed>,
    held: Option<Held>,
    failure: Option<(Failure, SystemTime)>,
    last_sync: Option<SystemTime>,
    counts: Counts,
    /// What should be in place, and what is.
    wanted: Vec<Endpoint>,
    live: Vec<Endpoint>,
    swapped: Option<Instant>,
}

/// By address. What is ordered for an endpoint holds also while it is not there.
pub(crate) type Overrides = BTreeMap<EndpointAddress, Override>;

/// A moment on both clocks: one for waits, one for people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) wall: SystemTime,
}

/// An answer that serves.
#[derive(Debug)]
pub(crate) struct Believed {
    pub(crate) answer: Answer,
    pub(crate) judged: Judged,
    pub(crate) since: SystemTime,
}

/// An answer that is suspicious.
#[derive(Debug)]
pub(crate) struct Held {
    answer: Answer,
    pub(crate) present: usize,
    pub(crate) since: Moment,
}

/// For metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) failures: [u64; FailureKind::ALL.len()],
    /// Answers that were held, each once however often it was repeated.
    pub(crate) held: u64,
    pub(crate) swaps: u64,
}

/// What is worth a line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// An answer is held.
    Held { has: usize, had: usize },
    /// One that is good came after all.
    Released,
    /// It stayed like that for so long that it is believed.
    Believed { has: usize, had: usize },
    /// What is left out is not what it was.
    LeftOut(Vec<(Arc<str>, String, Reason)>),
    /// The first failure after an answer.
    Failed(Failure),
    /// The first answer after a failure.
    Recovered,
}

// === impl Keeper ===

impl Keeper {
    /// `known` is the last good answer of an earlier process, and when that was.
    pub(crate) fn new(rules: Arc<Rules>, overrides: Overrides, known: Option<(Answer, SystemTime)>) -> Self {
        let believed = known.map(|(answer, since)| Believed { judged: rules.judge(&answer), answer, since });
        let mut keeper = Self {
            rules,
            overrides,
            believed,
            held: None,
            failure: None,
            last_sync: None,
            counts: Counts::default(),
            wanted: Vec::new(),
            live: Vec::new(),
            swapped: None,
        };
        keeper.want();
        // It is part of the first world: there was nothing to be swapped.
        keeper.live.clone_from(&keeper.wanted);
        keeper
    }

    /// The registry told all that it knows.
    pub(crate) fn answered(&mut self, answer: Answer, now: Moment) -> Vec<News> {
        self.last_sync = Some(now.wall);
        let mut news: Vec<_> = self.failure.take().map(|_| News::Recovered).into_iter().collect();
        let judged = self.rules.judge(&answer);
        let (has, had) = (judged.present(), self.present());
        if is_suspicious(has, had) && !self.rules.hold.is_zero() {
            match &mut self.held {
                Some(held) => (held.answer, held.present) = (answer, has),
                None => {
                    self.counts.held += 1;
                    self.held = Some(Held { answer, present: has, since: now });
                    news.push(News::Held { has, had });
                }
            }
        } else {
            news.extend(self.held.take().map(|_| News::Released));
            news.extend(self.believe(answer, judged, now));
        }
        news.extend(self.tick(now));
        news
    }

    /// There was no answer, which changes nothing of what serves.
    pub(crate) fn failed(&mut self, failure: Failure, now: Moment) -> Vec<News> {
        if let Some(index) = FailureKind::ALL.iter().position(|kind| *kind == failure.kind) {
            self.counts.failures[index] += 1;
        }
        let is_first = self.failure.is_none();
        self.failure = Some((failure.clone(), now.wall));
        if is_first { vec![News::Failed(failure)] } else { Vec::new() }
    }

    /// Believes what was held for long enough, if the registry still says so.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<News> {
        match self.held_until() {
            Some(until) if until <= now.instant && self.failure.is_none() => self.believe_held(now),
            _ => Vec::new(),
        }
    }

    /// Believes what is held, however long it was.
    pub(crate) fn believe_held(&mut self, now: Moment) -> Vec<News> {
        let Some(Held { answer, present: has, .. }) = self.held.take() else { return Vec::new() };
        let mut news = vec![News::Believed { has, had: self.present() }];
        let judged = self.rules.judge(&answer);
        news.extend(self.believe(answer, judged, now));
        news
    }

    /// The endpoints to swap in, if others are in place and it is time.
    pub(crate) fn due(&mut self, now: Instant) -> Option<&[Endpoint]> {
        if self.wanted == self.live || self.swapped.is_some_and(|swapped| now < swapped + BETWEEN_SWAPS) {
            return None;
        }
        self.live.clone_from(&self.wanted);
        self.swapped = Some(now);
        self.counts.swaps += 1;
        Some(&self.live)
    }

    /// When to look again, if nothing is heard before.
    pub(crate) fn next(&self) -> Option<Instant> {
        let swap = self.swapped.filter(|_| self.wanted != self.live).map(|swapped| swapped + BETWEEN_SWAPS);
        let believe = self.held_until().filter(|_| self.failure.is_none());
        swap.into_iter().chain(believe).min()
    }

    /// The endpoints that are in place; `None` while nothing is known.
    pub(crate) fn live(&self) -> Option<&[Endpoint]> {
        self.believed.as_ref().map(|_| &*self.live)
    }

    /// What is believed is judged anew by other rules.
    pub(crate) fn set_rules(&mut self, rules: &Arc<Rules>) -> Vec<News> {
        if *self.rules == **rules {
            return Vec::new();
        }
        self.rules = rules.clone();
        let Some(believed) = &mut self.believed else { return Vec::new() };
        let judged = rules.judge(&believed.answer);
        let news = left_out(&believed.judged, &judged);
        believed.judged = judged;
        self.want();
        news.into_iter().collect()
    }

    pub(crate) fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    pub(crate) fn set_overrides(&mut self, overrides: Overrides) {
        self.overrides = overrides;
        self.want();
    }

    pub(crate) fn believed(&self) -> Option<&Believed> {
        self.believed.as_ref()
    }

    /// With when it is believed if it stays like that.
    pub(crate) fn held(&self) -> Option<(&Held, Instant)> {
        self.held.as_ref().zip(self.held_until())
    }

    pub(crate) fn failure(&self) -> Option<&(Failure, SystemTime)> {
        self.failure.as_ref()
    }

    pub(crate) fn last_sync(&self) -> Option<SystemTime> {
        self.last_sync
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the registry does not confirm what serves.
    pub(crate) fn is_stale(&self) -> bool {
        self.last_sync.is_none() || self.failure.is_some()
    }

    fn present(&self) -> usize {
        self.believed.as_ref().map_or(0, |believed| believed.judged.present())
    }

    fn held_until(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.since.instant + self.rules.hold)
    }

    fn believe(&mut self, answer: Answer, judged: Judged, now: Moment) -> Option<News> {
        let known = self.believed.as_ref();
        let news = left_out(known.map_or(&Judged::default(), |known| &known.judged), &judged);
        let since = known.filter(|known| known.judged == judged).map_or(now.wall, |known| known.since);
        self.believed = Some(Believed { answer, judged, since });
        self.want();
        news
    }

    /// Works out what should be in place.
    fn want(&mut self) {
        let taken = self.believed.iter().flat_map(|believed| &believed.judged.taken);
        let wanted = taken.filter(|instance| instance.status != Status::Down);
        self.wanted = wanted.map(|instance| endpoint(instance, self.overrides.get(&instance.address))).collect();
    }
}

/// Whether an answer looks like a fault of the registry rather than like a change of the service.
fn is_suspicious(has: usize, had: usize) -> bool {
    has * 2 < had
}

/// An instance as an endpoint. One that drains stays, and gets nothing.
pub(crate) fn endpoint(instance: &Instance, order: Option<&Override>) -> Endpoint {
    let is_draining = instance.status == Status::Draining || order.is_some_and(|order| order.drain);
    let ordered = order.and_then(|order| order.weight);
    let mut labels: BTreeMap<_, _> = instance.labels.iter().cloned().collect();
    labels.extend(order.into_iter().flat_map(|order| order.labels.clone()));
    Endpoint {
        place: Place { file: "".into(), line: 1, column: 1 },
        address: instance.address.clone(),
        weight: if is_draining { 0 } else { ordered.unwrap_or(instance.weight) },
        tier: instance.tier,
        labels: labels.into_iter().collect(),
    }
}

/// What is left out now, if that has changed.
fn left_out(before: &Judged, now: &Judged) -> Option<News> {
    let list = |judged: &Judged| {
        let instances = judged.left_out.iter();
        let instances = instances.map(|(left, reason)| (left.id.clone(), left.address.to_string(), *reason));
        let flaws = judged.flaws.iter().map(|flaw| (flaw.id.clone(), flaw.detail.clone(), Reason::Malformed));
        let mut list: Vec<_> = instances.chain(flaws).collect();
        list.sort_unstable();
        list
    };
    let now = list(now);
    (list(before) != now).then_some(News::LeftOut(now))
}

#[cfg(test)]
mod tests;
