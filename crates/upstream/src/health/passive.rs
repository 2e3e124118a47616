//! What requests tell of an endpoint.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use http::{HeaderMap, StatusCode};
use message::{Cause, grpc};
use model::{FailureRatio, PassiveHealth};

use super::Reason;
use crate::recent::Recent;

/// What one request tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Success,
    /// The endpoint answered that it failed.
    Failure,
    /// It did not answer, or said that it cannot.
    GatewayError,
}

/// The counters of one endpoint.
///
/// An endpoint that does well costs loads of a line that nobody writes, and, where a ratio is looked at, an addition on a line
/// of the worker's own. Two workers that count at the same instant may be one off: it is the failures after that which eject.
#[derive(Debug)]
pub struct Passive {
    /// In a row, over all workers.
    failures: AtomicU32,
    gateway_errors: AtomicU32,
    window: Option<Window>,
}

/// The requests of the last seconds.
#[derive(Debug)]
struct Window {
    rules: FailureRatio,
    /// What was counted until this part of time counts no more.
    forgotten: AtomicU64,
    recent: Recent,
}

const REQUESTS: usize = 0;
const FAILURES: usize = 1;

// === impl Verdict ===

impl Verdict {
    /// `None`: it tells nothing of the endpoint.
    pub fn of(outcome: Result<(StatusCode, &HeaderMap), Cause>) -> Option<Self> {
        match outcome {
            Ok((status, headers)) => Some(Self::of_answer(status, headers)),
            Err(
                Cause::ConnectRefused
                | Cause::ConnectTimeout
                | Cause::ConnectFailed
                | Cause::DnsFailed
                | Cause::TlsFailed
                | Cause::TlsCertificate
                | Cause::UpstreamReset
                | Cause::ResponseTimeout
                | Cause::ResponseMalformed,
            ) => Some(Self::GatewayError),
            // What the client did, or how long it would wait, is no fault of the endpoint.
            Err(_) => None,
        }
    }

    /// Calls of gRPC that failed at once have their status in the head ("Trailers-Only"); what comes with trailers is not seen.
    fn of_answer(status: StatusCode, headers: &HeaderMap) -> Self {
        match status.as_u16() {
            502..=504 => Self::GatewayError,
            500.. => Self::Failure,
            _ => match grpc::status(headers) {
                Some(14) => Self::GatewayError,
                // Unknown, internal, data loss.
                Some(2 | 13 | 15) => Self::Failure,
                _ => Self::Success,
            },
        }
    }
}

// === impl Passive ===

impl Passive {
    pub fn new(rules: &PassiveHealth, workers: usize, now: Instant) -> Self {
        let window = rules.failure_ratio.map(|rules| Window::new(rules, workers, now));
        Self { failures: AtomicU32::new(0), gateway_errors: AtomicU32::new(0), window }
    }

    /// Counts; why the endpoint should be ejected, if it should.
    pub fn note(&self, rules: &PassiveHealth, verdict: Verdict, worker: usize, now: Instant) -> Option<Reason> {
        let window = self.window.as_ref().map(|window| (window, window.note(verdict, worker, now)));
        if verdict == Verdict::Success {
            clear(&self.failures);
            clear(&self.gateway_errors);
            return None;
        }
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        let gateway_errors = match verdict {
            Verdict::GatewayError => self.gateway_errors.fetch_add(1, Relaxed).saturating_add(1),
            _ => {
                clear(&self.gateway_errors);
                0
            }
        };
        if rules.consecutive_failures.is_some_and(|most| failures >= most) {
            Some(Reason::ConsecutiveFailures)
        } else if rules.consecutive_gateway_errors.is_some_and(|most| gateway_errors >= most) {
            Some(Reason::ConsecutiveGatewayErrors)
        } else {
            window.filter(|(window, part)| window.is_exceeded(*part)).map(|_| Reason::FailureRatio)
        }
    }

    /// What was counted until now counts no more.
    pub fn forget(&self, now: Instant) {
        clear(&self.failures);
        clear(&self.gateway_errors);
        if let Some(window) = &self.window {
            window.forgotten.store(window.recent.part(now), Relaxed);
        }
    }
}

/// A line that is written only if it must be stays with all who read it.
fn clear(counter: &AtomicU32) {
    if counter.load(Relaxed) != 0 {
        counter.store(0, Relaxed);
    }
}

// === impl Window ===

impl Window {
    fn new(rules: FailureRatio, workers: usize, now: Instant) -> Self {
        Self { rules, forgotten: AtomicU64::new(0), recent: Recent::new(rules.window, workers, now) }
    }

    /// Counts; gives the part of time that it is.
    fn note(&self, verdict: Verdict, worker: usize, now: Instant) -> u64 {
        let part = self.recent.part(now);
        let slot = self.recent.slot(worker, part);
        slot.bump(REQUESTS);
        if verdict != Verdict::Success {
            slot.bump(FAILURES);
        }
        part
    }

    fn is_exceeded(&self, part: u64) -> bool {
        let [requests, failures] = self.recent.totals(part, self.forgotten.load(Relaxed));
        requests >= u64::from(self.rules.min_requests) && failures as f64 >= self.rules.ratio * requests as f64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    use Verdict::{Failure as F, GatewayError as G, Success as S};

    fn rules(failures: Option<u32>, gateway_errors: Option<u32>, ratio: Option<FailureRatio>) -> PassiveHealth {
        PassiveHealth {
            consecutive_failures: failures,
            consecutive_gateway_errors: gateway_errors,
            failure_ratio: ratio,
            ..PassiveHealth::default()
        }
    }

    /// Index of the first that ejects, and why.
    fn ejects(rules: &PassiveHealth, verdicts: &[Verdict]) -> Option<(usize, Reason)> {
        let now = Instant::now();
        let passive = Passive::new(rules, 2, now);
        let mut verdicts = verdicts.iter().enumerate();
        verdicts.find_map(|(index, verdict)| Some((index, passive.note(rules, *verdict, index % 2, now)?)))
    }

    #[test]
    fn runs_are_broken_by_whatever_else() {
        let three = rules(Some(3), None, None);
        assert_eq!(ejects(&three, &[F, G, S, F, F, G]), Some((5, Reason::ConsecutiveFailures)));
        assert_eq!(ejects(&three, &[F, F, S, F, F, S]), None);
        let gateway = rules(None, Some(2), None);
        assert_eq!(ejects(&gateway, &[F, F, F, G, F, G, G]), Some((6, Reason::ConsecutiveGatewayErrors)));
    }

    #[test]
    fn ratios_want_enough_requests() {
        let half = FailureRatio { ratio: 0.5, min_requests: 6, window: Duration::from_secs(10) };
        let half = rules(None, None, Some(half));
        assert_eq!(ejects(&half, &[F, F, F, F, F]), None);
        assert_eq!(ejects(&half, &[S, F, S, F, S, F]), Some((5, Reason::FailureRatio)));
        assert_eq!(ejects(&half, &[S, S, S, S, F, F, F]), None);
        // A success never ejects, though the ratio was there before.
        assert_eq!(ejects(&half, &[F, F, F, F, F, S]), None);
    }

    #[test]
    fn what_is_past_or_forgotten_does_not_count() {
        let ratio = FailureRatio { ratio: 0.5, min_requests: 4, window: Duration::from_secs(10) };
        let rules = rules(None, None, Some(ratio));
        let start = Instant::now();
        let passive = Passive::new(&rules, 1, start);
        let note = |seconds| passive.note(&rules, F, 0, start + Duration::from_secs(seconds));
        assert_eq!([note(0), note(0), note(0), note(10)], [None; 4], "three are past");
        assert_eq!([note(10), note(19), note(20)], [None; 3]);
        assert_eq!(note(20).or(note(20)), Some(Reason::FailureRatio));
        passive.forget(start + Duration::from_secs(20));
        assert_eq!([note(21), note(21), note(21)], [None; 3]);
        assert_eq!(note(21), Some(Reason::FailureRatio));
    }

    #[test]
    fn verdicts() {
        let none = HeaderMap::new();
        let answer = |status| Verdict::of(Ok((StatusCode::from_u16(status).unwrap(), &none)));
        assert_eq!([200, 404, 499, 500, 501, 599].map(answer), [S, S, S, F, F, F].map(Some));
        assert_eq!([502, 503, 504].map(answer), [G; 3].map(Some));
        let call = |status| {
            let headers = HeaderMap::from_iter([(grpc::STATUS, http::HeaderValue::from_static(status))]);
            Verdict::of(Ok((StatusCode::OK, &headers)))
        };
        assert_eq!(["0", "5", "13", "14"].map(call), [S, S, F, G].map(Some));
        assert_eq!(Verdict::of(Err(Cause::ConnectRefused)), Some(G));
        for cause in [Cause::TotalTimeout, Cause::ClientClosed, Cause::BodyIncomplete] {
            assert_eq!(Verdict::of(Err(cause)), None, "{cause}");
        }
    }

    proptest! {
        /// Nobody is ejected for fewer failures in a row than the rules say, nor spared after as many.
        #[test]
        fn runs_are_counted_exactly(
            verdicts in prop::collection::vec(prop_oneof![Just(S), Just(F), Just(G)], 1..100), most in 1_u32..6
        ) {
            let rules = rules(Some(most), None, None);
            let mut run = 0;
            let expected = verdicts.iter().position(|verdict| {
                run = if *verdict == S { 0 } else { run + 1 };
                run == most
            });
            prop_assert_eq!(ejects(&rules, &verdicts).map(|(index, _)| index), expected);
        }
    }
}
