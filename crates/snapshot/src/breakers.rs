//! The circuit breakers of a gateway: those of its routes, made here, and all of them, for whoever looks at them or gives
//! them orders.

use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};

use model::{BreakerScope, UpstreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::{Expose, Exposition, names};
use upstream::{
    Guard, Guarded,
    breaker::{Mode, Phase},
};

use crate::{Route, Snapshot};

/// A breaker of what a route sends.
pub struct RouteGuard {
    /// Index of the upstream that it is about; `None`: all.
    pub upstream: Option<usize>,
    pub guard: Arc<Guard>,
}

/// All breakers of a gateway, at one moment.
pub struct Breakers(Vec<Arc<Guard>>);

/// A breaker for people and their tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BreakerTold {
    /// What it is about; what is left open, it is not about.
    pub route: Option<String>,
    pub upstream: Option<String>,
    pub endpoint: Option<String>,
    /// `closed`, `open`, `half_open` or `ramp`.
    pub state: String,
    /// `auto`; or what somebody ordered: `forced_open`, `forced_closed` or `disabled`.
    pub mode: String,
    /// Why it opened, until it is closed again.
    pub reason: Option<String>,
    /// How often it has opened since it was last closed.
    pub trips: u8,
    /// When the next request may pass to find out, while it is open by itself.
    pub next_probe: Option<String>,
    pub next_probe_in_ms: Option<u64>,
    /// The part of the requests that may pass, from 0 to 1.
    pub share: f64,
    /// Of the window that ratios look back on.
    pub requests: u64,
    pub failures: u64,
    pub slow: u64,
    /// Attempts that it did not let pass, since the start.
    pub refused: u64,
}

/// What breakers are to do. Those are meant that are about all that is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakerOrder {
    pub route: Option<String>,
    pub upstream: Option<String>,
    pub endpoint: Option<String>,
    pub mode: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// What it decides itself.
    Auto,
    /// To refuse everything.
    ForcedOpen,
    /// To let everything pass, and count.
    ForcedClosed,
    /// To let everything pass, and look at nothing.
    Disabled,
}

/// Why an order was given to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderError {
    /// It names nothing.
    NobodyNamed,
    /// There is no such breaker; these there are, in words.
    NoSuchBreaker(Vec<String>),
}

/// The breakers of a route: its own, and those that upstreams want for each of their routes.
pub(crate) fn of_route(
    route: &model::Route,
    upstreams: &[model::Upstream],
    previous: Option<&Arc<Route>>,
) -> Box<[RouteGuard]> {
    let guard = |(upstream, written): (Option<usize>, &model::Breaker)| {
        let guarded = Guarded {
            route: Some(route.name.clone()),
            upstream: upstream.map(|upstream| upstreams[upstream].name.clone()),
            endpoint: None,
        };
        let known = previous.into_iter().flat_map(|previous| &*previous.guards).map(|known| &known.guard);
        let known = known.into_iter().find(|known| known.guarded == guarded);
        RouteGuard { upstream, guard: Guard::new(written, guarded, known) }
    };
    wanted(route, upstreams).into_iter().map(guard).collect()
}

/// Whether a route that was compiled already has the breakers that it would get.
pub(crate) fn stand(known: &Route, route: &model::Route, upstreams: &[model::Upstream]) -> bool {
    let wanted = wanted(route, upstreams);
    let same = |((index, written), known): (&(Option<usize>, &model::Breaker), &RouteGuard)| {
        *index == known.upstream && known.guard.is_of(written)
    };
    wanted.len() == known.guards.len() && wanted.iter().zip(&known.guards).all(same)
}

/// With the index of the upstream that each is about.
fn wanted<'m>(route: &'m model::Route, upstreams: &'m [model::Upstream]) -> Vec<(Option<usize>, &'m model::Breaker)> {
    let mut wanted: Vec<_> = route.breaker.iter().map(|breaker| (None, breaker)).collect();
    for to in route.action.destinations() {
        let UpstreamId(upstream) = to.upstream;
        let upstream = upstream as usize;
        let breaker = upstreams[upstream].breaker.as_ref().filter(|breaker| breaker.scope == BreakerScope::Route);
        // Several sides may go to the same.
        if let Some(breaker) = breaker.filter(|_| wanted.iter().all(|(known, _)| *known != Some(upstream))) {
            wanted.push((Some(upstream), breaker));
        }
    }
    wanted
}

// === impl Breakers ===

impl Breakers {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let of_routes = snapshot.routes.iter().flat_map(|route| &*route.guards).map(|known| known.guard.clone());
        let of_upstreams = snapshot.upstreams.iter().flat_map(|upstream| {
            let set = upstream.set();
            upstream.guard.clone().into_iter().chain(set.guards().to_vec())
        });
        Self(of_routes.chain(of_upstreams).collect())
    }

    /// In the order of the document: those of routes, then those of upstreams.
    pub fn tell(&self, now: Instant, clock: SystemTime) -> Vec<BreakerTold> {
        self.0.iter().map(|guard| BreakerTold::new(guard, now, clock)).collect()
    }

    /// Gives an order to those that it means, and tells what they do from then on.
    ///
    /// # Errors
    /// It means none.
    pub fn order(&self, order: &BreakerOrder, now: Instant, clock: SystemTime) -> Result<Vec<BreakerTold>, OrderError> {
        let named = [&order.route, &order.upstream, &order.endpoint];
        if named.iter().all(|name| name.is_none()) {
            return Err(OrderError::NobodyNamed);
        }
        let is_meant = |guard: &&Arc<Guard>| {
            named.iter().zip(guard.guarded.names()).all(|(named, own)| named.is_none() || named.as_deref() == own)
        };
        let meant: Vec<_> = self.0.iter().filter(is_meant).collect();
        if meant.is_empty() {
            return Err(OrderError::NoSuchBreaker(self.0.iter().map(|guard| in_words(guard)).collect()));
        }
        meant.iter().for_each(|guard| guard.set_mode(order.mode.into(), now));
        Ok(meant.into_iter().map(|guard| BreakerTold::new(guard, now, clock)).collect())
    }
}

impl Expose for Breakers {
    fn expose(&self, out: &mut Exposition) {
        // Endpoints are many; those whose breaker never did anything are left out.
        let moved = |guard: &Guard| guard.transitions().any(|(_, count)| count > 0);
        let shown = || self.0.iter().filter(|guard| guard.guarded.endpoint.is_none() || moved(guard)).take(MOST_SHOWN);
        let labels = |guard: &'_ Arc<Guard>| guard.guarded.names().map(|name| name.unwrap_or_default().to_owned());
        if self.0.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut samples = out.family(&names::BREAKER_STATE);
        for guard in shown() {
            let [route, upstream, endpoint] = labels(guard);
            samples.count(&[&route, &upstream, &endpoint], number(guard, now));
        }
        let mut samples = out.family(&names::BREAKER_TRANSITIONS);
        for guard in shown() {
            let [route, upstream, endpoint] = labels(guard);
            for (transition, count) in guard.transitions().filter(|(_, count)| *count > 0) {
                samples.count(&[&route, &upstream, &endpoint, transition.to(), transition.reason()], count);
            }
        }
        let mut samples = out.family(&names::BREAKER_REFUSED);
        for guard in shown() {
            let [route, upstream, endpoint] = labels(guard);
            samples.count(&[&route, &upstream, &endpoint], guard.refused());
        }
    }
}

/// Breakers with series of their own.
const MOST_SHOWN: usize = 10_000;

/// The state, as metrics have it.
fn number(guard: &Guard, now: Instant) -> u64 {
    let status = guard.status(now);
    match (status.mode, status.phase) {
        (Mode::ForcedClosed | Mode::Disabled, _) | (Mode::Auto, Phase::Closed) => 0,
        (Mode::Auto, Phase::Ramp) => 1,
        (Mode::Auto, Phase::HalfOpen { .. }) => 2,
        (Mode::ForcedOpen, _) | (Mode::Auto, Phase::Open) => 3,
    }
}

/// "route `a`, upstream `b`".
fn in_words(guard: &Guard) -> String {
    let parts = ["route", "upstream", "endpoint"].into_iter().zip(guard.guarded.names());
    let named = parts.filter_map(|(what, name)| Some(format!("{what} `{}`", name?)));
    named.collect::<Vec<_>>().join(", ")
}

// === impl BreakerTold ===

impl BreakerTold {
    fn new(guard: &Guard, now: Instant, clock: SystemTime) -> Self {
        let status = guard.status(now);
        let [route, upstream, endpoint] = guard.guarded.names().map(|name| name.map(ToOwned::to_owned));
        let wait = status.next_probe.map(|probe| probe.saturating_duration_since(now));
        Self {
            route,
            upstream,
            endpoint,
            state: status.phase.name().to_owned(),
            mode: status.mode.name().to_owned(),
            reason: status.reason.map(|reason| reason.name().to_owned()),
            trips: status.trips,
            next_probe: wait.map(|wait| httpdate::fmt_http_date(clock + wait)),
            next_probe_in_ms: wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            share: status.share,
            requests: status.totals.requests,
            failures: status.totals.failures,
            slow: status.totals.slow,
            refused: guard.refused(),
        }
    }
}

// === impl Order ===

impl From<Order> for Mode {
    fn from(order: Order) -> Self {
        match order {
            Order::Auto => Self::Auto,
            Order::ForcedOpen => Self::ForcedOpen,
            Order::ForcedClosed => Self::ForcedClosed,
            Order::Disabled => Self::Disabled,
        }
    }
}

// === impl OrderError ===

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyNamed => {
                f.write_str("the order names nobody; say which `route`, `upstream` or `endpoint` is meant")
            }
            Self::NoSuchBreaker(known) if known.is_empty() => {
                f.write_str("there is no breaker; a document says `breaker`")
            }
            Self::NoSuchBreaker(known) => {
                let told = known.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; ");
                let more = if known.len() > TOLD { "; and more" } else { "" };
                write!(f, "there is no such breaker; there are those of {told}{more}")
            }
        }
    }
}

impl std::error::Error for OrderError {}

/// So many breakers are told to whoever means none of them.
const TOLD: usize = 10;
