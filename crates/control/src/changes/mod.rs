//! What operators change at run time.
//!
//! ```text
//! edits ─▶ the overlay as it would be ─▶ merged, checked, compiled, bound ─▶ kept ─▶ live
//!             └──────────────────── refused: nothing happened ────────────┘    └ killed: the next start serves it
//! ```

/// Problems, for whoever sees objects and no lines.
mod findings;
/// Revisions that were.
mod history;
/// Objects and documents as people are shown them.
mod objects;
/// Whose objects are, and what is expected of them.
mod ours;

use std::{collections::HashSet, sync::Arc, time::SystemTime};

use revisions::{
    CommitError, Document, Draft, Meta,
    edit::{self, List},
};
use serde_json::Value;
use snapshot::{ChangeError, ChangeOrder, ChangeTold, Diff, Edition, Finding};

use self::findings::findings;
pub(crate) use self::objects::Others;
use crate::{Applied, Control, Files, Refusal, source, world::Prepared};

// === impl Control ===

impl Control {
    /// Makes edits, all or none, and puts in force what comes of them. What is kept survives whatever happens.
    ///
    /// # Errors
    /// Nothing was changed: why.
    pub fn change(&self, order: ChangeOrder) -> Result<ChangeTold, ChangeError> {
        let _turn = self.turn();
        let store = self.overlay.store().map_err(|why| ChangeError::ReadOnly(why.to_owned()))?;
        let latest = store.latest().map_err(ChangeError::Failed)?;
        let before = latest.as_ref().map_or_else(Default::default, |latest| latest.document.clone());
        let seen = latest.as_ref().map_or(0, |latest| latest.meta.number);
        self.check_expected(&order.expected, seen, &before)?;
        self.check_ours(&order.edits, &before)?;
        let document = edited(&before, &order.edits)?;
        scheduling::give_way();
        let is_same = document == *before;
        if is_same && !order.dry_run && !order.with_diff {
            return Ok(self.told(latest.map(|latest| latest.meta.clone()), Vec::new(), None));
        }
        let (prepared, text) = self.would_be(&document)?;
        let warnings = findings(&prepared.report, text.as_deref());
        let diff = (order.dry_run || order.with_diff).then(|| self.difference(&prepared)).flatten();
        if order.dry_run || is_same {
            let meta = latest.filter(|_| !order.dry_run).map(|latest| latest.meta.clone());
            return Ok(self.told(meta, warnings, diff));
        }
        let ChangeOrder { author, message, .. } = order;
        let draft = Draft { time: SystemTime::now(), author, message, document: document.into() };
        scheduling::give_way();
        let revision = store.commit(seen, draft).map_err(refused_by_store)?;
        scheduling::give_way();
        let meta = revision.meta.clone();
        let Applied { generation, .. } = self.publish(prepared, Some(revision));
        tracing::info!(revision = meta.number, author = %meta.author, generation, "a change is live");
        self.applied.notify_one();
        Ok(self.told(Some(meta), warnings, diff))
    }

    /// Waits until a change is live that did not come from files. Those that came since the last time count as one.
    pub async fn changed(&self) {
        self.applied.notified().await;
    }

    /// The world with this overlay, and the overlay as it was read.
    fn would_be(&self, document: &Document) -> Result<(Prepared, Option<Arc<str>>), ChangeError> {
        let text = self.overlay.text(Some(document));
        scheduling::give_way();
        match self.load(text.as_ref(), &mut Files::default()) {
            Ok(prepared) => Ok((prepared, text)),
            Err(refusal) => Err(refused(&refusal, text.as_deref())),
        }
    }

    /// What would change for requests and people. `None` if a document cannot be read again, as after a file is gone.
    fn difference(&self, prepared: &Prepared) -> Option<Diff> {
        let (texts, model) = {
            let state = self.state();
            (state.texts.clone(), state.model.clone())
        };
        let [old, new] = [&*texts, &*prepared.texts].map(|texts| source::tree(&self.main, texts));
        let (old, new) = (old?, new?);
        let old = Edition { root: &old, model: &model, snapshot: &self.snapshot() };
        let new = Edition { root: &new, model: &prepared.model, snapshot: &prepared.snapshot };
        Some(snapshot::diff(old, new, SystemTime::now()))
    }

    fn told(&self, revision: Option<Meta>, warnings: Vec<Finding>, diff: Option<Diff>) -> ChangeTold {
        ChangeTold { revision, generation: self.snapshot().generation, warnings, diff }
    }
}

/// The document after the edits, with the secrets that whoever made them was not shown.
fn edited(before: &Document, edits: &[edit::Edit]) -> Result<Document, ChangeError> {
    let mut document = edit::apply(before, edits).map_err(ChangeError::Edit)?;
    if document.fresh(before).any(|value| snapshot::find_redacted(value).is_some()) {
        document = restored(&document, before)?;
    }
    let twice: Vec<_> = List::ALL.into_iter().flat_map(|list| given_twice(&document, list)).collect();
    if twice.is_empty() { Ok(document) } else { Err(ChangeError::Refused(twice)) }
}

/// The document with the secrets of `before` in their places.
fn restored(document: &Document, before: &Document) -> Result<Document, ChangeError> {
    let [mut document, old] = [document, before].map(|document| Value::Object(document.to_map()));
    snapshot::restore(&mut document, &old);
    if let Some(path) = snapshot::find_redacted(&document) {
        return Err(ChangeError::Refused(vec![Finding {
            severity: "error".to_owned(),
            path: Some(path),
            place: None,
            message: format!("`{}` stands where a secret was shown, and there is none to put back", snapshot::REDACTED),
            hint: Some("write the secret, or where it is kept: `{ file: path }` or `{ env: NAME }`".to_owned()),
        }]));
    }
    let Value::Object(document) = document else { return Ok(Document::default()) };
    Ok(Document::from(document).sharing_with(before))
}

/// Objects with the name of one before them. What a file names as well is the file's, with a warning; but two of our own are a
/// mistake, and nobody could ask for the second.
fn given_twice(document: &Document, list: List) -> Vec<Finding> {
    let mut taken = HashSet::new();
    let names = document.objects(list).filter_map(edit::name_of);
    let twice = names.filter(|name| !taken.insert(*name));
    let finding = |name| Finding {
        severity: "error".to_owned(),
        path: Some(format!("{}[{name}].name", list.name())),
        place: None,
        message: format!("there are two {} with the name `{name}`", list.name()),
        hint: Some("give each a name of its own".to_owned()),
    };
    twice.map(finding).collect()
}

fn refused(refusal: &Refusal, overlay: Option<&str>) -> ChangeError {
    match refusal {
        Refusal::Document(report) => ChangeError::Refused(findings(report, overlay)),
        Refusal::Io(error) => ChangeError::Failed(error.to_string()),
    }
}

fn refused_by_store(error: CommitError) -> ChangeError {
    match error {
        CommitError::Stale(_) => ChangeError::Unexpected(error.to_string()),
        CommitError::Unknown(why) => ChangeError::Failed(why),
        CommitError::Failed(why) => {
            ChangeError::Failed(format!("the change cannot be kept, and nothing changed: {why}"))
        }
    }
}
