//! Who answers instead of an upstream that failed.
//!
//! ```text
//! what the route's own upstream came to ─▶ a failure that the next one is for? ─▶ asked, or answers ─▶ told in a field
//!                  ▲                                    │ no: the one after it            │ failed
//!                  └── stands, if nobody does better ◀──┴────────────────────────────────┘
//! ```

use std::rc::Rc;

use http::HeaderName;
use message::{Body, Cause, Event, Exchange, Result, Retry, grpc};
use snapshot::{Destination, Failures, Fallback, FallbackTo};

use super::{Forwarded, breaker::Breakers, failure, head, replay::Replay, send};
use crate::{connection::Connection, relay, reply, worker::World};

/// Says in a response who gave it.
const SLUICE_FALLBACK: HeaderName = HeaderName::from_static("sluice-fallback");

/// How much of a body is kept for others, in bytes.
const BODY: usize = 64 << 10;

/// A body that others may get as well.
pub(super) enum Kept {
    /// There is none, or it is at hand.
    Whole(Body),
    Replay(Replay),
}

/// What came of asking, as far as it matters to those who might answer instead.
struct Outcome {
    status: Option<u16>,
    grpc: Option<u32>,
    cause: Option<Cause>,
    retry: Retry,
}

/// Whether anybody is there for what came of asking the route's own upstream.
pub(super) fn is_wanted(fallbacks: &[Fallback], first: &Result<Forwarded>) -> bool {
    let outcome = Outcome::of(first);
    fallbacks.iter().any(|fallback| outcome.is_among(&fallback.on))
}

/// Tries one after the other. What `first` is stands if nobody does better.
pub(super) async fn fall_back(
    world: &Rc<World>,
    connection: &Connection,
    exchange: &mut Exchange,
    fallbacks: &[Fallback],
    kept: Kept,
    first: Result<Forwarded>,
) -> Result<Forwarded> {
    let mut outcome = Outcome::of(&first);
    let mut standing = first;
    for fallback in fallbacks {
        if !outcome.is_among(&fallback.on) {
            continue;
        }
        let answered = match &fallback.to {
            FallbackTo::Respond(respond) => reply::respond(respond, exchange).map(Forwarded::reply),
            FallbackTo::Upstream(to) => {
                if !outcome.was_not_sent() && !head::is_idempotent(&exchange.head.method) {
                    continue;
                }
                let Some(body) = kept.body() else { continue };
                exchange.body = body;
                ask(world, connection, exchange, *to).await
            }
        };
        outcome = Outcome::of(&answered);
        let (mut instead_of, mut failure) = (None, None);
        match answered {
            Ok(mut forwarded) => {
                tracing::debug!(fallback = ?fallback.name, "a fallback answered");
                // A response whose fields leave no room goes without.
                _ = forwarded.response.headers_mut().try_insert(SLUICE_FALLBACK, fallback.name.clone());
                match std::mem::replace(&mut standing, Ok(forwarded)) {
                    Ok(earlier) => relay::discard(earlier.response.into_body()),
                    Err(error) => instead_of = Some(error),
                }
            }
            Err(error) => {
                tracing::debug!(%error, fallback = ?fallback.name, "a fallback failed");
                failure = Some(error);
            }
        }
        exchange.record.note(Event::FellBack { fallback: fallback.name.clone(), instead_of, failure });
    }
    standing
}

/// The breakers of the route are not asked: they are about those that failed.
async fn ask(
    world: &Rc<World>,
    connection: &Connection,
    exchange: &mut Exchange,
    to: Destination,
) -> Result<Forwarded> {
    let breakers = Breakers::new(&[], to.upstream, world.upstream(to.upstream).upstream.guard.as_ref());
    send(world, connection, exchange, &[], breakers, to, None).await
}

fn is_listed(failures: &Failures, cause: Cause, retry: Retry) -> bool {
    match cause {
        Cause::BreakerOpen | Cause::NoEndpoint | Cause::UpstreamSaturated => true,
        Cause::TotalTimeout => failures.timeout,
        Cause::ResponseMalformed => failures.reset,
        _ => failure::is_among(failures, cause, retry),
    }
}

// === impl Kept ===

impl Kept {
    /// Keeps the body of the exchange, which goes on with it.
    pub(super) fn of(exchange: &mut Exchange) -> Self {
        if let Some(bytes) = exchange.body.bytes() {
            return Self::Whole(Body::from(bytes.clone()));
        }
        if exchange.body.is_empty() {
            return Self::Whole(Body::empty());
        }
        let replay = Replay::new(exchange.body.take(), BODY);
        exchange.body = replay.body().unwrap_or_default();
        Self::Replay(replay)
    }

    /// `None`: a part of it is gone.
    fn body(&self) -> Option<Body> {
        match self {
            Self::Whole(body) => Some(body.bytes().map_or_else(Body::empty, |bytes| Body::from(bytes.clone()))),
            Self::Replay(replay) => replay.body(),
        }
    }
}

// === impl Outcome ===

impl Outcome {
    fn of(answered: &Result<Forwarded>) -> Self {
        match answered {
            Ok(Forwarded { response, .. }) => Self {
                status: Some(response.status().as_u16()),
                grpc: grpc::status(response.headers()),
                cause: None,
                retry: Retry::IfIdempotent,
            },
            Err(error) => Self { status: None, grpc: None, cause: Some(error.cause()), retry: error.retry() },
        }
    }

    fn is_among(&self, failures: &Failures) -> bool {
        self.status.is_some_and(|status| failures.has_status(status))
            || self.grpc.is_some_and(|status| failures.has_grpc(status))
            || self.cause.is_some_and(|cause| is_listed(failures, cause, self.retry))
    }

    /// Nobody can have acted on the request.
    fn was_not_sent(&self) -> bool {
        self.retry == Retry::Safe
            || matches!(self.cause, Some(Cause::BreakerOpen | Cause::NoEndpoint | Cause::UpstreamSaturated))
    }
}
