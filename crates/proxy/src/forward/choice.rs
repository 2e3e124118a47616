//! Which endpoint is asked, and what hangs on the choice.

use std::{rc::Rc, time::Instant};

use http::header::SET_COOKIE;
use message::{Exchange, Response, forwarded};
use smallvec::SmallVec;
use telemetry::UpstreamMetrics;
use upstream::{
    Picked,
    balance::{Ask, Balance},
};

use crate::worker::{InFlight, LocalSet, LocalUpstream};

/// The choices of one exchange.
pub(super) struct Choice<'a> {
    pub(super) set: Rc<LocalSet>,
    balance: &'a Balance,
    metrics: &'a UpstreamMetrics,
    worker: usize,
    /// Of the upstream; `None`: any endpoint will do.
    subset: Option<u32>,
    /// What of the request the balance goes by.
    key: Option<u64>,
    tried: SmallVec<[usize; 4]>,
}

// === impl Choice ===

impl<'a> Choice<'a> {
    pub(super) fn of(
        exchange: &Exchange,
        local: &'a LocalUpstream,
        subset: Option<u32>,
        metrics: &'a UpstreamMetrics,
        worker: usize,
    ) -> Self {
        let balance = &local.upstream.rules.balance;
        let key = balance.key(exchange);
        if balance.misses_key(key) {
            metrics.key_missed(worker);
        }
        Self { set: local.current(), balance, metrics, worker, subset, key, tried: SmallVec::new() }
    }

    /// Another endpoint than those that were tried, or any if all were.
    pub(super) fn next(&mut self, random: u64, now: Instant) -> Option<usize> {
        let Self { worker, key, .. } = *self;
        let pick =
            |tried: &[usize]| self.set.pick(self.subset, &Ask { worker, tried, key, random, now, heeds_health: true });
        let mut picked = pick(&self.tried);
        if picked.is_none() && !self.tried.is_empty() {
            picked = pick(&[]);
            self.tried.clear();
        }
        let Picked { endpoint, overflows, panics } = picked?;
        if overflows {
            self.metrics.overflowed(worker);
        }
        if panics {
            self.metrics.panicked(worker);
        }
        Some(endpoint)
    }

    /// Counts a request to the endpoint, where the balance goes by that.
    pub(super) fn count(&self, endpoint: usize) -> Option<InFlight> {
        self.balance.counts_requests().then(|| InFlight::begin(&self.set, endpoint))
    }

    /// The endpoint was asked in vain.
    pub(super) fn note_failure(&mut self, endpoint: usize) {
        self.tried.push(endpoint);
    }

    /// Gives the client the cookie by which it comes back to the endpoint, unless that is the one it has.
    pub(super) fn bind(&self, endpoint: usize, exchange: &Exchange, response: &mut Response) {
        let Some(cookies) = self.balance.cookies() else { return };
        let Some(token) = self.set.token(endpoint).filter(|token| self.key != Some(*token)) else { return };
        let is_secure = forwarded::is_secure(&exchange.head.headers, &exchange.peer);
        if let Some(cookie) = cookies.set(token, is_secure) {
            // A response whose fields leave no room goes without.
            _ = response.headers_mut().try_append(SET_COOKIE, cookie);
            self.metrics.client_bound(self.worker);
        }
    }
}
