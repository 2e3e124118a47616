//! The versions of an API.

use std::{sync::Arc, time::SystemTime};

use super::{Destination, Field};

/// Versions, and how a request says which one it wants.
#[derive(Debug, Clone)]
pub struct Versions {
    /// The first that a request has decides.
    pub from: Vec<VersionSource>,
    /// Index in `known`; `None`: a request that asks for no version is refused.
    pub default: Option<usize>,
    /// At least one; each name is given once.
    pub known: Vec<ApiVersion>,
}

/// Where a request says which version it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSource {
    Field(Field),
    /// A parameter of a media type in `Accept`, in lower case.
    MediaTypeParameter(Arc<str>),
    /// What stands between these in the name of a media type in `Accept`.
    MediaType {
        before: Arc<str>,
        after: Arc<str>,
    },
    /// A capture of the route's path.
    Path {
        name: Arc<str>,
        index: usize,
    },
}

#[derive(Debug, Clone)]
pub struct ApiVersion {
    pub name: Arc<str>,
    pub to: Destination,
    pub deprecated: Option<SystemTime>,
    /// Not before `deprecated`.
    pub sunset: Option<SystemTime>,
    /// A page for those who have to change.
    pub link: Option<Arc<str>>,
}

// === impl VersionSource ===

impl std::fmt::Display for VersionSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::MediaTypeParameter(name) => write!(f, "parameter `{name}` of a media type in `accept`"),
            Self::MediaType { before, after } => write!(f, "media type `{before}{{version}}{after}` in `accept`"),
            Self::Path { name, .. } => write!(f, "`{{{name}}}` of the path"),
        }
    }
}
