//! What was found in registries, in words, and what operators may order about it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service that endpoints are found by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceTold {
    /// `consul`, `etcd`, `eureka`, `dns`, `registry` or `file`.
    pub registry: String,
    /// What is asked for there.
    pub service: String,
    /// Who sends requests to it.
    pub upstreams: Vec<Arc<str>>,
    /// Whether the registry does not confirm what serves: it has not answered since the start, or fails.
    pub stale: bool,
    /// When the registry last answered, RFC 3339. `None`: not in the life of this process.
    pub last_sync: Option<String>,
    /// Since when these instances are believed in. `None`: nothing is known yet.
    pub since: Option<String>,
    /// A later answer that is not believed yet.
    pub held: Option<HeldTold>,
    /// Of the last attempt, if it failed.
    pub failure: Option<FailureTold>,
    /// All of the answer that is believed, by address; those that could not be understood come last.
    pub instances: Vec<InstanceTold>,
}

/// An answer that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldTold {
    pub since: String,
    /// When it is believed, if it stays like that.
    pub until: String,
    /// How many instances it has, down ones aside.
    pub has: usize,
    /// How many the one has that serves.
    pub had: usize,
}

/// Why a registry did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureTold {
    pub at: String,
    pub kind: String,
    pub detail: String,
}

/// One of those that serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceTold {
    pub id: Arc<str>,
    /// `None`: it could not be understood.
    pub address: Option<String>,
    /// What it gets, orders of operators included.
    pub weight: u32,
    pub tier: u32,
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// `up`, `draining`, `down` or `left_out`.
    pub state: String,
    /// Why it is left out, or who has it drain.
    pub why: Option<String>,
    /// What operators ordered.
    pub order: Option<OverrideTold>,
}

/// What holds for an endpoint whatever its registry says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideTold {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// It gets nothing new.
    #[serde(default)]
    pub drain: bool,
    /// Beside those that it has, or in place of them.
    #[serde(default)]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
}

/// What is to hold for an endpoint of a service; or that an answer is good that is held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceOrder {
    pub service: String,
    /// Needed if several registries have a service of this name.
    pub registry: Option<String>,
    /// The address of the endpoint; it need not be there at the moment.
    pub endpoint: Option<String>,
    pub weight: Option<u32>,
    pub drain: Option<bool>,
    pub labels: Option<BTreeMap<Arc<str>, Arc<str>>>,
    /// Takes all back that was ordered for the endpoint before.
    #[serde(default)]
    pub clear: bool,
    /// Has the answer believed at once that is held.
    #[serde(default)]
    pub believe: bool,
}

/// Why an order was not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceOrderError {
    /// There is no such service; these there are, in words.
    NoSuchService(Vec<String>),
    /// Several registries have it.
    Several(Vec<String>),
    /// It says nothing, or something that makes no sense.
    Senseless(String),
    /// It could not be kept, so it was not followed.
    NotKept(String),
}

// === impl OverrideTold ===

impl OverrideTold {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

// === impl ServiceOrderError ===

impl fmt::Display for ServiceOrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchService(known) if known.is_empty() => {
                f.write_str("no upstream has `discovery`, so there are no services")
            }
            Self::NoSuchService(known) => write!(f, "there is no such service; there are {}", known.join(", ")),
            Self::Several(known) => write!(f, "say in which `registry`: there are {}", known.join(", ")),
            Self::Senseless(why) => f.write_str(why),
            Self::NotKept(why) => write!(f, "the order cannot be kept, so nothing changed: {why}"),
        }
    }
}

impl std::error::Error for ServiceOrderError {}
