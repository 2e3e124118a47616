//! Which request goes where.

mod action;
mod destination;
mod fallback;
mod matching;
mod mirror;
mod named;
mod rewrite;
mod split;
mod templates;
mod versions;
mod way_back;

pub(super) use self::action::may_be_set;
use super::{breaker, expressions, names::Names, policies, subsets::Subsets};
use crate::{
    Action, ListenerId, Node, Placed, Report, Route, TextOr,
    decode::decode_without,
    document,
    pending::{self, Scope},
    values::Name,
};

/// What routes may refer to.
///
/// All that the check of a route sees beside the route itself: where this is the same, the same comes of it.
pub(crate) struct Known<'n> {
    pub(crate) listeners: Names<'n>,
    /// By listener.
    pub(crate) has_tls: Vec<bool>,
    /// Whether somebody may tell that the client speaks another scheme than the listener.
    pub(crate) trusts_proxies: bool,
    pub(crate) upstreams: Names<'n>,
    /// By upstream. Routes ask for the policies only.
    pub(crate) upstream_nodes: &'n [Node],
    pub(crate) consumers: Names<'n>,
    pub(crate) subsets: Subsets,
}

pub(crate) fn check(node: &Node, known: &mut Known<'_>, report: &mut Report) -> Option<Placed<Route>> {
    let skipped = pending::refuse(Scope::Route, node, report);
    let written = decode_without::<document::Route>(node, &skipped, report);
    // These read the tree, so that they are made even if some other value is wrong.
    let has_one_action = action::has_one_action(node, report);
    rewrite::check_extras(node, report);
    let named = named::check(node, known, report);
    let upstreams = match &named {
        Some(Some(fitting)) => fitting.upstreams(),
        Some(None) => Vec::new(),
        None => destination::upstreams(node, &mut known.upstreams, report),
    };
    let instead = fallback::upstreams(node, known, report);
    let mirrored = mirror::upstreams(node, &upstreams, known, report);
    let listeners = listeners(node, &mut known.listeners, report);
    split::check_consumers(node, &mut known.consumers, report);
    let policies = policies::check(node, report);
    let when = node.near("match").get("when").map(|when| expressions::condition(when, report));

    let Some(written) = written else {
        rewrite::check_templates(node, report);
        return None;
    };
    let document::Route { name: Name(name), matching, priority, redirect, respond, rewrite, mirror, .. } = written;
    let document::Route { upstream, split, versions, breaker, fallback, .. } = written;
    let when = match when {
        Some(when) => Some(when?),
        None => None,
    };
    let matching = matching::check(matching, when);
    if let Some(listeners) = &listeners {
        matching::check_sni(node, &matching, listeners, &known.has_tls, report);
    }
    let path = matching.path.as_ref();
    let rewrite = rewrite.map(|written| rewrite::rewrite(node.near("rewrite"), written, path, report));
    let redirect = redirect.map(|written| rewrite::redirect(node.near("redirect"), written, path, report));
    let respond = respond.map(|written| action::respond(node.near("respond"), written, path, report));
    if let (Some(Some(redirect)), Some(listeners)) = (&redirect, &listeners) {
        way_back::check(node.near("redirect"), redirect, &matching, listeners, known, report);
    }
    let breaker = breaker.map(|written| breaker::of_route(node.near("breaker"), &written, report));
    let fallbacks = fallback::check(node, fallback, &instead, known, path, report);
    let mut known_mirrored = destination::Known { upstreams: &mirrored, subsets: &mut known.subsets };
    let mirrors = mirror::check(node, mirror, &mut known_mirrored, report);
    let mut known = destination::Known { upstreams: &upstreams, subsets: &mut known.subsets };
    let upstream = upstream.map(|TextOr(to)| {
        let place = node.near("upstream");
        match named {
            None => known.destination(0, to.labels, place).map(Action::Upstream),
            Some(fitting) => Some(Action::Named(fitting?.resolve(&to.labels, known.subsets, place))),
        }
    });
    let split = split.map(|written| split::check(node.near("split"), written, &mut known, report));
    let versions = versions.map(|written| versions::check(node.near("versions"), written, path, &mut known, report));
    let given = [
        upstream,
        split.map(|split| split.map(Action::Split)),
        versions.map(|versions| versions.map(Action::Versions)),
        redirect.map(|redirect| redirect.map(Action::Redirect)),
        respond.map(|respond| respond.map(Action::Respond)),
    ];
    // Of several, of which one too many was reported, any one will do.
    let action = given.into_iter().flatten().next()??;
    let rewrite = match rewrite {
        Some(rewrite) => Some(rewrite?),
        None => None,
    };
    let (listeners, fallbacks, mirrors) = (listeners?, fallbacks?, mirrors?);
    let route = Route { name, listeners, matching, priority, policies, action, rewrite, breaker, fallbacks, mirrors };
    has_one_action.then(|| Placed::new(node.place.clone(), route))
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
