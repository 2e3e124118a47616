//! What may be asked for, and how it is asked for.

use clap::{
    ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use revisions::edit::List;
use serde_json::{Value, json};

use super::{Path, Remote, Table, columns::Column};
use crate::failure::Failure;

/// A kind of things that a gateway tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Where clients connect
    #[value(alias = "listener")]
    Listeners,
    /// Where requests are sent
    #[value(alias = "upstream")]
    Upstreams,
    /// Which request goes where
    #[value(alias = "route")]
    Routes,
    /// Who calls
    #[value(alias = "consumer")]
    Consumers,
    /// Who may ask the gateway
    #[value(alias = "operator")]
    Operators,
    /// Whom upstreams really ask; of one, if it is named
    #[value(alias = "endpoint")]
    Endpoints,
    /// What was found in registries
    #[value(alias = "service")]
    Services,
    /// Circuit breakers
    #[value(alias = "breaker")]
    Breakers,
    /// The gateways that share the document
    #[value(alias = "node")]
    Nodes,
    /// The keys of a consumer, who must be named
    #[value(alias = "key")]
    Keys,
    /// The newest requests
    #[value(alias = "request")]
    Requests,
    /// Every change that is remembered
    #[value(alias = "revision")]
    Revisions,
    /// Who changed what, and who tried in vain
    Audit,
}

/// Which things of a kind are meant.
#[derive(Debug, Default)]
pub(crate) struct Which<'w> {
    pub(crate) name: Option<&'w str>,
    /// Something that they say somewhere.
    pub(crate) text: Option<&'w str>,
    pub(crate) owner: Option<&'w str>,
    /// `None`: all, however many there are; of what grows without end, the newest hundred.
    pub(crate) most: Option<usize>,
}

/// So many things an answer has at most: objects of the document, which the gateway looks for from the begin of the list
/// each time, and everything else.
const OBJECTS: usize = 100_000;
const PAGE: usize = 1_000;

/// Of what grows without end.
const NEWEST: usize = 100;

// === impl Kind ===

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self.list() {
            Some(list) => list.name(),
            None => match self {
                Self::Endpoints => "endpoints",
                Self::Services => "services",
                Self::Breakers => "breakers",
                Self::Nodes => "nodes",
                Self::Keys => "keys",
                Self::Requests => "requests",
                Self::Revisions => "revisions",
                _ => "audit",
            },
        }
    }

    /// The list of the document that they stand in.
    pub(crate) fn list(self) -> Option<List> {
        match self {
            Self::Listeners => Some(List::Listeners),
            Self::Upstreams => Some(List::Upstreams),
            Self::Routes => Some(List::Routes),
            Self::Consumers => Some(List::Consumers),
            Self::Operators => Some(List::Operators),
            _ => None,
        }
    }

    /// Asks for them.
    pub(crate) async fn find(self, remote: &Remote, which: &Which<'_>) -> Result<Vec<Value>, Failure> {
        match (self, which.name) {
            (Self::Endpoints, None) => all_endpoints(remote, which).await,
            (Self::Endpoints, Some(upstream)) => endpoints(remote, upstream).await,
            (Self::Keys, None) => Err(Failure::Usage("whose keys? `sluice get keys CONSUMER`".to_owned())),
            (Self::Keys, Some(consumer)) => {
                inner(remote.get_json(&Path::new(&["consumers", consumer, "keys"])).await?, "keys")
            }
            (Self::Services | Self::Nodes | Self::Breakers, name) => {
                let all = inner(remote.get_json(&Path::new(&[self.name()])).await?, self.name())?;
                self.named(all, name)
            }
            (Self::Requests, _) => {
                let path = Path::new(&["requests"]).with("limit", which.most.unwrap_or(NEWEST).min(PAGE));
                inner(remote.get_json(&path).await?, "requests")
            }
            (Self::Revisions, _) => pages(remote, &Path::new(&["revisions"]), ("before", PAGE), which.most).await,
            (Self::Audit, _) => {
                pages(remote, &Path::new(&["audit"]), ("before", PAGE), which.most.or(Some(NEWEST))).await
            }
            (_, Some(name)) => Ok(vec![remote.get_json(&Path::new(&[self.name(), name])).await?]),
            (_, None) => {
                let path = Path::new(&[self.name()]).with_some("q", which.text).with_some("owner", which.owner);
                pages(remote, &path, ("after", OBJECTS), which.most).await
            }
        }
    }

    /// As a table.
    pub(crate) fn table(self, things: &[Value]) -> Table {
        let columns: &[Column] = self.columns();
        let titles: Vec<_> = columns.iter().map(|(title, _)| *title).collect();
        let mut table = Table::new(&titles);
        for thing in things {
            table.row(columns.iter().map(|(_, cell)| cell(thing)));
        }
        table
    }

    /// What is printed for programs: objects as documents have them, everything else as it was told.
    pub(crate) fn document(self, things: Vec<Value>) -> Value {
        let is_object = self.list().is_some();
        let thing = |mut thing: Value| if is_object { thing["object"].take() } else { thing };
        let things: Vec<_> = things.into_iter().map(thing).collect();
        json!({ self.name(): things })
    }

    /// Those with a name, of a kind that is told all at once.
    fn named(self, things: Vec<Value>, name: Option<&str>) -> Result<Vec<Value>, Failure> {
        let Some(name) = name else { return Ok(things) };
        let names = |thing: &Value| match self {
            Self::Services => vec![thing["service"].clone()],
            Self::Breakers => ["route", "upstream", "endpoint"].map(|key| thing[key].clone()).to_vec(),
            _ => vec![thing["name"].clone()],
        };
        let (meant, others): (Vec<_>, Vec<_>) =
            things.into_iter().partition(|thing| names(thing).contains(&name.into()));
        if !meant.is_empty() {
            return Ok(meant);
        }
        let known: Vec<_> = others.iter().flat_map(names).filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let nearest = model::nearest(name, known.iter().map(|known| &**known));
        let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
        Err(Failure::Other(format!("of the {}, none is called `{name}`{hint}", self.name())))
    }
}

/// Reads the kind of an object of the document, in the singular as well.
pub(crate) fn list_parser() -> impl TypedValueParser<Value = List> {
    let value = |list: List| PossibleValue::new(list.name()).alias(list.singular());
    PossibleValuesParser::new(List::ALL.map(value)).try_map(|name| {
        let meant = List::ALL.into_iter().find(|list| name == list.name() || name == list.singular());
        meant.ok_or("there is no such kind")
    })
}

/// All pages of a list, or as many as hold `most`. The parameter is named that the next page is asked for with, and how much a
/// page holds.
async fn pages(
    remote: &Remote,
    path: &Path,
    (next, page): (&str, usize),
    most: Option<usize>,
) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let limit = most.map_or(page, |most| most.saturating_sub(found.len()).min(page));
        if limit == 0 {
            return Ok(found);
        }
        let asked = path.clone().with("limit", limit);
        let asked = match &cursor {
            Value::Null => asked,
            Value::String(after) => asked.with(next, after),
            before => asked.with(next, before),
        };
        let mut told: Value = remote.get_json(&asked).await?;
        cursor = told["next"].take();
        found.extend(inner(told, "items")?);
        if cursor.is_null() {
            return Ok(found);
        }
    }
}

/// Of every upstream. Each is asked for by itself.
async fn all_endpoints(remote: &Remote, which: &Which<'_>) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    for upstream in pages(remote, &Path::new(&["upstreams"]), ("after", OBJECTS), None).await? {
        found.extend(endpoints(remote, upstream["name"].as_str().unwrap_or_default()).await?);
        if which.most.is_some_and(|most| found.len() >= most) {
            break;
        }
    }
    found.truncate(which.most.unwrap_or(usize::MAX));
    Ok(found)
}

async fn endpoints(remote: &Remote, upstream: &str) -> Result<Vec<Value>, Failure> {
    let told = remote.get_json(&Path::new(&["upstreams", upstream, "endpoints"])).await?;
    let mut found = inner(told, "endpoints")?;
    found.iter_mut().for_each(|endpoint| endpoint["upstream"] = upstream.into());
    Ok(found)
}

/// A list in an answer.
fn inner(mut told: Value, key: &str) -> Result<Vec<Value>, Failure> {
    match told[key].take() {
        Value::Array(items) => Ok(items),
        _ => Err(Failure::Other(format!("the gateway's answer has no `{key}`; is it another version?"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_called_as_the_command_line_calls_it() {
        for kind in Kind::value_variants() {
            let value = kind.to_possible_value().unwrap();
            assert_eq!(value.get_name(), kind.name());
        }
    }

    #[test]
    fn what_has_no_such_name_says_what_has() {
        let nodes = || vec![json!({ "name": "gateway-1" }), json!({ "name": "gateway-2" })];
        assert_eq!(Kind::Nodes.named(nodes(), Some("gateway-2")).unwrap(), [nodes()[1].clone()]);
        let error = Kind::Nodes.named(nodes(), Some("gatway-1")).unwrap_err().to_string();
        assert!(error.ends_with("of the nodes, none is called `gatway-1`; did you mean `gateway-1`?"), "{error}");
    }

    #[test]
    fn objects_are_printed_as_documents_have_them() {
        let told = json!({ "name": "a", "owner": { "kind": "api" }, "tag": "t", "object": { "name": "a" } });
        assert_eq!(Kind::Routes.document(vec![told]), json!({ "routes": [{ "name": "a" }] }));
        assert_eq!(Kind::Nodes.document(vec![json!({ "name": "n" })]), json!({ "nodes": [{ "name": "n" }] }));
    }
}
