//! Matchers of headers and cookies for others than routes, with the same meaning.

use model::{FieldMatch, HeaderMatch};

use crate::{Ask, predicate::Predicate};

/// Matchers, all of which must hold.
#[derive(Debug, Clone, Default)]
pub struct Conditions(Box<[Predicate]>);

// === impl Conditions ===

impl Conditions {
    pub fn new(headers: &[HeaderMatch], cookies: &[FieldMatch]) -> Self {
        let headers = headers.iter().cloned().map(Predicate::Header);
        Self(headers.chain(cookies.iter().cloned().map(Predicate::Cookie)).collect())
    }

    pub fn hold(&self, ask: &Ask<'_>) -> bool {
        self.0.iter().all(|predicate| predicate.holds(ask))
    }
}
