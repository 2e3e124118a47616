//! Prefixes and templates: a tree over path segments, one root for each group of hosts.

use smallvec::SmallVec;

use super::{
    NONE, Rank, Search,
    words::{Full, Words},
};

/// The trees of all groups.
///
/// A node has literal children (in one table for all nodes), at most one child for any segment at all, and up to two
/// leaves. A path may fit several of them, so a walk turns back; but it comes to a node at most once, and only while
/// the best of what lies below is greater than what was found already.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    literals: Words<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// The greatest rank at or below this node.
    top: Rank,
    /// The child for a segment that a template captures.
    capture: u32,
    /// Routes whose path ends here.
    pub(super) ends: u32,
    /// Routes that take whatever follows: prefixes, and templates with `{rest...}`.
    pub(super) rest: u32,
}

/// Where a walk turns back to.
#[derive(Clone, Copy)]
enum Step {
    /// A node, with the offset at which the next segment begins; beyond the end of the path if there is none.
    Enter { node: u32, at: usize },
    /// The routes that take whatever follows a node. They come after what is more specific.
    Rest { leaf: u32 },
}

// === impl Tree ===

impl Tree {
    pub(super) fn plant(&mut self) -> Result<u32, Full> {
        let id = u32::try_from(self.nodes.len()).ok().filter(|id| *id != NONE).ok_or(Full)?;
        self.nodes.push(Node { top: 0, capture: NONE, ends: NONE, rest: NONE });
        Ok(id)
    }

    /// The node that a pattern leads to from `root`; `None` stands for a captured segment.
    ///
    /// Patterns come in the order of rank, so `rank` is the greatest of all nodes on the way.
    pub(super) fn grow<'p>(
        &mut self,
        root: u32,
        segments: impl Iterator<Item = Option<&'p str>>,
        rank: Rank,
    ) -> Result<&mut Node, Full> {
        let mut node = root;
        self.node(node).top = rank;
        for segment in segments {
            node = match segment {
                Some(literal) => self.literal(node, literal)?,
                None if self.node(node).capture != NONE => self.node(node).capture,
                None => {
                    let child = self.plant()?;
                    self.node(node).capture = child;
                    child
                }
            };
            self.node(node).top = rank;
        }
        Ok(self.node(node))
    }

    /// Offers every leaf that `path` comes to, the closer one first.
    pub(super) fn walk(&self, root: u32, path: &str, search: &mut Search<'_>) {
        if !path.starts_with('/') {
            return;
        }
        let mut ahead: SmallVec<[Step; 16]> = SmallVec::new();
        ahead.push(Step::Enter { node: root, at: 1 });
        while let Some(step) = ahead.pop() {
            match step {
                Step::Rest { leaf } => search.offer(leaf),
                Step::Enter { node, at } => self.enter(node, at, path, search, &mut ahead),
            }
        }
    }

    #[inline]
    fn enter(&self, id: u32, at: usize, path: &str, search: &mut Search<'_>, ahead: &mut SmallVec<[Step; 16]>) {
        let node = &self.nodes[id as usize];
        if node.top <= search.best {
            return;
        }
        if node.rest != NONE {
            ahead.push(Step::Rest { leaf: node.rest });
        }
        let Some(left) = path.get(at..) else { return search.offer(node.ends) };
        let length = left.bytes().position(|byte| byte == b'/').unwrap_or(left.len());
        let next = at + length + 1;
        if node.capture != NONE && length > 0 {
            ahead.push(Step::Enter { node: node.capture, at: next });
        }
        if let Some(child) = self.literals.get(id, &left[..length]) {
            ahead.push(Step::Enter { node: child, at: next });
        }
    }

    pub(super) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.literals.shrink();
    }

    fn literal(&mut self, parent: u32, literal: &str) -> Result<u32, Full> {
        if let Some(child) = self.literals.get(parent, literal) {
            return Ok(child);
        }
        let child = self.plant()?;
        self.literals.entry(parent, literal, child)?;
        Ok(child)
    }

    fn node(&mut self, id: u32) -> &mut Node {
        &mut self.nodes[id as usize]
    }
}
