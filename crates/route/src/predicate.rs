//! What must hold beside host and path. A route has one predicate for each criterion that it gives, and none else.
//!
//! This is where another criterion comes in: a variant here, what it asks about in [`Ask`], how it loses in [`Miss`], and its place among the criteria of [`Precedence`](crate::Precedence).

use expression::Condition;
use http::Method;
use ipnet::IpNet;
use model::{FieldMatch, HeaderMatch, HostPattern, ListenerId, Route, TimeMatch};

use crate::{
    Ask, Miss,
    field::{self, holds},
    miss::Presence,
};

#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    Listener(Box<[ListenerId]>),
    Method { standard: u16, all: Box<[Method]> },
    Header(HeaderMatch),
    Query(FieldMatch),
    Cookie(FieldMatch),
    ClientIp(Box<[IpNet]>),
    Sni(Box<[HostPattern]>),
    Time(Box<TimeMatch>),
    When(Condition),
}

// === impl Predicate ===

impl Predicate {
    /// The predicates of a route, the cheapest first.
    pub(crate) fn of(route: &Route) -> impl Iterator<Item = Self> {
        let matching = &route.matching;
        let listener = (!route.listeners.is_empty()).then(|| Self::Listener(route.listeners.as_slice().into()));
        let method = (!matching.methods.is_empty()).then(|| Self::methods(&matching.methods));
        let client_ip = (!matching.client_ip.is_empty()).then(|| Self::ClientIp(matching.client_ip.as_slice().into()));
        let sni = (!matching.sni.is_empty()).then(|| Self::Sni(matching.sni.as_slice().into()));
        (listener.into_iter().chain(method).chain(client_ip).chain(sni))
            .chain(matching.headers.iter().cloned().map(Self::Header))
            .chain(matching.query.iter().cloned().map(Self::Query))
            .chain(matching.cookies.iter().cloned().map(Self::Cookie))
            .chain(matching.time.map(|time| Self::Time(Box::new(time))))
            .chain(matching.when.clone().map(Self::When))
    }

    fn methods(methods: &[Method]) -> Self {
        Self::Method { standard: methods.iter().map(bit).fold(0, |bits, bit| bits | bit), all: methods.into() }
    }

    pub(crate) fn holds(&self, ask: &Ask<'_>) -> bool {
        match self {
            Self::Listener(listeners) => listeners.contains(&ask.listener),
            Self::Method { standard, all } => match bit(ask.method) {
                0 => all.contains(ask.method),
                bit => standard & bit != 0,
            },
            Self::Header(wanted) => holds(&wanted.value, field::headers(ask.headers, &wanted.name)),
            Self::Query(wanted) => holds(&wanted.value, field::parameters(ask.query, &wanted.name)),
            Self::Cookie(wanted) => holds(&wanted.value, field::cookies(ask.headers, &wanted.name)),
            Self::ClientIp(networks) => {
                // An IPv4 client of an IPv6 socket is found by either of its addresses.
                let canonical = ask.client_ip.to_canonical();
                networks.iter().any(|network| network.contains(&canonical) || network.contains(&ask.client_ip))
            }
            Self::Sni(names) => ask.sni.is_some_and(|sni| names.iter().any(|name| name.matches(sni))),
            Self::Time(wanted) => wanted.holds((ask.now)()),
            Self::When(condition) => condition.holds(&ask.facts()),
        }
    }

    /// Why the predicate does not hold, if it does not.
    pub(crate) fn miss(&self, ask: &Ask<'_>) -> Option<Miss> {
        (!self.holds(ask)).then(|| match self {
            Self::Listener(_) => Miss::Listener,
            Self::Method { all, .. } => Miss::Method { wanted: all.to_vec() },
            Self::ClientIp(wanted) => Miss::ClientIp { wanted: wanted.to_vec() },
            Self::Sni(wanted) => Miss::Sni { wanted: wanted.to_vec(), found: Presence::of(ask.sni.is_some()) },
            Self::Time(wanted) => Miss::Time { wanted: **wanted },
            Self::When(wanted) => Miss::When { wanted: wanted.clone(), failure: wanted.value(&ask.facts()).err() },
            Self::Header(HeaderMatch { name, value }) => {
                let found = Presence::of(field::headers(ask.headers, name).next().is_some());
                Miss::Header { name: name.clone(), wanted: value.clone(), found }
            }
            Self::Query(FieldMatch { name, value }) => {
                let found = Presence::of(field::parameters(ask.query, name).next().is_some());
                Miss::Query { name: name.clone(), wanted: value.clone(), found }
            }
            Self::Cookie(FieldMatch { name, value }) => {
                let found = Presence::of(field::cookies(ask.headers, name).next().is_some());
                Miss::Cookie { name: name.clone(), wanted: value.clone(), found }
            }
        })
    }
}

/// A standard method as a bit; another one is none.
fn bit(method: &Method) -> u16 {
    match *method {
        Method::GET => 1,
        Method::HEAD => 1 << 1,
        Method::POST => 1 << 2,
        Method::PUT => 1 << 3,
        Method::DELETE => 1 << 4,
        Method::PATCH => 1 << 5,
        Method::OPTIONS => 1 << 6,
        Method::CONNECT => 1 << 7,
        Method::TRACE => 1 << 8,
        _ => 0,
    }
}
