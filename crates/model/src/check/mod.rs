//! Document to model: every reference resolved, every rule that spans more than one value kept.
//!
//! What concerns a single value is settled when it is decoded ([`values`](crate::values)). The checks here read the
//! tree beside the decoded types, for the places, and so that one bad value does not hide what else is wrong.

mod expressions;
mod gateway;
mod listeners;
mod names;
mod policies;
mod routes;
mod subsets;
mod tests;
mod upstreams;

use self::{names::Names, subsets::Subsets};
use crate::{
    Model, Node, Report, Value,
    decode::decode_without,
    document::Document,
    pending::{self, Scope},
};

/// Checks a document and resolves it. `None` if the report holds an error, be it an earlier one.
///
/// Reads no file: whether certificates are there and fit is for whoever opens them to say. Which policies there are,
/// and what their settings may be, is for the registry of kinds to say.
pub fn check(root: &Node, report: &mut Report) -> Option<Model> {
    if root.value == Value::Null {
        report.error_with_hint(&root.place, "the document is empty", "begin with `version: 1`");
        return None;
    }
    let skipped = pending::refuse(Scope::Document, root, report);
    decode_without::<Document>(root, &skipped, report);
    let items = |key: &str| root.get(key).map(Node::items).unwrap_or_default();
    if items("listeners").is_empty() {
        report.warning(&root.place, "there are no listeners, so nothing is served");
    }

    let gateway = gateway::check(root.get("gateway"), report);
    let mut listener_names = Names::collect("listener", items("listeners"), report);
    let listeners = listeners::check(items("listeners"), gateway.as_ref(), report);
    let mut upstream_names = Names::collect("upstream", items("upstreams"), report);
    let mut upstreams: Vec<_> = items("upstreams").iter().map(|node| upstreams::check(node, report)).collect();
    let mut route_names = Names::collect("route", items("routes"), report);
    let has_tls: Vec<bool> = items("listeners").iter().map(|node| node.get("tls").is_some()).collect();
    let mut subsets = Subsets::of(upstreams.len());
    let mut known = routes::Known {
        listeners: &mut listener_names,
        upstreams: &mut upstream_names,
        upstream_nodes: items("upstreams"),
        subsets: &mut subsets,
        has_tls: &has_tls,
    };
    let routes: Vec<_> = items("routes").iter().map(|node| routes::check(node, &mut known, report)).collect();
    subsets.hand_over(&mut upstreams, report);

    Names::collect("test", items("tests"), report);
    let mut known =
        tests::Known { listeners: &mut listener_names, upstreams: &mut upstream_names, routes: &mut route_names };
    let tests: Vec<_> = items("tests").iter().map(|node| tests::check(node, &mut known, report)).collect();

    if report.has_errors() {
        return None;
    }
    Some(Model {
        gateway: gateway?,
        listeners: listeners.into_iter().collect::<Option<_>>()?,
        upstreams: upstreams.into_iter().collect::<Option<_>>()?,
        routes: routes.into_iter().collect::<Option<_>>()?,
        tests: tests.into_iter().collect::<Option<_>>()?,
    })
}
