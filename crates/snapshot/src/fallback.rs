//! Who answers instead of an upstream that failed.

use http::HeaderValue;
use model::Failures;

use crate::{Destination, Respond};

pub struct Fallback {
    /// Its name, as responses tell it.
    pub name: HeaderValue,
    /// What must have happened.
    pub on: Failures,
    pub to: FallbackTo,
}

/// A stale response of a cache is to stand between the two, once there is a cache.
pub enum FallbackTo {
    Upstream(Destination),
    Respond(Respond),
}

// === impl Fallback ===

impl Fallback {
    pub(crate) fn new(fallback: &model::Fallback) -> Self {
        Self {
            name: HeaderValue::from_str(&fallback.name).unwrap_or(HeaderValue::from_static("fallback")),
            on: fallback.on.clone(),
            to: match &fallback.to {
                model::FallbackTo::Upstream(to) => FallbackTo::Upstream((*to).into()),
                model::FallbackTo::Respond(respond) => FallbackTo::Respond(Respond::new(respond)),
            },
        }
    }
}
