//! A kind of policy: typed for its author, erased for everybody else.

use std::{fmt, marker::PhantomData, sync::Arc};

use model::{Node, Place, Report};
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;

use crate::{Consumers, Policy, Stage};

/// What the author of a kind writes.
pub trait PolicyKind: Send + Sync + 'static {
    /// Key in the document, file name, page of the docs, metric label: one name.
    const NAME: &'static str;
    const STAGE: Stage;
    /// Whether its policies find out who calls ([`message::Exchange::consumer`]): where none on a route does, a document
    /// that asks who calls is refused. They are made anew when the consumers of the document change.
    const IDENTIFIES: bool = false;
    /// Settings as written. Unknown keys are found by the decoder; `#[serde(default)]` says what may be left out.
    type Config: DeserializeOwned + JsonSchema;
    type Policy: Policy;

    fn manual() -> Manual;

    /// Reports what no type can rule out. Pure: touches no file, no socket, no task.
    fn check(config: &Self::Config, site: &Site<'_>, report: &mut Report) {
        _ = (config, site, report);
    }

    /// Makes the policy of settings that passed the check. Starts nothing.
    ///
    /// # Errors
    /// What makes the policy unavailable (a file that cannot be read); its routes then answer 503.
    fn build(config: Self::Config, site: &Site<'_>) -> Result<Self::Policy, BuildError>;
}

/// How a kind describes itself to help, docs and panel.
#[derive(Debug, Clone, Copy)]
pub struct Manual {
    /// One line, without full stop.
    pub summary: &'static str,
    /// Why and when, in Markdown.
    pub description: &'static str,
    /// A policy as it stands in a document; a test checks and builds it.
    pub example: &'static str,
}

/// Where a policy is attached.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// Of its settings.
    pub place: &'a Place,
    /// What the path of its route captures; `None`: it is not attached to a route, but to something that many routes share.
    pub captures: Option<&'a [&'a str]>,
    /// Whom the document knows. Only for building: a check is made even if what the document says of them is wrong, and sees
    /// none. A policy of a kind that identifies callers is made anew when they change.
    pub consumers: &'a Arc<Consumers>,
}

/// Why a policy could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError(pub String);

/// A kind without its types.
pub trait Kind: Send + Sync {
    fn name(&self) -> &'static str;
    fn stage(&self) -> Stage;
    /// Whether its policies find out who calls.
    fn identifies(&self) -> bool;
    fn manual(&self) -> Manual;
    /// JSON Schema of the settings.
    fn schema(&self) -> Schema;
    /// Reports all that is wrong with the settings.
    fn check(&self, settings: &Node, site: &Site<'_>, report: &mut Report);
    /// # Errors
    /// What makes the policy unavailable, or settings that would not pass the check.
    fn build(&self, settings: &Node, site: &Site<'_>) -> Result<Arc<dyn Policy>, BuildError>;
}

/// Erases the types of a kind, for the list of a [`crate::Registry`].
pub fn erase<K: PolicyKind>() -> Box<dyn Kind> {
    Box::new(Erased::<K>(PhantomData))
}

struct Erased<K>(PhantomData<K>);

// === impl Erased ===

impl<K: PolicyKind> Kind for Erased<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn stage(&self) -> Stage {
        K::STAGE
    }

    fn identifies(&self) -> bool {
        K::IDENTIFIES
    }

    fn manual(&self) -> Manual {
        K::manual()
    }

    fn schema(&self) -> Schema {
        schemars::schema_for!(K::Config)
    }

    fn check(&self, settings: &Node, site: &Site<'_>, report: &mut Report) {
        if let Some(config) = model::decode::<K::Config>(settings, report) {
            K::check(&config, site, report);
        }
    }

    fn build(&self, settings: &Node, site: &Site<'_>) -> Result<Arc<dyn Policy>, BuildError> {
        let mut report = Report::default();
        match model::decode::<K::Config>(settings, &mut report) {
            Some(config) if !report.has_errors() => Ok(Arc::new(K::build(config, site)?)),
            _ => Err(BuildError(report.problems.first().map_or_else(String::new, ToString::to_string))),
        }
    }
}

// === impl BuildError ===

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuildError {}
