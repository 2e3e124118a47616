//! The routes of a model, compiled; those that were compiled already are adopted.

use std::{collections::HashMap, sync::Arc};

use model::{Model, PathPattern, Placed, Problem, Report};
use policy::{Attached, Chain, Consumers, Origin, Registry};
use telemetry::{RouteMetrics, SideMetrics};

use crate::{
    Action, Chains, Fallback, Route, Snapshot,
    around::{Around, One},
    breakers, mirror,
    policies::{Maker, Policies},
};

/// What is known of a route before it is compiled.
pub(crate) enum Prepared<'p> {
    /// It is the very one that the previous snapshot has.
    Known(&'p Arc<Route>),
    /// With what the previous snapshot has by its name, and what the check of its policies warned of.
    New { previous: Option<&'p Arc<Route>>, warnings: Box<[Problem]> },
}

/// The routes of the previous snapshot. Most of the next one's stand in the same order.
struct Previous<'p> {
    routes: &'p [Arc<Route>],
    /// The one that is probably asked for next.
    next: usize,
    by_name: Option<HashMap<&'p str, usize>>,
}

/// Compiles routes.
pub(crate) struct Compiler<'a> {
    pub(crate) model: &'a Model,
    pub(crate) kinds: &'a Registry,
    pub(crate) consumers: &'a Arc<Consumers>,
    pub(crate) around: &'a Around,
    pub(crate) previous: Option<&'a Snapshot>,
    pub(crate) workers: usize,
}

/// Finds the routes that are known, and checks the policies of the others.
pub(crate) fn prepare<'p>(
    model: &Model,
    kinds: &Registry,
    previous: Option<&'p Snapshot>,
    report: &mut Report,
) -> Vec<Prepared<'p>> {
    let mut previous = Previous { routes: previous.map_or(&[], |previous| &previous.routes), next: 0, by_name: None };
    model.routes.iter().map(|route| Prepared::new(route, kinds, previous.find(route), report)).collect()
}

/// Whether a table for the routes of the previous snapshot is one for these.
pub(crate) fn match_as_before(model: &Model, previous: &Snapshot) -> bool {
    let matches_like = |(route, previous): (&Placed<model::Route>, &Arc<Route>)| {
        Arc::ptr_eq(&route.value, &previous.written) || route.matches_like(&previous.written)
    };
    model.routes.len() == previous.routes.len() && model.routes.iter().zip(&previous.routes).all(matches_like)
}

// === impl Prepared ===

impl<'p> Prepared<'p> {
    fn new(
        route: &Placed<model::Route>,
        kinds: &Registry,
        previous: Option<&'p Arc<Route>>,
        report: &mut Report,
    ) -> Self {
        if let Some(previous) = previous.filter(|previous| Arc::ptr_eq(&previous.written, &route.value)) {
            previous.warnings.iter().for_each(|warning| tell(route, warning, report));
            return Self::Known(previous);
        }
        if route.policies.is_empty() {
            return Self::New { previous, warnings: Box::default() };
        }
        let mut found = Report::default();
        maker(kinds, &Arc::default(), &captures(route)).check(&route.policies, &mut found);
        found.problems.iter().for_each(|problem| tell(route, problem, report));
        Self::New { previous, warnings: found.problems.into() }
    }
}

/// Reports a problem within a route where it stands now.
fn tell(route: &Placed<model::Route>, problem: &Problem, report: &mut Report) {
    report.add(Problem { place: route.within(&problem.place), ..problem.clone() });
}

fn maker<'a>(kinds: &'a Registry, consumers: &'a Arc<Consumers>, captures: &'a [&'a str]) -> Maker<'a> {
    Maker { kinds, origin: Origin::Route, captures: Some(captures), consumers }
}

fn captures(route: &model::Route) -> Vec<&str> {
    route.matching.path.as_ref().map(PathPattern::captures).unwrap_or_default()
}

// === impl Previous ===

impl<'p> Previous<'p> {
    /// The route of the same name.
    fn find(&mut self, route: &Placed<model::Route>) -> Option<&'p Arc<Route>> {
        let guess = self.routes.get(self.next).filter(|guess| Arc::ptr_eq(&guess.written, &route.value));
        if guess.is_none() {
            let names = || self.routes.iter().map(|route| &*route.name).zip(0..).collect();
            self.next = *self.by_name.get_or_insert_with(names).get(&*route.name)?;
        }
        self.next += 1;
        self.routes.get(self.next - 1)
    }
}

// === impl Compiler ===

impl Compiler<'_> {
    pub(crate) fn compile(&self, prepared: Vec<Prepared<'_>>, report: &mut Report) -> Box<[Arc<Route>]> {
        let is_same_around = self.previous.is_some_and(|previous| self.around.extend(&previous.around));
        let mirrors = mirror::Known::of(self.previous, self.workers);
        let mut compile = |(route, prepared): (&Placed<model::Route>, _)| match prepared {
            Prepared::Known(known) if is_same_around && self.stands(known, route) => known.clone(),
            Prepared::Known(known) => self.route(route, Some(known), known.warnings.clone(), &mirrors, report),
            Prepared::New { previous, warnings } => self.route(route, previous, warnings, &mirrors, report),
        };
        self.model.routes.iter().zip(prepared).map(&mut compile).collect()
    }

    /// Whether a route would be compiled the same again.
    fn stands(&self, known: &Route, route: &Placed<model::Route>) -> bool {
        known.stands_as(route, self.consumers) && breakers::stand(known, route, &self.model.upstreams)
    }

    fn route(
        &self,
        route: &Placed<model::Route>,
        previous: Option<&Arc<Route>>,
        warnings: Box<[Problem]>,
        mirrors: &mirror::Known<'_>,
        report: &mut Report,
    ) -> Arc<Route> {
        let policies = self.policies(route, previous, report);
        let places = route.policies.iter().map(|policy| route.within(&policy.place));
        let own: Vec<_> = policies.attached(places).collect();
        Arc::new(Route {
            name: route.name.clone(),
            chains: chains(self.around, &by_side(route, &own, &self.around.upstreams)),
            guards: breakers::of_route(route, &self.model.upstreams, previous),
            action: Action::new(route, &self.model.upstreams, |side| self.side_metrics(previous, side)),
            fallbacks: match &*route.fallbacks {
                [] => None,
                fallbacks => Some(fallbacks.iter().map(Fallback::new).collect()),
            },
            mirrors: mirrors.compile(route, &self.model.upstreams),
            metrics: match previous {
                Some(previous) => previous.metrics.clone(),
                None => Arc::new(RouteMetrics::new(self.workers)),
            },
            written: route.value.clone(),
            place: route.place.clone(),
            policies,
            warnings,
        })
    }

    fn policies(&self, route: &Placed<model::Route>, previous: Option<&Arc<Route>>, report: &mut Report) -> Policies {
        if route.policies.is_empty() {
            return Policies::default();
        }
        let captures = captures(route);
        let previous = previous.filter(|previous| self::captures(&previous.written) == captures);
        let previous = previous.map(|previous| (&*previous.written.policies, &previous.policies));
        let mut found = Report::default();
        let policies = maker(self.kinds, self.consumers, &captures).make(&route.policies, previous, &mut found);
        found.problems.iter().for_each(|problem| tell(route, problem, report));
        policies
    }

    fn side_metrics(&self, previous: Option<&Arc<Route>>, name: &str) -> Arc<SideMetrics> {
        let mut sides = previous.and_then(|previous| previous.sides()).into_iter().flat_map(|sides| sides.list());
        match sides.find(|side| *side.name == *name) {
            Some(side) => side.metrics.clone(),
            None => Arc::new(SideMetrics::new(self.workers)),
        }
    }
}

/// The policies of a route with those of its upstream. If it has several, with policies of their own: first without any,
/// then with those of each side.
fn by_side(route: &model::Route, own: &[Attached], upstreams: &[One]) -> Vec<Vec<Attached>> {
    let destinations = route.action.destinations();
    let with = |to: &model::Destination| [own.to_vec(), upstreams[to.upstream.0 as usize].attached()].concat();
    let has_policies = |to: &model::Destination| !upstreams[to.upstream.0 as usize].policies.is_empty();
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

fn chains(around: &Around, by_side: &[Vec<Attached>]) -> Chains {
    let gateway = around.gateway.attached();
    let by_listener = !around.listeners.iter().all(|one| one.policies.is_empty());
    let listeners: Vec<_> = match by_listener {
        true => around.listeners.iter().map(One::attached).collect(),
        false => vec![Vec::new()],
    };
    let chain = |listener: &Vec<Attached>, own: &Vec<Attached>| Chain::new([&*gateway, listener, own].concat());
    match (&*listeners, by_side) {
        ([listener], [own]) => Chains::One(chain(listener, own)),
        _ => Chains::Several {
            chains: listeners.iter().flat_map(|listener| by_side.iter().map(|own| chain(listener, own))).collect(),
            by_listener,
            by_side: by_side.len() > 1,
            each: by_side.len(),
        },
    }
}
