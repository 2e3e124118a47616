//! The document's choice of a balancer, and what that one needs to know of requests and answers. What no balancer of an
//! upstream needs is not found out.

use std::{fmt, time::Duration};

use message::Exchange;
use model::{ConsistentHash, Custom, PeakEwma};

use super::{Balancers, consistent_hash::key, kind::Registered, ramp::Ramp, sticky::Cookies};
use crate::RulesError;

/// How the endpoints of an upstream are chosen. The same for all its sets.
#[derive(Debug, PartialEq)]
pub struct Balance {
    way: Way,
    ramp: Ramp,
    counts_requests: bool,
    timing: Option<PeakEwma>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Way {
    RoundRobin,
    Random,
    LeastRequests,
    PeakEwma(PeakEwma),
    ConsistentHash(ConsistentHash),
    Custom(Custom),
    Registered(Registered),
    Sticky(Cookies),
}

// === impl Balance ===

impl Balance {
    /// Reads the secret that the document names, if it does. A secret of the gateway's own is that of `previous`, so that
    /// clients stay bound across reloads. An endpoint that is new has its whole share after `slow_start`.
    ///
    /// # Errors
    /// There is no such secret, or it is too short; there is no such kind, or its settings would not pass its check.
    pub fn new(
        written: &model::Balance,
        slow_start: Option<Duration>,
        kinds: &Balancers,
        previous: Option<&Self>,
    ) -> Result<Self, RulesError> {
        let way = match written {
            model::Balance::RoundRobin => Way::RoundRobin,
            model::Balance::Random => Way::Random,
            model::Balance::LeastRequests => Way::LeastRequests,
            model::Balance::PeakEwma(rules) => Way::PeakEwma(*rules),
            model::Balance::ConsistentHash(rules) => Way::ConsistentHash(rules.clone()),
            model::Balance::Custom(rules) => Way::Custom(rules.clone()),
            model::Balance::Registered(written) => Way::Registered(kinds.read(written)?),
            model::Balance::Sticky(rules) => {
                Way::Sticky(Cookies::new(rules, previous.and_then(|previous| previous.cookies()))?)
            }
        };
        let (counts_requests, timing) = (way.counts_requests(), way.timing().copied());
        Ok(Self { way, ramp: Ramp(slow_start), counts_requests, timing })
    }

    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    pub(super) fn ramp(&self) -> Ramp {
        self.ramp
    }

    /// The key of a request, for [`Ask::key`](super::Ask::key): what is hashed, or what its cookie says.
    pub fn key(&self, exchange: &Exchange) -> Option<u64> {
        match &self.way {
            Way::ConsistentHash(ConsistentHash { key, fallback, .. }) => {
                key::of(key, exchange).or_else(|| key::of(fallback.as_ref()?, exchange))
            }
            Way::Registered(rules) => rules.key(exchange),
            Way::Sticky(cookies) => cookies.token(&exchange.head.headers),
            Way::RoundRobin | Way::Random | Way::LeastRequests | Way::PeakEwma(_) | Way::Custom(_) => None,
        }
    }

    /// Whether the key of a request leads to an endpoint, whoever gave it.
    pub(crate) fn places_by_key(&self) -> bool {
        matches!(self.way, Way::ConsistentHash(_))
    }

    /// Whether a request without a key is left to chance although the document names one.
    pub fn misses_key(&self, key: Option<u64>) -> bool {
        key.is_none() && self.places_by_key()
    }

    /// Whether requests under way are to be counted. Those who do not ask are spared two atomic operations on a cache line
    /// that all workers write.
    pub fn counts_requests(&self) -> bool {
        self.counts_requests
    }

    /// How answers are to be timed, if they are.
    pub fn timing(&self) -> Option<&PeakEwma> {
        self.timing.as_ref()
    }

    /// Of the cookies that are given out, if there are any.
    pub fn cookies(&self) -> Option<&Cookies> {
        match &self.way {
            Way::Sticky(cookies) => Some(cookies),
            _ => None,
        }
    }
}

/// For people: the name that documents have for it, and what it goes by.
impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::RoundRobin => f.write_str("round_robin"),
            Way::Random => f.write_str("random"),
            Way::LeastRequests => f.write_str("least_requests"),
            Way::PeakEwma(_) => f.write_str("peak_ewma"),
            Way::ConsistentHash(rules) => write!(f, "consistent_hash by {rules}"),
            Way::Custom(rules) => write!(f, "custom by `{}`", rules.score),
            Way::Registered(rules) => f.write_str(rules.kind()),
            Way::Sticky(cookies) => write!(f, "sticky by cookie `{}`", cookies.name()),
        }
    }
}

// === impl Way ===

impl Way {
    fn counts_requests(&self) -> bool {
        match self {
            Self::LeastRequests | Self::PeakEwma(_) => true,
            Self::ConsistentHash(rules) => rules.bounded_load.is_some(),
            Self::Custom(rules) => rules.looks_at("in_flight"),
            Self::Registered(rules) => rules.counts_requests(),
            Self::RoundRobin | Self::Random | Self::Sticky(_) => false,
        }
    }

    fn timing(&self) -> Option<&PeakEwma> {
        match self {
            Self::PeakEwma(rules) => Some(rules),
            Self::Custom(rules) => rules.looks_at("latency").then_some(&rules.timing),
            Self::Registered(rules) => rules.timing(),
            Self::RoundRobin | Self::Random | Self::LeastRequests | Self::ConsistentHash(_) | Self::Sticky(_) => None,
        }
    }
}
