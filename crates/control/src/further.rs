//! Documents that are no files.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use model::{Further, Node, Place, Report, Severity, Value};

/// Whether the operator's documents let others have a say.
pub(crate) fn are_wanted(root: &Node) -> bool {
    let consul = root.get("gateway").and_then(|gateway| gateway.get("discovery")?.get("consul"));
    consul.and_then(|consul| consul.get("catalog")).is_some_and(|catalog| catalog.value == Value::Bool(true))
}

/// Puts them behind the operator's documents, but for what has the name of something that is there already: with a warning,
/// since who registers a service is not to break what operators wrote.
pub(crate) fn merge(root: Node, further: &[Further], report: &mut Report) -> Node {
    let documents =
        further.iter().filter_map(|Further { name, text }| model::parse(name, text, &nothing, report)).collect();
    behind(root, documents, report)
}

/// Puts documents behind another one, but for what has the name of something that is there already.
pub(crate) fn behind(root: Node, mut documents: Vec<Node>, report: &mut Report) -> Node {
    for list in model::LISTS {
        let items = root.get(list).map(Node::items).unwrap_or_default();
        let mut taken = items.iter().filter_map(named).collect::<HashMap<_, _>>();
        for document in &mut documents {
            leave_out_taken(list, document, &mut taken, report);
        }
    }
    model::merge(root, documents, report)
}

/// Those that are not to blame for what stands in the way of all, which is logged; none if nobody in particular is. Whoever
/// registers a service is not to keep what operators wrote from being served.
pub(crate) fn innocent(further: &[Further], report: &Report) -> Arc<[Further]> {
    let errors = report.problems.iter().filter(|problem| problem.severity == Severity::Error);
    let is_to_blame = |document: &&Further| errors.clone().any(|error| error.place.file == document.name);
    let (to_blame, innocent): (Vec<_>, Vec<_>) = further.iter().partition(is_to_blame);
    for document in &to_blame {
        for error in errors.clone().filter(|error| error.place.file == document.name) {
            tracing::error!(document = %document.name, "left out: {error}");
        }
    }
    if to_blame.is_empty() {
        tracing::error!("the document is refused with what catalogs say: it is tried without all of that");
        return [].into();
    }
    innocent.into_iter().cloned().collect()
}

/// What they know of the environment: nothing that could be told them is their business.
pub(crate) fn nothing(_: &str) -> Option<String> {
    None
}

fn leave_out_taken(list: &str, document: &mut Node, taken: &mut HashMap<String, Place>, report: &mut Report) {
    let what = list.strip_suffix('s').unwrap_or(list);
    let Value::Map(entries) = &mut document.value else { return };
    let Some((_, list)) = entries.iter_mut().find(|(key, _)| key.name == list) else { return };
    let Value::List(items) = &mut list.value else { return };
    items.retain(|item| {
        // What has no name is for the check to report.
        let Some((name, place)) = named(item) else { return true };
        match taken.entry(name) {
            Entry::Vacant(vacant) => {
                vacant.insert(place);
                true
            }
            Entry::Occupied(first) => {
                let message = format!("the {what} `{}` is left out: there is one at {}", first.key(), first.get());
                report.warning(&place, message);
                false
            }
        }
    });
}

fn named(item: &Node) -> Option<(String, Place)> {
    let name = item.get("name")?;
    Some((name.text()?.to_owned(), name.place.clone()))
}
