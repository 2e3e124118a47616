//! Balancers that do not come with the gateway: whoever builds a program of his own adds their kinds to its visible list.

use std::{fmt, marker::PhantomData, sync::Arc};

use message::Exchange;
use model::{Node, PeakEwma, Report};
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;

use super::LoadBalancer;
use crate::{Endpoint, RulesError};

/// What the author of a kind writes, for the type of its settings as documents have them. Unknown keys are found by the
/// decoder; `#[serde(default)]` says what may be left out.
pub trait BalancerKind: BalancerRules + DeserializeOwned + JsonSchema + 'static {
    /// Key in the document. What comes with the gateway cannot be replaced: its names are never asked for here.
    const NAME: &'static str;

    /// Reports what no type can rule out. `settings` is where they are written, for the places.
    fn check(&self, settings: &Node, report: &mut Report) {
        _ = (settings, report);
    }
}

/// Settings, ready to be used: they make a balancer for every set of endpoints, and say what it needs to know.
pub trait BalancerRules: Send + Sync {
    /// The balancer of these endpoints, which are those of one tier. Starts nothing.
    fn build(&self, endpoints: &[Arc<Endpoint>], workers: usize) -> Box<dyn LoadBalancer>;

    /// What [`Ask::key`](super::Ask::key) will be for a request.
    fn key(&self, exchange: &Exchange) -> Option<u64> {
        _ = exchange;
        None
    }

    /// Whether requests under way are to be counted in [`Learned::in_flight`](crate::Learned::in_flight). Asked once.
    fn counts_requests(&self) -> bool {
        false
    }

    /// How answers are to be timed for [`Learned::latency`](crate::Learned::latency), if they are. Asked once.
    fn timing(&self) -> Option<&PeakEwma> {
        None
    }
}

/// A kind without its types. What is no Rust type, such as a kind that a plugin makes, implements this itself.
pub trait Kind: Send + Sync {
    fn name(&self) -> &str;
    /// JSON Schema of the settings.
    fn schema(&self) -> Schema;
    /// Reports all that is wrong with the settings; `None` if they cannot be used.
    fn read(&self, settings: &Node, report: &mut Report) -> Option<Arc<dyn BalancerRules>>;
}

/// The kinds that a program knows. A visible list, put together by the program; nothing registers itself.
#[derive(Default)]
pub struct Balancers {
    kinds: Vec<Box<dyn Kind>>,
}

/// What a kind made of the settings in a document.
pub(super) struct Registered {
    written: model::Registered,
    rules: Arc<dyn BalancerRules>,
}

struct Erased<K>(PhantomData<fn() -> K>);

/// Erases the types of a kind, for the list of [`Balancers`].
pub fn erase<K: BalancerKind>() -> Box<dyn Kind> {
    Box::new(Erased::<K>(PhantomData))
}

// === impl Balancers ===

impl Balancers {
    pub const fn new(kinds: Vec<Box<dyn Kind>>) -> Self {
        Self { kinds }
    }

    /// Reports that there is no such kind, or all that is wrong with its settings.
    pub fn check(&self, written: &model::Registered, report: &mut Report) {
        match self.get(&written.kind) {
            Some(kind) => _ = kind.read(&written.settings, report),
            None => written.report_unknown(self.iter().map(Kind::name), report),
        }
    }

    pub(super) fn read(&self, written: &model::Registered) -> Result<Registered, RulesError> {
        let mut report = Report::default();
        match self.get(&written.kind).and_then(|kind| kind.read(&written.settings, &mut report)) {
            Some(rules) if !report.has_errors() => Ok(Registered { written: written.clone(), rules }),
            _ => Err(RulesError::Balancer(format!("there is no balancer `{}` with these settings", written.kind))),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &dyn Kind> + Clone {
        self.kinds.iter().map(|kind| &**kind)
    }

    fn get(&self, name: &str) -> Option<&dyn Kind> {
        self.iter().find(|kind| kind.name() == name)
    }
}

// === impl Registered ===

impl Registered {
    pub(super) fn kind(&self) -> &str {
        &self.written.kind
    }
}

impl std::ops::Deref for Registered {
    type Target = dyn BalancerRules;

    fn deref(&self) -> &Self::Target {
        &*self.rules
    }
}

/// The same settings make the same balancers.
impl PartialEq for Registered {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

/// Without the settings, which may hold secrets.
impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("kind", &self.written.kind).finish_non_exhaustive()
    }
}

// === impl Erased ===

impl<K: BalancerKind> Kind for Erased<K> {
    fn name(&self) -> &str {
        K::NAME
    }

    fn schema(&self) -> Schema {
        schemars::schema_for!(K)
    }

    fn read(&self, settings: &Node, report: &mut Report) -> Option<Arc<dyn BalancerRules>> {
        let rules = model::decode::<K>(settings, report)?;
        rules.check(settings, report);
        Some(Arc::new(rules))
    }
}
