//! One endpoint asked once.

use std::{
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use message::{Attempt, Body, Cause, Error, Exchange, Result, Retry, Upload};
use telemetry::UpstreamMetrics;
use upstream::{Lease, Pool, Rules, SendError};

use super::{Forwarded, Link, Upgrade, head, interim};
use crate::{
    connection::Connection,
    worker::{LocalUpstream, World},
};

/// Whom to ask.
pub(super) struct Target<'a> {
    pub(super) world: &'a World,
    /// Index in the snapshot.
    pub(super) upstream: usize,
    /// Index in the endpoint set.
    pub(super) endpoint: usize,
    pub(super) local: &'a LocalUpstream,
    pub(super) pool: &'a Rc<Pool>,
}

/// Counts an attempt from its begin to its end, also when the client leaves in between.
struct Running<'a> {
    metrics: &'a UpstreamMetrics,
    worker: usize,
    attempt: Attempt,
}

/// The wait for the head of a response.
struct Waiting<'a> {
    connection: &'a Connection,
    upload: Option<&'a Upload>,
    since: Instant,
    deadline: Option<Instant>,
}

/// Asks the endpoint and waits for the head of its response.
pub(super) async fn run(
    target: &Target<'_>,
    connection: &Connection,
    exchange: &mut Exchange,
    mut upgrade: Option<Box<Upgrade>>,
) -> Result<Forwarded> {
    let rules = &target.local.upstream.rules;
    let running = Running::begin(target, connection.worker.index);
    let deadline = rules.timeouts.total.map(|total| exchange.record.started + total);
    let sent = send(target, connection, exchange, &mut upgrade, running.attempt.began, deadline).await;
    let attempt = running.end(sent.as_ref().map(|(response, _)| response.status()).map_err(Error::cause));
    exchange.record.attempts.push(attempt);
    let (response, lease) = sent?;

    let mut link = Link { lease: None, idle_timeout: rules.timeouts.idle, deadline, tunnel: None };
    let response = match upgrade {
        Some(upgrade) if upgrade.is_accepted(&response, lease.is_http2()) => {
            let (response, ends) = upgrade.switch(response);
            link.tunnel = Some(ends);
            response
        }
        _ if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            return Err(Error::new(Cause::UpgradeFailed, "the endpoint switched protocols unasked"));
        }
        _ => {
            link.lease = Some(lease);
            let mut response = response.map(Body::from_upstream);
            head::response(&mut response, target.world.snapshot.settings.forwarded);
            response
        }
    };
    Ok(Forwarded { response, link: Some(link) })
}

/// Sends the request, and once more on a fresh connection if a kept one turns out to be dead: an endpoint may close a
/// connection at the very moment in which it is used again, and that is nobody's failure.
async fn send(
    target: &Target<'_>,
    connection: &Connection,
    exchange: &mut Exchange,
    upgrade: &mut Option<Box<Upgrade>>,
    began: Instant,
    deadline: Option<Instant>,
) -> Result<(Response<Incoming>, Lease)> {
    let rules = &target.local.upstream.rules;
    let mut body = exchange.body.take();
    let mut fresh = false;
    loop {
        let mut lease = lease(target, connection, began, fresh).await?;
        let is_bodiless = body.is_empty();
        let mut request = head::request(exchange, body, target.pool.endpoint(), rules, lease.is_http2())?;
        if let Some(upgrade) = upgrade {
            upgrade.ask(&mut request, &lease)?;
        }
        interim::pass_on(&mut request, exchange, connection, &lease);
        let waiting =
            Waiting { connection, upload: exchange.upload.as_deref(), since: sent_at(&lease, began), deadline };
        match waiting.response(&mut lease, request, rules).await {
            Ok(response) => return Ok((response, lease)),
            Err(SendError { error, unsent }) => {
                let repeatable =
                    is_bodiless && head::is_idempotent(&exchange.head.method) && error.retry() != Retry::Never;
                body = match unsent {
                    Some(request) => request.into_body(),
                    None if repeatable && error.cause() == Cause::UpstreamReset => Body::empty(),
                    None => return Err(error),
                };
                if !lease.is_reused() || fresh {
                    return Err(error);
                }
                fresh = true;
            }
        }
    }
}

async fn lease(target: &Target<'_>, connection: &Connection, now: Instant, fresh: bool) -> Result<Lease> {
    let lease = target.pool.lease(now, fresh).await?;
    if !lease.is_reused() {
        target.metrics().connection_opened(connection.worker.index);
    }
    Ok(lease)
}

/// When the request goes out: a kept connection is there at once, a new one took its time.
fn sent_at(lease: &Lease, began: Instant) -> Instant {
    if lease.is_reused() { began } else { Instant::now() }
}

// === impl Target ===

impl Target<'_> {
    fn metrics(&self) -> &UpstreamMetrics {
        &self.world.snapshot.upstream_metrics[self.upstream]
    }
}

// === impl Waiting ===

impl Waiting<'_> {
    /// Sends the request. While the client still sends its body, the clock starts anew with every piece.
    async fn response(
        &self,
        lease: &mut Lease,
        request: Request<Body>,
        rules: &Rules,
    ) -> Result<Response<Incoming>, SendError> {
        let mut response = pin!(lease.send(request));
        let mut alarm = self.connection.exchange_alarm();
        poll_fn(|context| {
            if let Poll::Ready(sent) = response.as_mut().poll(context) {
                return Poll::Ready(sent);
            }
            let quiet_since = self.upload.map_or(self.since, |upload| upload.last_piece().max(self.since));
            let first_byte = quiet_since + rules.timeouts.first_byte;
            let (by, cause) = match self.deadline {
                Some(total) if total < first_byte => (total, Cause::TotalTimeout),
                _ => (first_byte, Cause::ResponseTimeout),
            };
            let error = || Error::new(cause, "the endpoint did not answer in time");
            alarm.poll(context, by).map(|()| Err(SendError { error: error(), unsent: None }))
        })
        .await
    }
}

// === impl Running ===

impl<'a> Running<'a> {
    fn begin(target: &'a Target<'_>, worker: usize) -> Self {
        let metrics = target.metrics();
        metrics.attempt_began(worker);
        let attempt = Attempt {
            upstream: target.upstream as u32,
            endpoint: target.endpoint as u32,
            began: Instant::now(),
            duration: Duration::ZERO,
            outcome: Err(Cause::ClientClosed),
        };
        Self { metrics, worker, attempt }
    }

    fn end(mut self, outcome: std::result::Result<StatusCode, Cause>) -> Attempt {
        self.attempt.outcome = outcome;
        self.attempt.duration = self.attempt.began.elapsed();
        self.attempt
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.attempt.duration.is_zero() {
            self.attempt.duration = self.attempt.began.elapsed();
        }
        self.metrics.attempt_ended(self.worker, &self.attempt);
    }
}
