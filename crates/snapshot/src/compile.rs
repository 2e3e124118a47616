//! Model and kinds to snapshot.
//!
//! Translation lives beside the types that it makes; this file orchestrates and reports. Compiling starts nothing, and
//! what is the same as in the previous snapshot is adopted, so that a reload keeps counters, connections and health.

use std::{collections::HashMap, sync::Arc};

use model::{Model, PathPattern, Report};
use policy::{Attached, Chain, Link, Origin, Registry, Site};
use telemetry::{RouteMetrics, SideMetrics, UpstreamMetrics};
use upstream::Upstream;

use crate::{
    Action, Chains, Listener, Places, Route, Settings, Snapshot, callers, conflicts::Known, expectations, mirror, tls,
};

/// Reports what is wrong with the settings of policies, which only their kinds can tell.
pub fn check_policies(model: &Model, kinds: &Registry, report: &mut Report) {
    let mut check = |policies: &[model::Policy], captures: Option<&[&str]>| {
        for policy in policies {
            match kinds.get(&policy.kind) {
                Some(kind) => kind.check(&policy.settings, &site(policy, captures), report),
                None => unknown_kind(policy, kinds, report),
            }
        }
    };
    check(&model.gateway.policies, None);
    model.listeners.iter().for_each(|listener| check(&listener.policies, None));
    model.routes.iter().for_each(|route| check(&route.policies, Some(&captures(route))));
    model.upstreams.iter().for_each(|upstream| check(&upstream.policies, None));
}

fn captures(route: &model::Route) -> Vec<&str> {
    // Nearly all routes have no policies, and then nobody asks.
    route.matching.path.as_ref().filter(|_| !route.policies.is_empty()).map(PathPattern::captures).unwrap_or_default()
}

fn site<'a>(policy: &'a model::Policy, captures: Option<&'a [&'a str]>) -> Site<'a> {
    Site { place: &policy.settings.place, captures }
}

/// Compiles `model`, adopting what is the same in `previous`. Reads certificate files; starts nothing.
///
/// `None` if anything stands in the way; `report` then says what, all of it.
pub fn compile(
    model: &Model,
    kinds: &Registry,
    workers: usize,
    previous: Option<&Snapshot>,
    report: &mut Report,
) -> Option<Snapshot> {
    check_policies(model, kinds, report);
    callers::check(model, kinds, report);
    let are_policies_good = !report.has_errors();
    let failed = |error: route::BuildError| report.error_with_hint(&error.place, error.to_string(), error.hint());
    let table = route::Table::build(&model.routes).map_err(failed).ok();
    let known = previous.map(|previous| &previous.conflicts);
    let conflicts = table.as_ref().map(|table| Known::of(&model.routes, table, known));
    conflicts.iter().for_each(|conflicts| conflicts.report(model, report));
    if !are_policies_good {
        return None;
    }
    let compiler = Compiler { model, workers, previous };
    let upstreams = compiler.upstreams(report);
    let gateway_links = links(&model.gateway.policies, Origin::Gateway, None, kinds, report);
    let listener_links: Vec<_> = model
        .listeners
        .iter()
        .map(|listener| links(&listener.policies, Origin::Listener, None, kinds, report))
        .collect();
    let upstream_links: Vec<_> = model
        .upstreams
        .iter()
        .map(|upstream| links(&upstream.policies, Origin::Upstream, None, kinds, report))
        .collect();
    let route_links: Vec<_> = model
        .routes
        .iter()
        .map(|route| links(&route.policies, Origin::Route, Some(&captures(route)), kinds, report))
        .collect();
    let listeners = compiler.listeners(&gateway_links, &listener_links, report);
    let routes = compiler.routes(&gateway_links, &listener_links, &upstream_links, &route_links);
    let all_links =
        gateway_links.iter().chain([&listener_links, &upstream_links, &route_links].into_iter().flatten().flatten());
    if report.has_errors() {
        return None;
    }
    let snapshot = Snapshot {
        generation: previous.map_or(1, |previous| previous.generation + 1),
        settings: settings(&model.gateway),
        listeners,
        table: table?,
        routes,
        upstream_metrics: compiler.upstream_metrics(),
        upstreams,
        policies: all_links.map(|attached| attached.link.policy.clone()).collect(),
        places: places(model),
        conflicts: conflicts?,
    };
    expectations::check(&model.tests, &snapshot, report);
    (!report.has_errors()).then_some(snapshot)
}

struct Compiler<'a> {
    model: &'a Model,
    workers: usize,
    previous: Option<&'a Snapshot>,
}

// === impl Compiler ===

impl Compiler<'_> {
    fn upstreams(&self, report: &mut Report) -> Box<[Arc<Upstream>]> {
        let mut upstreams = Vec::with_capacity(self.model.upstreams.len());
        for upstream in &self.model.upstreams {
            let previous = self
                .previous
                .and_then(|previous| previous.upstreams.iter().find(|previous| previous.name == upstream.name));
            match Upstream::new(upstream, self.workers, previous) {
                Ok(upstream) => upstreams.push(upstream),
                Err(error) => report.error(&upstream.place, format!("upstream `{}`: {error}", upstream.name)),
            }
        }
        upstreams.into()
    }

    fn upstream_metrics(&self) -> Box<[Arc<UpstreamMetrics>]> {
        let known: HashMap<&str, &Arc<UpstreamMetrics>> = self
            .previous
            .into_iter()
            .flat_map(|previous| previous.upstreams.iter().zip(&previous.upstream_metrics))
            .map(|(upstream, metrics)| (&*upstream.name, metrics))
            .collect();
        let adopt = |upstream: &model::Upstream| match known.get(&*upstream.name) {
            Some(metrics) => Arc::clone(metrics),
            None => Arc::new(UpstreamMetrics::new(self.workers)),
        };
        self.model.upstreams.iter().map(adopt).collect()
    }

    fn listeners(&self, gateway: &[Attached], own: &[Vec<Attached>], report: &mut Report) -> Box<[Listener]> {
        let mut listeners = Vec::with_capacity(self.model.listeners.len());
        for (listener, own) in self.model.listeners.iter().zip(own) {
            let tls = listener.tls.as_ref().and_then(|tls| {
                let refused = |error| report.error(&listener.place, format!("listener `{}`: {error}", listener.name));
                tls::server_config(tls).map_err(refused).ok()
            });
            listeners.push(Listener {
                name: listener.name.clone(),
                address: listener.address.clone(),
                binding: Listener::binding(&listener.name, &listener.address),
                limits: listener.limits.clone(),
                proxy_protocol: listener.proxy_protocol,
                tls,
                chain: Chain::new([gateway, own].concat()),
            });
        }
        listeners.into()
    }

    fn routes(
        &self,
        gateway: &[Attached],
        listeners: &[Vec<Attached>],
        upstreams: &[Vec<Attached>],
        own: &[Vec<Attached>],
    ) -> Box<[Route]> {
        let known: HashMap<&str, &Route> = self
            .previous
            .into_iter()
            .flat_map(|previous| previous.routes.iter())
            .map(|route| (&*route.name, route))
            .collect();
        let known_mirrors = mirror::Known::of(self.previous, self.workers);
        let mut routes = Vec::with_capacity(self.model.routes.len());
        for (route, own) in self.model.routes.iter().zip(own) {
            let previous = known.get(&*route.name).copied();
            let action = Action::new(route, &self.model.upstreams, |side| self.side_metrics(previous, side));
            routes.push(Route {
                name: route.name.clone(),
                chains: chains(gateway, listeners, &by_side(route, own, upstreams)),
                action,
                mirrors: known_mirrors.compile(route, &self.model.upstreams),
                metrics: match previous {
                    Some(previous) => previous.metrics.clone(),
                    None => Arc::new(RouteMetrics::new(self.workers)),
                },
            });
        }
        routes.into()
    }

    fn side_metrics(&self, previous: Option<&Route>, name: &str) -> Arc<SideMetrics> {
        let mut sides = previous.and_then(Route::sides).into_iter().flat_map(|sides| sides.list());
        match sides.find(|side| *side.name == *name) {
            Some(side) => side.metrics.clone(),
            None => Arc::new(SideMetrics::new(self.workers)),
        }
    }
}

/// The policies of a route with those of its upstream. If it has several, with policies of their own: first without any,
/// then with those of each side.
fn by_side(route: &model::Route, own: &[Attached], upstreams: &[Vec<Attached>]) -> Vec<Vec<Attached>> {
    let destinations = route.action.destinations();
    let with = |to: &model::Destination| [own, &*upstreams[to.upstream.0 as usize]].concat();
    let has_policies = |to: &model::Destination| !upstreams[to.upstream.0 as usize].is_empty();
    match &route.action {
        model::Action::Upstream(to) => vec![with(to)],
        // All have the same.
        model::Action::Named(_) => destinations.iter().take(1).map(with).collect(),
        // Chosen once policies ran; which ones did cannot depend on it.
        model::Action::Split(split) if split.asks_consumer.is_some() => destinations.iter().take(1).map(with).collect(),
        _ if !destinations.iter().any(has_policies) => vec![own.to_vec()],
        _ => [vec![own.to_vec()], destinations.iter().map(with).collect()].concat(),
    }
}

fn chains(gateway: &[Attached], listeners: &[Vec<Attached>], by_side: &[Vec<Attached>]) -> Chains {
    let by_listener = !listeners.iter().all(Vec::is_empty);
    let none = [Vec::new()];
    let listeners = if by_listener { listeners } else { &none };
    let chain = |listener: &Vec<Attached>, own: &Vec<Attached>| Chain::new([gateway, listener, own].concat());
    match (listeners, by_side) {
        ([listener], [own]) => Chains::One(chain(listener, own)),
        _ => Chains::Several {
            chains: listeners.iter().flat_map(|listener| by_side.iter().map(|own| chain(listener, own))).collect(),
            by_listener,
            by_side: by_side.len() > 1,
            each: by_side.len(),
        },
    }
}

fn links(
    policies: &[model::Policy],
    origin: Origin,
    captures: Option<&[&str]>,
    kinds: &Registry,
    report: &mut Report,
) -> Vec<Attached> {
    let mut links = Vec::with_capacity(policies.len());
    for policy in policies {
        let Some(kind) = kinds.get(&policy.kind) else { continue };
        match kind.build(&policy.settings, &site(policy, captures)) {
            Ok(built) => {
                let link = Link { kind: kind.name(), stage: kind.stage(), origin, policy: built };
                links.push(Attached { link, place: policy.place.clone() });
            }
            Err(error) => report.error(&policy.place, format!("policy `{}`: {error}", policy.kind)),
        }
    }
    links
}

fn places(model: &Model) -> Places {
    Places {
        routes: model.routes.iter().map(|route| route.place.clone()).collect(),
        upstreams: model.upstreams.iter().map(|upstream| upstream.place.clone()).collect(),
    }
}

fn settings(gateway: &model::Gateway) -> Settings {
    let forwarded = &gateway.forwarded;
    Settings {
        trusted_proxies: gateway.trusted_proxies.clone().into(),
        forwarded: message::forwarded::Rules {
            via: forwarded.via,
            x_forwarded: forwarded.x_forwarded,
            forwarded: forwarded.forwarded,
        },
        grace: gateway.grace,
    }
}

fn unknown_kind(policy: &model::Policy, kinds: &Registry, report: &mut Report) {
    let known: Vec<_> = kinds.iter().map(policy::Kind::name).collect();
    let hint = match model::nearest(&policy.kind, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the kinds are {}", known.join(", ")),
    };
    report.error_with_hint(&policy.place, format!("unknown policy kind `{}`", policy.kind), hint);
}
