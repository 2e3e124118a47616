//! Which request goes where.

mod action;
mod matching;
mod templates;

use super::{names::Names, policies};
use crate::{
    Action, ListenerId, Node, Report, Route, UpstreamId,
    decode::decode_without,
    document,
    pending::{self, Scope},
    values::Name,
};

/// What routes may refer to.
pub(super) struct Known<'k, 'n> {
    pub(super) listeners: &'k mut Names<'n>,
    pub(super) upstreams: &'k mut Names<'n>,
    /// By listener.
    pub(super) has_tls: &'k [bool],
}

pub(super) fn check(node: &Node, known: &mut Known<'_, '_>, report: &mut Report) -> Option<Route> {
    let skipped = pending::refuse(Scope::Route, node, report);
    let written = decode_without::<document::Route>(node, &skipped, report);
    // These read the tree, so that they are made even if some other value is wrong.
    let has_one_action = action::has_one_action(node, report);
    action::check_rewrite(node, report);
    let upstream = node.get("upstream").map(|name| known.upstreams.find(name, report));
    let listeners = listeners(node, known.listeners, report);
    let policies = policies::check(node, report);

    let Some(written) = written else {
        action::check_templates(node, report);
        return None;
    };
    let document::Route { name: Name(name), matching, priority, redirect, respond, rewrite, .. } = written;
    let matching = matching::check(matching);
    if let Some(listeners) = &listeners {
        matching::check_sni(node, &matching, listeners, known.has_tls, report);
    }
    let path = matching.path.as_ref();
    let rewrite = rewrite.map(|rewrite| action::rewrite(node.near("rewrite"), rewrite, path, report));
    let redirect = redirect.map(|written| action::redirect(node.near("redirect"), &written, path, report));
    let respond = respond.map(|written| action::respond(node.near("respond"), written, report));
    let action = match (upstream, redirect, respond) {
        (Some(upstream), None, None) => Action::Upstream(UpstreamId(upstream?)),
        (None, Some(redirect), None) => Action::Redirect(redirect?),
        (None, None, Some(respond)) => Action::Respond(respond),
        _ => return None,
    };
    let rewrite = match rewrite {
        Some(rewrite) => Some(rewrite?),
        None => None,
    };
    has_one_action.then_some(Route {
        name,
        place: node.place.clone(),
        listeners: listeners?,
        matching,
        priority,
        policies,
        action,
        rewrite,
    })
}

/// Sorted and without duplicates; `None` if one of them is unknown.
fn listeners(node: &Node, known: &mut Names<'_>, report: &mut Report) -> Option<Vec<ListenerId>> {
    let names = node.get("listeners").map(Node::items).unwrap_or_default();
    let found: Vec<_> = names.iter().map(|name| known.find(name, report)).collect();
    let mut listeners: Vec<ListenerId> = found.into_iter().map(|index| index.map(ListenerId)).collect::<Option<_>>()?;
    listeners.sort_unstable();
    listeners.dedup();
    Some(listeners)
}
