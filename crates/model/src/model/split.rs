//! Requests shared out among several sides.

use std::{fmt, sync::Arc};

use http::HeaderName;

use super::{Destination, FieldMatch, HeaderMatch};
use crate::Place;

/// Sides, and who gets to which: by `force`, then by a cohort, then by a sticky key, then by chance.
#[derive(Debug, Clone)]
pub struct Split {
    /// At least one; each name is given once.
    pub sides: Vec<Side>,
    /// The first that a request has decides.
    pub sticky: Vec<StickyKey>,
    pub salt: Option<Arc<str>>,
    pub force: Option<Field>,
    /// The header of responses that names the side.
    pub reveal: Option<HeaderName>,
    /// Where the document asks who calls, if it does; then the choice must wait until policies found out.
    pub asks_consumer: Option<Place>,
}

#[derive(Debug, Clone)]
pub struct Side {
    pub name: Arc<str>,
    pub place: Place,
    pub to: Destination,
    /// 0: only by force or cohort.
    pub weight: u32,
    pub cohort: Option<Cohort>,
}

/// All that is given must hold; of consumers and groups together one is enough. Not all are empty.
#[derive(Debug, Clone)]
pub struct Cohort {
    pub headers: Vec<HeaderMatch>,
    pub cookies: Vec<FieldMatch>,
    pub consumers: Vec<Arc<str>>,
    pub groups: Vec<Arc<str>>,
}

/// A field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    Header(HeaderName),
    Query(Arc<str>),
    Cookie(Arc<str>),
}

/// What keeps a caller on one side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StickyKey {
    ClientIp,
    Consumer,
    Field(Field),
}

// === impl Split ===

impl Split {
    /// Whether it is about consumers that the document must know.
    pub fn names_consumers(&self) -> bool {
        let mut cohorts = self.sides.iter().filter_map(|side| side.cohort.as_ref());
        cohorts.any(|cohort| !cohort.consumers.is_empty())
    }
}

// === impl Field ===

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Query(name) => write!(f, "query parameter `{name}`"),
            Self::Cookie(name) => write!(f, "cookie `{name}`"),
        }
    }
}

// === impl StickyKey ===

impl fmt::Display for StickyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientIp => f.write_str("client address"),
            Self::Consumer => f.write_str("consumer"),
            Self::Field(field) => field.fmt(f),
        }
    }
}

// === impl Cohort ===

impl Cohort {
    /// Whether it depends on who calls.
    pub fn asks_consumer(&self) -> bool {
        !self.consumers.is_empty() || !self.groups.is_empty()
    }
}
