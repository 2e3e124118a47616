//! Documents that are no files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A document beside the operator's files, of somebody who writes none: what a catalog says of a service.
///
/// It has upstreams and routes. Where the files have something of the same name, that is what counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Further {
    /// What stands in places where files have their path.
    pub name: Arc<str>,
    pub text: Arc<str>,
}
