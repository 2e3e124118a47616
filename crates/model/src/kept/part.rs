use std::sync::Arc;

use crate::{
    Further, Node, Place, Report, Value,
    parse::{self, Item},
};

/// A file with its routes cut out.
#[derive(Debug)]
pub struct Part {
    /// Without the key `routes`.
    pub(super) rest: Node,
    pub(super) file: File,
}

/// The text of a file, and where its routes stand.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: Arc<str>,
    pub(super) text: Arc<str>,
    pub(super) items: Vec<Item>,
}

/// The key of the list that is cut out.
const KEY: &str = "routes";

// === impl Part ===

impl Part {
    /// `None` if the routes cannot be cut out, or anything is wrong with the rest.
    pub fn read(name: &str, mut text: String, environment: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        if text.len() > parse::LONGEST {
            return None;
        }
        let cut = parse::cut(&text, KEY)?;
        let mut report = Report::default();
        let rest = parse::parse(name, &cut.rest, environment, &mut report)?;
        if !report.problems.is_empty() {
            return None;
        }
        let rest = without_routes(rest, cut.items.is_empty())?;
        Some(Self { rest, file: File { name: Arc::from(name), text: text.into(), items: cut.items } })
    }

    /// What stands in places of it, and all that it holds.
    pub fn written(&self) -> Further {
        Further { name: self.file.name.clone(), text: self.file.text.clone() }
    }

    /// What the file holds beside its routes.
    pub fn rest(&self) -> &Node {
        &self.rest
    }
}

/// Takes the key away whose value was cut out. `None` if that key is not there, or its value still is.
fn without_routes(rest: Node, is_uncut: bool) -> Option<Node> {
    let Node { place, value } = rest;
    let value = match value {
        Value::Map(mut entries) => {
            let at = entries.iter().position(|(key, _)| key.name == KEY);
            match at.map(|at| (at, &entries[at].1.value)) {
                Some((at, Value::Null)) if !is_uncut => drop(entries.remove(at)),
                None if is_uncut => {}
                _ => return None,
            }
            Value::Map(entries)
        }
        value if is_uncut => value,
        _ => return None,
    };
    Some(Node { place, value })
}

// === impl File ===

impl File {
    pub(super) fn start(&self) -> Place {
        Place { file: self.name.clone(), line: 1, column: 1 }
    }
}
