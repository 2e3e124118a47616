//! How endpoints are chosen.

use std::{fmt, sync::Arc, time::Duration};

use expression::{NumberExpression, suggestion};

use super::Field;
use crate::{Node, Place, Report, document, values::SecretSource};

#[derive(Debug, Clone, PartialEq, Default)]
pub enum Balance {
    /// Smooth weighted round robin.
    #[default]
    RoundRobin,
    Random,
    LeastRequests,
    PeakEwma(PeakEwma),
    ConsistentHash(ConsistentHash),
    Custom(Custom),
    Sticky(StickyCookie),
    Registered(Registered),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakEwma {
    /// After this time, an observation has lost all but 1/e of its say.
    pub decay: Duration,
    /// What a failure counts as, if it did not take longer.
    pub failure: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConsistentHash {
    pub key: HashKey,
    /// For requests without the key; without that too, chance decides.
    pub fallback: Option<HashKey>,
    pub algorithm: HashAlgorithm,
    /// How many times the average load an endpoint may have; `None`: no bound.
    pub bounded_load: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    ClientIp,
    /// Who calls; then a policy must have found out.
    Consumer,
    /// As the endpoint sees it.
    Path,
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashAlgorithm {
    #[default]
    Ring,
    Maglev,
}

/// The lowest score wins.
#[derive(Debug, Clone, PartialEq)]
pub struct Custom {
    pub score: NumberExpression,
    pub among: Among,
    /// How latency is learned, if the score looks at it.
    pub timing: PeakEwma,
}

/// Whose scores are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Among {
    /// Two that are drawn by weight.
    #[default]
    Two,
    All,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickyCookie {
    pub cookie: Arc<str>,
    /// `None`: until the client's session ends.
    pub ttl: Option<Duration>,
    /// `None`: one that the gateway makes.
    pub secret: Option<SecretSource>,
}

/// A way that does not come with the gateway, as written: which kind, and settings that only the kind understands.
#[derive(Debug, Clone)]
pub struct Registered {
    pub kind: Arc<str>,
    /// Of its name.
    pub place: Place,
    pub settings: Node,
}

// === impl Balance ===

impl Balance {
    /// What is left to a kind that the program knows, if it is.
    pub fn registered(&self) -> Option<&Registered> {
        match self {
            Self::Registered(written) => Some(written),
            _ => None,
        }
    }
}

// === impl Registered ===

impl Registered {
    /// Reports that there is no such way, neither one that comes with the gateway nor one of `kinds`.
    pub fn report_unknown<'k>(&self, kinds: impl Iterator<Item = &'k str> + Clone, report: &mut Report) {
        let message = format!("unknown way to balance `{}`", crate::values::shortened(&self.kind));
        let known = document::Balance::names().map(|name| -> &str { name }).chain(kinds);
        match suggestion(&self.kind, known) {
            Some(hint) => report.error_with_hint(&self.place, message, hint),
            None => report.error(&self.place, message),
        }
    }
}

/// Wherever it stands.
impl PartialEq for Registered {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.settings.says_the_same(&other.settings)
    }
}

// === impl ConsistentHash ===

impl fmt::Display for ConsistentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, fallback, algorithm, bounded_load } = self;
        write!(f, "{key}")?;
        if let Some(fallback) = fallback {
            write!(f, ", else by {fallback}")?;
        }
        write!(f, ", {algorithm}")?;
        bounded_load.map_or(Ok(()), |factor| write!(f, ", load bounded by {factor}"))
    }
}

// === impl Custom ===

impl Custom {
    /// Whether the score may look at this of an endpoint. By its text: to learn what nobody looks at does no harm.
    pub fn looks_at(&self, name: &str) -> bool {
        self.score.as_str().contains(name)
    }
}

// === impl HashKey ===

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientIp => f.write_str("client address"),
            Self::Consumer => f.write_str("consumer"),
            Self::Path => f.write_str("path"),
            Self::Field(field) => field.fmt(f),
        }
    }
}

// === impl HashAlgorithm ===

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ring => "ring",
            Self::Maglev => "maglev",
        })
    }
}

// === defaults ===

impl Default for PeakEwma {
    fn default() -> Self {
        Self { decay: Duration::from_secs(10), failure: Duration::from_secs(5) }
    }
}
