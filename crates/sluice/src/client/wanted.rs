//! Documents that somebody wants to be so, as edits of what the API keeps.

use std::{
    collections::HashMap,
    env, fmt,
    io::{self, Read},
    path::{Path as FilePath, PathBuf},
};

use clap::Args;
use control::Refusal;
use model::{Key, Node, Place, Report, Value as Written};
use revisions::{
    Document,
    edit::{Edit, List, name_of},
};
use serde_json::json;

use super::{Path, Remote};
use crate::failure::Failure;

/// What somebody wants to be so.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// A document, with all objects that it has; `-` for standard input. Several count as one
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take away what the API keeps in the lists that the documents have, and they do not name
    #[arg(long, requires = "files")]
    prune: bool,
}

/// Edits, each with its place, and what must be so for them to mean what they are to mean.
#[derive(Debug)]
pub(crate) struct Edits {
    edits: Vec<Edit>,
    roots: Vec<Node>,
    /// The newest revision, if it was looked at.
    pub(crate) seen: Option<String>,
    /// Whether some of them take objects away.
    pub(crate) takes_away: bool,
}

/// Edits while documents are read.
#[derive(Default)]
struct Reading<'n> {
    edits: Vec<Edit>,
    known: HashMap<(List, &'n str), &'n Place>,
    report: Report,
}

// === impl Wanted ===

impl Wanted {
    /// The documents, as edits. Whoever is asked is asked only for what a prune would take away.
    pub(crate) async fn edits(&self, remote: &Remote) -> Result<Edits, Failure> {
        let mut edits = Edits::of(self.files.iter().map(|file| document(file)).collect::<Result<_, _>>()?)?;
        if self.prune {
            let kept = Path::new(&["config"]).with("only", "api");
            let (kept, seen) = remote.get_tagged(&kept).await?;
            edits.prune(&kept);
            edits.seen = Some(seen);
        }
        match edits.edits.is_empty() {
            true => Err(Failure::Other(format!("there are no objects in {self}, so there is nothing to do"))),
            false => Ok(edits),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        f.write_str(&files.join(", "))
    }
}

// === impl Edits ===

impl Edits {
    fn of(roots: Vec<Node>) -> Result<Self, Failure> {
        let mut reading = Reading::default();
        roots.iter().for_each(|root| reading.document(root));
        let Reading { edits, report, .. } = reading;
        report.problems.iter().filter(|_| !report.has_errors()).for_each(|warning| eprintln!("{warning}"));
        match report.has_errors() {
            true => Err(Refusal::Document(report).into()),
            false => Ok(Self { edits, roots, seen: None, takes_away: false }),
        }
    }

    /// As the API takes them.
    pub(crate) fn transaction(&self) -> Vec<u8> {
        json!({ "edits": self.edits }).to_string().into_bytes()
    }

    /// Says where in the documents that is which the gateway does not like.
    pub(crate) fn placed(&self, failure: Failure) -> Failure {
        let Failure::Answered(mut answered) = failure else { return failure };
        if let Some(Edit::Put { list, name, .. }) = answered.edit().and_then(|edit| self.edits.get(edit))
            && let Some(place) = self.place_of(&format!("{}[{name}]", list.name()))
        {
            return Failure::Other(format!("{place}: {answered}"));
        }
        answered.place(|path| self.place_of(path));
        Failure::Answered(answered)
    }

    /// Takes what is kept and not wanted, in the lists that the documents have.
    fn prune(&mut self, kept: &Document) {
        for list in List::ALL.into_iter().filter(|list| self.roots.iter().any(|root| root.key(list.name()).is_some())) {
            let kept = kept.objects(list).filter_map(name_of);
            let gone: Vec<_> = kept.filter(|name| !self.has(list, name)).map(str::to_owned).collect();
            self.takes_away |= !gone.is_empty();
            self.edits.extend(gone.into_iter().map(|name| Edit::Delete { list, name }));
        }
    }

    fn has(&self, wanted: List, named: &str) -> bool {
        self.edits.iter().any(|edit| matches!(edit, Edit::Put { list, name, .. } if *list == wanted && name == named))
    }

    /// Where `routes[a].match.path` is written; where the nearest is written that is around it.
    fn place_of(&self, path: &str) -> Option<String> {
        let (list, rest) = path.split_once('[')?;
        let (name, rest) = rest.split_once(']')?;
        let is_it = |item: &&Node| item.get("name").and_then(Node::text) == Some(name);
        let mut node = self.roots.iter().flat_map(|root| root.near(list).items()).find(is_it)?;
        for part in rest.split(['.', '[']).filter(|part| !part.is_empty()) {
            node = match part.strip_suffix(']').and_then(|index| index.parse().ok()) {
                Some(index) => node.item(index),
                None => node.near(part),
            };
        }
        Some(node.place.to_string())
    }
}

// === impl Reading ===

impl<'n> Reading<'n> {
    fn document(&mut self, root: &'n Node) {
        match &root.value {
            Written::Map(entries) => entries.iter().for_each(|(key, value)| self.entry(key, value)),
            Written::Null => {}
            _ => self.report.error(&root.place, format!("expected a map, found {}", root.describe())),
        }
    }

    fn entry(&mut self, key: &'n Key, value: &'n Node) {
        if let Some(list) = List::by_name(&key.name) {
            return self.list(list, value);
        }
        match &*key.name {
            "version" if value.value == Written::Integer(1) => {}
            "version" => self.report.error(&value.place, format!("expected 1, found {}", value.describe())),
            // What is included is here by now.
            "$schema" | "include" => {}
            "gateway" => self.edits.push(Edit::PatchGateway { patch: value.json() }),
            "tests" => self.report.warning_with_hint(
                &key.place,
                "`tests` are left out: they belong to files",
                "`sluice check` looks whether they hold",
            ),
            unknown => {
                let known = List::ALL.map(List::name).into_iter().chain(["version", "gateway"]);
                let hint = match model::nearest(unknown, known.clone()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
                };
                self.report.error_with_hint(&key.place, format!("unknown key `{unknown}`"), hint);
            }
        }
    }

    fn list(&mut self, list: List, value: &'n Node) {
        let Written::List(items) = &value.value else {
            return self.report.error(&value.place, format!("expected a list, found {}", value.describe()));
        };
        for item in items {
            let Some(name) = item.get("name").and_then(Node::text) else {
                let what = format!("a {} is a map with a `name`", list.singular());
                self.report.error(&item.near("name").place, what);
                continue;
            };
            if let Some(first) = self.known.insert((list, name), &item.place) {
                let what = format!("the {} `{name}` is given a second time, first at {first}", list.singular());
                self.report.error(&item.place, what);
            }
            self.edits.push(Edit::Put { list, name: name.to_owned(), object: item.json_map() });
        }
    }
}

/// As it is written, with what it includes and what the environment says.
fn document(file: &FilePath) -> Result<Node, Failure> {
    if file != FilePath::new("-") {
        return Ok(control::read_document(file)?);
    }
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::Other(format!("standard input: {error}")))?;
    let mut report = Report::default();
    let root = model::parse("-", &text, &|name| env::var(name).ok(), &mut report);
    for include in root.iter().flat_map(model::includes) {
        report.error_with_hint(
            &include.place,
            "what comes from standard input is in no folder",
            "name the file with -f",
        );
    }
    match root {
        Some(root) if !report.has_errors() => Ok(root),
        _ => Err(Refusal::Document(report).into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn root(text: &str) -> Node {
        model::parse("a.yaml", text, &|_| None, &mut Report::default()).unwrap()
    }

    fn edits(text: &str) -> Edits {
        Edits::of(vec![root(text)]).unwrap()
    }

    #[test]
    fn a_document_is_a_list_of_edits() {
        let edits = edits(
            "version: 1\ngateway: { grace: 5s }\nroutes:\n- { name: a, upstream: b }\nupstreams:\n- { name: b, endpoints: [] }\n",
        );
        let expected = json!({ "edits": [
            { "do": "patch_gateway", "patch": { "grace": "5s" } },
            { "do": "put", "list": "routes", "name": "a", "object": { "name": "a", "upstream": "b" } },
            { "do": "put", "list": "upstreams", "name": "b", "object": { "name": "b", "endpoints": [] } },
        ]});
        assert_eq!(serde_json::from_slice::<Value>(&edits.transaction()).unwrap(), expected);
        assert!(!edits.takes_away);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text = "version: 2\nrotes: []\nroutes:\n- { upstream: b }\n- { name: a }\n- { name: a }\nlisteners: {}\n";
        let error = Edits::of(vec![root(text)]).unwrap_err().to_string();
        for problem in [
            "a.yaml:1:10: error: expected 1, found the number 2",
            "a.yaml:2:1: error: unknown key `rotes`; did you mean `routes`?",
            "a.yaml:4:3: error: a route is a map with a `name`",
            "a.yaml:6:3: error: the route `a` is given a second time, first at a.yaml:5:3",
            "a.yaml:7:12: error: expected a list, found an empty map",
        ] {
            assert!(error.contains(problem), "no `{problem}` in\n{error}");
        }
    }

    #[test]
    fn a_prune_takes_only_from_lists_that_the_document_has() {
        let mut edits = edits("routes:\n- { name: a }\n");
        let kept = json!({ "routes": [{ "name": "a" }, { "name": "b" }], "upstreams": [{ "name": "c" }] });
        edits.prune(&serde_json::from_value(kept).unwrap());
        assert_eq!(edits.edits[1..], [Edit::Delete { list: List::Routes, name: "b".to_owned() }]);
        assert!(edits.takes_away);
    }

    #[test]
    fn paths_lead_back_to_lines() {
        let edits = edits("routes:\n- name: a\n  match:\n    methods: [GET,\n      PUT]\n");
        for (path, place) in [
            ("routes[a].match.methods[1]", Some("a.yaml:5:7")),
            ("routes[a].upstream", Some("a.yaml:2:3")),
            ("routes[b]", None),
            ("gateway", None),
        ] {
            assert_eq!(edits.place_of(path).as_deref(), place, "{path}");
        }
    }
}
