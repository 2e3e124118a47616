//! Routes that depend on who calls need a policy that finds out.

use model::{Action, ListenerId, Model, Report};
use policy::Registry;

/// Reports what asks who calls where nobody finds out, and splits whose policies would depend on the answer.
pub(crate) fn check(model: &Model, kinds: &Registry, report: &mut Report) {
    for route in &model.routes {
        check_upstreams(model, route, kinds, report);
        let Action::Split(split) = &route.action else { continue };
        let Some(place) = &split.asks_consumer else { continue };
        if !identifies(model, route, kinds) {
            let message = format!("this asks who calls, and no policy of the route `{}` finds out", route.name);
            report.error_with_hint(place, message, way_out(kinds));
        }
        let mut upstreams: Vec<_> = split.sides.iter().map(|side| side.to.upstream).collect();
        upstreams.dedup();
        let upstream = |id: &model::UpstreamId| &model.upstreams[id.0 as usize];
        let differing = upstreams.iter().map(upstream).find(|upstream| !upstream.policies.is_empty());
        if let (Some(upstream), [_, _, ..]) = (differing, &*upstreams) {
            let message = format!(
                "which side a request goes to is known when policies have found out who calls; those of the upstream `{}` would have to run before",
                upstream.name
            );
            report.error_with_hint(place, message, "move them to the route");
        }
    }
}

/// Reports upstreams of the route whose balance asks who calls.
fn check_upstreams(model: &Model, route: &model::Route, kinds: &Registry, report: &mut Report) {
    let destinations = route.action.destinations();
    let upstreams = destinations.iter().map(|to| &model.upstreams[to.upstream.0 as usize]);
    let mut places: Vec<_> = upstreams.filter_map(|upstream| upstream.asks_consumer.as_ref()).collect();
    places.dedup();
    if places.is_empty() || identifies(model, route, kinds) {
        return;
    }
    for place in places {
        let message = format!("this asks who calls, and no policy of the route `{}` finds out", route.name);
        report.error_with_hint(place, message, way_out(kinds));
    }
}

/// Whether a policy of the route finds out who calls, on every listener that the route is on.
fn identifies(model: &Model, route: &model::Route, kinds: &Registry) -> bool {
    let among = |policies: &[model::Policy]| {
        policies.iter().any(|policy| kinds.get(&policy.kind).is_some_and(policy::Kind::identifies))
    };
    let on_all = || {
        let is_its_own = |id: ListenerId| route.listeners.is_empty() || route.listeners.contains(&id);
        let mut listeners = (0..).map(ListenerId).zip(&model.listeners).filter(|(id, _)| is_its_own(*id)).peekable();
        listeners.peek().is_some() && listeners.all(|(_, listener)| among(&listener.policies))
    };
    let at_all = || {
        let upstreams = route.action.destinations();
        let mut upstreams = upstreams.iter().map(|to| &model.upstreams[to.upstream.0 as usize]);
        upstreams.all(|upstream| among(&upstream.policies))
    };
    among(&model.gateway.policies) || among(&route.policies) || on_all() || at_all()
}

fn way_out(kinds: &Registry) -> String {
    let known: Vec<_> =
        kinds.iter().filter(|kind| kind.identifies()).map(|kind| format!("`{}`", kind.name())).collect();
    match &*known {
        [] => "no kind of policy of this version does; go by a `header` or a `cookie` instead".to_owned(),
        known => format!("add one of {} to its policies", known.join(", ")),
    }
}
