//! Whether a request is sent once more, and when.

use std::time::{Duration, Instant};

use message::{Body, Event, Exchange, NotRetried, Random, Response, Result, Retry, grpc};
use snapshot::{Failures, RetryRules};
use telemetry::UpstreamMetrics;
use upstream::Upstream;

use super::{Forwarded, failure, head, replay::Replay};

/// The attempts of one exchange, where the document asks for more than one.
pub(super) struct Attempts<'w> {
    rules: &'w RetryRules,
    upstream: &'w Upstream,
    metrics: &'w UpstreamMetrics,
    worker: usize,
    /// Those that were made.
    made: u32,
    /// `None`: there is no body, or it is at hand.
    replay: Option<Replay>,
    /// The body, if it was at hand.
    whole: Body,
}

// === impl Attempts ===

impl<'w> Attempts<'w> {
    /// `None` if there is only ever one.
    pub(super) fn begin(
        upstream: &'w Upstream,
        metrics: &'w UpstreamMetrics,
        worker: usize,
        exchange: &mut Exchange,
    ) -> Option<Self> {
        let rules = upstream.rules.retry.as_ref()?;
        if let Some(budget) = &upstream.budget {
            budget.note_request(worker, exchange.record.started);
        }
        let (mut replay, mut whole) = (None, Body::empty());
        if let Some(bytes) = exchange.body.bytes() {
            whole = Body::from(bytes.clone());
        } else if !exchange.body.is_empty() {
            let kept = replay.insert(Replay::new(exchange.body.take(), rules.body_bytes as usize));
            exchange.body = kept.body().unwrap_or_default();
        }
        Some(Self { rules, upstream, metrics, worker, made: 0, replay, whole })
    }

    /// When the attempt that begins now must have an answer.
    pub(super) fn answer_by(&self, now: Instant) -> Option<Instant> {
        self.rules.per_try_timeout.map(|timeout| now + timeout)
    }

    /// After an attempt: how long to wait before the next; `None` if there is none, and what came of this one stands.
    ///
    /// Gives the exchange its body back. `may` is asked last, by what may be spent only if there is another attempt.
    pub(super) fn next(
        &mut self,
        outcome: &Result<Forwarded>,
        exchange: &mut Exchange,
        deadline: Option<Instant>,
        now: Instant,
        may: impl FnOnce(&mut Random) -> bool,
    ) -> Option<Duration> {
        self.made += 1;
        if !is_called_for(self.rules, outcome, &exchange.head.method) {
            return None;
        }
        match self.prepare(&mut exchange.random, deadline, now, may) {
            Ok((wait, body)) => {
                self.metrics.retried(self.worker);
                exchange.body = body;
                Some(wait)
            }
            Err(why) => {
                exchange.record.note_at(now, Event::NotRetried(why));
                None
            }
        }
    }

    /// The wait before another attempt that is called for, and its body; or why there is none.
    fn prepare(
        &self,
        random: &mut Random,
        deadline: Option<Instant>,
        now: Instant,
        may: impl FnOnce(&mut Random) -> bool,
    ) -> std::result::Result<(Duration, Body), NotRetried> {
        if self.made >= self.rules.attempts {
            return Err(NotRetried::Attempts);
        }
        let body = match &self.replay {
            Some(replay) => replay.body().ok_or(NotRetried::Body)?,
            None => self.whole.bytes().map_or_else(Body::empty, |bytes| Body::from(bytes.clone())),
        };
        let wait = self.wait(random);
        if deadline.is_some_and(|deadline| deadline <= now + wait) {
            return Err(NotRetried::Deadline);
        }
        if !may(random) {
            return Err(NotRetried::Breaker);
        }
        if let Some(budget) = &self.upstream.budget
            && !budget.withdraw(self.worker, now)
        {
            self.metrics.retry_denied(self.worker);
            return Err(NotRetried::Budget);
        }
        Ok((wait, body))
    }

    /// A random part of a bound that doubles with each attempt, so that those who failed together do not come back together.
    fn wait(&self, random: &mut Random) -> Duration {
        let backoff = &self.rules.backoff;
        let doubled = backoff.base.saturating_mul(1 << (self.made - 1).min(16));
        doubled.min(backoff.max).mul_f64(random.fraction())
    }
}

/// Whether what came of an attempt calls for another one, and that one does no harm.
fn is_called_for(rules: &RetryRules, outcome: &Result<Forwarded>, method: &http::Method) -> bool {
    let on = &rules.on;
    let repeatable = || head::is_idempotent(method) || rules.methods.contains(method);
    match outcome {
        Ok(Forwarded { link: Some(link), .. }) if link.tunnel.is_some() => false,
        Ok(Forwarded { response, .. }) => {
            // Who lists a gRPC status says that calls may be sent twice: all of them are POST.
            is_grpc_status(on, response) || on.has_status(response.status().as_u16()) && repeatable()
        }
        Err(error) => {
            failure::is_among(on, error.cause(), error.retry()) && (error.retry() == Retry::Safe || repeatable())
        }
    }
}

fn is_grpc_status(on: &Failures, response: &Response) -> bool {
    on.grpc != 0 && grpc::status(response.headers()).is_some_and(|status| on.has_grpc(status))
}

#[cfg(test)]
mod tests {
    use http::{Method, Response, StatusCode};
    use message::{Cause, Error};

    use super::*;

    #[track_caller]
    fn check(on: Failures, method: &Method, outcome: &Result<Forwarded>, expected: bool) {
        let rules = RetryRules { on, methods: vec![Method::PATCH], ..RetryRules::default() };
        assert_eq!(is_called_for(&rules, outcome, method), expected);
    }

    fn failed(cause: Cause, retry: Retry) -> Result<Forwarded> {
        Err(Error::new(cause, "").with_retry(retry))
    }

    fn answered(status: StatusCode, grpc: Option<&'static str>) -> Result<Forwarded> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        if let Some(grpc) = grpc {
            response.headers_mut().insert("grpc-status", http::HeaderValue::from_static(grpc));
        }
        Ok(Forwarded::reply(response))
    }

    #[test]
    fn only_what_is_safe_is_sent_again() {
        let all = || Failures {
            connect_failure: true,
            refused_stream: true,
            reset: true,
            timeout: true,
            server_error: false,
            statuses: vec![503],
            grpc: 1 << 14,
        };
        // Nothing reached the endpoint: whatever the method.
        check(all(), &Method::POST, &failed(Cause::ConnectRefused, Retry::Safe), true);
        check(all(), &Method::POST, &failed(Cause::UpstreamReset, Retry::Safe), true);
        // It may have.
        check(all(), &Method::POST, &failed(Cause::UpstreamReset, Retry::IfIdempotent), false);
        check(all(), &Method::PUT, &failed(Cause::UpstreamReset, Retry::IfIdempotent), true);
        check(all(), &Method::PATCH, &failed(Cause::ResponseTimeout, Retry::IfIdempotent), true);
        check(all(), &Method::POST, &answered(StatusCode::SERVICE_UNAVAILABLE, None), false);
        check(all(), &Method::GET, &answered(StatusCode::SERVICE_UNAVAILABLE, None), true);
        check(all(), &Method::GET, &answered(StatusCode::BAD_GATEWAY, None), false);
        check(all(), &Method::POST, &answered(StatusCode::OK, Some("14")), true);
        check(all(), &Method::POST, &answered(StatusCode::OK, Some("13")), false);
        check(all(), &Method::POST, &answered(StatusCode::OK, Some("99")), false);
        // What the client did wrong stays wrong.
        check(all(), &Method::GET, &failed(Cause::BodyIncomplete, Retry::IfIdempotent), false);
    }

    #[test]
    fn only_what_is_asked_for_is_sent_again() {
        check(Failures::NONE, &Method::GET, &failed(Cause::ConnectRefused, Retry::Safe), false);
        check(Failures::NONE, &Method::GET, &failed(Cause::ResponseTimeout, Retry::IfIdempotent), false);
        check(Failures::NONE, &Method::POST, &answered(StatusCode::OK, Some("14")), false);
        check(
            Failures { refused_stream: true, ..Failures::NONE },
            &Method::POST,
            &failed(Cause::UpstreamReset, Retry::Safe),
            true,
        );
    }
}
