//! What is shipped beside the gateway asks for metrics that there are: dashboards and alert rules.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use regex::Regex;
use telemetry::names::{self, Kind};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// Names of samples, as queries write them, with the labels that they have beside those of Prometheus.
fn samples() -> Vec<(String, BTreeSet<&'static str>)> {
    let endings = |kind| match kind {
        Kind::Histogram => &["_bucket", "_count", "_sum"][..],
        _ => &[""],
    };
    let samples = names::ALL.iter().flat_map(|family| {
        endings(family.kind).iter().map(move |ending| {
            let others = ["instance", "job"].into_iter().chain((*ending == "_bucket").then_some("le"));
            (format!("{}{ending}", family.name), family.labels.iter().copied().chain(others).collect())
        })
    });
    samples.collect()
}

/// Complains of each metric and label in `text` that there is not.
fn check(file: &str, text: &str) -> Vec<String> {
    let samples = samples();
    let used = Regex::new(r#"\b((?:sluice|process)_[a-z_]+)(?:\{([^}]*)\})?"#).unwrap();
    let label = Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)"#).unwrap();
    let mut complaints = Vec::new();
    for used in used.captures_iter(text) {
        let name = &used[1];
        let Some((_, labels)) = samples.iter().find(|(sample, _)| sample == name) else {
            complaints.push(format!("{file}: there is no metric {name}"));
            continue;
        };
        for label in label.captures_iter(used.get(2).map_or("", |labels| labels.as_str())) {
            if !labels.contains(&label[1]) {
                complaints.push(format!("{file}: {name} has no label {}", &label[1]));
            }
        }
    }
    complaints
}

#[test]
fn queries_ask_for_metrics_that_there_are() {
    for file in ["grafana/sluice.json", "prometheus/sluice.rules.yml", "prometheus/sluice.rules.test.yml"] {
        let text = fs::read_to_string(folder().join(file)).unwrap();
        assert!(text.matches("sluice_").count() > 10, "{file} asks for nothing");
        assert_eq!(check(file, &text), Vec::<String>::new());
    }
}

#[test]
fn what_there_is_not_is_found() {
    let text =
        r#"sum(rate(sluice_requests_total{route="a", colour=~"b"}[5m])) / sluice_overhead_seconds / sluice_nothing"#;
    let complaints = check("f", text);
    let expected = [
        "f: sluice_requests_total has no label colour",
        "f: there is no metric sluice_overhead_seconds",
        "f: there is no metric sluice_nothing",
    ];
    assert_eq!(complaints, expected);
}

#[test]
fn the_dashboard_can_be_imported() {
    let text = fs::read_to_string(folder().join("grafana/sluice.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids of panels are unique");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{}", panel["title"]);
    }
}

/// The tests of the rules are `promtool`'s own.
#[test]
fn rules_alert_when_they_should() {
    let promtool =
        |arguments: &[&str]| Command::new("promtool").args(arguments).current_dir(folder().join("prometheus")).output();
    for arguments in [
        &["check", "config", "prometheus.yml"][..],
        &["check", "rules", "sluice.rules.yml"],
        &["test", "rules", "sluice.rules.test.yml"],
    ] {
        match promtool(arguments) {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => println!("NOT CHECKED: promtool: {error}"),
        }
    }
}
