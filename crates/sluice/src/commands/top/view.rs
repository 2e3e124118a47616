//! What is shown of two scrapes.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use telemetry::names;

use super::scrape::{Buckets, Scrape};

/// What a gateway did between two scrapes.
#[derive(Debug, Serialize)]
pub(super) struct View {
    requests_per_second: f64,
    inflight: f64,
    connections: f64,
    /// The busiest first, as are upstreams.
    routes: Vec<Row>,
    upstreams: Vec<Row>,
    /// Those whose health is looked after.
    endpoints: Vec<State>,
    breakers: Vec<State>,
    /// Rows of any kind that are not shown.
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    per_second: f64,
    /// From 0 to 100.
    failed_percent: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    total: f64,
}

#[derive(Debug, Serialize)]
struct State {
    name: String,
    state: String,
    why: String,
}

/// How a metric is read as a row.
struct Read<'m> {
    counter: &'m str,
    label: &'m str,
    histogram: &'m str,
    /// Whether a series, by the value of this label, is a failure.
    outcome: &'m str,
    is_failure: fn(&str) -> bool,
}

const ROUTES: Read<'_> = Read {
    counter: names::REQUESTS.name,
    label: "route",
    histogram: names::REQUEST_DURATION.name,
    outcome: "code_class",
    is_failure: |class| class == "5xx" || class == "none",
};

const UPSTREAMS: Read<'_> = Read {
    counter: names::UPSTREAM_ATTEMPTS.name,
    label: "upstream",
    histogram: names::UPSTREAM_DURATION.name,
    outcome: "outcome",
    // Beside the classes, there are causes.
    is_failure: |outcome| outcome == "5xx" || !outcome.ends_with("xx"),
};

// === impl View ===

impl View {
    pub(super) fn between(earlier: &Scrape, now: &Scrape, health: &Value, breakers: &Value, most: usize) -> Self {
        let routes = rows(&ROUTES, earlier, now);
        let per_second = routes.iter().map(|row| row.per_second).sum();
        let mut view = Self {
            requests_per_second: per_second,
            inflight: now.sum(names::INFLIGHT_REQUESTS.name, &[]),
            connections: now.sum(names::OPEN_CONNECTIONS.name, &[]),
            routes,
            upstreams: rows(&UPSTREAMS, earlier, now),
            endpoints: list(health).iter().map(endpoint).collect(),
            breakers: list(&breakers["breakers"]).iter().map(breaker).collect(),
            omitted: 0,
        };
        let View { routes, upstreams, endpoints, breakers, omitted, .. } = &mut view;
        *omitted = cut(routes, most) + cut(upstreams, most) + cut(endpoints, most) + cut(breakers, most);
        view
    }
}

fn rows(read: &Read<'_>, earlier: &Scrape, now: &Scrape) -> Vec<Row> {
    let seconds = now.at.saturating_duration_since(earlier.at).as_secs_f64().max(0.001);
    let outcomes = now.values(read.counter, read.outcome);
    let row = |name: &str| {
        let all = [(read.label, name)];
        let new = |labels: &[(&str, &str)]| now.sum(read.counter, labels) - earlier.sum(read.counter, labels);
        let failed = outcomes.iter().filter(|outcome| (read.is_failure)(outcome));
        let failed: f64 = failed.map(|outcome| new(&[(read.label, name), (read.outcome, outcome)])).sum();
        let (count, buckets) = (new(&all), now.buckets(earlier, read.histogram, &all));
        let quantile = |buckets: &Buckets, part| buckets.quantile(part).map(|seconds: f64| seconds * 1_000.0);
        Row {
            name: name.to_owned(),
            per_second: count / seconds,
            failed_percent: if count > 0.0 { failed / count * 100.0 } else { 0.0 },
            p50_ms: quantile(&buckets, 0.5),
            p99_ms: quantile(&buckets, 0.99),
            total: now.sum(read.counter, &all),
        }
    };
    let mut rows: Vec<_> = now.values(read.counter, read.label).into_iter().map(row).collect();
    rows.sort_by(|one, other| other.per_second.total_cmp(&one.per_second).then(other.total.total_cmp(&one.total)));
    rows
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn endpoint(told: &Value) -> State {
    let name = format!("{} {}", text(told, "upstream"), text(told, "endpoint"));
    State { name, state: text(told, "state").to_owned(), why: text(told, "reason").to_owned() }
}

fn breaker(told: &Value) -> State {
    let parts = ["route", "upstream", "endpoint"].map(|part| text(told, part));
    let name = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let refused = told["refused"].as_u64().unwrap_or_default();
    let reason = text(told, "reason");
    let separator = if reason.is_empty() { "" } else { ", " };
    State { name, state: text(told, "state").to_owned(), why: format!("{reason}{separator}{refused} refused") }
}

/// Leaves so many; how many there were beyond.
fn cut<T>(rows: &mut Vec<T>, most: usize) -> usize {
    let beyond = rows.len().saturating_sub(most);
    rows.truncate(most);
    beyond
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests_per_second, inflight, connections, .. } = self;
        writeln!(f, "{requests_per_second:.1} requests/s, {inflight} under way, {connections} connections\n")?;
        table(f, "ROUTE", &self.routes)?;
        table(f, "UPSTREAM", &self.upstreams)?;
        states(f, "ENDPOINT", &self.endpoints)?;
        states(f, "BREAKER", &self.breakers)?;
        match self.omitted {
            0 => Ok(()),
            omitted => writeln!(f, "and {omitted} more rows; see `--rows`"),
        }
    }
}

fn table(f: &mut fmt::Formatter<'_>, what: &str, rows: &[Row]) -> fmt::Result {
    writeln!(f, "{what:<32} {:>9} {:>8} {:>10} {:>10} {:>12}", "/S", "FAILED", "P50 MS", "P99 MS", "TOTAL")?;
    let millis = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    for Row { name, per_second, failed_percent, p50_ms, p99_ms, total } in rows {
        let (p50, p99) = (millis(*p50_ms), millis(*p99_ms));
        writeln!(f, "{name:<32} {per_second:>9.1} {failed_percent:>7.1}% {p50:>10} {p99:>10} {total:>12}")?;
    }
    writeln!(f)
}

fn states(f: &mut fmt::Formatter<'_>, what: &str, states: &[State]) -> fmt::Result {
    if states.is_empty() {
        return Ok(());
    }
    writeln!(f, "{what:<40} {:<12} WHY", "STATE")?;
    for State { name, state, why } in states {
        writeln!(f, "{name:<40} {state:<12} {why}")?;
    }
    writeln!(f)
}
