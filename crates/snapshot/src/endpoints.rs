//! The endpoints of an upstream as they are now, in words, and what operators may order about them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upstream::Upstream;

use crate::{EndpointHealthTold, OverrideTold};

/// An endpoint of an upstream, wherever it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LiveEndpointTold {
    pub address: String,
    /// What it gets, orders of operators included; 0: nothing new.
    pub weight: u32,
    /// The lowest is asked first.
    pub tier: u32,
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Whether it may be asked, as far as its health goes.
    pub eligible: bool,
    /// Requests under way; `None`: the balance of its upstream does not count them.
    pub in_flight: Option<u32>,
    /// `None`: it is taken for good.
    pub health: Option<EndpointHealthTold>,
    /// What operators ordered.
    pub order: Option<OverrideTold>,
}

/// What is to hold for an endpoint, whatever the document or a registry says. What is left out stays as it was ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointOrder {
    pub weight: Option<u32>,
    /// It gets nothing new; what it has begun, it ends.
    pub drain: Option<bool>,
    /// Beside those that it has, or in place of them.
    pub labels: Option<BTreeMap<Arc<str>, Arc<str>>>,
    /// Takes all back that was ordered before.
    #[serde(default)]
    pub clear: bool,
}

/// Why an order was not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointOrderError {
    /// There is no such upstream; who has the nearest name.
    NoUpstream { name: String, nearest: Option<String> },
    /// It has no such endpoint; these it has.
    NoEndpoint { address: String, known: Vec<String> },
    /// It says nothing, or two things.
    Senseless(String),
    /// It could not be kept, so it was not followed.
    NotKept(String),
}

/// All of an upstream, in its order; what was ordered is for others to say.
pub fn endpoints(upstream: &Upstream) -> Vec<LiveEndpointTold> {
    let counts = upstream.rules.balance.counts_requests();
    let set = upstream.set();
    let told = set.endpoints.iter().map(|endpoint| LiveEndpointTold {
        address: endpoint.address.to_string(),
        weight: endpoint.weight,
        tier: endpoint.tier,
        labels: endpoint.labels.iter().cloned().collect(),
        eligible: endpoint.is_eligible(),
        in_flight: counts.then(|| endpoint.learned.in_flight()),
        health: endpoint.health.as_ref().map(|health| EndpointHealthTold::new(&upstream.name, health)),
        order: None,
    });
    told.collect()
}

// === impl EndpointOrder ===

impl EndpointOrder {
    /// What holds then, if this was ordered before.
    ///
    /// # Errors
    /// It says nothing, or two things.
    pub fn on(&self, known: Option<&OverrideTold>) -> Result<OverrideTold, EndpointOrderError> {
        let Self { weight, drain, labels, clear } = self;
        let senseless = |why: &str| Err(EndpointOrderError::Senseless(why.to_owned()));
        match (clear, weight.is_some() || drain.is_some() || labels.is_some()) {
            (true, true) => return senseless("`clear` takes all back: leave the others out"),
            (false, false) => return senseless("say what is to hold: `weight`, `drain` or `labels`, or `clear`"),
            _ => {}
        }
        let known = known.filter(|_| !clear).cloned().unwrap_or_default();
        Ok(OverrideTold {
            weight: weight.or(known.weight),
            drain: drain.unwrap_or(known.drain),
            labels: labels.clone().unwrap_or(known.labels),
        })
    }
}

// === impl EndpointOrderError ===

impl fmt::Display for EndpointOrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUpstream { name, nearest: None } => write!(f, "there is no upstream `{name}`"),
            Self::NoUpstream { name, nearest: Some(nearest) } => {
                write!(f, "there is no upstream `{name}`; did you mean `{nearest}`?")
            }
            Self::NoEndpoint { address, known } => {
                write!(f, "the upstream has no endpoint `{address}`; it has {}", known.join(", "))
            }
            Self::Senseless(why) => f.write_str(why),
            Self::NotKept(why) => write!(f, "the order cannot be kept, so nothing changed: {why}"),
        }
    }
}

impl std::error::Error for EndpointOrderError {}
