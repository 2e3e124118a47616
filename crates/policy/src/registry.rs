//! The kinds that a program knows.

use crate::Kind;

/// A visible list, put together by the program; nothing registers itself.
pub struct Registry {
    kinds: Vec<Box<dyn Kind>>,
}

// === impl Registry ===

impl Registry {
    pub fn new(mut kinds: Vec<Box<dyn Kind>>) -> Self {
        kinds.sort_by_key(|kind| kind.name());
        Self { kinds }
    }

    pub fn get(&self, name: &str) -> Option<&dyn Kind> {
        self.kinds.binary_search_by(|kind| kind.name().cmp(name)).ok().map(|index| &*self.kinds[index])
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Kind> {
        self.kinds.iter().map(|kind| &**kind)
    }
}
