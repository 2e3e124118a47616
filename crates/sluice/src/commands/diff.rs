//! `sluice diff`

use std::{path::PathBuf, process::ExitCode, time::SystemTime};

use clap::Args;
use control::Compiled;
use snapshot::Edition;

use super::{DIFFERENT, apply::apply};
use crate::{
    builtins::Known,
    client::{Path, Running, block_on, change::Told, wanted::Wanted},
    failure::Failure,
    output,
};

/// Tells what changes from one document to another, or what `sluice apply` would change on a running gateway
///
/// Things and their keys are told, and which requests go elsewhere: they are made for the routes of both documents and asked of
/// both; nothing is sent. Settings of policies are not shown, because they may hold secrets. The exit code is 0 if nothing
/// changes, 3 if something does, and 1 if one of the documents is bad.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice diff sluice.yaml new.yaml\n  sluice diff -f orders.yaml")]
pub(crate) struct Diff {
    /// The document that is
    #[arg(value_name = "OLD", required_unless_present = "files", conflicts_with = "files")]
    old: Option<PathBuf>,
    /// The document that shall be
    #[arg(value_name = "NEW", required_unless_present = "files")]
    new: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// That is asked with -f
    #[command(flatten)]
    running: Running,
}

// === impl Diff ===

impl Diff {
    pub(super) fn run(self, kinds: &Known) -> Result<ExitCode, Failure> {
        let diff = match (&self.old, &self.new) {
            (Some(old), Some(new)) => {
                let [old, new] = [old, new].map(|document| control::compile_document(document, kinds));
                let (old, new) = (old?, new?);
                snapshot::diff(edition(&old), edition(&new), SystemTime::now())
            }
            _ => self.against_live()?,
        };
        output::tell(&diff, self.json)?;
        Ok(if diff.same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
    }

    /// From what a gateway serves to what it would serve.
    fn against_live(&self) -> Result<snapshot::Diff, Failure> {
        let remote = self.running.find()?;
        let told = block_on(async {
            let edits = self.wanted.edits(&remote).await?;
            apply(&remote, &edits, &Path::new(&["transactions"]).flag("dry_run", true)).await
        })?;
        let told = Told::read(told)?;
        told.warnings().for_each(|warning| eprintln!("{warning}"));
        told.diff.ok_or_else(|| Failure::Other("the gateway cannot tell: a file of its document is gone".to_owned()))
    }
}

fn edition(compiled: &Compiled) -> Edition<'_> {
    let Compiled { root, model, snapshot } = compiled;
    Edition { root, model, snapshot }
}
