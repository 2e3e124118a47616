//! A copy on its way to an endpoint.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use http::StatusCode;
use http_body_util::BodyExt;
use message::{Body, Cause, Error, Result};
use tokio::time::{timeout, timeout_at};
use upstream::{Head, Picked, balance::Ask};

use super::{Content, Copy};
use crate::{
    connection::SharedAlarm,
    forward::{
        attempt::{self, Asked, Patience, Target},
        no_endpoint,
    },
    worker::InFlight,
};

/// Until then an answer must be over if the upstream has no `timeouts.total`: what nobody waits for shall not last.
const LONGEST: Duration = Duration::from_secs(60);

/// What is read of an answer, in bytes. More costs more than another connection.
const READ: usize = 1 << 20;

/// Sends the copy and reads its answer; counted when it ends.
pub(super) async fn run(mut copy: Copy, content: Rc<Content>) {
    let upstream = copy.place.mirror.upstream;
    let local = copy.world.upstream(upstream);
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
    let (upstream, worker) = (place.mirror.upstream, place.worker);
    let local = world.upstream(upstream);
    let set = local.current();
    let now = Instant::now();
    let ask = Ask { worker, tried: &[], key: *key, random: *random, now, heeds_health: true };
    let picked = set.pick(None, &ask);
    let Picked { endpoint, .. } = picked.ok_or_else(|| no_endpoint(&local.upstream, &set, None))?;
    let _in_flight = local.upstream.rules.balance.counts_requests().then(|| InFlight::begin(&set, endpoint));
    let target = Target { world, worker, upstream, endpoint, chosen: now, local, set: &set, pool: set.pool(endpoint) };
    let head = Head {
        method: &head.method,
        uri: &head.uri,
        headers: &head.headers,
        host: target.host(&head.authority),
        interim: None,
    };
    let patience = Patience { deadline: Some(deadline), answer_by: None };
    let asked = Asked { head, upload: None, upgrade: None, patience };
    let (_, answered) = attempt::ask(&target, &asked, &mut body, &SharedAlarm::default()).await;
    // The stream is a place on the connection, and taken until the answer is over.
    let (answer, _stream) = answered?;
    let status = answer.response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::new(Cause::UpgradeFailed, "the endpoint switched protocols unasked"));
    }
    discard(answer.response.into_body(), local.upstream.rules.timeouts.idle).await?;
    Ok(status)
}

/// Reads a body that nobody wants, so that the connection can be used again.
async fn discard(mut body: Body, idle: Duration) -> Result<()> {
    let mut read = 0;
    while read <= READ {
        let Some(frame) = timeout(idle, body.frame()).await.map_err(stalled)? else { break };
        read += frame?.data_ref().map_or(0, bytes::Bytes::len);
    }
    Ok(())
}

#[cold]
fn stalled(_: tokio::time::error::Elapsed) -> Error {
    Error::new(Cause::ResponseStalled, "the answer to a copy stalled")
}
