//! When requests are kept from what fails them anyway.

use std::time::Duration;

use super::failures;
use crate::{
    Breaker, BreakerScope, Node, Report, Slow, document,
    values::{Count, Ratio, Timeout},
};

/// That of an upstream.
pub(super) fn of_upstream(node: &Node, written: &document::Breaker, report: &mut Report) -> Breaker {
    let scope = match written.scope {
        None => BreakerScope::default(),
        Some(document::BreakerScope::Upstream) => BreakerScope::Upstream,
        Some(document::BreakerScope::Route) => BreakerScope::Route,
        Some(document::BreakerScope::Endpoint) => BreakerScope::Endpoint,
    };
    check(node, written, scope, report)
}

/// That of a route.
pub(super) fn of_route(node: &Node, written: &document::Breaker, report: &mut Report) -> Breaker {
    if let Some(document::BreakerScope::Upstream | document::BreakerScope::Endpoint) = written.scope {
        let hint = "leave it out, or move the breaker to the upstream";
        report.error_with_hint(&node.near("scope").place, "the breaker of a route is the route's own", hint);
    }
    check(node, written, BreakerScope::Route, report)
}

fn check(node: &Node, written: &document::Breaker, scope: BreakerScope, report: &mut Report) -> Breaker {
    let default = Breaker::default();
    let slow = written.slow.as_ref().map(|written| slow(node.near("slow"), written, report));
    if written.failure_ratio.is_some_and(|ratio| ratio.fraction() == 0.0) {
        let hint = "leave it out, or say how much is too much, for example `50%`";
        report.error_with_hint(&node.near("failure_ratio").place, "no request at all may fail with `0%`", hint);
    }
    let says_when = written.consecutive_failures.is_some() || slow.is_some();
    let failure_ratio = match written.failure_ratio {
        Some(ratio) => Some(ratio.fraction()),
        None => default.failure_ratio.filter(|_| !says_when),
    };
    if failure_ratio.is_none() && slow.is_none() {
        unused_window(node, report);
    }
    let counts_failures = failure_ratio.is_some() || written.consecutive_failures.is_some();
    if let (Some(key), false) = (node.key("failures"), counts_failures) {
        let hint = "say how many are too many, with `failure_ratio` or `consecutive_failures`";
        report.error_with_hint(&key.place, "failures are not counted: only `slow` opens this breaker", hint);
    }
    if written.failures.as_ref().is_some_and(Vec::is_empty) {
        let hint = "leave it out, or leave `breaker` out";
        report.error_with_hint(&node.near("failures").place, "`failures` is empty, so nothing would be one", hint);
    }
    let duration = |written: Option<Timeout>, default: Duration| written.map_or(default, Into::into);
    let window = duration(written.window, default.window);
    if window < SHORTEST_WINDOW {
        let hint = "give it at least `100ms`";
        report.error_with_hint(&node.near("window").place, "the window is too short to hold anything", hint);
    }
    let open_for = duration(written.open_for, default.open_for);
    let max_open_for = duration(written.max_open_for, default.max_open_for.max(open_for));
    if max_open_for < open_for {
        let message = "`max_open_for` is shorter than `open_for`";
        let hint = "make it at least as long";
        report.error_with_hint(&node.near("max_open_for").place, message, hint);
    }
    Breaker {
        scope,
        failures: written.failures.as_deref().map_or(default.failures, failures::check),
        consecutive_failures: written.consecutive_failures.map(|Count(count)| count),
        window,
        min_requests: written.min_requests.map_or(default.min_requests, |Count(count)| count),
        failure_ratio,
        slow,
        open_for,
        max_open_for,
        jitter: written.jitter.map_or(default.jitter, Ratio::fraction),
        half_open_requests: written
            .half_open_requests
            .map_or(default.half_open_requests, |Count(count)| u8::try_from(count).unwrap_or(u8::MAX)),
        ramp: written.ramp.map_or(default.ramp, |ramp| *ramp),
    }
}

/// It is kept in ten parts of whole milliseconds.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);

/// Ratios alone look back.
fn unused_window(node: &Node, report: &mut Report) {
    for key in ["window", "min_requests"] {
        if let Some(key) = node.key(key) {
            let message = format!("`{}` is for `failure_ratio` and `slow`, and neither is given", key.name);
            report.error_with_hint(&key.place, message, "leave it out, or add one of them");
        }
    }
}

fn slow(node: &Node, written: &document::Slow, report: &mut Report) -> Slow {
    let ratio = written.ratio.map_or(0.8, Ratio::fraction);
    if ratio == 0.0 {
        let hint = "leave `slow` out, or say how many are too many, for example `80%`";
        report.error_with_hint(&node.near("ratio").place, "no answer at all may be slow with `0%`", hint);
    }
    Slow { over: written.over.into(), ratio }
}
