//! Medians and ratios, as markdown and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    case::{Case, Kind},
    measure::{Outcome, Sample},
};

/// The gateway that the others are compared with.
const OURS: &str = "sluice";

const MIB: f64 = (1 << 20) as f64;

/// One case with one peer, over all rounds.
struct Row<'o> {
    case: &'static Case,
    peer: &'o str,
    outcomes: Vec<&'o Outcome>,
}

/// What was measured where, then one table for each kind of case that was asked for.
pub(crate) fn markdown(about: &[(String, String)], peers: &[&str], outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for (what, value) in about {
        let _ = writeln!(text, "- {what}: {value}");
    }
    let rows = rows(peers, outcomes);
    for (kind, head, line) in TABLES {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.case.kind == *kind).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{head}\n|{}", "---|".repeat(head.matches('|').count() - 1));
        for row in rows {
            let cells = if row.samples().next().is_some() { line(row, outcomes) } else { String::new() };
            let _ = writeln!(text, "| {} | {} {cells}| {} |", row.case.name, row.peer, row.faults());
        }
    }
    let _ = writeln!(text);
    let mut named: Vec<&Case> = rows.iter().map(|row| row.case).collect();
    named.dedup_by_key(|case| case.name);
    for case in named {
        let _ = writeln!(text, "- `{}`: {}", case.name, case.what);
    }
    text
}

/// Which cells a row has between its peer and its faults.
type Line = fn(&Row, &[Outcome]) -> String;

const TABLES: &[(Kind, &str, Line)] = &[
    (
        Kind::Closed,
        "| case | peer | µs/request | spread | sluice ÷ peer | requests/s | p50 ms | p99 ms | RSS MiB | faults |",
        |row, outcomes| {
            format!(
                "| {:.1} | {:.0} % | {} | {:.0} | {:.2} | {:.2} | {:.1} ",
                row.median(|sample| sample.micros_per_request),
                row.spread(|sample| sample.micros_per_request) * 100.0,
                row.ratio(outcomes),
                row.median(|sample| sample.load.requests_per_second),
                row.median(|sample| sample.load.p50_us / 1000.0),
                row.median(|sample| sample.load.p99_us / 1000.0),
                row.median(|sample| sample.memory as f64 / MIB),
            )
        },
    ),
    (
        Kind::Idle,
        "| case | peer | connections | KiB each | RSS before, MiB | RSS with them, MiB | faults |",
        |row, _| {
            let before = |sample: &Sample| sample.memory_before.unwrap_or(0) as f64;
            format!(
                "| {:.0} | {:.1} | {:.1} | {:.1} ",
                row.median(|sample| sample.load.requests as f64),
                row.median(|sample| (sample.memory as f64 - before(sample))
                    / sample.load.requests.max(1) as f64
                    / 1024.0),
                row.median(|sample| before(sample) / MIB),
                row.median(|sample| sample.memory as f64 / MIB),
            )
        },
    ),
    (
        Kind::HalfLoad,
        "| case | peer | requests/s | µs/request | p50 ms | p99 ms | p99 direct, ms | added p99, ms | faults |",
        |row, _| {
            let direct = |sample: &Sample| sample.direct.as_ref().map_or(0.0, |direct| direct.p99_us / 1000.0);
            format!(
                "| {:.0} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} ",
                row.median(|sample| sample.load.requests_per_second),
                row.median(|sample| sample.micros_per_request),
                row.median(|sample| sample.load.p50_us / 1000.0),
                row.median(|sample| sample.load.p99_us / 1000.0),
                row.median(direct),
                row.median(|sample| sample.load.p99_us / 1000.0 - direct(sample)),
            )
        },
    ),
];

/// Every measurement as it is, with what it depends on.
pub(crate) fn json(about: &[(String, String)], outcomes: &[Outcome]) -> Value {
    let outcomes = outcomes.iter().map(|outcome| {
        let head = json!({ "case": outcome.case.name, "peer": outcome.peer, "round": outcome.round });
        match &outcome.sample {
            Ok(sample) => json!({ "measurement": head, "sample": sample }),
            Err(failure) => json!({ "measurement": head, "failure": failure.to_string() }),
        }
    });
    let about: serde_json::Map<_, _> = about.iter().map(|(what, value)| (what.clone(), json!(value))).collect();
    json!({ "about": about, "outcomes": outcomes.collect::<Vec<_>>() })
}

/// In the order of cases, then of peers.
fn rows<'o>(peers: &[&'o str], outcomes: &'o [Outcome]) -> Vec<Row<'o>> {
    let mut cases: Vec<&'static Case> = outcomes.iter().map(|outcome| outcome.case).collect();
    cases.dedup_by_key(|case| case.name);
    let all = cases.into_iter().flat_map(|case| peers.iter().map(move |peer| (case, *peer)));
    all.map(|(case, peer)| {
        let of_row = |outcome: &&Outcome| outcome.case.name == case.name && outcome.peer == peer;
        Row { case, peer, outcomes: outcomes.iter().filter(of_row).collect() }
    })
    .filter(|row| !row.outcomes.is_empty())
    .collect()
}

// === impl Row ===

impl Row<'_> {
    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.outcomes.iter().filter_map(|outcome| outcome.sample.as_ref().ok())
    }

    fn median(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples().map(value).collect())
    }

    /// From the least to the most, as a share of the median: how far to trust it.
    fn spread(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        let values: Vec<f64> = self.samples().map(value).collect();
        let most = values.iter().copied().fold(f64::MIN, f64::max);
        let least = values.iter().copied().fold(f64::MAX, f64::min);
        (most - least) / median(values)
    }

    /// Ours over theirs, round by round, since a round has seen the same weather; then the median.
    fn ratio(&self, outcomes: &[Outcome]) -> String {
        let ours = |round: usize| {
            let ours = outcomes
                .iter()
                .find(|outcome| outcome.peer == OURS && outcome.case.name == self.case.name && outcome.round == round);
            Some(ours?.sample.as_ref().ok()?.micros_per_request)
        };
        let of_round =
            |outcome: &&Outcome| Some(ours(outcome.round)? / outcome.sample.as_ref().ok()?.micros_per_request);
        let ratios: Vec<f64> = self.outcomes.iter().filter_map(of_round).collect();
        if ratios.is_empty() || self.peer == OURS { "–".into() } else { format!("{:.2}", median(ratios)) }
    }

    /// Empty for a run that can be trusted.
    fn faults(&self) -> String {
        let failed = self.outcomes.iter().find_map(|outcome| outcome.sample.as_ref().err());
        let non_2xx: u64 = self.samples().map(|sample| sample.load.non_2xx).sum();
        let errors: u64 = self.samples().map(Sample::failures).sum::<u64>() - non_2xx;
        match (failed, non_2xx + errors) {
            (Some(failure), _) => format!("**failed: {}**", failure.to_string().replace(['|', '\n'], " ")),
            (None, 0) => String::new(),
            (None, _) => format!("**{errors} errors, {non_2xx} not 2xx**"),
        }
    }
}

/// Of two in the middle, their mean; 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{load::Report, run::case::CASES};

    fn outcome(peer: &'static str, round: usize, micros: f64, errors: u64) -> Outcome {
        let load = Report { requests: 100, errors, ..Report::default() };
        let sample = Sample { load, micros_per_request: micros, memory: 1 << 20, memory_before: None, direct: None };
        Outcome { case: &CASES[0], peer, round, sample: Ok(sample) }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let outcomes = [
            outcome("sluice", 0, 10.0, 0),
            outcome("nginx", 0, 20.0, 0),
            outcome("sluice", 1, 90.0, 0),
            outcome("nginx", 1, 100.0, 0),
            outcome("sluice", 2, 20.0, 0),
            outcome("nginx", 2, 40.0, 3),
        ];
        let text = markdown(&[], &["sluice", "nginx"], &outcomes);
        assert!(text.contains("| small | sluice | 20.0 | 400 % | – |"), "{text}");
        assert!(text.contains("| small | nginx | 40.0 | 200 % | 0.50 |"), "{text}");
        assert!(text.contains("| **3 errors, 0 not 2xx** |"), "{text}");
    }

    #[test]
    fn a_peer_that_failed_says_why() {
        let failed = Outcome { case: &CASES[0], peer: "nginx", round: 0, sample: Err("no | port".into()) };
        let text = markdown(&[], &["nginx"], &[failed]);
        assert!(text.contains("| small | nginx | **failed: no   port** |"), "{text}");
    }
}
