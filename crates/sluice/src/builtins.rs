//! The kinds of policies that this program knows.

use policy::Registry;

/// Every kind that a document may name. Nothing registers itself: what is not in this list does not exist.
pub(crate) fn kinds() -> Registry {
    let mut kinds = Vec::new();
    kinds.extend(policies::kinds());
    Registry::new(kinds)
}
