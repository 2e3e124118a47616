//! The gateway as a request meets it.

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use ipnet::IpNet;
use message::{Record, Token, forwarded, trace};
use model::{Address, Limits, ListenerId, PathPattern, Place, Placed, Problem, Segment};
use policy::{Chain, Consumers};
use telemetry::{RouteMetrics, SideMetrics, UpstreamMetrics};
use upstream::Upstream;

use crate::{
    Action, Breakers, Fallback, Mirror, Operators, RouteGuard, Side, Sides, To, around::Around,
    certificates::Certificate, conflicts::Known, policies::Policies,
};

/// Immutable and shared by all workers. What changes below it (endpoint sets, counters) was made to change.
pub struct Snapshot {
    /// 1 for the first one of a process.
    pub generation: u64,
    pub settings: Settings,
    /// By [`ListenerId`].
    pub listeners: Box<[Listener]>,
    pub table: Arc<route::Table>,
    /// By the index that the table gives. Those that did not change are shared with the previous snapshot.
    pub routes: Box<[Arc<Route>]>,
    /// By index; actions hold it.
    pub upstreams: Box<[Arc<Upstream>]>,
    pub upstream_metrics: Box<[Arc<UpstreamMetrics>]>,
    /// Who may ask at the admin address.
    pub operators: Arc<Operators>,
    /// Whom the document knows. Asked by policies; kept here for those who ask when a key was last used.
    pub consumers: Arc<Consumers>,
    /// The policies that routes do not have themselves.
    pub(crate) around: Around,
    /// Of its routes; found again only if what they match has changed.
    pub(crate) conflicts: Known,
    /// Where things are written, for whoever explains; apart from the things, because no request asks.
    pub places: Places,
}

/// Where things are written in the document.
pub struct Places {
    /// By index of the route.
    pub routes: Box<[Place]>,
    /// By index of the upstream.
    pub upstreams: Box<[Place]>,
}

pub struct Settings {
    /// Whose `Forwarded` and `X-Forwarded-*` are believed.
    pub trusted_proxies: Box<[IpNet]>,
    pub forwarded: forwarded::Rules,
    /// What exchanges do about traces; `None`: nothing.
    pub tracing: Option<trace::Rules>,
    /// How long exchanges may take to finish in a drain.
    pub grace: Duration,
    /// Who sees in the fields of responses where the time went.
    pub debug: Option<Debugging>,
    /// Under which names the admin address may be asked, beside addresses and `localhost`.
    pub admin_names: Arc<[Arc<str>]>,
}

/// Who sees in the fields of responses where the time went.
pub struct Debugging {
    /// The field that shows the token.
    pub header: HeaderName,
    pub token: Token,
}

pub struct Listener {
    pub name: Arc<str>,
    pub address: Address,
    /// What its sockets are known by: the address, and the name where the kernel chooses the port.
    pub binding: Arc<str>,
    pub limits: Limits,
    pub proxy_protocol: bool,
    /// TLS as the handshake needs it; `None`: plain.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Those that it shows, in the order of the document. Kept for those who ask how they are.
    pub(crate) certificates: Box<[Certificate]>,
    /// For exchanges that no route takes: the gateway's and this listener's policies see our replies too.
    pub chain: Chain,
}

pub struct Route {
    pub name: Arc<str>,
    pub chains: Chains,
    pub action: Action,
    /// The breakers of what it sends, beside those of upstreams and endpoints.
    pub guards: Box<[RouteGuard]>,
    /// In the order in which they are tried; `None`: there are none.
    pub fallbacks: Option<Box<[Fallback]>>,
    /// `None`: there are none.
    pub mirrors: Option<Box<[Arc<Mirror>]>>,
    pub metrics: Arc<RouteMetrics>,
    /// What it was made of, and where that stood.
    pub(crate) written: Arc<model::Route>,
    pub(crate) place: Place,
    /// Its own policies, and what the check of their settings warned of, at the places that `written` holds.
    pub(crate) policies: Policies,
    pub(crate) warnings: Box<[Problem]>,
}

/// The chains of a route, by listener and side.
pub enum Chains {
    /// Neither listeners nor the upstreams of sides have policies of their own: the same for all.
    One(Chain),
    Several {
        /// Those of one listener after those of another.
        chains: Box<[Chain]>,
        by_listener: bool,
        /// The first is for exchanges without a side, the others are by its index.
        by_side: bool,
        /// Of one listener.
        each: usize,
    },
}

// === impl Snapshot ===

impl Snapshot {
    /// The listener of the sockets known as `binding`, if the document still has it.
    pub fn listener_of(&self, binding: &str) -> Option<ListenerId> {
        let index = self.listeners.iter().position(|listener| *listener.binding == *binding)?;
        u32::try_from(index).ok().map(ListenerId)
    }

    pub fn listener(&self, id: ListenerId) -> &Listener {
        &self.listeners[id.0 as usize]
    }

    /// The side that was chosen for an exchange.
    pub fn side(&self, record: &Record) -> Option<&Side> {
        let side = record.side? as usize;
        self.routes[record.route? as usize].sides()?.list().get(side)
    }

    /// Every mirror, with the names of its route and its upstream.
    pub fn mirrors(&self) -> impl Iterator<Item = ([&str; 2], &Mirror)> {
        self.routes.iter().flat_map(|route| {
            let mirrors = route.mirrors.as_deref().unwrap_or_default();
            mirrors.iter().map(|mirror| ([&*route.name, &*self.upstreams[mirror.to.upstream].name], &**mirror))
        })
    }

    /// Every circuit breaker.
    pub fn breakers(&self) -> Breakers {
        Breakers::of(self)
    }

    /// To be called once it is live.
    pub fn start_policies(&self) {
        self.around.all().chain(self.routes.iter().map(|route| &route.policies)).for_each(Policies::start);
    }
}

// === impl Listener ===

impl Listener {
    pub(crate) fn binding(name: &str, address: &Address) -> Arc<str> {
        match address {
            Address::Tcp(tcp) if tcp.port() == 0 => format!("{address} for {name}").into(),
            _ => address.to_string().into(),
        }
    }
}

// === impl Route ===

impl Route {
    /// Whether it would be compiled the same again, if nothing changed around it.
    pub(crate) fn stands_as(&self, route: &Placed<model::Route>, consumers: &Arc<Consumers>) -> bool {
        self.policies.is_empty() || self.place == route.place && self.policies.are_current(consumers)
    }

    /// The path that it takes, as people write it; `None` if it takes any.
    ///
    /// Made when it is asked for: few requests ask, and there may be fifty thousand routes.
    pub fn pattern(&self) -> Option<String> {
        let segment = |segment: &Segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Capture(name) | Segment::Typed(name, _) => format!("/{{{name}}}"),
            Segment::Rest(name) => format!("/{{{name}...}}"),
        };
        Some(match self.written.matching.path.as_ref()? {
            PathPattern::Exact(path) => path.to_string(),
            PathPattern::Prefix(path) => format!("{}/*", path.trim_end_matches('/')),
            PathPattern::Template(segments) => segments.iter().map(segment).collect(),
            PathPattern::Wildcard { pattern, .. } => pattern.to_string(),
            PathPattern::Regex(regex) => regex.as_str().to_owned(),
        })
    }

    /// If it sends requests to one of several sides.
    pub fn sides(&self) -> Option<&Sides> {
        match &self.action {
            Action::Upstream { to: To::Side(sides), .. } => Some(sides),
            _ => None,
        }
    }

    /// The counters of its sides, with the names of route and side.
    pub fn side_metrics(&self) -> impl Iterator<Item = ([&str; 2], &SideMetrics)> {
        let sides = self.sides().map(Sides::list).unwrap_or_default();
        sides.iter().map(|side| ([&*self.name, &*side.name], &*side.metrics))
    }
}

// === impl Chains ===

impl Chains {
    /// The chain of a listener and a side, as it was when the route was found.
    pub fn of(&self, listener: ListenerId, side: Option<u32>) -> &Chain {
        match self {
            Self::One(chain) => chain,
            Self::Several { chains, by_listener, by_side, each } => {
                let row = if *by_listener { listener.0 as usize } else { 0 };
                let column = side.filter(|_| *by_side).map_or(0, |side| 1 + side as usize);
                &chains[row * each + column]
            }
        }
    }
}
