//! Who answers instead of an upstream that failed.

use std::sync::Arc;

use super::{super::failures, Known, action};
use crate::{Fallback, FallbackTo, Node, PathPattern, Report, document, values::Name};

/// The upstream of each fallback that has one, as far as it is known. Reads the tree, so that it is told even if other
/// values are wrong.
pub(super) fn upstreams(route: &Node, known: &mut Known<'_>, report: &mut Report) -> Vec<Option<u32>> {
    let mut upstream = |fallback: &Node| known.upstreams.find(fallback.get("upstream")?, report);
    nodes(route).iter().map(&mut upstream).collect()
}

/// `upstreams` are those of [`upstreams`]; `matched` is the path of the route.
pub(super) fn check(
    route: &Node,
    written: Vec<document::Fallback>,
    upstreams: &[Option<u32>],
    known: &mut Known<'_>,
    matched: Option<&PathPattern>,
    report: &mut Report,
) -> Option<Vec<Fallback>> {
    let mut fallbacks = Vec::with_capacity(written.len());
    for ((written, node), upstream) in written.into_iter().zip(nodes(route)).zip(upstreams) {
        let document::Fallback { name, upstream: upstream_name, labels, respond, on } = written;
        if on.as_ref().is_some_and(Vec::is_empty) {
            let hint = "leave it out for the usual failures";
            report.error_with_hint(&node.near("on").place, "`on` is empty, so it would hardly be tried", hint);
        }
        if upstream_name.is_none() && !labels.is_empty() {
            report.error_with_hint(
                &node.near("labels").place,
                "`labels` choose endpoints of an upstream",
                "leave them out",
            );
        }
        let default_name = upstream_name.as_deref().unwrap_or("respond").into();
        let to = match (upstream_name, respond) {
            (Some(_), None) => upstream.map(|upstream| {
                FallbackTo::Upstream(known.subsets.destination(upstream, labels, &node.near("labels").place))
            }),
            (None, Some(respond)) => {
                action::respond(node.near("respond"), respond, matched, report).map(FallbackTo::Respond)
            }
            _ => {
                let message = "a fallback has exactly one of `upstream` and `respond`";
                report.error_with_hint(&node.place, message, "for a choice of several, list several fallbacks");
                None
            }
        };
        let name: Arc<str> = name.map_or(default_name, |Name(name)| name);
        let on = on.as_deref().map_or_else(Fallback::default_on, failures::check);
        fallbacks.push(to.map(|to| Fallback { name, on, to }));
    }
    fallbacks.into_iter().collect()
}

fn nodes(route: &Node) -> &[Node] {
    route.get("fallback").map(Node::items).unwrap_or_default()
}
