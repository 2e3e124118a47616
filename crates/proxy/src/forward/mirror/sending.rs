//! A copy on its way to an endpoint.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use http::StatusCode;
use http_body_util::BodyExt;
use message::{Body, Cause, Error, Result};
use snapshot::Destination;
use tokio::time::{timeout, timeout_at};
use upstream::Head;

use super::{Content, Copy};
use crate::{
    connection::SharedAlarm,
    forward::{
        admit,
        attempt::{self, Asked, Patience, Target},
        breaker::{Breakers, Unsettled},
        choice::Choice,
        no_endpoint,
    },
};

/// Until then an answer must be over if the upstream has no `timeouts.total`: what nobody waits for shall not last.
const LONGEST: Duration = Duration::from_secs(60);

/// What is read of an answer, in bytes. More costs more than another connection.
const READ: usize = 1 << 20;

/// Sends the copy and reads its answer; counted when it ends.
pub(super) async fn run(mut copy: Copy, content: Rc<Content>) {
    let local = copy.world.upstream(copy.place.mirror.to.upstream);
    let timeouts = &local.upstream.rules.timeouts;
    let deadline = Instant::now() + timeouts.total.unwrap_or(LONGEST);
    let asking = timeout_at(deadline.into(), ask(&copy, content.body(), deadline));
    let late = |_| Err(Error::new(Cause::TotalTimeout, "the answer to a copy took too long"));
    let outcome = asking.await.unwrap_or_else(late);
    if let Err(error) = &outcome {
        tracing::debug!(%error, source = error.source_text(), upstream = &*local.upstream.name, "a copy failed");
    }
    copy.place.outcome = outcome.map_err(|error| error.cause());
}

async fn ask(copy: &Copy, mut body: Body, deadline: Instant) -> Result<StatusCode> {
    let Copy { head, place, world, key, random } = copy;
    let (Destination { upstream, subset }, worker) = (place.mirror.to, place.worker);
    let local = world.upstream(upstream);
    // What it may have at a time is meant for copies as well, but they take no turn that somebody waits for.
    let _admitted = admit::enter_at_once(&local.upstream)?;
    let (set, now, mut random) = (local.current(), Instant::now(), random.clone());
    let mut passes = Breakers::new(&[], upstream, local.upstream.guard.as_ref()).admit(now, &mut random)?;
    let metrics = &world.snapshot.upstream_metrics[upstream];
    let mut choice = Choice::by_key(*key, local, &set, subset, metrics, worker);
    let endpoint = choice.next(&mut passes, &mut random, now)?;
    let (endpoint, pick) = endpoint.ok_or_else(|| no_endpoint(&local.upstream, &set, subset))?;
    let _in_flight = choice.count(endpoint);
    let pool = set.pool(endpoint);
    let target = Target { world, worker, upstream, endpoint, pick, chosen: now, local, set: &set, pool };
    let head = Head {
        method: &head.method,
        uri: &head.uri,
        headers: &head.headers,
        host: target.host(&head.authority),
        // Those who made the copy have written it.
        context: None,
        interim: None,
    };
    let patience = Patience { deadline: Some(deadline), is_callers: false, answer_by: None };
    let asked = Asked { head, upload: None, upgrade: None, patience };
    let (_, answered, unsettled) = attempt::ask(&target, &asked, passes, &mut body, &SharedAlarm::default()).await;
    // The stream is a place on the connection, and taken until the answer is over.
    let (answer, _stream) = answered?;
    let status = answer.response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::new(Cause::UpgradeFailed, "the endpoint switched protocols unasked"));
    }
    discard(answer.response.into_body(), local.upstream.rules.timeouts.idle, unsettled).await?;
    Ok(status)
}

/// Reads a body that nobody wants, so that the connection can be used again.
async fn discard(mut body: Body, idle: Duration, mut unsettled: Option<Box<Unsettled>>) -> Result<()> {
    let mut read = 0;
    while read <= READ {
        let Some(frame) = timeout(idle, body.frame()).await.map_err(stalled)? else { break };
        let frame = frame?;
        if let (Some(trailers), Some(unsettled)) = (frame.trailers_ref(), unsettled.take_if(|_| frame.is_trailers())) {
            unsettled.settle(trailers);
        }
        read += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
    Ok(())
}

#[cold]
fn stalled(_: tokio::time::error::Elapsed) -> Error {
    Error::new(Cause::ResponseStalled, "the answer to a copy stalled")
}
