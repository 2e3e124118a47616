//! Prefixes and templates: a tree over path segments, one root for each group of hosts.

use std::iter::successors;

use model::{CaptureType, Segment};
use smallvec::SmallVec;

use super::{
    NONE, Rank, Search,
    words::{Collected, Full, Lengths, Words},
};

/// The trees of all groups.
///
/// A node has literal children (in one table for all nodes), at most one child for the segments of each type and one for
/// any segment at all, and up to two leaves. A path may fit several of them, so a walk turns back; but it comes to a node
/// at most once, and only while the best of what lies below is greater than what was found already.
#[derive(Debug, Default)]
pub(super) struct Tree {
    captures: Box<[Capture<Node>]>,
    /// Literal children by the id of their parent.
    literals: Words<Node, 28>,
}

/// A tree in the making.
#[derive(Debug, Default)]
pub(super) struct Saplings {
    nodes: Vec<Node>,
    captures: Vec<Capture<u32>>,
    literals: Collected<u32>,
}

/// A child for segments that a template captures.
#[derive(Debug, Clone, Copy)]
struct Capture<N> {
    /// `None`: any segment at all.
    typed: Option<CaptureType>,
    /// The next such child of the same parent. The one for any segment is the first, because what is put on the stack
    /// first is tried last.
    next: u32,
    node: N,
}

/// What leads to a child.
#[derive(Clone, Copy)]
enum Wants<'p> {
    Literal(&'p str),
    Capture(Option<CaptureType>),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) id: u32,
    /// The greatest rank at or below this node.
    pub(super) top: Rank,
    /// The first child for a segment that a template captures.
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
        if length > 0 {
            let mut capture = node.capture;
            while let Some(child) = self.captures.get(capture as usize) {
                if child.node.top > search.best && child.typed.is_none_or(|typed| typed.takes(&left[..length])) {
                    ahead.push(Step::Enter { node: &child.node, at: next });
                }
                capture = child.next;
            }
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
        let segments = prefix.trim_end_matches('/').split('/').skip(1).map(Wants::Literal);
        Ok(&mut self.grow(root, segments, rank)?.rest)
    }

    /// Where the leaf of a template is kept.
    pub(super) fn template(&mut self, root: u32, segments: &[Segment], rank: Rank) -> Result<&mut u32, Full> {
        let rest = segments.iter().position(|segment| matches!(segment, Segment::Rest(_)));
        let fixed = segments[..rest.unwrap_or(segments.len())].iter().map(|segment| match segment {
            Segment::Literal(text) => Wants::Literal(text),
            Segment::Typed(_, typed) => Wants::Capture(Some(*typed)),
            Segment::Capture(_) | Segment::Rest(_) => Wants::Capture(None),
        });
        // The path `/` has one segment, and that is empty.
        let empty = segments.is_empty().then_some(Wants::Literal(""));
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
        let Self { nodes, captures, literals } = self;
        let grown = |capture: Capture<u32>| Capture {
            typed: capture.typed,
            next: capture.next,
            node: nodes[capture.node as usize],
        };
        let captures = captures.into_iter().map(grown).collect();
        let literals = literals.lay_out(|child| nodes[child as usize])?;
        Ok(Tree { captures, literals })
    }

    /// The node that segments lead to from `root`.
    fn grow<'p>(
        &mut self,
        root: u32,
        segments: impl Iterator<Item = Wants<'p>>,
        rank: Rank,
    ) -> Result<&mut Node, Full> {
        let mut node = root;
        self.node(node).top = rank;
        for segment in segments {
            node = match segment {
                Wants::Literal(literal) => self.literal(node, literal)?,
                Wants::Capture(typed) => self.capture(node, typed)?,
            };
            self.node(node).top = rank;
        }
        Ok(self.node(node))
    }

    fn capture(&mut self, parent: u32, typed: Option<CaptureType>) -> Result<u32, Full> {
        let first = self.node(parent).capture;
        let after = |index: &u32| self.captures.get(*index as usize).map(|capture| capture.next);
        let mut all = successors(Some(first), after).filter_map(|index| self.captures.get(index as usize));
        if let Some(known) = all.find(|capture| capture.typed == typed) {
            return Ok(known.node);
        }
        let child = self.plant()?.id;
        let index = u32::try_from(self.captures.len()).map_err(|_| Full)?;
        let any = self.captures.get_mut(first as usize).filter(|first| first.typed.is_none());
        let before = any.map_or(&mut self.nodes[parent as usize].capture, |any| &mut any.next);
        let next = std::mem::replace(before, index);
        self.captures.push(Capture { typed, next, node: child });
        Ok(child)
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
