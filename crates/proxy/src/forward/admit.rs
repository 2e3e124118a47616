//! Whether an upstream may have one more request, and whether it can have one yet.

use std::time::{Duration, Instant};

use message::{Cause, Error, Event, Record, Result};
use upstream::{Place, Upstream};

use super::breaker::Breakers;
use crate::worker::LocalSet;

/// A first probe is begun and judged by a thread that stands back behind workers, and many others may come before it: a request
/// has so much more patience than the probe itself.
const PROBE_IS_LATE_BY: Duration = Duration::from_secs(5);

/// A place among the requests that the upstream may have at a time; `None` if there is no bound. Waits for one as the
/// document allows, but not beyond `deadline`.
///
/// # Errors
/// [`Cause::UpstreamSaturated`], [`Cause::BreakerOpen`], [`Cause::TotalTimeout`].
pub(super) async fn enter(
    upstream: &Upstream,
    deadline: Option<Instant>,
    breakers: Breakers<'_>,
    record: &mut Record,
) -> Result<Option<Place>> {
    let Some((bulkhead, rules)) = upstream.bulkhead.as_ref().zip(upstream.rules.bulkhead.as_ref()) else {
        return Ok(None);
    };
    if let Some(place) = bulkhead.enter() {
        return Ok(Some(place));
    }
    // What is under way may hang, and then nobody shall wait for it to end.
    let now = Instant::now();
    breakers.check(now)?;
    let turn = bulkhead.queue().map_err(|_| saturated(upstream, "and no more may wait"))?;
    let patience = now + rules.wait;
    let by = deadline.map_or(patience, |deadline| deadline.min(patience));
    // In a box: few exchanges wait.
    let turn = Box::pin(tokio::time::timeout_at(by.into(), turn)).await;
    record.note(Event::Queued { took: now.elapsed() });
    match turn {
        Ok(place) => Ok(Some(place)),
        Err(_) if by < patience => Err(Error::new(Cause::TotalTimeout, "no place became free in time")),
        Err(_) => Err(saturated(upstream, "and none of them ended in time")),
    }
}

/// After nobody could be asked: waits for the end of a first probe, but not beyond `deadline`, so that a start or a reload need
/// not refuse what comes at that moment. Whether it is worth another look.
///
/// `until` is how long; `None` the first time.
pub(super) async fn first_verdict(
    upstream: &Upstream,
    set: &LocalSet,
    subset: Option<u32>,
    deadline: Option<Instant>,
    until: &mut Option<Instant>,
) -> bool {
    let Some((health, active)) =
        upstream.health.as_ref().and_then(|health| Some((health, health.rules.active.as_ref()?)))
    else {
        return false;
    };
    // Hears what ends from here on.
    let heard = health.first_verdict();
    let now = Instant::now();
    let is_first = until.is_none();
    let patience = *until.get_or_insert(now + active.timeout + PROBE_IS_LATE_BY);
    let by = deadline.map_or(patience, |deadline| deadline.min(patience));
    if !set.is_checking(subset) {
        // It may have ended since the look before.
        return is_first;
    }
    tokio::time::timeout_at(by.into(), heard).await.is_ok()
}

/// The same for what nobody waits for: a place only if one is free.
///
/// # Errors
/// [`Cause::UpstreamSaturated`].
pub(super) fn enter_at_once(upstream: &Upstream) -> Result<Option<Place>> {
    match &upstream.bulkhead {
        Some(bulkhead) => bulkhead.enter().map(Some).ok_or_else(|| saturated(upstream, "and this one does not wait")),
        None => Ok(None),
    }
}

#[cold]
fn saturated(upstream: &Upstream, why: &str) -> Error {
    let requests = upstream.rules.bulkhead.map_or(0, |rules| rules.requests);
    Error::new(
        Cause::UpstreamSaturated,
        format!("upstream `{}` has {requests} requests under way, {why}", upstream.name),
    )
}
