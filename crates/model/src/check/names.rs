//! The names that a document gives, and the references to them.

use std::collections::HashMap;

use expression::suggestion;

use crate::{Node, Report};

/// Suggestions for misspelt references. Each costs a walk over all names, so a document of nothing but bad references
/// gets them for the first few only.
const SUGGESTIONS: usize = 20;

/// The names of one kind of thing.
pub(crate) struct Names<'n> {
    kind: &'static str,
    indices: HashMap<&'n str, u32>,
    in_order: Vec<&'n str>,
    suggestions: usize,
}

// === impl Names ===

impl<'n> Names<'n> {
    /// Collects the names of a list of things and reports those that are given twice.
    ///
    /// A thing that is otherwise wrong counts: what refers to it does not dangle.
    pub(super) fn collect(kind: &'static str, things: &'n [Node], report: &mut Report) -> Self {
        let mut indices: HashMap<&str, u32> = HashMap::with_capacity(things.len());
        let mut in_order = Vec::with_capacity(things.len());
        for (index, thing) in (0..).zip(things) {
            let Some(node) = thing.get("name") else { continue };
            let Some(name) = node.text() else { continue };
            match indices.get(name) {
                None => {
                    indices.insert(name, index);
                    in_order.push(name);
                }
                Some(first) => {
                    let first = &things[*first as usize].near("name").place;
                    let message = format!("there are two {kind}s with the name `{name}`, the first at {first}");
                    report.error_with_hint(&node.place, message, "give each a name of its own");
                }
            }
        }
        Self { kind, indices, in_order, suggestions: SUGGESTIONS }
    }

    /// The names of things that are known to be good. `None` if one is given twice.
    pub(crate) fn of(kind: &'static str, names: impl Iterator<Item = &'n str>) -> Option<Self> {
        let in_order: Vec<_> = names.collect();
        let indices: HashMap<_, _> = in_order.iter().copied().zip(0..).collect();
        (indices.len() == in_order.len()).then_some(Self { kind, indices, in_order, suggestions: SUGGESTIONS })
    }

    pub(crate) fn in_order(&self) -> &[&'n str] {
        &self.in_order
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.indices.contains_key(name)
    }

    /// Each name with the index of its thing, in the order of the document.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'n str, u32)> {
        self.in_order.iter().map(|name| (*name, self.indices[name]))
    }

    /// The name of the thing with this index.
    pub(super) fn name(&self, index: u32) -> Option<&'n str> {
        self.iter().find(|(_, other)| *other == index).map(|(name, _)| name)
    }

    /// The index of the thing that a text names; reports a name that nothing has.
    ///
    /// A node that is no text was reported when it was decoded.
    pub(super) fn find(&mut self, reference: &Node, report: &mut Report) -> Option<u32> {
        let name = reference.text()?;
        if let Some(index) = self.indices.get(name) {
            return Some(*index);
        }
        let message = format!("unknown {} `{name}`", self.kind);
        let hint = if self.in_order.is_empty() {
            Some(format!("this document has no {}s", self.kind))
        } else if self.suggestions > 0 {
            self.suggestions -= 1;
            suggestion(name, self.in_order.iter().copied())
        } else {
            None
        };
        match hint {
            Some(hint) => report.error_with_hint(&reference.place, message, hint),
            None => report.error(&reference.place, message),
        }
        None
    }
}
