//! `sluice delete`

use std::process::ExitCode;

use clap::Args;
use http::Method;
use revisions::edit::List;
use serde_json::Value;

use crate::{
    client::{Path, Running, block_on, change::How, kind::list_parser},
    failure::Failure,
};

/// Takes an object away from what the API of a running gateway keeps
///
/// It goes as it was looked at, or not at all: if somebody has changed it meanwhile, nothing happens.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  sluice delete route old --dry-run\n  sluice delete route old -m 'nobody asks for it'"
)]
pub(crate) struct Delete {
    /// What it is
    #[arg(value_parser = list_parser())]
    kind: List,
    /// What it is called
    name: String,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    running: Running,
}

// === impl Delete ===

impl Delete {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { kind, name, how, running } = self;
        let (remote, path) = (running.find()?, Path::new(&[kind.name(), &name]));
        let told: Value = block_on(async {
            let (_, seen): (Value, _) = remote.get_tagged(&path).await?;
            let delete = async |path: &Path| remote.send_if(Method::DELETE, path, "", Some(&seen)).await;
            if how.asks() {
                let would_be = delete(&path.clone().flag("dry_run", true)).await?;
                how.ask(would_be, &format!("Delete the {} `{name}`?", kind.singular()))?;
            }
            delete(&how.path(path.clone())).await
        })?;
        how.tell(&told)?;
        Ok(ExitCode::SUCCESS)
    }
}
