//! What is done with a request.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use message::{Cause, Error, Exchange, Result};
use model::{Host, ListenerId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upstream::{Endpoint, Upstream};

use super::answer::Seen;
use crate::{Action, Asking, Destination, Rewrite, Route, Side, Sides, Snapshot, To};

/// What is done with a request, as far as it follows from the document: policies may still answer by themselves, and
/// what an endpoint says is another matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Decision {
    /// It is sent to an endpoint.
    Upstream(Box<Forwarding>),
    /// It is sent to an endpoint of one of several sides, which is left to chance.
    Split {
        /// Why nothing else decides.
        why: String,
        request: Sent,
        shares: Vec<Share>,
    },
    Redirect {
        status: u16,
        location: String,
    },
    Respond {
        status: u16,
        headers: BTreeMap<String, Vec<String>>,
        body_bytes: usize,
    },
    /// It is answered with a problem: no route takes it, it is no good, or its rewrite makes nothing that is.
    Refuse {
        status: u16,
        cause: Cow<'static, str>,
        detail: String,
    },
}

/// Where a request is sent, and as what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forwarding {
    pub upstream: Arc<str>,
    /// Of the upstream in the document.
    pub place: String,
    /// If the route has several.
    pub side: Option<SideTold>,
    /// The labels that an endpoint must have; `None`: every endpoint will do.
    pub subset: Option<String>,
    pub request: Sent,
    pub protocol: Cow<'static, str>,
    pub balance: Cow<'static, str>,
    /// Where they are found, `consul orders`; `None`: the document says what there is.
    #[serde(default)]
    pub discovery: Option<String>,
    /// Those that there are now.
    pub endpoints: Vec<EndpointTold>,
    pub timeouts: TimeoutsTold,
}

/// The side that is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SideTold {
    pub name: Arc<str>,
    pub why: String,
}

/// A side that a request may go to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    pub side: Arc<str>,
    pub upstream: Arc<str>,
    pub subset: Option<String>,
}

/// A request as an endpoint sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    /// `None`: the address of the endpoint itself.
    pub host: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointTold {
    pub address: String,
    /// 0: it gets nothing.
    pub weight: u32,
    /// The lowest is asked first.
    pub tier: u32,
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
}

/// In milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeoutsTold {
    pub connect_ms: u64,
    pub first_byte_ms: u64,
    pub idle_ms: u64,
    /// `None`: no bound.
    pub total_ms: Option<u64>,
}

// === impl Decision ===

impl Decision {
    /// With the index of the side, if the request leaves no doubt about it.
    pub(super) fn of(route: &Route, seen: &Seen, listener: ListenerId, snapshot: &Snapshot) -> (Self, Option<u32>) {
        let mut side = None;
        let decided = match &route.action {
            Action::Upstream { to: To::One(to), rewrite } => upstream(*to, rewrite.as_ref(), None, seen, snapshot),
            Action::Upstream { to: To::Side(sides), rewrite } => {
                of_sides(sides, rewrite.as_ref(), &mut side, seen, listener, snapshot)
            }
            Action::Upstream { to: To::Named(named), rewrite } => {
                named.find(&seen.exchange).and_then(|to| upstream(to, rewrite.as_ref(), None, seen, snapshot))
            }
            Action::Redirect(redirect) => redirect
                .location(&seen.exchange)
                .map(|location| Self::Redirect { status: redirect.status.as_u16(), location: text(&location) }),
            Action::Respond(respond) => respond.headers(&seen.exchange).map(|headers| Self::Respond {
                status: respond.status.as_u16(),
                headers: fields(&headers),
                body_bytes: respond.body(&seen.exchange).len(),
            }),
        };
        (decided.unwrap_or_else(|error| Self::refuse(&error)), side)
    }

    pub(super) fn refuse(error: &Error) -> Self {
        let cause = error.cause();
        Self::Refuse { status: error.status().as_u16(), cause: cause.name().into(), detail: error.detail().to_owned() }
    }

    /// Where the request is sent, if it is, and if that is not left to chance.
    pub fn forwarding(&self) -> Option<&Forwarding> {
        match self {
            Self::Upstream(forwarding) => Some(forwarding),
            Self::Split { .. } | Self::Redirect { .. } | Self::Respond { .. } | Self::Refuse { .. } => None,
        }
    }

    /// The request as an endpoint sees it, whichever one.
    pub fn sent(&self) -> Option<&Sent> {
        match self {
            Self::Upstream(forwarding) => Some(&forwarding.request),
            Self::Split { request, .. } => Some(request),
            Self::Redirect { .. } | Self::Respond { .. } | Self::Refuse { .. } => None,
        }
    }

    /// The upstream that gets the request, also if chance chooses the side, but leaves no choice of this.
    pub fn upstream(&self) -> Option<&Arc<str>> {
        match self {
            Self::Upstream(forwarding) => Some(&forwarding.upstream),
            Self::Split { shares, .. } => {
                let first = &shares.first()?.upstream;
                shares.iter().all(|share| share.upstream == *first).then_some(first)
            }
            Self::Redirect { .. } | Self::Respond { .. } | Self::Refuse { .. } => None,
        }
    }

    /// The status that the gateway itself answers with, if it does.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Upstream(_) | Self::Split { .. } => None,
            Self::Redirect { status, .. } | Self::Respond { status, .. } | Self::Refuse { status, .. } => Some(*status),
        }
    }
}

fn of_sides(
    sides: &Sides,
    rewrite: Option<&Rewrite>,
    chosen: &mut Option<u32>,
    seen: &Seen,
    listener: ListenerId,
    snapshot: &Snapshot,
) -> Result<Decision> {
    let (choice, why) = seen.ask_sides(listener, |ask| {
        let asking = Asking { ask: *ask, captures: &seen.exchange.captures, consumer: None };
        (sides.decide(&asking), sides.tell(&asking))
    });
    if let Some(choice) = choice? {
        let side = &sides.list()[choice.side];
        if side.sunset.is_some_and(|sunset| seen.now >= sunset) {
            return Err(sides.expired(side));
        }
        // What waits until it is known who calls is no part of finding the policies.
        *chosen = u32::try_from(choice.side).ok().filter(|_| !sides.awaits_consumer());
        let why = why.split_once(": ").map_or(why.clone(), |(_, why)| why.to_owned());
        return upstream(side.to, rewrite, Some(SideTold { name: side.name.clone(), why }), seen, snapshot);
    }
    let weights = sides.weights().unwrap_or_default();
    let weighted = sides.list().iter().zip(weights).filter(|(_, weight)| **weight > 0).map(|(side, _)| side);
    let share = |side: &Side| {
        let upstream = &snapshot.upstreams[side.to.upstream];
        Share { side: side.name.clone(), upstream: upstream.name.clone(), subset: subset(upstream, side.to) }
    };
    let Some(first) = weighted.clone().next() else { return Err(Error::new(Cause::NoEndpoint, why)) };
    let rewritten = rewritten(rewrite, seen)?;
    let request = Sent::new(&rewritten, &snapshot.upstreams[first.to.upstream].rules.host);
    Ok(Decision::Split { why, request, shares: weighted.map(share).collect() })
}

fn upstream(
    to: Destination,
    rewrite: Option<&Rewrite>,
    side: Option<SideTold>,
    seen: &Seen,
    snapshot: &Snapshot,
) -> Result<Decision> {
    let rewritten = rewritten(rewrite, seen)?;
    let upstream = &snapshot.upstreams[to.upstream];
    let selector = to.subset.and_then(|subset| upstream.subsets.get(subset as usize));
    let set = upstream.set();
    let takes = |endpoint: &&Arc<Endpoint>| selector.is_none_or(|selector| selector.takes(&endpoint.labels));
    Ok(Decision::Upstream(Box::new(Forwarding {
        upstream: upstream.name.clone(),
        place: snapshot.places.upstreams[to.upstream].to_string(),
        side,
        subset: subset(upstream, to),
        request: Sent::new(&rewritten, &upstream.rules.host),
        protocol: upstream.rules.protocol.name().into(),
        balance: upstream.rules.balance.to_string().into(),
        discovery: upstream.discovery.as_ref().map(|service| format!("{} {service}", service.registry())),
        endpoints: set.endpoints.iter().filter(takes).map(|endpoint| EndpointTold::new(endpoint)).collect(),
        timeouts: TimeoutsTold::new(&upstream.rules.timeouts),
    })))
}

fn rewritten(rewrite: Option<&Rewrite>, seen: &Seen) -> Result<Exchange> {
    let mut exchange = seen.copy();
    rewrite.map_or(Ok(()), |rewrite| rewrite.apply(&mut exchange, false))?;
    Ok(exchange)
}

pub(super) fn subset(upstream: &Upstream, to: Destination) -> Option<String> {
    upstream.subsets.get(to.subset? as usize).map(ToString::to_string)
}

// === impl Sent ===

impl Sent {
    fn new(rewritten: &Exchange, host: &Host) -> Self {
        let uri = &rewritten.head.uri;
        Self {
            method: rewritten.head.method.to_string(),
            path: uri.path().to_owned(),
            query: uri.query().map(ToOwned::to_owned),
            host: match host {
                Host::Preserve => Some(text(rewritten.authority())),
                Host::Endpoint => None,
                Host::Set(host) => Some(text(host)),
            },
        }
    }
}

// === impl EndpointTold ===

impl EndpointTold {
    fn new(endpoint: &Endpoint) -> Self {
        Self {
            address: endpoint.address.to_string(),
            weight: endpoint.weight,
            tier: endpoint.tier,
            labels: endpoint.labels.iter().cloned().collect(),
        }
    }
}

// === impl TimeoutsTold ===

impl TimeoutsTold {
    fn new(timeouts: &model::Timeouts) -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            connect_ms: ms(timeouts.connect),
            first_byte_ms: ms(timeouts.first_byte),
            idle_ms: ms(timeouts.idle),
            total_ms: timeouts.total.map(ms),
        }
    }
}

/// A field's value for people; what is no text is shown as far as it is.
fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn fields(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let values = |name| headers.get_all(name).iter().map(text).collect();
    headers.keys().map(|name| (name.to_string(), values(name))).collect()
}
