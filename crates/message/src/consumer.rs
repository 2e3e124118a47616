//! Who calls.

use std::sync::Arc;

/// Somebody whom the document knows, as a policy that identifies callers found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    pub name: Arc<str>,
    pub groups: Box<[Arc<str>]>,
}
