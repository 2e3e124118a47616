//! One route asked by itself, without a table.

use model::{HostPattern, Route};

use crate::{Ask, Precedence, capture::match_path, predicate::Predicate};

// === impl Precedence ===

impl Precedence {
    /// The precedence with which `route` takes a request; `None` if it does not match.
    ///
    /// `position` is the index of the route in the model.
    pub fn claim(route: &Route, position: usize, ask: &Ask<'_>) -> Option<Self> {
        let hosts = &route.matching.hosts;
        let matching = hosts.iter().filter(|host| host.matches(ask.host));
        let closest = matching.map(|host| Self::of(route, Some::<&HostPattern>(host), position)).max();
        let precedence = if hosts.is_empty() { Self::of(route, None, position) } else { closest? };
        takes_rest(route, ask).then_some(precedence)
    }
}

/// Whether all but the host is as the route wants it.
fn takes_rest(route: &Route, ask: &Ask<'_>) -> bool {
    let path = route.matching.path.as_ref();
    path.is_none_or(|path| match_path(path, ask.path).is_some())
        && Predicate::of(route).all(|predicate| predicate.holds(ask))
}
