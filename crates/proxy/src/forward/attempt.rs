//! One endpoint asked once.

use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

use http::{HeaderValue, StatusCode};
use message::{Attempt, Body, Cause, Connection as Over, Error, Exchange, Pick, Result, Retry, Side, Upload};
use snapshot::{Host, PeakEwma};
use telemetry::{EndpointMetrics, UpstreamMetrics};
use upstream::{Answer, Endpoint, Exclusive, Head, Interim, Lease, Pool, SendError, Stream, health::Verdict};

use super::{
    Forwarded, Link, Upgrade,
    breaker::{Passes, Unsettled},
    head, interim,
};
use crate::{
    connection::{Connection, SharedAlarm},
    worker::{LocalSet, LocalUpstream, World},
};

/// Whom to ask.
pub(super) struct Target<'a> {
    pub(super) world: &'a World,
    pub(super) worker: usize,
    /// Index in the snapshot.
    pub(super) upstream: usize,
    /// Index in the endpoint set.
    pub(super) endpoint: usize,
    pub(super) pick: Pick,
    pub(super) chosen: Instant,
    pub(super) local: &'a LocalUpstream,
    pub(super) set: &'a LocalSet,
    pub(super) pool: &'a Rc<Pool>,
}

/// How long an attempt may take.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// When the exchange must be over.
    pub(super) deadline: Option<Instant>,
    /// It is the caller who wants it to be over so soon.
    pub(super) is_callers: bool,
    /// When this attempt must have its answer.
    pub(super) answer_by: Option<Instant>,
}

/// What is asked: the request of an exchange, or a copy of one.
pub(super) struct Asked<'a> {
    pub(super) head: Head<'a>,
    /// How far the client has come with the body.
    pub(super) upload: Option<&'a Upload>,
    pub(super) upgrade: Option<&'a Upgrade>,
    pub(super) patience: Patience,
}

/// Counts an attempt from its begin to its end, also when the client leaves in between.
struct Running<'a> {
    metrics: &'a UpstreamMetrics,
    endpoint: &'a EndpointMetrics,
    worker: usize,
    attempt: Attempt,
    /// `None` where the balance goes by no times.
    stopwatch: Option<Stopwatch<'a>>,
}

/// Times an answer for those who choose by it.
struct Stopwatch<'a> {
    endpoint: &'a Endpoint,
    rules: &'a PeakEwma,
    upload: Option<&'a Upload>,
}

/// The wait for the head of a response.
struct Waiting<'a> {
    alarm: &'a SharedAlarm,
    upload: Option<&'a Upload>,
    since: Instant,
    first_byte: Duration,
    patience: Patience,
}

/// The endpoint's answer, with its place on a connection that others use as well.
pub(super) type Answered = (Answer, Option<Stream>);

/// Forwards the request of the exchange and waits for the head of the response.
pub(super) async fn run(
    target: &Target<'_>,
    connection: &Connection,
    exchange: &mut Exchange,
    upgrade: &mut Option<Box<Upgrade>>,
    patience: Patience,
    passes: Passes<'_>,
) -> Result<Forwarded> {
    let rules = &target.local.upstream.rules;
    let mut body = exchange.body.take();
    let interim = interim::pass_on(exchange.head.version, connection);
    let head = Head {
        method: &exchange.head.method,
        uri: &exchange.head.uri,
        headers: &exchange.head.headers,
        host: target.host(exchange.authority()),
        context: head::context(exchange, &target.world.snapshot.settings),
        interim: interim.as_ref().map(|tell| tell as &Interim<'_>),
    };
    let asked = Asked { head, upload: exchange.upload.as_deref(), upgrade: upgrade.as_deref(), patience };
    let (attempt, answered, unsettled) = ask(target, &asked, passes, &mut body, &connection.exchange_alarm()).await;
    exchange.record.attempts.push(attempt);
    let (answer, stream) = answered?;

    let is_http2 = stream.is_some();
    let mut link = Link {
        stream,
        place: None,
        in_flight: None,
        unsettled,
        idle_timeout: rules.timeouts.idle,
        deadline: patience.deadline,
        tunnel: None,
    };
    let is_accepted = |upgrade: &mut Box<Upgrade>| upgrade.is_accepted(&answer.response, is_http2);
    let response = match upgrade.take_if(is_accepted) {
        Some(upgrade) => {
            let (response, ends) = upgrade.switch(answer);
            link.tunnel = Some(ends);
            response
        }
        _ if answer.response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            return Err(Error::new(Cause::UpgradeFailed, "the endpoint switched protocols unasked"));
        }
        _ => {
            let mut response = answer.response;
            head::response(&mut response, target.world.snapshot.settings.forwarded);
            response
        }
    };
    Ok(Forwarded { response, link: Some(link) })
}

/// Asks the endpoint and waits for the head of its answer; tells what came of it, also to the health of the endpoint and
/// to the breakers that gave leave.
pub(super) async fn ask(
    target: &Target<'_>,
    asked: &Asked<'_>,
    passes: Passes<'_>,
    body: &mut Body,
    alarm: &SharedAlarm,
) -> (Attempt, Result<Answered>, Option<Box<Unsettled>>) {
    let mut running = Running::begin(target, asked.upload);
    let answered = send(target, asked, body, alarm, &mut running.attempt).await;
    let attempt = running.end(answered.as_ref().map(|(answer, _)| answer.response.status()).map_err(Error::cause));
    if target.set.learns(target.endpoint) {
        target.tell_health(&answered, attempt.ended());
    }
    let unsettled = passes.record(&answered, &attempt, asked.upload, asked.patience);
    (attempt, answered, unsettled)
}

/// Sends the request, and once more on a fresh connection if a kept one turns out to be dead: an endpoint may close a
/// connection at the very moment in which it is used again, and that is nobody's failure.
async fn send(
    target: &Target<'_>,
    asked: &Asked<'_>,
    body: &mut Body,
    alarm: &SharedAlarm,
    attempt: &mut Attempt,
) -> Result<Answered> {
    let mut fresh = false;
    loop {
        let lease = lease(target, attempt.began, fresh, asked.patience).await?;
        let is_reused = lease.is_reused();
        let since = note_connection(attempt, is_reused, fresh);
        let is_bodiless = body.is_empty();
        let first_byte = target.local.upstream.rules.timeouts.first_byte;
        let Asked { upload, patience, .. } = *asked;
        let waiting = Waiting { alarm, upload, since, first_byte, patience };
        let sent = match lease {
            Lease::Http1(exclusive) => over_http1(exclusive, asked, body, &waiting).await,
            Lease::Http2(stream) => over_http2(target, stream, asked, body, &waiting).await,
        };
        let SendError { error, is_unsent } = match sent {
            Ok(answered) => return Ok(answered),
            Err(failed) => failed,
        };
        let repeatable = is_bodiless && head::is_idempotent(asked.head.method) && error.retry() != Retry::Never;
        let may_repeat = is_unsent || (repeatable && error.cause() == Cause::UpstreamReset);
        if !may_repeat || !is_reused || fresh {
            return Err(error);
        }
        fresh = true;
    }
}

async fn over_http1(
    exclusive: Exclusive,
    asked: &Asked<'_>,
    body: &mut Body,
    waiting: &Waiting<'_>,
) -> Result<Answered, SendError> {
    let asking = asked.upgrade.map(|upgrade| upgrade.ask_http1(asked.head.headers));
    let head = Head { headers: asking.as_ref().unwrap_or(asked.head.headers), ..asked.head };
    let mut sending = exclusive.send(&head, body).map_err(SendError::sent)?;
    waiting.answer(Pin::new(&mut sending)).await.map(|answer| (answer, None))
}

async fn over_http2(
    target: &Target<'_>,
    stream: Stream,
    asked: &Asked<'_>,
    body: &mut Body,
    waiting: &Waiting<'_>,
) -> Result<Answered, SendError> {
    let is_secure = target.local.upstream.rules.connector.is_secure();
    let mut request = head::http2_request(&asked.head, body.take(), is_secure).map_err(SendError::sent)?;
    if let Some(upgrade) = asked.upgrade {
        upgrade.ask_http2(&mut request, &stream).map_err(SendError::sent)?;
    }
    // In a box: what hyper needs is many times what HTTP/1.1 needs, which would pay for it.
    let answer = waiting.answer(Box::pin(stream.send(request, body)).as_mut()).await?;
    Ok((answer, Some(stream)))
}

async fn lease(target: &Target<'_>, now: Instant, fresh: bool, patience: Patience) -> Result<Lease> {
    let leasing = target.pool.lease(now, fresh);
    let lease = match patience.ends() {
        None => leasing.await?,
        Some((by, cause)) => {
            let late = |_| Error::new(cause, "there was no connection in time").with_retry(Retry::Safe);
            tokio::time::timeout_at(by.into(), leasing).await.map_err(late)??
        }
    };
    if !lease.is_reused() {
        target.metrics().connection_opened(target.worker);
    }
    Ok(lease)
}

/// What the request goes out over, and when: a kept connection is there at once, a new one took its time.
fn note_connection(attempt: &mut Attempt, is_reused: bool, fresh: bool) -> Instant {
    if is_reused {
        attempt.connection = Some(Over::Kept);
        return attempt.began;
    }
    let now = Instant::now();
    attempt.connection = Some(Over::New { after: now.saturating_duration_since(attempt.began), instead: fresh });
    now
}

// === impl Target ===

impl Target<'_> {
    pub(super) fn metrics(&self) -> &UpstreamMetrics {
        &self.world.snapshot.upstream_metrics[self.upstream]
    }

    /// Has the health of the endpoint take in how it did.
    fn tell_health(&self, answered: &Result<Answered>, now: Instant) {
        let outcome = answered.as_ref().map(|(answer, _)| (answer.response.status(), answer.response.headers()));
        if let Some(verdict) = Verdict::of(outcome.map_err(Error::cause)) {
            self.set.note(self.endpoint, verdict, self.worker, now);
        }
    }

    /// Whom the endpoint is asked for, if the request asks for `authority`.
    pub(super) fn host<'e>(&'e self, authority: &'e HeaderValue) -> &'e HeaderValue {
        match &self.local.upstream.rules.host {
            Host::Preserve if !authority.is_empty() => authority,
            Host::Preserve | Host::Endpoint => &self.pool.endpoint().authority,
            Host::Set(host) => host,
        }
    }
}

// === impl Patience ===

impl Patience {
    /// The sooner end, and what it means to miss it.
    fn ends(self) -> Option<(Instant, Cause)> {
        match (self.deadline, self.answer_by) {
            (Some(deadline), Some(answer)) if answer < deadline => Some((answer, Cause::ResponseTimeout)),
            (Some(deadline), _) => Some((deadline, Cause::TotalTimeout)),
            (None, answer) => answer.map(|answer| (answer, Cause::ResponseTimeout)),
        }
    }
}

// === impl Waiting ===

impl Waiting<'_> {
    /// Waits for the answer. While the client still sends its body, the clock starts anew with every piece.
    async fn answer<F>(&self, mut answer: Pin<&mut F>) -> Result<Answer, SendError>
    where
        F: Future<Output = Result<Answer, SendError>>,
    {
        poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            let quiet_since = self.upload.map_or(self.since, |upload| upload.last_piece().max(self.since));
            let first_byte = quiet_since + self.first_byte;
            let (by, cause) = match self.patience.ends() {
                Some((by, cause)) if by < first_byte => (by, cause),
                _ => (first_byte, Cause::ResponseTimeout),
            };
            let error = || Error::new(cause, "the endpoint did not answer in time");
            self.alarm.poll(context, by).map(|()| Err(SendError::sent(error())))
        })
        .await
    }
}

// === impl Running ===

impl<'a> Running<'a> {
    fn begin(target: &'a Target<'_>, upload: Option<&'a Upload>) -> Self {
        let (metrics, worker) = (target.metrics(), target.worker);
        metrics.attempt_began(worker);
        let attempt = Attempt::new(target.upstream as u32, target.pool.name().clone(), target.chosen);
        let attempt = Attempt { pick: target.pick, ..attempt };
        let timing = target.local.upstream.rules.balance.timing();
        let endpoint = target.pool.endpoint();
        let stopwatch = timing.map(|rules| Stopwatch { endpoint, rules, upload });
        Self { metrics, endpoint: &target.set.endpoint(target.endpoint).metrics, worker, attempt, stopwatch }
    }

    fn end(mut self, outcome: std::result::Result<StatusCode, Cause>) -> Attempt {
        self.attempt.outcome = outcome;
        self.attempt.duration = self.attempt.began.elapsed();
        self.attempt.clone()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.attempt.duration.is_zero() {
            self.attempt.duration = self.attempt.began.elapsed();
        }
        if let Some(stopwatch) = &self.stopwatch {
            stopwatch.stop(&self.attempt);
        }
        self.metrics.attempt_ended(self.worker, &self.attempt, self.endpoint);
    }
}

// === impl Stopwatch ===

impl Stopwatch<'_> {
    /// Tells what the attempt says of its endpoint. The time that the client took for its body is not the endpoint's.
    fn stop(&self, attempt: &Attempt) {
        let Self { endpoint: Endpoint { learned, .. }, rules, upload } = self;
        let now = attempt.ended();
        let since = upload.map_or(attempt.began, |upload| upload.last_piece().max(attempt.began));
        let took = now.saturating_duration_since(since);
        match attempt.outcome {
            Ok(status) if !status.is_server_error() => learned.observe(took, now, rules.decay),
            Ok(_) => learned.observe(took.max(rules.failure), now, rules.decay),
            Err(cause) if cause.side() == Side::Upstream => {
                learned.observe(took.max(rules.failure), now, rules.decay);
            }
            // Nobody waited any longer; it may have been about to answer, but not before.
            Err(Cause::ClientClosed) => learned.observe_at_least(took, now, rules.decay),
            Err(_) => {}
        }
    }
}
