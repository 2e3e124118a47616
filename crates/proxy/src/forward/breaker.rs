//! The circuit breakers that an attempt must pass, and what they hear of it.
//!
//! ```text
//! route, upstream ─▶ endpoint ─▶ (the attempt) ─▶ recorded: with the head of the answer, or the failure
//!        │               │                              └─▶ a gRPC call whose status comes behind: with its trailers
//!        │               └─▶ open: another endpoint
//!        └─▶ open: refused, with the time of the next probe
//! ```
//! What is not recorded, because the client left, say, counts for nothing, and lets somebody else probe.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, StatusCode};
use message::{Attempt, Cause, Error, Random, Result, Upload, grpc};
use smallvec::SmallVec;
use snapshot::{Failures, Route, RouteGuard};
use upstream::{
    Guard,
    breaker::{Outcome, Pass, Refused, Ticket},
};

use super::{
    attempt::{Answered, Patience},
    failure,
};
use crate::reply;

/// Those of an exchange; endpoints may have their own besides.
#[derive(Clone, Copy)]
pub(super) struct Breakers<'w> {
    of_route: &'w [RouteGuard],
    /// Index of the upstream that the exchange goes to.
    to: usize,
    of_upstream: Option<&'w Arc<Guard>>,
}

/// Leave of all of them for one attempt.
pub(super) struct Passes<'w> {
    each: SmallVec<[(&'w Arc<Guard>, Pass<'w>); 1]>,
    random: Random,
}

/// A gRPC call that has been answered, and whose status comes behind its messages. Dropped, it counts for nothing.
pub(crate) struct Unsettled {
    each: SmallVec<[(Arc<Guard>, Option<Ticket>); 1]>,
    /// Until the head of the answer.
    took: Duration,
    random: Random,
}

// === impl Breakers ===

impl<'w> Breakers<'w> {
    /// `of_route` are those of the route that sends the request; a copy for a mirror is of none.
    pub(super) fn new(of_route: &'w [RouteGuard], to: usize, of_upstream: Option<&'w Arc<Guard>>) -> Self {
        Self { of_route, to, of_upstream }
    }

    pub(super) fn of(route: &'w Route, to: usize, upstream: &'w upstream::Upstream) -> Self {
        Self::new(&route.guards, to, upstream.guard.as_ref())
    }

    /// Leave for one attempt. `random` is drawn from only if there is a breaker.
    ///
    /// # Errors
    /// [`Cause::BreakerOpen`].
    pub(super) fn admit(self, now: Instant, random: &mut Random) -> Result<Passes<'w>> {
        let mut passes = Passes { each: SmallVec::new(), random: Random::seeded(0) };
        for guard in self.each() {
            passes.enter(guard, now, random).map_err(|refused| open(guard, &refused, now))?;
        }
        Ok(passes)
    }

    /// Whether it is worth while to wait for leave.
    ///
    /// # Errors
    /// [`Cause::BreakerOpen`].
    pub(super) fn check(self, now: Instant) -> Result<()> {
        for guard in self.each() {
            if let Some(refused) = guard.refuses(now) {
                return Err(open(guard, &refused, now));
            }
        }
        Ok(())
    }

    fn each(self) -> impl Iterator<Item = &'w Arc<Guard>> {
        let is_met = move |guard: &&RouteGuard| guard.upstream.is_none_or(|upstream| upstream == self.to);
        self.of_route.iter().filter(is_met).map(|of_route| &of_route.guard).chain(self.of_upstream)
    }
}

/// Why a request is refused.
#[cold]
pub(super) fn open(guard: &Guard, refused: &Refused, now: Instant) -> Error {
    let [route, upstream, endpoint] = guard.guarded.names();
    let parts = [("route", route), ("upstream", upstream), ("endpoint", endpoint)];
    let named = parts.into_iter().filter_map(|(what, name)| Some(format!("{what} `{}`", name?)));
    let why = refused.reason.map_or("by order", |reason| reason.name());
    let detail = format!("the breaker of {} is open: {why}", named.collect::<Vec<_>>().join(", "));
    Error::new(Cause::BreakerOpen, detail).with_retry_after(guard.retry_after(refused, now))
}

// === impl Passes ===

impl<'w> Passes<'w> {
    /// Leave of one more breaker.
    pub(super) fn enter(&mut self, guard: &'w Arc<Guard>, now: Instant, random: &mut Random) -> Result<(), Refused> {
        let pass = guard.admit(now, random)?;
        if self.each.is_empty() {
            self.random = random.split();
        }
        self.each.push((guard, pass));
        Ok(())
    }

    /// Tells the breakers what came of the attempt, or sees to it that they will be told.
    pub(super) fn record(
        self,
        answered: &Result<Answered>,
        attempt: &Attempt,
        upload: Option<&Upload>,
        patience: Patience,
    ) -> Option<Box<Unsettled>> {
        if self.each.is_empty() {
            return None;
        }
        let Self { each, mut random } = self;
        let now = attempt.ended();
        // The time that the client took for its body is not the endpoint's.
        let since = upload.map_or(attempt.began, |upload| upload.last_piece().max(attempt.began));
        let took = now.saturating_duration_since(since);
        if let Ok((answer, _)) = answered
            && is_unsettled(answer.response.status(), answer.response.headers())
        {
            let each = each.into_iter().map(|(guard, pass)| (guard.clone(), Some(pass.put_aside()))).collect();
            return Some(Box::new(Unsettled { each, took, random }));
        }
        for (guard, pass) in each {
            if let Some(outcome) = outcome(guard.failures(), answered, patience) {
                guard.record(pass, outcome, took, now, &mut random);
            }
        }
        None
    }
}

/// Whether the status of a call is still to come.
fn is_unsettled(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::OK && reply::is_grpc(headers) && grpc::status(headers).is_none()
}

/// `None`: it says nothing of who was asked.
fn outcome(failures: &Failures, answered: &Result<Answered>, patience: Patience) -> Option<Outcome> {
    let failed = match answered {
        Ok((answer, _)) => {
            let (status, headers) = (answer.response.status(), answer.response.headers());
            let grpc = || grpc::status(headers).is_some_and(|status| failures.has_grpc(status));
            failures.has_status(status.as_u16()) || failures.grpc != 0 && grpc()
        }
        Err(error) => match error.cause() {
            // Somebody who has no time makes nobody slow.
            Cause::TotalTimeout if patience.is_callers => return None,
            Cause::TotalTimeout => failures.timeout,
            Cause::ResponseMalformed => failures.reset,
            // Nobody was asked.
            Cause::UpstreamSaturated => return None,
            cause if cause.side() != message::Side::Upstream => return None,
            cause => failure::is_among(failures, cause, error.retry()),
        },
    };
    Some(if failed { Outcome::Failure } else { Outcome::Success })
}

// === impl Unsettled ===

impl Unsettled {
    /// The trailers of the call are there.
    pub(crate) fn settle(self, trailers: &HeaderMap) {
        if let Some(status) = grpc::status(trailers) {
            self.record(|failures| failures.has_grpc(status));
        }
    }

    /// The endpoint broke off.
    pub(crate) fn fail(self) {
        self.record(|failures| failures.reset);
    }

    fn record(mut self, is_failure: impl Fn(&Failures) -> bool) {
        let now = Instant::now();
        for (guard, ticket) in &mut self.each {
            let Some(ticket) = ticket.take() else { continue };
            let outcome = if is_failure(guard.failures()) { Outcome::Failure } else { Outcome::Success };
            guard.record(guard.take_up(ticket), outcome, self.took, now, &mut self.random);
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        for (guard, ticket) in &mut self.each {
            // Lets somebody else probe.
            drop(ticket.take().map(|ticket| guard.take_up(ticket)));
        }
    }
}
