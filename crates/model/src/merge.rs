//! Several files, one document.

use crate::{Key, Node, Place, Report, Value};

/// What several files may each have a part of.
pub const LISTS: [&str; 6] = ["listeners", "upstreams", "routes", "tests", "consumers", "operators"];

/// A pattern under `include`: which other files belong to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    pub place: Place,
    /// A path, in which `*` stands for any run of characters but `/`; relative to the folder of the document.
    pub pattern: String,
}

/// The patterns under `include`. Anything there that is no text is left to [`check`](crate::check()) to report.
pub fn includes(root: &Node) -> Vec<Include> {
    let patterns = root.get("include").map(Node::items).unwrap_or_default();
    let include = |node: &Node| Some(Include { place: node.place.clone(), pattern: node.text()?.to_owned() });
    patterns.iter().filter_map(include).collect()
}

/// Puts the documents that `main` includes into it: their lists behind its own, in the order given.
///
/// Only one of all may have a `gateway`; only `main` may have an `include`.
pub fn merge(main: Node, others: Vec<Node>, report: &mut Report) -> Node {
    let Node { place, value } = main;
    let mut entries = match value {
        Value::Map(entries) => entries,
        // `check` says what is wrong with it.
        value if others.is_empty() => return Node { place, value },
        Value::Null => Vec::new(),
        value => return Node { place, value },
    };
    for other in others {
        match other.value {
            Value::Map(parts) => parts.into_iter().for_each(|(key, value)| take(&mut entries, key, value, report)),
            Value::Null => {}
            _ => report.error(&other.place, format!("expected a map, found {}", other.describe())),
        }
    }
    Node { place, value: Value::Map(entries) }
}

fn take(entries: &mut Vec<(Key, Node)>, key: Key, value: Node, report: &mut Report) {
    if key.name == "include" {
        report.error_with_hint(&key.place, "an included file cannot include others", "name them in the main file");
        return;
    }
    // Every file may say what it is.
    if key.name == "$schema" || key.name == "version" && value.value == Value::Integer(1) {
        return;
    }
    let Some((first, present)) = entries.iter_mut().find(|(first, _)| first.name == key.name) else {
        entries.push((key, value));
        return;
    };
    match (&mut present.value, value.value) {
        (Value::List(all), Value::List(more)) if LISTS.contains(&key.name.as_str()) => all.extend(more),
        (_, other) if LISTS.contains(&key.name.as_str()) => {
            let other = Node { place: value.place, value: other };
            report.error(&other.place, format!("expected a list, found {}", other.describe()));
        }
        _ => report.error_with_hint(
            &key.place,
            format!("`{}` is given a second time, first at {}", key.name, first.place),
            "put it into one of the files only",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(file: &str, text: &str) -> Node {
        crate::parse(file, text, &|_| None, &mut Report::default()).expect("good YAML")
    }

    #[test]
    fn lists_are_joined_in_order() {
        let main = node("main", "{version: 1, routes: [a], include: [x, y]}");
        let others = vec![
            node("x", "{version: 1, $schema: s, routes: [b]}"),
            node("y", "{upstreams: [u], routes: [c]}"),
            node("z", ""),
        ];
        let mut report = Report::default();
        let patterns: Vec<String> = includes(&main).into_iter().map(|include| include.pattern).collect();
        let merged = merge(main, others, &mut report);
        assert_eq!(report.problems, []);
        assert_eq!(patterns, ["x", "y"]);
        let texts = |key: &str| merged.near(key).items().iter().filter_map(Node::text).collect::<Vec<_>>();
        assert_eq!(texts("routes"), ["a", "b", "c"]);
        assert_eq!(texts("upstreams"), ["u"]);
        assert_eq!(merged.near("routes").item(1).place.to_string(), "x:1:35");
    }

    #[test]
    fn what_only_one_file_may_say_is_refused_a_second_time() {
        let main = node("main", "version: 1\ngateway: {}\nroutes: []");
        let others = vec![node("x", "gateway: {}\nroutes: 5\ninclude: [y]"), node("y", "[]")];
        let mut report = Report::default();
        merge(main, others, &mut report);
        let lines: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "x:1:1: error: `gateway` is given a second time, first at main:2:1; put it into one of the files only",
                "x:2:9: error: expected a list, found the number 5",
                "x:3:1: error: an included file cannot include others; name them in the main file",
                "y:1:1: error: expected a map, found an empty list",
            ]
        );
    }
}
