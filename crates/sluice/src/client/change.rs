//! What becomes of changes, or would become of them.

use std::fmt;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use snapshot::Diff;

use super::{
    Form, Path, Remote,
    answered::finding,
    confirm::{confirm, is_somebody_there},
};
use crate::failure::Failure;

/// How something is changed.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Only tell what would come of it, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Why, for the history
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Ask nobody before something is taken away. Nobody is asked either if there is no terminal
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// What came of a change.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    /// `None`: a dry run.
    revision: Option<Meta>,
    generation: u64,
    #[serde(default)]
    warnings: Vec<Value>,
    pub(crate) diff: Option<Diff>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    number: u64,
}

// === impl How ===

impl How {
    /// Where a change is asked for: with all that is to be told of it.
    pub(crate) fn path(&self, path: Path) -> Path {
        path.flag("dry_run", self.dry_run).flag("diff", !self.dry_run).with_some("message", self.message.as_deref())
    }

    /// Whether whoever wants it is to be shown what would come of it, and asked.
    pub(crate) fn asks(&self) -> bool {
        !self.dry_run && !self.yes && is_somebody_there()
    }

    /// Shows what would come of it, and asks.
    pub(crate) fn ask(&self, told: Value, question: &str) -> Result<(), Failure> {
        let told = Told::read(told)?;
        if let Some(diff) = &told.diff {
            eprintln!("{diff}");
        }
        confirm(question)
    }

    pub(crate) fn tell(&self, told: &Value) -> Result<(), Failure> {
        let read = Told::read(told.clone())?;
        self.form.tell(told, || read.to_string())
    }
}

/// The number of the newest revision, which the document as a whole has for a tag.
pub(crate) async fn newest(remote: &Remote) -> Result<String, Failure> {
    let (_, newest): (Value, _) = remote.get_tagged(&Path::new(&["revisions"]).with("limit", 1)).await?;
    Ok(newest)
}

// === impl Told ===

impl Told {
    pub(crate) fn read(told: Value) -> Result<Self, Failure> {
        serde_json::from_value(told)
            .map_err(|error| Failure::Other(format!("what came of it cannot be read: {error}; `-o json` prints it")))
    }

    /// A line each.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.warnings.iter().map(finding)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(diff) = &self.diff {
            writeln!(f, "{diff}")?;
        }
        self.warnings().try_for_each(|warning| writeln!(f, "{warning}"))?;
        match &self.revision {
            Some(Meta { number }) => writeln!(f, "revision {number} is live, as generation {}", self.generation),
            None => writeln!(f, "nothing stands in the way, and nothing was changed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_told_with_what_it_changes() {
        let none: [&str; 0] = [];
        let told = Told::read(json!({
            "revision": { "number": 7, "time": 0, "author": "a", "message": "" },
            "generation": 9,
            "warnings": [{ "severity": "warning", "path": "routes[a]", "place": null, "message": "odd", "hint": null }],
            "diff": { "same": false, "gateway": none, "listeners": none, "upstreams": none, "consumers": none, "operators": none,
                      "routes": [{ "what": "changed", "name": "a", "changes": [{ "key": "priority", "what": "changed", "old": "0", "new": "5" }] }],
                      "requests": [{ "request": "GET /", "old": { "route": "b", "answer": "`b`" }, "new": { "route": "a", "answer": "`a`" }, "more": 2 }],
                      "omitted": 0 },
        }))
        .unwrap();
        let expected = "routes\n  ~ `a`\n      priority: 5, was 0\n\nrequests that go elsewhere\n  GET /  (and 2 more)\n      was ";
        let text = told.to_string();
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("\nwarning: routes[a]: odd\nrevision 7 is live, as generation 9\n"), "{text}");
        let told = Told::read(json!({ "revision": null, "generation": 9, "warnings": none })).unwrap();
        assert_eq!(told.to_string(), "nothing stands in the way, and nothing was changed\n");
    }
}
