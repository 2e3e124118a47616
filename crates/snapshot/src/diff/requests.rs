//! Requests that go elsewhere.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::SystemTime,
};

use route::{Example, examples};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Edition, Item};
use crate::explain::{Answer, Decision, Question};

/// A request that goes elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// As arguments of `sluice explain`.
    pub request: String,
    pub old: Becomes,
    pub new: Becomes,
    /// Further requests that were tried and went from the same route to the same other one.
    pub more: usize,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Becomes {
    /// `None`: no route takes it.
    pub route: Option<Arc<str>>,
    pub answer: String,
}

/// Of each route, so many requests are tried.
const EACH: usize = 4;

/// And of all together, so that very many routes do not take minutes.
const TRIED: usize = 100_000;

/// So many are told.
const TOLD: usize = 50;

/// The requests that go elsewhere, one for each two routes, and how many of those are not told.
pub(super) fn moved(old: Edition<'_>, new: Edition<'_>, routes: &[Item], now: SystemTime) -> (Vec<Moved>, usize) {
    let renamed: HashMap<&str, &str> = routes.iter().filter_map(renamed).collect();
    let mut tried = HashSet::new();
    let mut found: Vec<Moved> = Vec::new();
    let mut known: HashMap<[Option<Arc<str>>; 2], usize> = HashMap::new();
    for edition in [new, old] {
        for route in &edition.model.routes {
            for example in examples(&[route]).take(EACH) {
                let request = example.to_string();
                if tried.len() == TRIED || !tried.insert(request.clone()) {
                    continue;
                }
                let question = edition.question(&example, now);
                let [before, after] = [old, new].map(|asked| Becomes::of(asked, &question));
                let is_same_route = match (&before.route, &after.route) {
                    (Some(before), Some(after)) => before == after || renamed.get(&**before) == Some(&&**after),
                    (before, after) => before == after,
                };
                if is_same_route && before.answer == after.answer {
                    continue;
                }
                let routes = [before.route.clone(), after.route.clone()];
                match known.get(&routes) {
                    Some(index) => found[*index].more += 1,
                    None => {
                        known.insert(routes, found.len());
                        found.push(Moved { request, old: before, new: after, more: 0 });
                    }
                }
            }
        }
    }
    let omitted = found.len().saturating_sub(TOLD);
    found.truncate(TOLD);
    (found, omitted)
}

fn renamed(item: &Item) -> Option<(&str, &str)> {
    match item {
        Item::Renamed { name, from } => Some((from, name)),
        Item::Added { .. } | Item::Removed { .. } | Item::Changed { .. } => None,
    }
}

// === impl Edition ===

impl Edition<'_> {
    fn question(self, example: &Example, now: SystemTime) -> Question {
        let listener = example.listener.and_then(|id| self.model.listeners.get(id.0 as usize));
        Question {
            listener: listener.map(|listener| listener.name.clone()),
            at: Some(example.at.unwrap_or(now)),
            ..Question::from(example)
        }
    }
}

// === impl Becomes ===

impl Becomes {
    fn of(edition: Edition<'_>, question: &Question) -> Self {
        match Answer::new(edition.snapshot, question) {
            Ok(answer) => Self {
                route: answer.route.map(|route| edition.snapshot.routes[route].name.clone()),
                answer: self::answer(&answer.decision),
            },
            Err(error) => Self { route: None, answer: error.to_string() },
        }
    }
}

impl fmt::Display for Becomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.route {
            Some(route) => write!(f, "`{route}`: {}", self.answer),
            None => f.write_str(&self.answer),
        }
    }
}

fn answer(decision: &Decision) -> String {
    match decision {
        Decision::Upstream(to) => {
            let labels = to.subset.as_ref().map(|labels| format!(" with {labels}")).unwrap_or_default();
            format!("upstream `{}`{labels}, {}", to.upstream, to.request)
        }
        Decision::Split { why, request, .. } => format!("{why}, {request}"),
        Decision::Redirect { status, location } => format!("{status} to {location}"),
        Decision::Respond { status, .. } => status.to_string(),
        Decision::Refuse { status, cause, .. } => format!("{status} {cause}"),
    }
}
