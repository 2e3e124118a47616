//! `sluice rollback`

use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::Value;

use crate::{
    client::{
        Path, Running, block_on,
        change::{How, newest},
    },
    failure::Failure,
};

/// Has a running gateway keep again what its API kept after an earlier change, as a new revision
///
/// What stands in files is not part of revisions, and stays as it is.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice rollback 6 --dry-run\n  sluice rollback 6 -m 'orders v2 fails'")]
pub(crate) struct Rollback {
    /// The number of the revision
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    number: u64,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    running: Running,
}

// === impl Rollback ===

impl Rollback {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { number, how, running } = self;
        let remote = running.find()?;
        let path = Path::new(&["revisions", &number.to_string(), "rollback"]);
        let told: Value = block_on(async {
            let seen = newest(&remote).await?;
            let roll_back = async |path: &Path| remote.send_if(Method::POST, path, "", Some(&seen)).await;
            if how.asks() {
                let would_be = roll_back(&path.clone().flag("dry_run", true)).await?;
                how.ask(would_be, &format!("Go back to revision {number}?"))?;
            }
            roll_back(&how.path(path.clone())).await
        })?;
        how.tell(&told)?;
        Ok(ExitCode::SUCCESS)
    }
}
