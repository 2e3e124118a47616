//! The policies that are attached to something: built from their settings, or adopted from the previous snapshot.

use std::sync::{Arc, Once};

use model::{Place, Report};
use policy::{Attached, Consumers, Link, Origin, Policy, Registry, Site};

/// The policies of one list of a document, in the order written.
#[derive(Clone)]
pub(crate) struct Policies(Arc<[Built]>);

/// One policy. Snapshots that have the same one share it, with all that it has counted.
#[derive(Clone)]
struct Built {
    link: Link,
    /// Those that it knows, if it finds out who calls.
    consumers: Option<Arc<Consumers>>,
    life: Arc<Life>,
}

/// From the first snapshot that has a policy to the end of the last.
struct Life {
    policy: Arc<dyn Policy>,
    started: Once,
}

/// Makes policies of a list.
pub(crate) struct Maker<'a> {
    pub(crate) kinds: &'a Registry,
    pub(crate) origin: Origin,
    /// What the path of a route captures; `None` for policies that are attached to anything else.
    pub(crate) captures: Option<&'a [&'a str]>,
    pub(crate) consumers: &'a Arc<Consumers>,
}

// === impl Policies ===

impl Policies {
    /// With the places where they are written.
    pub(crate) fn attached(&self, places: impl Iterator<Item = Place>) -> impl Iterator<Item = Attached> {
        self.0.iter().zip(places).map(|(built, place)| Attached { link: built.link.clone(), place })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these are the very same.
    pub(crate) fn are(&self, others: &Self) -> bool {
        self.0.len() == others.0.len()
            && self.0.iter().zip(&*others.0).all(|(own, other)| Arc::ptr_eq(&own.life, &other.life))
    }

    /// Whether each would be made the same again.
    pub(crate) fn are_current(&self, consumers: &Arc<Consumers>) -> bool {
        self.0.iter().all(|built| built.is_current(consumers))
    }

    /// To be called once a snapshot with them is live.
    pub(crate) fn start(&self) {
        for Built { life, .. } in &*self.0 {
            life.started.call_once(|| life.policy.start());
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

// === impl Built ===

impl Built {
    /// Whether it would be made the same again, and knows those whom the document knows.
    fn is_current(&self, consumers: &Arc<Consumers>) -> bool {
        let knows = self.consumers.as_ref().is_none_or(|own| Arc::ptr_eq(own, consumers));
        knows && self.life.policy.is_current()
    }
}

// === impl Life ===

impl Drop for Life {
    /// The last exchange that could meet it is over.
    fn drop(&mut self) {
        self.policy.retire();
    }
}

// === impl Maker ===

impl Maker<'_> {
    /// Reports what is wrong with the settings, which only their kinds can tell.
    pub(crate) fn check(&self, written: &[model::Policy], report: &mut Report) {
        for policy in written {
            match self.kinds.get(&policy.kind) {
                Some(kind) => kind.check(&policy.settings, &self.site(policy), report),
                None => unknown_kind(policy, self.kinds, report),
            }
        }
    }

    /// Those of `previous` that are written the same, and new ones in place of the others.
    pub(crate) fn make(
        &self,
        written: &[model::Policy],
        previous: Option<(&[model::Policy], &Policies)>,
        report: &mut Report,
    ) -> Policies {
        if written.is_empty() {
            return Policies::default();
        }
        let mut before: Vec<_> =
            previous.into_iter().flat_map(|(written, built)| written.iter().zip(&*built.0)).collect();
        let mut adopt = |policy: &model::Policy| {
            let is_same = |(written, built): &(&model::Policy, &Built)| {
                is_same(written, policy) && built.is_current(self.consumers)
            };
            let at = before.iter().position(is_same)?;
            Some(before.remove(at).1.clone())
        };
        written.iter().filter_map(|policy| adopt(policy).or_else(|| self.build(policy, report))).collect()
    }

    fn build(&self, written: &model::Policy, report: &mut Report) -> Option<Built> {
        let kind = self.kinds.get(&written.kind)?;
        let failed = |error| report.error(&written.place, format!("policy `{}`: {error}", written.kind));
        let policy = kind.build(&written.settings, &self.site(written)).map_err(failed).ok()?;
        let link = Link { kind: kind.name(), stage: kind.stage(), origin: self.origin, policy: policy.clone() };
        let consumers = kind.identifies().then(|| self.consumers.clone());
        Some(Built { link, consumers, life: Arc::new(Life { policy, started: Once::new() }) })
    }

    fn site<'a>(&'a self, policy: &'a model::Policy) -> Site<'a> {
        Site { place: &policy.settings.place, captures: self.captures, consumers: self.consumers }
    }
}

impl FromIterator<Built> for Policies {
    fn from_iter<T: IntoIterator<Item = Built>>(built: T) -> Self {
        Self(built.into_iter().collect())
    }
}

fn unknown_kind(policy: &model::Policy, kinds: &Registry, report: &mut Report) {
    let known: Vec<_> = kinds.iter().map(policy::Kind::name).collect();
    let hint = match model::nearest(&policy.kind, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the kinds are {}", known.join(", ")),
    };
    report.error_with_hint(&policy.place, format!("unknown policy kind `{}`", policy.kind), hint);
}

/// Whether two are written the same, wherever they stand.
fn is_same(one: &model::Policy, other: &model::Policy) -> bool {
    one.kind == other.kind && one.settings.says_the_same(&other.settings)
}
