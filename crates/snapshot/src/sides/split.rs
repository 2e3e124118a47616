//! Requests shared out: by what they say, by who sends them, or by chance.

use std::sync::Arc;

use message::Consumer;
use model::{Field, StickyKey};
use route::{Conditions, first_value};

use super::{
    Asking, Choice, Reason, Side, Weights,
    rendezvous::{Salted, Seed},
};

pub(super) struct Split {
    force: Option<Field>,
    /// With the index of their side.
    cohorts: Box<[(usize, Cohort)]>,
    /// The first that a request has decides.
    sticky: Box<[StickyKey]>,
    salted: Salted,
    /// Of the names of the sides.
    seeds: Box<[Seed]>,
    weights: Weights,
    pub(super) asks_consumer: bool,
}

struct Cohort {
    conditions: Conditions,
    /// Of these and of `groups` one is enough; both empty: anybody.
    consumers: Box<[Arc<str>]>,
    groups: Box<[Arc<str>]>,
}

// === impl Split ===

impl Split {
    pub(super) fn new(split: &model::Split) -> Self {
        let sides = || split.sides.iter();
        let cohorts = sides().enumerate().filter_map(|(index, side)| Some((index, Cohort::new(side.cohort.as_ref()?))));
        Self {
            force: split.force.clone(),
            cohorts: cohorts.collect(),
            sticky: split.sticky.as_slice().into(),
            salted: Salted::new(split.salt.as_deref().unwrap_or_default()),
            seeds: sides().map(|side| Seed::of(&side.name)).collect(),
            weights: Weights::new(sides().map(|side| side.weight)),
            asks_consumer: split.asks_consumer.is_some(),
        }
    }

    /// The seam for weights that change without a reload, as a release that goes step by step would have them: nobody
    /// reads weights but from here, once for each choice.
    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }

    pub(super) fn decide(&self, sides: &[Side], asking: &Asking<'_>) -> Option<Choice> {
        let choice = |reason| move |side| Choice { side, reason };
        let weights = self.weights();
        (self.forced(sides, asking).map(choice(Reason::Forced)))
            .or_else(|| self.cohort(asking).map(choice(Reason::Cohort)))
            .or_else(|| weights.only().map(choice(Reason::Only)))
            .or_else(|| self.stuck(weights, asking).map(choice(Reason::Sticky)))
    }

    /// A value that names no side is no error: testers come and go, and so do sides.
    fn forced(&self, sides: &[Side], asking: &Asking<'_>) -> Option<usize> {
        let named = first_value(self.force.as_ref()?, &asking.ask)?;
        sides.iter().position(|side| named.is(&side.name))
    }

    fn cohort(&self, asking: &Asking<'_>) -> Option<usize> {
        self.cohorts.iter().find(|(_, cohort)| cohort.holds(asking)).map(|(side, _)| *side)
    }

    /// The side that the request's key falls to, if it has one.
    fn stuck(&self, weights: &Weights, asking: &Asking<'_>) -> Option<usize> {
        self.sticky.iter().find_map(|key| {
            let fall = |key: &[u8]| self.salted.side(key, &self.seeds, weights.each());
            match key {
                StickyKey::Field(field) => fall(&first_value(field, &asking.ask)?.bytes()),
                StickyKey::Consumer => fall(asking.consumer?.name.as_bytes()),
                StickyKey::ClientIp => match asking.ask.client_ip.to_canonical() {
                    std::net::IpAddr::V4(address) => fall(&address.octets()),
                    std::net::IpAddr::V6(address) => fall(&address.octets()),
                },
            }
        })
    }

    pub(super) fn why(&self, choice: Choice, asking: &Asking<'_>) -> String {
        let has = |key: &&StickyKey| match key {
            StickyKey::Field(field) => first_value(field, &asking.ask).is_some(),
            StickyKey::Consumer => asking.consumer.is_some(),
            StickyKey::ClientIp => true,
        };
        match (choice.reason, &self.force) {
            (Reason::Forced, Some(field)) => format!("{} by the {field}", choice.reason),
            (Reason::Sticky, _) => {
                let key = self.sticky.iter().find(has).map(|key| format!(", the {key}")).unwrap_or_default();
                format!("{}{key}", choice.reason)
            }
            (reason, _) => reason.to_string(),
        }
    }
}

// === impl Cohort ===

impl Cohort {
    fn new(cohort: &model::Cohort) -> Self {
        Self {
            conditions: Conditions::new(&cohort.headers, &cohort.cookies),
            consumers: cohort.consumers.as_slice().into(),
            groups: cohort.groups.as_slice().into(),
        }
    }

    fn holds(&self, asking: &Asking<'_>) -> bool {
        self.conditions.hold(&asking.ask) && self.takes(asking.consumer)
    }

    fn takes(&self, consumer: Option<&Consumer>) -> bool {
        let is_named = |consumer: &Consumer| {
            self.consumers.contains(&consumer.name) || consumer.groups.iter().any(|group| self.groups.contains(group))
        };
        (self.consumers.is_empty() && self.groups.is_empty()) || consumer.is_some_and(is_named)
    }
}
