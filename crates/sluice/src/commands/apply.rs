//! `sluice apply`

use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::Value;

use crate::{
    client::{
        Path, Remote, Running, block_on,
        change::{How, newest},
        wanted::{Edits, Wanted},
    },
    failure::Failure,
};

/// Has a running gateway take over the objects of documents, all or none
///
/// An object takes the place of the one of its name, or is new; others stay, unless `--prune` says otherwise. Of `gateway`,
/// the keys that are there are taken over. What stands in a file of the gateway is changed in the file, and refused here.
///
/// What changes is told, and which requests go elsewhere; `--dry-run` and `sluice diff -f` tell it before.
#[derive(Debug, Args)]
#[command(mut_arg("files", |files| files.required(true)))]
#[command(before_long_help = "Example:\n  sluice apply -f orders.yaml -m 'orders v2'\n  \
                              sluice get route orders -o yaml | sed s/v1/v2/ | sluice apply -f - --dry-run")]
pub(crate) struct Apply {
    #[command(flatten)]
    wanted: Wanted,
    /// Only if this is the newest revision still, as `sluice history` tells it
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u64>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    running: Running,
}

// === impl Apply ===

impl Apply {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let remote = self.running.find()?;
        let told = block_on(async {
            let mut edits = self.wanted.edits(&remote).await?;
            if let Some(number) = self.revision {
                edits.seen = Some(number.to_string());
            }
            if edits.takes_away && self.how.asks() {
                if edits.seen.is_none() {
                    edits.seen = Some(newest(&remote).await?);
                }
                let path = Path::new(&["transactions"]).flag("dry_run", true);
                self.how.ask(apply(&remote, &edits, &path).await?, "Is this what you want?")?;
            }
            apply(&remote, &edits, &self.how.path(Path::new(&["transactions"]))).await
        })?;
        self.how.tell(&told)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What comes of edits.
pub(super) async fn apply(remote: &Remote, edits: &Edits, path: &Path) -> Result<Value, Failure> {
    let told = remote.send_if(Method::POST, path, edits.transaction(), edits.seen.as_deref()).await;
    told.map_err(|failure| edits.placed(failure))
}
