//! What registries tell of services, and the contract with those who ask them.
//!
//! A registry is asked in the control plane, by one watch per service and process. It always tells the whole answer, never a
//! difference; what becomes of it (whom to believe, how often to swap) is not its business.

/// One of those that serve under a name.
mod instance;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use model::Service;

pub use instance::{Flaw, Instance, Status};

/// The registries, for whoever follows services.
pub trait Registries: Send + Sync + 'static {
    /// Tells `hear` what there is under the name of `service`, now and whenever it changes, for as long as the future lives.
    ///
    /// It never ends by itself: what fails is told, and tried again after a while that grows (with jitter). The first news come
    /// as soon as there is an answer or a failure.
    fn watch(&self, service: &Service, hear: Arc<dyn Hear>) -> Watch;
}

/// A watch that runs as long as it is polled.
pub type Watch = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who hears of a service. Never blocks.
pub trait Hear: Send + Sync {
    /// All that a registry knows, as one answer.
    fn answered(&self, answer: Answer);

    /// There is no answer. Called for every attempt that failed.
    fn failed(&self, failure: Failure);
}

/// All that a registry knows of a service at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub instances: Vec<Instance>,
    /// What could not be understood; the rest stands.
    pub flaws: Vec<Flaw>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// What happened, in lower case, for logs: whom it concerns included, secrets not.
    pub detail: String,
}

/// Told apart in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// Nobody is there, or it broke.
    Unreachable,
    /// The registry does not take the credentials.
    Denied,
    /// The registry says that it cannot tell: a status of 500 and above, no leader, SERVFAIL.
    Refused,
    /// What was said is no answer.
    Malformed,
}

// === impl FailureKind ===

impl FailureKind {
    pub const ALL: [Self; 4] = [Self::Unreachable, Self::Denied, Self::Refused, Self::Malformed];

    /// As metrics and logs call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }
}

// === impl Failure ===

impl Failure {
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Failure {}
