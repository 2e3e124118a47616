//! `sluice describe`

use std::{fmt::Write, process::ExitCode};

use clap::Args;
use model::yaml;
use revisions::edit::List;
use serde_json::{Value, json};

use crate::{
    client::{
        Form, Remote, Running, Table, block_on,
        kind::{Kind, Which},
        plain,
        uses::{Use, uses},
    },
    failure::Failure,
};

/// Tells all of one thing: how it is written, who changes it, how it is, and who uses it
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice describe upstream users\n  sluice describe route orders -o json")]
pub(crate) struct Describe {
    /// What it is
    #[arg(value_enum)]
    kind: Kind,
    /// What it is called
    name: String,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

/// An object with all that is known of it.
struct Described {
    list: List,
    told: Value,
    /// Of an upstream.
    endpoints: Vec<Value>,
    uses: Vec<Use>,
}

/// So many are told to people who use a thing.
const USES: usize = 20;

// === impl Describe ===

impl Describe {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { kind, name, form, running } = self;
        let remote = running.find()?;
        match kind.list() {
            Some(list) => {
                let described = block_on(Described::find(&remote, list, kind, &name))?;
                form.tell(&described.json(), || described.text())?;
            }
            None if matches!(kind, Kind::Requests | Kind::Revisions | Kind::Audit) => {
                let what = format!("{} cannot be described; `sluice get {}` lists them", kind.name(), kind.name());
                return Err(Failure::Usage(what));
            }
            None => {
                let found = block_on(kind.find(&remote, &Which { name: Some(&name), ..Which::default() }))?;
                let told = kind.document(found);
                form.tell(&told, || yaml(&told))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Described ===

impl Described {
    async fn find(remote: &Remote, list: List, kind: Kind, name: &str) -> Result<Self, Failure> {
        let which = Which { name: Some(name), ..Which::default() };
        let told = kind.find(remote, &which).await?.pop().unwrap_or_default();
        let endpoints = match list {
            List::Upstreams => Kind::Endpoints.find(remote, &which).await?,
            _ => Vec::new(),
        };
        Ok(Self { list, told, endpoints, uses: uses(remote, list, name).await? })
    }

    fn json(&self) -> Value {
        let mut told = self.told.clone();
        if self.list == List::Upstreams {
            told["endpoints"] = self.endpoints.clone().into();
        }
        let of = |it: &Use| json!({ "list": it.list.name(), "name": it.name, "path": it.path });
        told["used_by"] = self.uses.iter().map(of).collect();
        told
    }

    fn text(&self) -> String {
        let (owner, status) = (&self.told["owner"], &self.told["status"]);
        let changed_by = match (owner["kind"].as_str(), owner["place"].as_str()) {
            (Some("api"), _) => "the API: `sluice apply`, `sluice delete`".to_owned(),
            (Some("file"), Some(place)) => format!("whoever writes {place}"),
            (Some("catalog"), Some(place)) => format!("the {place}"),
            _ => "nobody knows".to_owned(),
        };
        let mut text = format!(
            "{} {}\nchanged by  {}\ntag         {}\n\n{}",
            self.list.singular(),
            plain(self.told["name"].as_str().unwrap_or_default()),
            plain(&changed_by),
            self.told["tag"].as_str().unwrap_or_default(),
            yaml(&self.told["object"]),
        );
        section(&mut text, "endpoints", &Kind::Endpoints.table(&self.endpoints));
        let breakers = status["breakers"].as_array().map(Vec::as_slice).unwrap_or_default();
        section(&mut text, "breakers", &Kind::Breakers.table(breakers));
        let mut users = Table::new(&["KIND", "NAME", "WHERE"]);
        for Use { list, name, path } in self.uses.iter().take(USES) {
            users.row([list.singular().to_owned(), name.clone(), path.clone()]);
        }
        section(&mut text, "used by", &users);
        if let Some(more) = self.uses.len().checked_sub(USES).filter(|more| *more > 0) {
            text.push_str(&format!("and {more} more, all of which `-o json` prints\n"));
        }
        text
    }
}

/// Nothing is said of what is not there.
fn section(text: &mut String, title: &str, table: &Table) {
    if !table.is_empty() {
        // Writing to a string does not fail.
        _ = write!(text, "\n{title}\n{table}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_told() {
        let described = Described {
            list: List::Upstreams,
            told: json!({
                "name": "users", "tag": "5d41", "owner": { "kind": "file", "place": "sluice.yaml:12:3" },
                "object": { "name": "users", "endpoints": ["a.internal"] },
                "status": { "live": true, "breakers": [] },
            }),
            endpoints: vec![json!({ "upstream": "users", "address": "a.internal", "weight": 1 })],
            uses: vec![Use { list: List::Routes, name: "user".to_owned(), path: "upstream".to_owned() }],
        };
        let expected = "upstream users
changed by  whoever writes sluice.yaml:12:3
tag         5d41

name: users
endpoints:
  - a.internal

endpoints
UPSTREAM  ADDRESS     WEIGHT  TIER  IN FLIGHT  HEALTH  LABELS  ORDERED
users     a.internal       1     -          -  -       -       -

used by
KIND   NAME  WHERE
route  user  upstream
";
        assert_eq!(described.text(), expected);
        assert_eq!(described.json()["used_by"], json!([{ "list": "routes", "name": "user", "path": "upstream" }]));
    }

    #[test]
    fn very_many_users_are_counted() {
        let user = |number| Use { list: List::Routes, name: format!("r{number}"), path: "upstream".to_owned() };
        let told = json!({ "name": "users", "object": { "name": "users" } });
        let mut described =
            Described { list: List::Upstreams, told, endpoints: Vec::new(), uses: (0..USES).map(user).collect() };
        assert!(described.text().ends_with("\nroute  r19   upstream\n"), "{}", described.text());
        described.uses.extend([user(20), user(21)]);
        assert!(described.text().ends_with("r19   upstream\nand 2 more, all of which `-o json` prints\n"));
        assert_eq!(described.json()["used_by"].as_array().map(Vec::len), Some(USES + 2));
    }
}
