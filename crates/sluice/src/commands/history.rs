//! `sluice history`

use std::process::ExitCode;

use clap::Args;
use http::StatusCode;
use serde_json::Value;
use snapshot::Diff;

use crate::{
    client::{
        Form, Path, Remote, Running, block_on,
        kind::{Kind, Which},
        plain, time,
    },
    failure::Failure,
};

/// Tells who changed what a running gateway serves, and when: all changes, or all of one
///
/// Of one change, `-o yaml` and `-o json` print all that the API kept after it, without secrets.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  sluice history --limit 10\n  sluice history 7\n  sluice history 6 -o yaml > overlay.yaml"
)]
pub(crate) struct History {
    /// The number of a revision
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    number: Option<u64>,
    /// At most so many, the newest first [default: all]
    #[arg(long, value_name = "NUMBER", conflicts_with = "number")]
    limit: Option<usize>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

// === impl History ===

impl History {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { number, limit, form, running } = self;
        let remote = running.find()?;
        let Some(number) = number else {
            let found = block_on(Kind::Revisions.find(&remote, &Which { most: limit, ..Which::default() }))?;
            if found.is_empty() && form.is_for_people() {
                eprintln!("there are no revisions: nothing was changed by the API yet");
            }
            let table = Kind::Revisions.table(&found);
            form.tell(&Kind::Revisions.document(found), || table.to_string())?;
            return Ok(ExitCode::SUCCESS);
        };
        let revision: Value = block_on(remote.get_json(&Path::new(&["revisions", &number.to_string()])))?;
        match form.is_for_people() {
            true => {
                let changed = block_on(changed(&remote, number))?;
                form.tell(&revision, || text(&revision, changed.as_ref()))?;
            }
            false => form.tell(&revision["document"], String::new)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a revision changed; `None` if the one before it is not remembered, or is no good by now.
async fn changed(remote: &Remote, number: u64) -> Result<Option<Diff>, Failure> {
    let before = (number - 1).to_string();
    match remote.get_json(&Path::new(&["revisions", &before, "diff"]).with("to", number)).await {
        Ok(diff) => Ok(Some(diff)),
        Err(Failure::Answered(answered)) if is_about_the_past(answered.status) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn is_about_the_past(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY)
}

fn text(revision: &Value, changed: Option<&Diff>) -> String {
    let said = |key: &str| plain(revision[key].as_str().unwrap_or_default()).into_owned();
    let head = format!(
        "revision  {}\ntime      {}\nauthor    {}\nmessage   {}\n",
        revision["number"],
        time(&revision["time"]),
        said("author"),
        said("message"),
    );
    match changed {
        Some(changed) => format!("{head}\n{changed}"),
        None => {
            format!("{head}\nwhat it changed cannot be told: the revision before it is not there, or no good by now\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_revision_says_who_and_why() {
        let revision = json!({ "number": 7, "time": 1_769_817_600_000_u64, "author": "ci", "message": "two\nlines", "document": {} });
        let told = text(&revision, None);
        let head = "revision  7\ntime      2026-01-31T00:00:00.000Z\nauthor    ci\nmessage   two lines\n\n";
        assert!(told.starts_with(head), "{told}");
    }
}
