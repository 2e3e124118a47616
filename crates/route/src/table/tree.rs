//! Prefixes and templates: a tree over path segments, one root for each group of hosts.

use model::Segment;
use smallvec::SmallVec;

use super::{
    NONE, Rank, Search,
    words::{Collected, Full, Lengths, Words},
};

/// The trees of all groups.
///
/// A node has literal children (in one table for all nodes), at most one child for any segment at all, and up to two
/// leaves. A path may fit several of them, so a walk turns back; but it comes to a node at most once, and only while
/// the best of what lies below is greater than what was found already.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Where the children that captures lead to are found.
    nodes: Vec<Node>,
    /// Literal children by the id of their parent.
    literals: Words<Node, 28>,
}

/// A tree in the making.
#[derive(Debug, Default)]
pub(super) struct Saplings {
    nodes: Vec<Node>,
    literals: Collected<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) id: u32,
    /// The greatest rank at or below this node.
    pub(super) top: Rank,
    /// The child for a segment that a template captures.
    capture: u32,
    /// Lengths of the segments that have a literal child.
    literals: Lengths,
    /// Routes whose path ends here.
    pub(super) ends: u32,
    /// Routes that take whatever follows: prefixes, and templates with `{rest...}`.
    pub(super) rest: u32,
}

/// Where a walk turns back to.
#[derive(Clone, Copy)]
enum Step<'t> {
    /// A node, with the offset at which the next segment begins; beyond the end of the path if there is none.
    Enter { node: &'t Node, at: usize },
    /// The routes that take whatever follows a node. They come after what is more specific.
    Rest { leaf: u32 },
}

// === impl Tree ===

impl Tree {
    /// Offers every leaf below `root` that `path` comes to, the closer one first.
    pub(super) fn walk(&self, root: &Node, path: &str, search: &mut Search<'_>) {
        if !path.starts_with('/') {
            return;
        }
        let mut ahead: SmallVec<[Step<'_>; 16]> = SmallVec::new();
        ahead.push(Step::Enter { node: root, at: 1 });
        while let Some(step) = ahead.pop() {
            match step {
                Step::Rest { leaf } => search.offer(leaf),
                Step::Enter { node, at } => self.enter(node, at, path, search, &mut ahead),
            }
        }
    }

    #[inline]
    fn enter<'t>(
        &'t self,
        node: &Node,
        at: usize,
        path: &str,
        search: &mut Search<'_>,
        ahead: &mut SmallVec<[Step<'t>; 16]>,
    ) {
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
            ahead.push(Step::Enter { node: &self.nodes[node.capture as usize], at: next });
        }
        if node.literals.may_be(length)
            && let Some(child) = self.literals.get(node.id, &left[..length])
        {
            ahead.push(Step::Enter { node: child, at: next });
        }
    }
}

// === impl Saplings ===

impl Saplings {
    /// A new node, at the root of a tree or soon to be the child of another.
    pub(super) fn plant(&mut self) -> Result<Node, Full> {
        let id = u32::try_from(self.nodes.len()).ok().filter(|id| *id != NONE).ok_or(Full)?;
        let node = Node { id, top: 0, capture: NONE, literals: Lengths::default(), ends: NONE, rest: NONE };
        self.nodes.push(node);
        Ok(node)
    }

    /// Where the leaf of a prefix is kept.
    ///
    /// Patterns come in the order of rank, so `rank` is the greatest of all nodes on the way.
    pub(super) fn prefix(&mut self, root: u32, prefix: &str, rank: Rank) -> Result<&mut u32, Full> {
        let segments = prefix.trim_end_matches('/').split('/').skip(1).map(Some);
        Ok(&mut self.grow(root, segments, rank)?.rest)
    }

    /// Where the leaf of a template is kept.
    pub(super) fn template(&mut self, root: u32, segments: &[Segment], rank: Rank) -> Result<&mut u32, Full> {
        let rest = segments.iter().position(|segment| matches!(segment, Segment::Rest(_)));
        let fixed = segments[..rest.unwrap_or(segments.len())].iter().map(|segment| match segment {
            Segment::Literal(text) => Some(&**text),
            Segment::Capture(_) | Segment::Rest(_) => None,
        });
        // The path `/` has one segment, and that is empty.
        let empty = segments.is_empty().then_some(Some(""));
        let node = self.grow(root, fixed.chain(empty), rank)?;
        Ok(if rest.is_some() { &mut node.rest } else { &mut node.ends })
    }

    pub(super) fn node(&mut self, id: u32) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    pub(super) fn leaves(&mut self) -> impl Iterator<Item = &mut u32> {
        self.nodes.iter_mut().flat_map(|node| [&mut node.ends, &mut node.rest])
    }

    pub(super) fn grown(self) -> Result<Tree, Full> {
        let Self { nodes, literals } = self;
        let literals = literals.lay_out(|child| nodes[child as usize])?;
        Ok(Tree { nodes, literals })
    }

    /// The node that segments lead to from `root`; `None` stands for a captured one.
    fn grow<'p>(
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
                    let child = self.plant()?.id;
                    self.node(node).capture = child;
                    child
                }
            };
            self.node(node).top = rank;
        }
        Ok(self.node(node))
    }

    fn literal(&mut self, parent: u32, literal: &str) -> Result<u32, Full> {
        if let Some(child) = self.literals.get(parent, literal) {
            return Ok(*child);
        }
        let child = self.plant()?.id;
        self.node(parent).literals.add(literal.len());
        self.literals.entry(parent, literal, child)?;
        Ok(child)
    }
}
