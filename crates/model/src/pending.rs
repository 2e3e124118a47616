//! What documents may say one day, and this version cannot do yet.
//!
//! Such a key is known, so it is no slip of the pen, but to ignore it would be worse than to refuse it: a gateway that
//! accepts `health` and looks at nobody lies. Whoever builds one of these deletes its row.

use crate::{Node, Report};

/// Where a key or value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Route,
    Policy,
}

struct Pending {
    scope: Scope,
    word: &'static str,
    hint: &'static str,
}

#[rustfmt::skip]
const TABLE: &[Pending] = &[
    Pending { scope: Scope::Route, word: "aggregate", hint: "use `upstream`" },

    Pending { scope: Scope::Policy, word: "when", hint: "put the policy on routes whose `match` holds the condition" },
];

/// The actions of a route that are known but pending, for the check that there is exactly one.
pub(crate) fn actions() -> impl Iterator<Item = &'static str> {
    words(Scope::Route)
}

/// Refuses the keys of a map that are pending, and returns their values, which nobody else should look at.
pub(crate) fn refuse<'n>(scope: Scope, map: &'n Node, report: &mut Report) -> Vec<&'n Node> {
    let mut refused = Vec::new();
    for (key, value) in map.entries() {
        if let Some(pending) = find(scope, &key.name) {
            pending.refuse(&key.place, report);
            refused.push(value);
        }
    }
    refused
}

fn words(scope: Scope) -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(move |pending| pending.scope == scope).map(|pending| pending.word)
}

fn find(scope: Scope, word: &str) -> Option<&'static Pending> {
    TABLE.iter().find(|pending| pending.scope == scope && pending.word == word)
}

// === impl Pending ===

impl Pending {
    fn refuse(&self, place: &crate::Place, report: &mut Report) {
        let message = format!("`{}` is not available in this version of sluice", self.word);
        report.error_with_hint(place, message, self.hint);
    }
}
