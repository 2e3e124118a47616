//! What the gateway says of itself: access log and metrics.

use std::collections::BTreeMap;

use message::Cause;
use serde_json::Value;
use testkit::{eventually, gateway::Process};

/// Each is counted, and logged under its user agent.
pub(crate) async fn are_counted_and_logged(gateway: &Process, told: &[(String, Cause)]) {
    are_logged(gateway, "user_agent", told).await;
    are_counted(gateway, told.iter().map(|(_, cause)| *cause)).await;
}

/// Each has one line, found by what it has under `key`, and the line has the cause.
pub(crate) async fn are_logged(gateway: &Process, key: &str, told: &[(String, Cause)]) {
    let lines = eventually("every line of the access log", async || {
        let lines = log(gateway);
        told.iter().all(|(value, _)| lines.iter().any(|line| line[key] == **value)).then_some(lines)
    })
    .await;
    for (value, cause) in told {
        let found: Vec<_> = lines.iter().filter(|line| line[key] == **value).collect();
        let [line] = found[..] else { panic!("{value}: {} lines: {found:#?}", found.len()) };
        assert_eq!(line["cause"], cause.name(), "{value}: {line}");
    }
}

/// The lines that have been written so far.
pub(crate) fn log(gateway: &Process) -> Vec<Value> {
    let text = gateway.stdout();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The metrics know of these causes, each so often, and of no others.
pub(crate) async fn are_counted(gateway: &Process, causes: impl Iterator<Item = Cause>) {
    let mut expected: BTreeMap<&str, f64> = Cause::ALL.iter().map(|cause| (cause.name(), 0.0)).collect();
    for cause in causes {
        *expected.entry(cause.name()).or_default() += 1.0;
    }
    let metrics = gateway.metrics().await;
    let counted = |cause| metrics.value("sluice_requests_caused_total", &[("cause", cause)]).unwrap_or(-1.0);
    let found: BTreeMap<_, _> = Cause::ALL.iter().map(|cause| (cause.name(), counted(cause.name()))).collect();
    assert_eq!(found, expected);
}
