//! A request that no route takes learns which came near, if that is its caller's business; the log always does.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use http::HeaderValue;
use message::{Exchange, Near, Nearest, forwarded};
use route::{Ask, Candidate};

use crate::{connection::Connection, worker::World};

/// How many are named.
const NAMED: usize = 3;

/// Looks within a second, per worker, for those who show no token: each asks up to some thousand routes, and a flood of
/// requests that no route takes must not buy more work than that.
const LOOKS: u32 = 10;

/// The looks of this second.
#[derive(Debug)]
pub(crate) struct Budget {
    since: Cell<Instant>,
    used: Cell<u32>,
}

/// Which routes came near to a request that none takes; `None` if nobody is to be told, or nobody may look just now.
#[cold]
pub(super) fn look(
    ask: &Ask<'_>,
    exchange: &Exchange,
    world: &World,
    connection: &Connection,
    token: Option<&HeaderValue>,
) -> Option<Box<Nearest>> {
    let (worker, snapshot) = (&connection.worker, &world.snapshot);
    let is_operator = token.is_some_and(|token| worker.is_token(token.as_bytes()));
    // A stranger behind a trusted proxy is a stranger.
    let is_trusted =
        exchange.peer.trusted && forwarded::is_trusted(exchange.client_ip, &snapshot.settings.trusted_proxies);
    let disclosed = is_operator || is_trusted;
    let wanted = disclosed || worker.has_log();
    if !wanted || !is_operator && !worker.looks.take(exchange.record.started) {
        return None;
    }
    let near = |candidate: Candidate| {
        let route = snapshot.routes[candidate.route].name.clone();
        Some(Near { route, miss: candidate.miss?.to_string() })
    };
    let routes = snapshot.table.nearest(ask, NAMED).into_iter().filter_map(near).collect();
    Some(Box::new(Nearest { routes, disclosed }))
}

// === impl Budget ===

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: Cell::new(now), used: Cell::new(0) }
    }

    /// Whether one more look is within it.
    fn take(&self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since.get()) >= Duration::from_secs(1) {
            self.since.set(now);
            self.used.set(0);
        }
        let used = self.used.get();
        self.used.set(used.saturating_add(1));
        used < LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_looks_in_a_second() {
        let start = Instant::now();
        let budget = Budget::new(start);
        let taken = |after: u64| (0..100).filter(|_| budget.take(start + Duration::from_millis(after))).count();
        assert_eq!(taken(0), 10);
        assert_eq!(taken(999), 0);
        assert_eq!(taken(1000), 10);
        assert_eq!(taken(1500), 0);
        assert_eq!(taken(60_000), 10);
    }
}
