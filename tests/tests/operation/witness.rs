//! What the gateway says of itself: access log, flight recorder and metrics.

use std::collections::BTreeMap;

use message::Cause;
use serde_json::Value;
use testkit::{eventually, gateway::Process};

use crate::asking::Operator;

/// Each is counted, logged under its user agent, and recorded.
pub(crate) async fn are_counted_and_logged(gateway: &Process, told: &[(String, Cause)]) {
    are_logged(gateway, "user_agent", told).await;
    are_counted(gateway, told.iter().map(|(_, cause)| *cause)).await;
}

/// Each has one line, found by what it has under `key`, and the line has the cause; as has its record.
pub(crate) async fn are_logged(gateway: &Process, key: &str, told: &[(String, Cause)]) {
    let lines = eventually("every line of the access log", async || {
        let lines = log(gateway);
        told.iter().all(|(value, _)| lines.iter().any(|line| line[key] == **value)).then_some(lines)
    })
    .await;
    let mut checked = Vec::new();
    for (value, cause) in told {
        let found: Vec<_> = lines.iter().filter(|line| line[key] == **value).collect();
        let [line] = found[..] else { panic!("{value}: {} lines: {found:#?}", found.len()) };
        assert_eq!(line["cause"], cause.name(), "{value}: {line}");
        checked.push(line);
    }
    are_recorded(gateway, &checked).await;
}

/// The flight recorder has what these lines tell, in the same words.
async fn are_recorded(gateway: &Process, lines: &[&Value]) {
    let answer = Operator::of(gateway).get("/requests?limit=1000").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    let told = told["requests"].as_array().unwrap();
    for line in lines {
        let is_it = |record: &&Value| match &line["request_id"] {
            Value::Null => record["headers"]["user-agent"] == line["user_agent"],
            id => record["request_id"] == *id,
        };
        let found: Vec<_> = told.iter().filter(is_it).collect();
        let [record] = found[..] else { panic!("{line}: {} records: {found:#?}", found.len()) };
        for key in ["cause", "status", "route", "side", "protocol", "method", "client"] {
            assert_eq!(record[key], line[key], "{key}: {record:#} {line:#}");
        }
        assert_eq!(record["attempts_made"], line["attempts"], "{record:#} {line:#}");
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
