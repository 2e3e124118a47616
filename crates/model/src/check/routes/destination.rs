//! Who gets the requests.

use std::collections::BTreeMap;

use super::super::{names::Names, subsets::Subsets};
use crate::{Destination, Node, Report};

/// What the destinations of one action may refer to.
pub(super) struct Known<'k> {
    /// The upstream of each, as [`upstreams`] found them.
    pub(super) upstreams: &'k [Option<u32>],
    pub(super) subsets: &'k mut Subsets,
}

/// The upstream of each destination of a route, as far as it is known. Reads the tree, so that it is told even if other
/// values are wrong.
pub(super) fn upstreams(route: &Node, known: &mut Names<'_>, report: &mut Report) -> Vec<Option<u32>> {
    // What has no name lacks a key, which was reported.
    references(route).into_iter().map(|reference| known.find(reference?, report)).collect()
}

/// The names of upstreams in the action of a route.
fn references(route: &Node) -> Vec<Option<&Node>> {
    let items = |action: &str, list: &str| {
        let items = route.get(action).and_then(|action| action.get(list)).map(Node::items).unwrap_or_default();
        items.iter().map(|side| side.get("upstream")).collect()
    };
    match route.get("upstream") {
        Some(upstream) => vec![Some(upstream.near("name"))],
        None if route.get("split").is_some() => items("split", "to"),
        None => items("versions", "known"),
    }
}

// === impl Known ===

impl Known<'_> {
    /// The destination with this index, written at `node`; `None` if its upstream is unknown.
    pub(super) fn destination(
        &mut self,
        index: usize,
        labels: BTreeMap<String, String>,
        node: &Node,
    ) -> Option<Destination> {
        let upstream = (*self.upstreams.get(index)?)?;
        Some(self.subsets.destination(upstream, labels, &node.near("labels").place))
    }
}
