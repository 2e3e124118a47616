//! Two explanations of one request side by side: what another document changes for it.

use std::{fmt, iter::once};

use serde::Serialize;

use super::{Decision, Explanation, display::Table};

/// What two documents make of one request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The same becomes of it.
    pub same: bool,
    pub left: Compared,
    pub right: Compared,
    /// What can be said of both, in the order in which a request meets it.
    pub rows: Vec<Row>,
}

/// A document, or a gateway, and what it makes of the request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    pub of: String,
    pub explanation: Explanation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub what: &'static str,
    pub left: Option<String>,
    pub right: Option<String>,
}

// === impl Comparison ===

impl Comparison {
    /// `left` and `right` come with what they are explanations of.
    pub fn new(left: (String, Explanation), right: (String, Explanation)) -> Self {
        let facts = |(_, explanation): &(String, Explanation)| facts(explanation);
        let (of_left, of_right) = (facts(&left), facts(&right));
        let rows: Vec<_> = of_left
            .into_iter()
            .zip(of_right)
            .map(|((what, left), (_, right))| Row { what, left, right })
            .filter(|row| row.left.is_some() || row.right.is_some())
            .collect();
        let side = |(of, explanation)| Compared { of, explanation };
        Self { same: rows.iter().all(Row::is_same), left: side(left), right: side(right), rows }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = vec![String::new(), String::new(), self.left.of.clone(), self.right.of.clone()];
        let row = |row: &Row| {
            let mark = if row.is_same() { " " } else { "*" };
            let cell = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
            vec![mark.to_owned(), row.what.to_owned(), cell(&row.left), cell(&row.right)]
        };
        Table(once(head).chain(self.rows.iter().map(row)).collect()).fmt(f)?;
        let verdict = if self.same { "nothing changes for this request" } else { "* is what changes" };
        writeln!(f, "\n{verdict}")
    }
}

// === impl Row ===

impl Row {
    fn is_same(&self) -> bool {
        self.left == self.right
    }
}

/// What can be said of an explanation, always in the same order. Places are left out: in another document, everything is
/// somewhere else.
fn facts(explanation: &Explanation) -> Vec<(&'static str, Option<String>)> {
    let Explanation { route, decision, policies, .. } = explanation;
    let policies: Vec<_> = policies.iter().map(|policy| format!("{} ({})", policy.kind, policy.origin)).collect();
    let forwarding = decision.forwarding();
    let endpoints = forwarding.map(|forwarding| {
        let told: Vec<_> =
            forwarding.endpoints.iter().map(|endpoint| format!("{} x{}", endpoint.address, endpoint.weight)).collect();
        told.join(", ")
    });
    vec![
        ("listener", Some(explanation.listener.to_string())),
        ("route", route.as_ref().map(|route| route.name.to_string())),
        ("policies", (!policies.is_empty()).then(|| policies.join(", "))),
        ("answer", answer(decision)),
        ("sent", decision.sent().map(ToString::to_string)),
        ("side", side(decision)),
        ("upstream", forwarding.map(|forwarding| forwarding.upstream.to_string())),
        ("labels", forwarding.and_then(|forwarding| forwarding.subset.clone())),
        ("protocol", forwarding.map(|forwarding| forwarding.protocol.to_string())),
        ("balance", forwarding.map(|forwarding| forwarding.balance.to_string())),
        ("endpoints", endpoints),
        ("timeouts", forwarding.map(|forwarding| forwarding.timeouts.to_string())),
    ]
}

/// What the gateway itself says.
fn answer(decision: &Decision) -> Option<String> {
    match decision {
        Decision::Upstream(_) | Decision::Split { .. } => None,
        Decision::Redirect { status, location } => Some(format!("{status} to {location}")),
        Decision::Respond { status, .. } => Some(status.to_string()),
        Decision::Refuse { status, cause, .. } => Some(format!("{status} {cause}")),
    }
}

/// Which side of several, or how they share.
fn side(decision: &Decision) -> Option<String> {
    match decision {
        Decision::Upstream(forwarding) => forwarding.side.as_ref().map(|side| format!("{}: {}", side.name, side.why)),
        Decision::Split { why, .. } => Some(why.clone()),
        Decision::Redirect { .. } | Decision::Respond { .. } | Decision::Refuse { .. } => None,
    }
}
