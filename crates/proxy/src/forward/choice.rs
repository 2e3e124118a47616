//! Which endpoint is asked, and what hangs on the choice.

use std::{rc::Rc, time::Instant};

use http::header::SET_COOKIE;
use message::{Error, Exchange, Pick, Random, Response, Result, forwarded};
use smallvec::SmallVec;
use telemetry::UpstreamMetrics;
use upstream::{
    Picked,
    balance::{Ask, Balance},
};

use super::breaker::{self, Passes};
use crate::worker::{InFlight, LocalSet, LocalUpstream};

/// The choices of one exchange.
pub(super) struct Choice<'a> {
    set: &'a Rc<LocalSet>,
    balance: &'a Balance,
    metrics: &'a UpstreamMetrics,
    worker: usize,
    /// Of the upstream; `None`: any endpoint will do.
    subset: Option<u32>,
    /// What of the request the balance goes by.
    key: Option<u64>,
    tried: SmallVec<[usize; 4]>,
}

/// So many endpoints whose breaker is open are met by the balancer. Then whoever may be asked is looked for in order, so
/// that many that may not do not cost more than one look each.
const MOST_MET: usize = 8;

// === impl Choice ===

impl<'a> Choice<'a> {
    /// `set` is the current one of `local`.
    pub(super) fn of(
        exchange: &Exchange,
        local: &'a LocalUpstream,
        set: &'a Rc<LocalSet>,
        subset: Option<u32>,
        metrics: &'a UpstreamMetrics,
        worker: usize,
    ) -> Self {
        let key = local.upstream.rules.balance.key(exchange);
        Self::by_key(key, local, set, subset, metrics, worker)
    }

    /// The same, when the key is known.
    pub(super) fn by_key(
        key: Option<u64>,
        local: &'a LocalUpstream,
        set: &'a Rc<LocalSet>,
        subset: Option<u32>,
        metrics: &'a UpstreamMetrics,
        worker: usize,
    ) -> Self {
        let balance = &local.upstream.rules.balance;
        if balance.misses_key(key) {
            metrics.key_missed(worker);
        }
        Self { set, balance, metrics, worker, subset, key, tried: SmallVec::new() }
    }

    /// Another endpoint than those that were tried, or any if all were, whose breaker gives leave, and how it was picked.
    /// `None`: there is nobody to ask.
    ///
    /// # Errors
    /// [`Cause::BreakerOpen`](message::Cause::BreakerOpen) if all that might be asked have their breaker open.
    pub(super) fn next(
        &mut self,
        passes: &mut Passes<'a>,
        random: &mut Random,
        now: Instant,
    ) -> Result<Option<(usize, Pick)>> {
        let mut failed = self.tried.len();
        let mut refusal: Option<Error> = None;
        let picked = loop {
            let Some(picked) = self.pick(random.bits(), now) else {
                if failed == 0 {
                    break None;
                }
                // All were asked in vain: any of them will do.
                self.tried.drain(..failed);
                failed = 0;
                continue;
            };
            let Some(guard) = self.set.guard(picked.endpoint) else { break Some(picked) };
            match passes.enter(guard, now, random) {
                Ok(()) => break Some(picked),
                Err(refused) => {
                    refusal.get_or_insert_with(|| breaker::open(guard, &refused, now));
                    self.tried.push(picked.endpoint);
                }
            }
            if self.tried.len() - failed >= MOST_MET {
                break self.look(failed, passes, random, now);
            }
        };
        let passed_over = self.tried.len() - failed;
        self.tried.truncate(failed);
        match (picked, refusal) {
            (None, Some(refusal)) => Err(refusal),
            (picked, _) => Ok(picked.map(|picked| self.tell(picked, passed_over))),
        }
    }

    fn pick(&self, random: u64, now: Instant) -> Option<Picked> {
        let Self { worker, key, ref tried, .. } = *self;
        self.set.pick(self.subset, &Ask { worker, tried, key, random, now, heeds_health: true })
    }

    /// Asks for leave of one after the other, from anywhere; of those that were tried in vain, the first `failed`, at the end.
    #[cold]
    fn look(&self, failed: usize, passes: &mut Passes<'a>, random: &mut Random, now: Instant) -> Option<Picked> {
        let (all, failed) = (self.set.eligible(self.subset), &self.tried[..failed]);
        let start = (random.fraction() * all.len() as f64) as usize;
        let (before, after) = all.split_at(start.min(all.len()));
        let mut may = |endpoint: &usize| match self.set.guard(*endpoint) {
            Some(guard) => passes.enter(guard, now, random).is_ok(),
            None => true,
        };
        let in_turn = || after.iter().chain(before).copied();
        let fresh = in_turn().filter(|endpoint| !failed.contains(endpoint)).find(&mut may);
        let endpoint = fresh.or_else(|| in_turn().filter(|endpoint| failed.contains(endpoint)).find(&mut may))?;
        Some(Picked { endpoint, overflows: false, panics: false })
    }

    fn tell(&self, picked: Picked, passed_over: usize) -> (usize, Pick) {
        let Picked { endpoint, overflows, panics } = picked;
        if overflows {
            self.metrics.overflowed(self.worker);
        }
        if panics {
            self.metrics.panicked(self.worker);
        }
        (endpoint, Pick { overflows, panics, passed_over: u16::try_from(passed_over).unwrap_or(u16::MAX) })
    }

    /// Counts a request to the endpoint, where the balance goes by that.
    pub(super) fn count(&self, endpoint: usize) -> Option<InFlight> {
        self.balance.counts_requests().then(|| InFlight::begin(self.set, endpoint))
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
