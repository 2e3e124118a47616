//! Who gets copies of the requests.

use super::{super::has_policies, Known, destination};
use crate::{
    Mirror, Node, Report, Value, document,
    values::{Bytes, Count},
};

/// The upstream of each mirror, as far as it is known. Reads the tree, so that it is told even if other values are wrong.
///
/// `originals` are those who may get the requests themselves.
pub(super) fn upstreams(
    route: &Node,
    originals: &[Option<u32>],
    known: &mut Known<'_>,
    report: &mut Report,
) -> Vec<Option<u32>> {
    let mut found: Vec<(u32, &Node)> = Vec::new();
    let mut upstream = |mirror| {
        let reference = reference(mirror);
        let index = known.upstreams.find(reference, report)?;
        let name = reference.text().unwrap_or_default();
        if let Some((_, first)) = found.iter().find(|(earlier, _)| *earlier == index) {
            let message = format!("`{name}` gets copies of these requests already, by the mirror at {}", first.place);
            report.error_with_hint(&reference.place, message, "keep one of them");
        }
        found.push((index, mirror));
        // With labels, others of its endpoints may be meant.
        if originals.contains(&Some(index)) && mirror.get("labels").is_none() {
            let message = format!("`{name}` gets these requests already, and would get them twice");
            report.warning_with_hint(&reference.place, message, "mirror to another upstream");
        }
        if has_policies(&known.upstream_nodes[index as usize]) {
            let message = format!("the policies of the upstream `{name}` do not run on copies");
            let hint = "if they matter here, put them on the route: what they make of a request is copied";
            report.warning_with_hint(&reference.place, message, hint);
        }
        Some(index)
    };
    nodes(route).iter().map(&mut upstream).collect()
}

/// `known` holds the upstreams that [`upstreams`] has found.
pub(super) fn check(
    route: &Node,
    document::Mirrors(written): document::Mirrors,
    known: &mut destination::Known<'_>,
    report: &mut Report,
) -> Option<Vec<Mirror>> {
    let mirrors: Vec<_> = written
        .into_iter()
        .zip(nodes(route))
        .enumerate()
        .map(|(index, (written, node))| {
            let share = share(node, &written, report);
            let default = Mirror::to(known.destination(index, written.labels, node)?);
            Some(Mirror {
                share: share.unwrap_or(default.share),
                body: written.body.map_or(default.body, |Bytes(bytes)| bytes),
                in_flight: written.in_flight.map_or(default.in_flight, |Count(count)| count),
                ..default
            })
        })
        .collect();
    mirrors.into_iter().collect()
}

fn share(node: &Node, written: &document::Mirror, report: &mut Report) -> Option<f64> {
    let share = written.share?.fraction();
    if share == 0.0 {
        let message = "a share of `0%` copies nothing";
        report.error_with_hint(&node.near("share").place, message, "leave the mirror out, or give it a larger share");
    }
    Some(share)
}

/// The mirrors of a route, whether they stand in a list or alone.
fn nodes(route: &Node) -> &[Node] {
    match route.get("mirror") {
        None => &[],
        Some(Node { value: Value::List(mirrors), .. }) => mirrors,
        Some(mirror) => std::slice::from_ref(mirror),
    }
}

/// The name of its upstream: the whole mirror, in its short form.
fn reference(mirror: &Node) -> &Node {
    mirror.near("upstream")
}
