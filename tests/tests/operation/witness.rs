//! What the gateway says of itself: access log and metrics.

use std::collections::BTreeMap;

use message::Cause;
use serde_json::Value;
use testkit::{eventually, gateway::Process};

pub(crate) async fn are_counted_and_logged(gateway: &Process, told: &[(String, Cause)]) {
    are_logged(gateway, told).await;
    are_counted(gateway, told.iter().map(|(_, cause)| *cause)).await;
}

/// Each has one line, found by its user agent, with the cause and the status that goes with it.
pub(crate) async fn are_logged(gateway: &Process, told: &[(String, Cause)]) {
    let lines = eventually("every line of the access log", async || {
        let lines = log(gateway);
        told.iter().all(|(agent, _)| lines.iter().any(|line| line["user_agent"] == **agent)).then_some(lines)
    })
    .await;
    for (agent, cause) in told {
        let of_agent: Vec<_> = lines.iter().filter(|line| line["user_agent"] == **agent).collect();
        let [line] = of_agent[..] else { panic!("{agent}: {} lines: {of_agent:#?}", of_agent.len()) };
        assert_eq!(line["cause"], cause.name(), "{agent}: {line}");
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
