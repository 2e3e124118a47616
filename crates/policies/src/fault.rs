//! Breaks a share of the requests on purpose, to see what callers make of it.

use std::time::Duration;

use http::{HeaderName, StatusCode};
use message::{Cause, Error, Exchange};
use model::{Report, ValueMatch, document::HeaderMatch, values};
use policy::{BuildError, Flow, Manual, Policy, PolicyKind, Site, Stage, Step};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct Fault {
    delay: Option<Delay>,
    abort: Option<Abort>,
    header: Option<(HeaderName, ValueMatch)>,
}

struct Delay {
    wait: Duration,
    /// From 0 to 1.
    share: f64,
}

struct Abort {
    status: StatusCode,
    /// From 0 to 1.
    share: f64,
}

/// Settings of `fault`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "fault")]
pub(crate) struct Config {
    /// Holds requests back.
    delay: Option<DelayConfig>,
    /// Answers instead of the upstream.
    abort: Option<AbortConfig>,
    /// Only requests with this header field, which testers send.
    header: Option<HeaderMatch>,
}

/// Holds requests back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct DelayConfig {
    /// For how long.
    #[serde(rename = "for")]
    wait: values::Timeout,
    /// Of how many requests. Default: all of them.
    share: Option<values::Ratio>,
}

/// Answers instead of the upstream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct AbortConfig {
    /// With which status; gRPC callers get `UNAVAILABLE`. Default: 503.
    status: Option<values::Status>,
    /// How many requests. Default: all of them.
    share: Option<values::Ratio>,
}

// === impl Fault ===

impl PolicyKind for Fault {
    const NAME: &'static str = "fault";
    /// After everything that may refuse a request: a fault stands for one of the upstream.
    const STAGE: Stage = Stage::Transform;
    type Config = Config;
    type Policy = Self;

    fn manual() -> Manual {
        Manual {
            summary: "delays or refuses a share of the requests on purpose",
            description: "For trials: what do callers make of an upstream that is slow, or broken? A request that is \
                          chosen for both is delayed first. Whatever is chosen has the cause `fault_injected` in \
                          the access log and in the metrics, so that nobody looks for the fault elsewhere.\n\n\
                          With `header`, only requests that carry it are touched: testers can break their own.",
            example: "fault:\n  \
                        delay: { for: 2s, share: 10% }\n  \
                        abort: { status: 503, share: 5% }\n  \
                        header: { name: x-fault, exact: \"yes\" }\n",
        }
    }

    fn check(config: &Config, site: &Site<'_>, report: &mut Report) {
        if config.delay.is_none() && config.abort.is_none() {
            report.error_with_hint(site.place, "a fault that does nothing", "give it a `delay`, an `abort`, or both");
        }
        let shares =
            [config.delay.as_ref().and_then(|delay| delay.share), config.abort.as_ref().and_then(|abort| abort.share)];
        if shares.into_iter().flatten().any(|share| share.fraction() == 0.0) {
            report.warning(site.place, "a share of `0%` is never chosen");
        }
        if config.abort.as_ref().and_then(|abort| abort.status).is_some_and(|status| status.0.as_u16() < 400) {
            let hint = "give a status from 400 to 599";
            report.error_with_hint(site.place, "an abort with the status of a success is none", hint);
        }
    }

    fn build(config: Config, _: &Site<'_>) -> Result<Self, BuildError> {
        let share = |share: Option<values::Ratio>| share.map_or(1.0, values::Ratio::fraction);
        Ok(Self {
            delay: config.delay.map(|delay| Delay { wait: delay.wait.into(), share: share(delay.share) }),
            abort: config.abort.map(|abort| Abort {
                status: abort.status.map_or(StatusCode::SERVICE_UNAVAILABLE, |values::Status(status)| status),
                share: share(abort.share),
            }),
            header: config.header.map(|HeaderMatch { name: values::FieldName(name), value }| (name, value)),
        })
    }
}

impl Policy for Fault {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        if !self.is_meant(exchange) {
            return Step::Continue;
        }
        // Each draws for itself, so that one share says nothing about the other.
        let delay = self.delay.as_ref().filter(|delay| exchange.random.hits(delay.share));
        let abort = self.abort.as_ref().filter(|abort| exchange.random.hits(abort.share));
        match (delay, abort) {
            (None, None) => Step::Continue,
            (None, Some(abort)) => Step::Fail(abort.error()),
            (Some(delay), abort) => {
                // Whoever reads in the log how long it took must not look for the reason elsewhere.
                exchange.record.cause = Some(Cause::FaultInjected);
                Step::Wait(Box::pin(async move {
                    tokio::time::sleep(delay.wait).await;
                    abort.map_or(Ok(Flow::Continue), |abort| Err(abort.error()))
                }))
            }
        }
    }
}

impl Fault {
    fn is_meant(&self, exchange: &Exchange) -> bool {
        let Some((name, wanted)) = &self.header else { return true };
        route::header_holds(wanted, &exchange.head.headers, name)
    }
}

// === impl Abort ===

impl Abort {
    fn error(&self) -> Error {
        Error::new(Cause::FaultInjected, "a fault was injected on purpose").with_status(self.status)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use message::Random;

    use super::*;
    use crate::testing::{build, check, exchange};

    /// Of 100,000 requests: those that were delayed, and those that were refused at once.
    fn count(policy: &dyn Policy) -> (u32, u32) {
        let mut seeds = Random::seeded(1);
        let (mut delayed, mut refused) = (0, 0);
        let mut exchange = exchange("GET", &[]);
        for _ in 0..100_000 {
            exchange.random = seeds.split();
            match policy.on_request(&mut exchange) {
                Step::Continue => {}
                Step::Fail(error) => {
                    assert_eq!(error.cause(), Cause::FaultInjected);
                    refused += 1;
                }
                Step::Wait(_) => delayed += 1,
                Step::Reply(_) => panic!("an abort is an error"),
            }
        }
        (delayed, refused)
    }

    #[test]
    fn shares_are_kept_within_one_percent() {
        let policy = build::<Fault>("{ delay: { for: 1s, share: 20% }, abort: { share: 5% } }");
        let (delayed, refused) = count(&*policy);
        assert!((19_000..=21_000).contains(&delayed), "{delayed}");
        // Of the four fifths that are not delayed.
        assert!((3_800..=4_200).contains(&refused), "{refused}");
    }

    #[test]
    fn only_who_asks_for_it() {
        let policy = build::<Fault>("{ abort: { status: 418 }, header: { name: x-fault, exact: \"yes\" } }");
        for (headers, is_refused) in
            [(&[][..], false), (&[("x-fault", "no")], false), (&[("x-fault", "no"), ("x-fault", "yes")], true)]
        {
            match policy.on_request(&mut exchange("GET", headers)) {
                Step::Fail(error) => assert!(is_refused && error.status() == StatusCode::IM_A_TEAPOT, "{headers:?}"),
                _ => assert!(!is_refused, "{headers:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_ends_as_it_says() {
        let policy = build::<Fault>("{ delay: { for: 3s }, abort: {} }");
        let mut exchange = exchange("GET", &[]);
        let Step::Wait(waiting) = policy.on_request(&mut exchange) else { panic!("no delay") };
        let mut waiting = pin!(waiting);
        assert!(matches!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
        let before = tokio::time::Instant::now();
        assert!(waiting.await.is_err_and(|error| error.cause() == Cause::FaultInjected));
        assert!((Duration::from_secs(3)..Duration::from_secs(4)).contains(&before.elapsed()));
    }

    #[test]
    fn every_problem_is_told() {
        for (settings, expected) in [
            ("{}", "1:1: error: a fault that does nothing; give it a `delay`, an `abort`, or both"),
            ("{ abort: { share: 0% } }", "1:1: warning: a share of `0%` is never chosen"),
            (
                "{ abort: { status: 200 } }",
                "1:1: error: an abort with the status of a success is none; give a status from 400 to 599",
            ),
            ("{ delay: { share: 5% } }", "1:10: error: missing key `for`"),
        ] {
            assert_eq!(check::<Fault>(settings), [expected], "{settings}");
        }
    }
}
