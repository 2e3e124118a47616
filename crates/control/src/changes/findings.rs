//! Problems, for whoever sees objects and no lines.

use std::{collections::HashMap, path::Path};

use model::{Node, Place, Problem, Report, Severity};
use snapshot::Finding;

use crate::overlay;

/// What a report holds. A place in the overlay, whose text is given, is told as the path into its object.
pub(super) fn findings(report: &Report, overlay: Option<&str>) -> Vec<Finding> {
    let is_ours = |place: &Place| *place.file == *overlay::NAME;
    // Without a file, the whole has the name of what keeps it.
    let is_nowhere = |place: &Place| Path::new(&*place.file).file_name().is_some_and(|file| file == overlay::FILE);
    let has_ours = report.problems.iter().any(|problem| is_ours(&problem.place));
    let lines = overlay.filter(|_| has_ours).map(Lines::of);
    let finding = |Problem { severity, place, message, hint }: &Problem| {
        let path = lines.as_ref().filter(|_| is_ours(place)).map(|lines| lines.path(place));
        Finding {
            severity: match severity {
                Severity::Error => "error".to_owned(),
                Severity::Warning => "warning".to_owned(),
            },
            place: (path.is_none() && !is_nowhere(place)).then(|| place.to_string()),
            path: path.filter(|path| !path.is_empty()),
            message: message.clone(),
            hint: hint.clone(),
        }
    };
    report.problems.iter().map(finding).collect()
}

/// The lines of an overlay, each of which is an object of a list, the key of one, or anything else with its key.
struct Lines<'t>(HashMap<u32, Line<'t>>);

struct Line<'t> {
    /// The key of its list, and which it is there.
    item: Option<(&'t str, usize)>,
    text: &'t str,
}

// === impl Lines ===

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut list = ("", 0);
        let line = |(number, text): (u32, &'t str)| {
            let item = text.starts_with("- ").then_some(list);
            list = if item.is_some() { (list.0, list.1 + 1) } else { (text.trim_end_matches(':'), 0) };
            (number, Line { item, text })
        };
        Self((1..).zip(text.lines()).map(line).collect())
    }

    /// `routes[a].match.path`; empty, if it is about the whole.
    fn path(&self, place: &Place) -> String {
        let Some(Line { item, text }) = self.0.get(&place.line) else { return String::new() };
        let Some(node) = model::parse(overlay::NAME, text, &|_| None, &mut Report::default()) else {
            return String::new();
        };
        let (mut path, root) = match item {
            Some((list, index)) => (format!("{list}{}", item_of(node.item(0), *index)), node.item(0)),
            None => (String::new(), &node),
        };
        let mut best = String::new();
        descend(root, place.column, &mut String::new(), &mut best);
        if !path.is_empty() && !best.is_empty() && !best.starts_with('[') {
            path.push('.');
        }
        path + &best
    }
}

/// Goes through all that is written, and ends with the path of the last that begins no later than `column`.
fn descend(node: &Node, column: u32, path: &mut String, best: &mut String) {
    let length = path.len();
    let mut visit = |place: &Place, child: &Node, part: String| {
        if place.column > column {
            return;
        }
        path.push_str(&part);
        best.clone_from(path);
        descend(child, column, path, best);
        path.truncate(length);
    };
    for (key, child) in node.entries() {
        visit(&key.place, child, if length == 0 { key.name.clone() } else { format!(".{}", key.name) });
    }
    for (child, index) in node.items().iter().zip(0..) {
        visit(&child.place, child, item_of(child, index));
    }
}

/// An item by its name, or its number where it has none.
fn item_of(item: &Node, index: usize) -> String {
    match item.get("name").and_then(Node::text) {
        Some(name) => format!("[{name}]"),
        None => format!("[{index}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_paths() {
        let document = json!({
            "gateway": { "grace": "soon", "admin": {} },
            "routes": [
                { "match": { "path": "/a" }, "name": "a", "policies": [{ "nothing": {} }] },
                { "match": { "methods": ["GET", "get it"] } },
            ],
        });
        let text = overlay::text(&serde_json::from_value(document).unwrap());
        let root = model::parse(overlay::NAME, &text, &|_| None, &mut Report::default()).unwrap();
        let lines = Lines::of(&text);
        let path = |node: &Node| lines.path(&node.place);
        let routes = root.get("routes").unwrap();
        let first = routes.item(0);
        assert_eq!(path(root.near("gateway").near("grace")), "gateway.grace");
        assert_eq!(lines.path(&root.near("gateway").key("admin").unwrap().place), "gateway.admin");
        assert_eq!(path(first), "routes[a]");
        assert_eq!(path(first.near("match").near("path")), "routes[a].match.path");
        assert_eq!(path(first.near("policies").item(0).near("nothing")), "routes[a].policies[0].nothing");
        assert_eq!(path(routes.item(1).near("match").near("methods").item(1)), "routes[1].match.methods[1]");
    }
}
