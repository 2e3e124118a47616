//! The policies of the gateway, its listeners and its upstreams.

use std::sync::Arc;

use model::{Model, Report};
use policy::{Attached, Consumers, Origin, Registry};

use crate::policies::{Maker, Policies};

pub(crate) struct Around {
    pub(crate) gateway: One,
    /// By index.
    pub(crate) listeners: Box<[One]>,
    pub(crate) upstreams: Box<[One]>,
}

/// The policies of one of them.
pub(crate) struct One {
    name: Arc<str>,
    /// What they were made of.
    written: Box<[model::Policy]>,
    pub(crate) policies: Policies,
}

// === impl Around ===

impl Around {
    pub(crate) fn new(
        model: &Model,
        kinds: &Registry,
        consumers: &Arc<Consumers>,
        previous: Option<&Self>,
        report: &mut Report,
    ) -> Self {
        let mut one = |name: &Arc<str>, written: &[model::Policy], origin, previous: Option<&One>| {
            let previous = previous.map(|one| (&*one.written, &one.policies));
            let policies = Maker { kinds, origin, captures: None, consumers }.make(written, previous, report);
            One { name: name.clone(), written: written.into(), policies }
        };
        let known = |list: fn(&Self) -> &[One], name: &Arc<str>| {
            previous.and_then(|previous| list(previous).iter().find(|one| one.name == *name))
        };
        let mut listener =
            |of: &model::Listener| one(&of.name, &of.policies, Origin::Listener, known(|all| &all.listeners, &of.name));
        let listeners = model.listeners.iter().map(&mut listener).collect();
        let mut upstream =
            |of: &model::Upstream| one(&of.name, &of.policies, Origin::Upstream, known(|all| &all.upstreams, &of.name));
        let upstreams = model.upstreams.iter().map(&mut upstream).collect();
        let gateway = previous.map(|previous| &previous.gateway);
        Self { gateway: one(&"".into(), &model.gateway.policies, Origin::Gateway, gateway), listeners, upstreams }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Policies> {
        [&self.gateway].into_iter().chain(&self.listeners).chain(&self.upstreams).map(|one| &one.policies)
    }

    /// Whether routes get the same from here as from `others`, which may lack some of the upstreams.
    pub(crate) fn extend(&self, others: &Self) -> bool {
        let are = |own: &[One], others: &[One]| own.iter().zip(others).all(|(own, other)| own.is(other));
        self.gateway.is(&others.gateway)
            && self.listeners.len() == others.listeners.len()
            && are(&self.listeners, &others.listeners)
            && self.upstreams.len() >= others.upstreams.len()
            && are(&self.upstreams, &others.upstreams)
    }
}

// === impl One ===

impl One {
    pub(crate) fn attached(&self) -> Vec<Attached> {
        self.policies.attached(self.written.iter().map(|policy| policy.place.clone())).collect()
    }

    /// Whether these are the very same policies, at the same places: chains tell where their policies are written.
    fn is(&self, other: &Self) -> bool {
        let places = |one: &Self| one.written.iter().map(|policy| policy.place.clone()).collect::<Vec<_>>();
        self.policies.are(&other.policies) && places(self) == places(other)
    }
}
