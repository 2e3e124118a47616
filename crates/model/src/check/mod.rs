//! Document to model: every reference resolved, every rule that spans more than one value kept.
//!
//! What concerns a single value is settled when it is decoded ([`values`](crate::values)). The checks here read the
//! tree beside the decoded types, for the places, and so that one bad value does not hide what else is wrong.

mod access_log;
mod balance;
mod breaker;
mod consumers;
mod discovery;
mod expressions;
mod failures;
mod gateway;
mod health;
mod listeners;
mod names;
mod operators;
mod policies;
mod registries;
mod routes;
mod subsets;
mod tests;
mod tracing;
mod upstreams;

pub use self::balance::registered as registered_balance;
use self::subsets::Subsets;
pub(crate) use self::{
    names::Names,
    routes::{Known, check as check_route},
};
use crate::{
    Consumer, Gateway, Listener, Model, Node, Operator, Placed, Report, Route, Test, Upstream, Value, decode::decode,
    document::Document,
};

/// A document without its routes, checked.
pub(crate) struct Rest<'n> {
    gateway: Option<Gateway>,
    listeners: Vec<Option<Listener>>,
    upstreams: Vec<Option<Upstream>>,
    consumers: Vec<Option<Consumer>>,
    tests: &'n [Node],
    checked_tests: Vec<Option<Test>>,
    operators: Vec<Option<Operator>>,
    /// What its routes may refer to.
    pub(crate) known: Known<'n>,
}

/// Checks a document and resolves it. `None` if the report holds an error, be it an earlier one.
///
/// Reads no file: whether certificates are there and fit is for whoever opens them to say. Which policies there are,
/// and what their settings may be, is for the registry of kinds to say.
pub fn check(root: &Node, report: &mut Report) -> Option<Model> {
    let mut rest = Rest::check(root, report)?;
    let nodes = items(root, "routes");
    let mut names = Names::collect("route", nodes, report);
    let routes: Vec<_> = nodes.iter().map(|node| check_route(node, &mut rest.known, report)).collect();
    rest.check_what_refers_to_routes(&mut names, report);
    rest.model(routes.into_iter().collect(), report)
}

/// Whether an upstream has some.
pub(crate) fn has_policies(upstream: &Node) -> bool {
    !items(upstream, "policies").is_empty()
}

fn items<'n>(root: &'n Node, key: &str) -> &'n [Node] {
    root.get(key).map(Node::items).unwrap_or_default()
}

// === impl Rest ===

impl<'n> Rest<'n> {
    /// `None` if there is nothing to check.
    pub(crate) fn check(root: &'n Node, report: &mut Report) -> Option<Self> {
        if root.value == Value::Null {
            report.error_with_hint(&root.place, "the document is empty", "begin with `version: 1`");
            return None;
        }
        decode::<Document>(root, report);
        let (listeners, upstreams) = (items(root, "listeners"), items(root, "upstreams"));
        if listeners.is_empty() {
            report.warning(&root.place, "there are no listeners, so nothing is served");
        }
        let gateway = gateway::check(root.get("gateway"), report);
        let listener_names = Names::collect("listener", listeners, report);
        let checked_listeners = listeners::check(listeners, gateway.as_ref(), report);
        let upstream_names = Names::collect("upstream", upstreams, report);
        let checked_upstreams: Vec<_> =
            upstreams.iter().map(|node| upstreams::check(node, gateway.as_ref(), report)).collect();
        let consumers = items(root, "consumers");
        let consumer_names = Names::collect("consumer", consumers, report);
        let consumers = consumers::check(consumers, report);
        let known = Known {
            listeners: listener_names,
            has_tls: listeners.iter().map(|node| node.get("tls").is_some()).collect(),
            trusts_proxies: gateway.as_ref().is_none_or(|gateway| !gateway.trusted_proxies.is_empty()),
            upstreams: upstream_names,
            upstream_nodes: upstreams,
            consumers: consumer_names,
            subsets: Subsets::of(upstreams.len()),
        };
        let (listeners, upstreams) = (checked_listeners, checked_upstreams);
        let operators = operators::check(items(root, "operators"), report);
        let tests = items(root, "tests");
        let checked_tests = Vec::new();
        Some(Self { gateway, listeners, upstreams, consumers, tests, checked_tests, operators, known })
    }

    /// To be called when all routes are checked.
    pub(crate) fn check_what_refers_to_routes(&mut self, routes: &mut Names<'_>, report: &mut Report) {
        std::mem::replace(&mut self.known.subsets, Subsets::of(0)).hand_over(&mut self.upstreams, report);
        Names::collect("test", self.tests, report);
        let Known { listeners, upstreams, .. } = &mut self.known;
        let mut known = tests::Known { listeners, upstreams, routes };
        self.checked_tests = self.tests.iter().map(|node| tests::check(node, &mut known, report)).collect();
    }

    /// With its routes, if all of them are good. `None` if the report holds an error, be it an earlier one.
    pub(crate) fn model(self, routes: Option<Vec<Placed<Route>>>, report: &Report) -> Option<Model> {
        if report.has_errors() {
            return None;
        }
        Some(Model {
            gateway: self.gateway?,
            listeners: self.listeners.into_iter().collect::<Option<_>>()?,
            upstreams: self.upstreams.into_iter().collect::<Option<_>>()?,
            routes: routes?,
            consumers: self.consumers.into_iter().collect::<Option<_>>()?,
            tests: self.checked_tests.into_iter().collect::<Option<_>>()?,
            operators: self.operators.into_iter().collect::<Option<_>>()?,
        })
    }
}
