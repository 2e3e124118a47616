//! To an endpoint and back.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use message::{Cause, Error, Event, Exchange, Random, Response, Result};
use snapshot::{Destination, Mirror, Route};
use upstream::{Place, Stream, Upstream};

use crate::{
    connection::Connection,
    relay,
    worker::{InFlight, LocalSet, World},
};

mod admit;
mod attempt;
mod breaker;
mod choice;
mod deadline;
mod failure;
mod fallback;
mod head;
mod interim;
mod mirror;
mod replay;
mod retry;
pub(crate) mod tunnel;
mod upgrade;

use breaker::Breakers;
pub(crate) use breaker::Unsettled;
use choice::Choice;
use deadline::Deadline;
use retry::Attempts;
pub(crate) use upgrade::Upgrade;

/// What came of an action.
pub(crate) struct Forwarded {
    pub(crate) response: Box<Response>,
    /// What holds the response to its endpoint; `None` for the gateway's own replies.
    pub(crate) link: Option<Link>,
}

/// The way back to an endpoint, while its response is relayed.
pub(crate) struct Link {
    /// A place on a connection of HTTP/2, taken until then. HTTP/1 connections hang on the body alone.
    #[expect(dead_code, reason = "only to be dropped in time")]
    pub(crate) stream: Option<Stream>,
    /// A place among the requests that the upstream may have at a time.
    pub(crate) place: Option<Place>,
    /// What breakers still wait to hear.
    pub(crate) unsettled: Option<Box<Unsettled>>,
    /// Between two pieces of the body.
    pub(crate) idle_timeout: Duration,
    /// When the exchange must be over.
    pub(crate) deadline: Option<Instant>,
    /// Counts the request, where that matters to the balance.
    pub(crate) in_flight: Option<InFlight>,
    /// Both sides switched protocols.
    pub(crate) tunnel: Option<tunnel::Ends>,
}

/// Forwards the request to an endpoint of `to` and waits for the head of the response; if that fails, to whoever answers
/// instead. The mirrors of the route get their copies.
///
/// # Errors
/// Why there is none.
pub(crate) async fn forward(
    world: &Rc<World>,
    connection: &Connection,
    exchange: &mut Exchange,
    route: &Route,
    to: Destination,
    upgrade: Option<Box<Upgrade>>,
) -> Result<Forwarded> {
    head::prepare(exchange, world.snapshot.settings.forwarded);
    let is_plain = upgrade.is_none();
    let mirrors = route.mirrors.as_deref().filter(|_| is_plain).unwrap_or_default();
    let instead = route.fallbacks.as_deref().filter(|_| is_plain).map(|all| (all, fallback::Kept::of(exchange)));
    let breakers = Breakers::of(route, to.upstream, &world.upstream(to.upstream).upstream);
    let outcome = send(world, connection, exchange, mirrors, breakers, to, upgrade).await;
    match instead {
        Some((all, kept)) if fallback::is_wanted(all, &outcome) => {
            // In a box: few exchanges need one.
            Box::pin(fallback::fall_back(world, connection, exchange, all, kept, outcome)).await
        }
        _ => outcome,
    }
}

/// Sends the request to an endpoint of `to`, as often as its retries allow.
async fn send(
    world: &Rc<World>,
    connection: &Connection,
    exchange: &mut Exchange,
    mirrors: &[Arc<Mirror>],
    breakers: Breakers<'_>,
    to: Destination,
    mut upgrade: Option<Box<Upgrade>>,
) -> Result<Forwarded> {
    let local = world.upstream(to.upstream);
    let set = local.current();
    let worker = connection.worker.index;
    let deadline = Deadline::of(exchange, &local.upstream.rules);
    let place = admit::enter(&local.upstream, deadline.at, breakers, &mut exchange.record).await?;
    let mut passes = breakers.admit(Instant::now(), &mut exchange.random)?;
    if !mirrors.is_empty() {
        mirror::copy(mirrors, world, worker, exchange);
    }
    let metrics = &world.snapshot.upstream_metrics[to.upstream];
    let mut attempts = Attempts::begin(&local.upstream, metrics, worker, exchange);
    let mut choice = Choice::of(exchange, local, &set, to.subset, metrics, worker);
    let mut waits_until = None;
    loop {
        let now = Instant::now();
        let Some((endpoint, pick)) = choice.next(&mut passes, &mut exchange.random, now)? else {
            // In a box: few exchanges see one.
            let heard = admit::first_verdict(&local.upstream, &set, to.subset, deadline.at, &mut waits_until);
            let is_worth_another_look = Box::pin(heard).await;
            if waits_until.is_some() {
                exchange.record.note(Event::Unprobed { took: now.elapsed() });
            }
            if is_worth_another_look {
                continue;
            }
            return Err(no_endpoint(&local.upstream, &set, to.subset));
        };
        let in_flight = choice.count(endpoint);
        deadline.tell(exchange, now)?;
        let target = attempt::Target {
            world,
            worker,
            upstream: to.upstream,
            endpoint,
            pick,
            chosen: now,
            local,
            set: &set,
            pool: set.pool(endpoint),
        };
        let answer_by = attempts.as_ref().and_then(|attempts| attempts.answer_by(now));
        let patience = attempt::Patience { deadline: deadline.at, is_callers: deadline.is_callers, answer_by };
        let mut outcome = attempt::run(&target, connection, exchange, &mut upgrade, patience, passes).await;
        let next = attempts.as_mut().and_then(|attempts| {
            let (mut next, now) = (None, Instant::now());
            let may = |random: &mut Random| {
                next = breakers.admit(now, random).ok();
                next.is_some()
            };
            attempts.next(&outcome, exchange, deadline.at, now, may).zip(next)
        });
        let Some((wait, next)) = next else {
            if let Ok(Forwarded { response, link: Some(link) }) = &mut outcome {
                (link.place, link.in_flight) = (place, in_flight);
                choice.bind(endpoint, exchange, response);
            }
            return outcome;
        };
        passes = next;
        let after = match outcome {
            Ok(Forwarded { response, .. }) => {
                relay::discard(response.into_body());
                None
            }
            Err(error) => Some(error),
        };
        exchange.record.note(Event::Retried { wait, after });
        choice.note_failure(endpoint);
        // In a box: few exchanges see one.
        Box::pin(tokio::time::sleep(wait)).await;
    }
}

#[cold]
fn no_endpoint(upstream: &Upstream, set: &LocalSet, subset: Option<u32>) -> Error {
    let selector = subset.and_then(|subset| upstream.subsets.get(subset as usize));
    let labels = selector.map(|selector| format!(" with the labels {selector}")).unwrap_or_default();
    let why = match &upstream.discovery {
        _ if set.is_checking(subset) => ": no probe of any has passed yet".to_owned(),
        Some(service) if upstream.set().endpoints.is_empty() => {
            format!(": {} knows none for `{service}`", service.registry())
        }
        _ => String::new(),
    };
    Error::new(Cause::NoEndpoint, format!("upstream `{}` has no endpoint{labels} to ask{why}", upstream.name))
}

// === impl Forwarded ===

impl Forwarded {
    pub(crate) fn reply(response: Response) -> Self {
        Self { response: Box::new(response), link: None }
    }
}
